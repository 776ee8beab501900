/** What the configuration accepts the data plane accepts, and the other way round: both read the rows in their own way. */
import fs from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { bytesOfText } from '../../src/bytes.js';
import { Config } from '../../src/config/config.js';
import { nativeOptions } from '../../src/config/native-options.js';
import { ownOptions } from '../../src/config/options.js';
import { loadNative } from '../../src/native.js';
import { describeCairn, makeTempDir, startServer } from '../support/server.js';

const scratch = makeTempDir('cairn-ranges-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const machine = { cores: 4, memoryBytes: 8 * 1024 ** 3 };
const load = (name?: string, value?: bigint | string): object => {
  const flags = name === undefined ? [] : [{ file: 'test', line: 0, name, words: [String(value)] }];
  return nativeOptions(
    Config.load({ flags: [...flags, { file: 'test', line: 0, name: 'unixsocket', words: ['x'] }], machine }),
  );
};
const takes = (attempt: () => unknown): boolean => {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
};

describeCairn('ranges', () => {
  const numbers = ownOptions.filter((row) => row.native === true && row.type.range !== undefined);
  const base = { ...load(), dir: bytesOfText(scratch) };
  const native = (name: string, value: bigint | string): boolean =>
    takes(() => loadNative().createServer({ ...base, [name]: String(value) }));

  test('there are many', () => expect(numbers.length).toBeGreaterThan(40));

  test.each(numbers.map((row) => [row.name, row] as const))('%s', (name, { type }) => {
    if (type.range === undefined) throw new Error('no range');
    const { min, max } = type.range;
    const greatest = max === 2n ** 63n - 1n; // no limit; natively what is beyond means the same
    for (const [value, expected] of [
      [min, true],
      [max, true],
      [min - 1n, false],
      ...(greatest ? [] : [[max + 1n, false] as const]),
    ] as const) {
      expect([name, value, takes(() => load(name, value))]).toEqual([name, value, expected]);
      expect([name, value, native(name, value)]).toEqual([name, value, expected]);
    }
  });

  test.each([
    ['gc-space-amplification', ['1.05', '10'], ['1.04', '10.01']],
    ['unixsocketperm', ['0', '7777'], ['-1', '10000']],
    ['gc-mode', ['lazy', 'aggressive'], ['quick', '']],
    ['protected-mode', ['yes', 'no'], ['1', '']],
    ['lanes', ['auto'], ['all']],
  ] as const)('%s', (name, good, bad) => {
    for (const value of good)
      expect([value, takes(() => load(name, value)), native(name, value)]).toEqual([value, true, true]);
    for (const value of bad)
      expect([value, takes(() => load(name, value)), native(name, value)]).toEqual([value, false, false]);
  });

  test('an option that nobody declares is refused', () => expect(native('no-such-option', '1')).toBe(false));

  test('auto is in its range on any machine', () => {
    for (const cores of [1, 2, 3, 64, 128, 129, 130, 256, 1024]) {
      const options = nativeOptions(Config.load({ machine: { ...machine, cores } }));
      expect([cores, takes(() => loadNative().createServer({ ...options, dir: scratch }))]).toEqual([cores, true]);
    }
  });
});

describeCairn('the ends of ranges start', () => {
  test.each([
    ['io-threads', 64],
    ['databases', 16384],
    ['segment-size', '1mb'],
    ['segment-size', '16gb'],
    ['wal-ring-size', '1mb'],
    ['commit-batch-bytes', '64kb'],
    ['commit-batch-bytes', '64mb'],
    ['cache-size', '1mb'],
    ['checkpoint-rate', '64kb'],
  ])('%s %s', async (name, value) => {
    await using server = await startServer({ cairn: { 'segment-size': '16mb', [name]: value } });
    using client = await server.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
    const says = /commit-batch-bytes \d+ comes to \d+: at most a quarter of wal-ring-size/.test(server.logs);
    expect(says).toBe(name === 'wal-ring-size' || value === '64mb');
  });
});
