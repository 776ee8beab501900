/** The parts of the command fuzzer that need no server. */
import { describe, expect, test } from 'vitest';
import { type CommandSpec } from '../fuzz-commands/command-set.js';
import { masks } from '../fuzz-commands/masks.js';
import { minimise } from '../fuzz-commands/minimise.js';
import { crc64 } from '../fuzz-commands/payload.js';
import { generate } from '../fuzz-commands/program.js';
import { commandName } from '../fuzz-commands/runner.js';
import { ErrorReply, type Reply } from '../support/resp.js';

const plenty = (): { tries: number; endMs: number } => ({ tries: 10_000, endMs: Infinity });

describe('minimise', () => {
  const numbers = Array.from({ length: 100 }, (_, i) => i);

  test.each([[[37]], [[0, 99]], [[3, 4, 50]], [numbers.slice(20, 40)]])('keeps what is needed: %j', async (needed) => {
    const fails = (items: readonly number[]): Promise<boolean> =>
      Promise.resolve(needed.every((n) => items.includes(n)));
    expect(await minimise(numbers, fails, plenty())).toEqual(needed);
  });

  test('stops when its budget is spent', async () => {
    let tries = 0;
    const fails = (items: readonly number[]): Promise<boolean> => {
      tries++;
      return Promise.resolve(items.includes(1));
    };
    expect((await minimise(numbers, fails, { tries: 3, endMs: Infinity })).length).toBeGreaterThan(1);
    expect(tries).toBe(3);
  });
});

test('the checksum of payloads is that of Redis', () => {
  expect(crc64(Buffer.from('123456789'))).toBe(0xe9c6d914c4b8d9can);
});

test('a subcommand is part of the name', () => {
  expect(commandName([Buffer.from('Client'), Buffer.from('ID')])).toBe('client|id');
  expect(commandName([Buffer.from('GET'), Buffer.from('id')])).toBe('get');
});

describe('a program', () => {
  const argument = (name: string, type: string): CommandSpec['args'][number] => ({
    name,
    type,
    optional: false,
    multiple: false,
    parts: [],
  });
  const specs: CommandSpec[] = [
    { name: 'get', group: 'string', args: [argument('key', 'key')] },
    { name: 'set', group: 'string', args: [argument('key', 'key'), argument('value', 'string')] },
    { name: 'shutdown', group: 'server', args: [] },
    { name: 'dbsize', group: 'server', args: [] },
  ];

  test('is the same for the same seed', () => {
    expect(generate(7, specs, 100, 7.2)).toEqual(generate(7, specs, 100, 7.2));
    expect(generate(7, specs, 100, 7.2)).not.toEqual(generate(8, specs, 100, 7.2));
  });

  test('has what its commands and the runner offer, and nothing excluded', () => {
    const steps = Array.from({ length: 20 }, (_, seed) => generate(seed, specs, 100, 7).steps).flat();
    const kinds = new Set(steps.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['compare', 'raw', 'reconnect', 'restart', 'send', 'wait', 'window']);
    const text = JSON.stringify(steps).toLowerCase();
    for (const word of ['get', 'set', 'multi', 'exec', 'watch', 'discard', 'lcs', 'dbsize'])
      expect(text).toContain(`"${word}"`);
    expect(text).not.toContain('"shutdown"');
    const is = (arg: unknown, word: RegExp): boolean => typeof arg === 'string' && word.test(arg);
    const commands = steps.flatMap((step) => (step.kind === 'send' ? step.commands : []));
    for (const [, ...args] of commands.filter(([name]) => is(name, /^hello$/i)))
      expect(args.filter((arg) => is(arg, /^auth$/i)).length).toBeLessThan(2);
  });
});

describe('masks', () => {
  const context = { redisVersion: 7.2, toleranceMs: 100 };
  const same = (command: string, redis: Reply, cairn: Reply, ...args: string[]): boolean =>
    masks.some(
      (mask) =>
        mask.command.test(command) &&
        mask.same(
          redis,
          cairn,
          context,
          [command, ...args].map((arg) => Buffer.from(arg)),
        ),
    );

  test.each<[string, Reply, Reply, boolean]>([
    ['pttl', 1000, 1090, true],
    ['pttl', 1000, 1200, false],
    ['pttl', 1000, -1, false],
    ['pttl', -2, 0, false],
    ['keys', ['a', 'b'], ['b', 'a'], true],
    ['keys', ['a', 'b'], ['b'], false],
    ['randomkey', 'a', 'b', true],
    ['randomkey', 'a', new ErrorReply('ERR x'), false],
    ['time', new ErrorReply('ERR x'), new ErrorReply('ERR y'), false],
    ['dump', '\x00\x01a\x0b\x0012345678', '\x00\x01a\x0a\x0087654321', true],
    ['dump', '\x00\x01a\x0b\x0012345678', '\x00\x01b\x0a\x0087654321', false],
    ['get', 'a', 'b', false],
  ])('%s: %j and %j', (command, redis, cairn, expected) => {
    expect(same(command, redis, cairn)).toBe(expected);
  });

  test('a scan that is over at once must have found the same', () => {
    expect(same('scan', ['0', ['a', 'b']], ['0', ['b', 'a']], '0')).toBe(true);
    expect(same('scan', ['0', ['a', 'b']], ['0', ['b']], '0')).toBe(false);
    expect(same('scan', ['3', ['a']], ['0', ['b']], '0')).toBe(true);
  });

  test('each has its reason', () => {
    expect(masks.filter(({ why }) => why.length < 10)).toEqual([]);
  });
});
