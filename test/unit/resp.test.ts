/** The reply encoder, against redis-parser and respjs as independent decoders, and against fixed bytes. */
import Parser from 'redis-parser';
import { describe, expect, test } from 'vitest';
import { bufferOf, bytesOf, bytesOfText, isByteString } from '../../src/bytes.js';
import { decodeFrame } from '../../src/commands/dispatch.js';
import { globMatches } from '../../src/commands/glob.js';
import { Double, type Reply, ReplyError, RespMap, RespSet, Simple, Verbatim, encode } from '../../src/commands/resp.js';
import { patience } from '../support/patience.js';

const cases: readonly (readonly [string, Reply, string, string])[] = [
  ['status', new Simple('OK'), '+OK\r\n', '+OK\r\n'],
  ['error', new ReplyError('ERR no'), '-ERR no\r\n', '-ERR no\r\n'],
  ['error with a line break', new ReplyError('ERR a\r\nb'), '-ERR a  b\r\n', '-ERR a  b\r\n'],
  ['integer', -5, ':-5\r\n', ':-5\r\n'],
  ['bulk', bytesOfText('grüß'), '$6\r\ngr\xc3\xbc\xc3\x9f\r\n', '$6\r\ngr\xc3\xbc\xc3\x9f\r\n'],
  ['empty bulk', '', '$0\r\n\r\n', '$0\r\n\r\n'],
  ['null', null, '$-1\r\n', '_\r\n'],
  ['true', true, ':1\r\n', '#t\r\n'],
  ['false', false, ':0\r\n', '#f\r\n'],
  ['double', new Double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
  ['infinity', new Double(-Infinity), '$4\r\n-inf\r\n', ',-inf\r\n'],
  ['verbatim', new Verbatim('hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
  ['array', [1, ['a'], []], '*3\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n', '*3\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n'],
  ['set', new RespSet([1]), '*1\r\n:1\r\n', '~1\r\n:1\r\n'],
  [
    'map',
    RespMap.of({ a: 1, b: null }),
    '*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$-1\r\n',
    '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n',
  ],
];

describe('encode', () => {
  test.each(cases)('%s', (_name, reply, two, three) => {
    expect(encode(reply, 2).toString()).toBe(two);
    expect(encode(reply, 3).toString()).toBe(three);
  });

  test('all bytes survive', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const encoded = encode([bytesOf(bytes), bytesOfText('ü€'), '€'], 2);
    expect(isByteString(encoded)).toBe(true);
    let decoded: unknown;
    const fail = (error: Error): never => {
      throw error;
    };
    const parser = new Parser({
      returnBuffers: true,
      returnReply: (reply: unknown) => (decoded = reply),
      returnError: fail,
    });
    parser.execute(bufferOf(encoded));
    expect(decoded).toEqual([bytes, Buffer.from('ü€'), Buffer.from('€')]);
  });
});

describe('decodeFrame', () => {
  test('an array of bulk strings', () => {
    expect(decodeFrame(Buffer.from('*2\r\n$4\r\nINFO\r\n$0\r\n\r\n')).map(String)).toEqual(['INFO', '']);
  });

  test.each(['+OK\r\n', '*0\r\n', '*1\r\n:1\r\n', '*1\r\n$4\r\nIN', '*1\r\n$-1\r\n'])('%j is refused', (text) => {
    expect(() => decodeFrame(Buffer.from(text))).toThrow();
  });
});

describe('globMatches', () => {
  test.each([
    ['*', '', true],
    ['*', 'abc', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['A?C', 'abc', true],
    ['a?c', 'ac', false],
    ['[ab]x', 'bx', true],
    ['[^ab]x', 'bx', false],
    ['[a-c]x', 'bx', true],
    ['[c-a]x', 'bx', true],
    [String.raw`\*`, '*', true],
    [String.raw`\*`, 'a', false],
    ['*-max-*', 'slowlog-max-len', true],
    ['', '', true],
    ['', 'a', false],
    ['[a', 'a', true],
  ])('%j against %j', (pattern, text, matches) => expect(globMatches(pattern, text)).toBe(matches));

  test('many stars do not take forever', () => {
    const started = performance.now();
    expect(globMatches('*a'.repeat(400) + 'b', 'a'.repeat(10_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000 * patience);
  });
});
