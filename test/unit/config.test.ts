/** Configuration: syntax, types, files and flags, the table against conf/cairn.conf, REWRITE. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Config, allOptions, findOption, optionNames } from '../../src/config/config.js';
import { quietlyIgnored, startConsequences } from '../../src/config/consequences.js';
import { parseFlags, splitWords } from '../../src/config/conf-syntax.js';
import { nativeOptions } from '../../src/config/native-options.js';
import { parseMemory, quoteWord } from '../../src/config/option-types.js';
import { ownOptions } from '../../src/config/options.js';
import { rewriteConfig, rewrittenText } from '../../src/config/rewrite.js';
import { renderTemplate } from '../../src/config/template.js';

const machine = { cores: 8, memoryBytes: 16 * 1024 ** 3 };
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-unit-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let files = 0;
function conf(text: string): string {
  const file = path.join(scratch, `${files++}.conf`);
  fs.writeFileSync(file, text);
  return file;
}

const load = (text: string, ...flags: string[]): Config =>
  Config.load({ file: conf(text), flags: parseFlags(flags).directives, machine });

describe('words', () => {
  test.each([
    ['a b  c', ['a', 'b', 'c']],
    ['  a\tb ', ['a', 'b']],
    ['', []],
    ['""', ['']],
    [`"a b" 'c d'`, ['a b', 'c d']],
    [String.raw`"\x41\n\"\\" 'it\'s'`, ['A\n"\\', "it's"]],
    [String.raw`'\n'`, ['\\n']],
    ['"a', undefined],
    ["'a", undefined],
    ['"a"b', undefined],
    ['a"b c"', ['ab c']],
    ['a # b', ['a', '#', 'b']],
  ])('%j', (line, words) => expect(splitWords(line)).toEqual(words));

  test.each(['', 'plain', 'with space', 'quote"', "it's", 'back\\slash', 'new\nline', '#x', 'ü', '\x01', ' '])(
    'a quoted word reads back: %j',
    (word) => expect(splitWords(quoteWord(word))).toEqual([word]),
  );

  test.each([
    ['1', 1n],
    ['1b', 1n],
    ['1k', 1000n],
    ['1kb', 1024n],
    ['2M', 2_000_000n],
    ['2MB', 2n * 1024n ** 2n],
    ['3g', 3_000_000_000n],
    ['3Gb', 3n * 1024n ** 3n],
    ['1zb', undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5gb', undefined],
    ['kb', undefined],
  ])('memory %j', (text, bytes) => expect(parseMemory(text)).toBe(bytes));
});

describe('flags', () => {
  test('words up to the next flag belong to it', () => {
    const { positional, directives } = parseFlags(['my.conf', '--bind', '127.0.0.1', '-::1', '--save', '', '--port=7']);
    expect(positional).toEqual(['my.conf']);
    expect(directives.map(({ name, words }) => [name, words])).toEqual([
      ['bind', ['127.0.0.1', '-::1']],
      ['save', ['']],
      ['port', ['7']],
    ]);
  });

  test('they win over the file', () => {
    const config = load('port 1000\ntimeout 5\n', '--port', '2000');
    expect([config.number('port'), config.number('timeout')]).toEqual([2000, 5]);
  });
});

describe('values', () => {
  test.each([
    ['io-threads auto', 'io-threads', '4'],
    ['cache-size 50%', 'cache-size', String(8 * 1024 ** 3)],
    ['cache-size 100mb', 'cache-size', '104857600'],
    ['PORT 7', 'port', '7'],
    ['bind 1.2.3.4 -::1', 'bind', '1.2.3.4 -::1'],
    ['unixsocketperm 700', 'unixsocketperm', '700'],
    ['slave-read-only no', 'replica-read-only', 'no'],
    ['save 900 1\nsave 300 10 60 10000', 'save', '900 1 300 10 60 10000'],
    ['save 900 1\nsave ""\nsave 1 1', 'save', '1 1'],
    [
      'client-output-buffer-limit replica 1mb 0 0\nclient-output-buffer-limit normal 2 1 3',
      'client-output-buffer-limit',
      'normal 2 1 3 slave 1048576 0 0 pubsub 33554432 8388608 60',
    ],
    ['maxmemory-clients 5%', 'maxmemory-clients', '5%'],
    ['latency-tracking-info-percentiles 50 99.90', 'latency-tracking-info-percentiles', '50 99.9'],
  ])('%j', (text, name, value) => expect(load(text).get(name)).toBe(value));

  test.each([
    ['no-such 1', "line 1: option 'no-such': unknown option"],
    ['\n# x\nport 70000', "line 3: option 'port': argument must be between 0 and 65535 inclusive"],
    ['port x', "argument couldn't be parsed into an integer"],
    ['port', 'wrong number of arguments'],
    ['port 1 2', 'wrong number of arguments'],
    ['appendfsync often', 'argument(s) must be one of the following: everysec, always, no'],
    ['segment-size 1', "option 'segment-size': argument must be between"],
    ['cache-size 101%', "argument must be 1% to 100% of the machine's memory, or a memory value from 1048576"],
    ['cache-size 0%', "argument must be 1% to 100% of the machine's memory"],
    ['cache-size 5', "argument must be 1% to 100% of the machine's memory"],
    ['maxclient 5', "option 'maxclient': unknown option; did you mean 'maxclients'?"],
    ['unxisocket x', "unknown option; did you mean 'unixsocket'?"],
    ['port 0', 'configured to not listen anywhere: port is 0 and unixsocket is not set'],
    ['bind ""', 'configured to not listen anywhere: bind is empty and unixsocket is not set'],
    ['dir ""', "line 1: option 'dir': must not be empty"],
    ['metrics-bind ""', "line 1: option 'metrics-bind': must not be empty"],
    ['requirepass "x', "line 1: option 'requirepass': unbalanced quotes"],
    ['rename-command GET ""', 'renaming commands is not supported'],
    ['replicaof host 6379', 'replication is not supported'],
    ['cluster-enabled yes', 'cluster mode is not supported'],
    ['tls-port 6380', 'TLS is not supported'],
    ['include /no/such/file', 'line 1'],
    ['client-output-buffer-limit normal 1', 'Wrong number of arguments in buffer limit configuration.'],
  ])('%j is refused', (text, message) => expect(() => load(text)).toThrow(message));

  test.each(['port 0', 'bind ""'])('%j is fine with a Unix socket', (text) => {
    expect(load(`${text}\nunixsocket x\n`).get('unixsocket')).toBe('x');
  });

  test('nothing is suggested for what is like nothing', () => {
    expect(() => load('no-such-thing 1')).toThrow(/: unknown option; cairn config lists them$/);
    expect(() => load('xyz 1')).toThrow(/: unknown option; cairn config lists them$/);
  });

  test('a refused value is shown, but no secret', () => {
    expect(() => load('port 70000')).toThrow(/inclusive \(given: '70000'\)$/);
    expect(() => load('appendfsync often')).toThrow(/always, no \(given: 'often'\)$/);
    expect(() => load(`port ${'9'.repeat(1000)}`)).toThrow(/\(given: '9{100}'\)$/);
    expect(() => load('requirepass a b')).toThrow(/wrong number of arguments$/);
  });

  test('a refused flag is named', () => {
    expect(() => load('', '--timeout', 'soon')).toThrow("command line: option '--timeout'");
  });

  test('ignored directives are remembered once, in order', () => {
    expect(load('hz 10\nsave 1 1\nsave 2 2\nport 1\n', '--maxmemory', '1gb').ignored).toEqual([
      'hz',
      'save',
      'maxmemory',
    ]);
  });

  test('includes nest, and a cycle is refused', () => {
    const inner = conf('timeout 7\n');
    expect(load(`include ${inner}\n`).get('timeout')).toBe('7');
    const loop = path.join(scratch, 'loop.conf');
    fs.writeFileSync(loop, `include ${loop}\n`);
    expect(() => Config.load({ file: loop, machine })).toThrow('too many nested includes');
  });

  test('include with a wildcard', () => {
    const dir = fs.mkdtempSync(path.join(scratch, 'd'));
    fs.writeFileSync(path.join(dir, 'a.conf'), 'timeout 1\n');
    fs.writeFileSync(path.join(dir, 'b.conf'), 'timeout 2\n');
    expect(load(`include ${dir}/*.conf\n`).get('timeout')).toBe('2');
  });
});

describe('the table', () => {
  test('conf/cairn.conf is what the table renders', () => {
    const file = fileURLToPath(new URL('../../conf/cairn.conf', import.meta.url));
    expect(fs.readFileSync(file, 'utf8')).toBe(renderTemplate());
  });

  test('conf/cairn.conf sets every own option, once, to its default', () => {
    const config = load(renderTemplate());
    const plain = Config.load({ machine });
    expect(config.ignored).toEqual([]);
    for (const { name, doc } of ownOptions) {
      expect(config.get(name), name).toBe(plain.get(name));
      expect(doc?.length, name).toBeGreaterThan(20);
      expect(renderTemplate().match(new RegExp(`^${name} `, 'gm')), name).toHaveLength(1);
    }
  });

  test('names and aliases are unique', () => {
    const names = allOptions.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));
    expect(new Set(names).size).toBe(names.length);
    expect(optionNames).toHaveLength(names.length);
  });

  test("all of Redis 7.2's options are answered", () => {
    const known = fs
      .readFileSync(new URL('redis-72-options.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    expect(known.length).toBeGreaterThan(190);
    expect(known.filter((name) => findOption(name) === undefined)).toEqual([]);
  });

  test('what a value writes to the file reads back', () => {
    const config = Config.load({ machine });
    for (const row of allOptions) {
      const value = config.get(row.name);
      const text = row.type.lines(value).map((line) => `${row.name} ${line}\n`);
      expect(load(text.join('')).get(row.name), row.name).toBe(value);
    }
  });
});

describe('consequences', () => {
  const told = (text: string): string[] => startConsequences(load(text)).map(({ level, text }) => `${level} ${text}`);

  test('the fsync policy is named, with a warning where writes may be lost', () => {
    expect(told('')).toEqual([expect.stringMatching(/^info appendfsync always: /)]);
    expect(told('appendfsync everysec')).toEqual([
      expect.stringMatching(/^warn appendfsync everysec: .*50 ms.*second/),
    ]);
    expect(told('appendfsync no')).toEqual([expect.stringMatching(/^warn appendfsync no: .*50 ms.*system/)]);
  });

  test('maxmemory is told on its own', () => {
    const config = load('hz 10\nmaxmemory 1kb\n');
    expect(told('maxmemory 1kb')[1]).toMatch(/^warn maxmemory 1024 has no effect: there is no eviction/);
    expect(quietlyIgnored(config)).toEqual(['hz']);
    expect(quietlyIgnored(load('maxmemory 0\n'))).toEqual(['maxmemory']);
    expect(told('maxmemory 0')).toHaveLength(1);
  });
});

describe('native options', () => {
  test('are texts without units, and paths from the root', () => {
    const options = nativeOptions(load('io-threads 8\nunixsocket x.sock\nunixsocketperm 770\nprotected-mode no\n'));
    expect(options).toMatchObject({
      bind: '127.0.0.1 -::1',
      port: '6379',
      'io-threads': '8',
      lanes: 'auto',
      unixsocket: Buffer.from(path.resolve('x.sock')).toString('latin1'), // a byte is a character
      unixsocketperm: '770',
      'protected-mode': 'no',
      'segment-size': String(1024 ** 3),
      'gc-mode': 'lazy',
      'gc-space-amplification': '1.4',
      'segment-recycle-max': 'auto',
      'cache-size': String(4 * 1024 ** 3),
      'client-output-buffer-limit': 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
      requirepass: '',
      engine: 'vlog',
      'rocksdb-write-buffer-size': String(256 * 1024 ** 2),
    });
  });

  test('an empty path stays empty, and what is not native stays here', () => {
    expect(nativeOptions(load(''))).toMatchObject({ unixsocket: '' });
    for (const name of ['logfile', 'metrics-port', 'maxmemory'])
      expect(nativeOptions(load(''))).not.toHaveProperty(name);
  });
});

describe('REWRITE', () => {
  const rewritten = (text: string, changes: Record<string, string>): string => {
    const config = load(text);
    for (const [name, value] of Object.entries(changes)) {
      const row = findOption(name);
      if (row === undefined) throw new Error(name);
      config.set(row, config.parseFor(row, value));
    }
    return rewrittenText(config, 'x', text);
  };

  test('nothing changed: nothing changes', () => {
    const text = '# c\n\nport 7\n  timeout   5\nsave 1 1\nsave 2 2\ncache-size 50%\n';
    expect(rewritten(text, { timeout: '5' })).toBe(text);
  });

  test('changed in place, new at the end, repeated lines become one', () => {
    const text = '# c\ntimeout 1\nport 7\ntimeout 2\n# end';
    expect(rewritten(text, { timeout: '3', maxclients: '50' })).toBe(
      '# c\ntimeout 3\nport 7\n# end\n# Generated by CONFIG REWRITE\nmaxclients 50\n',
    );
  });

  test('values with several lines, quotes, empty values', () => {
    const text = 'save 1 1\nclient-output-buffer-limit normal 1 1 1\n';
    const changes = { save: '', 'client-output-buffer-limit': 'pubsub 1mb 0 0', requirepass: 'a "b' };
    expect(rewritten(text, changes).split('\n')).toEqual([
      'save ""',
      'client-output-buffer-limit normal 1 1 1',
      'client-output-buffer-limit replica 268435456 67108864 60',
      'client-output-buffer-limit pubsub 1048576 0 0',
      '# Generated by CONFIG REWRITE',
      String.raw`requirepass "a \"b"`,
      '',
    ]);
  });

  test('what a flag set is written, and the file can be read again', () => {
    const file = conf('# mine\n');
    const config = Config.load({ file, flags: parseFlags(['--timeout', '9']).directives, machine });
    rewriteConfig(config, []);
    expect(Config.load({ file, machine }).get('timeout')).toBe('9');
    const before = fs.readFileSync(file, 'utf8');
    rewriteConfig(config, []);
    expect(fs.readFileSync(file, 'utf8')).toBe(before);
    expect(fs.readdirSync(scratch).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
