/** The ranges of numbers: what the option table accepts the data plane accepts, and the other way round. */
import fs from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { bytesOfText } from '../../src/bytes.js';
import { Config } from '../../src/config/config.js';
import { nativeOptions } from '../../src/config/native-options.js';
import { ownOptions } from '../../src/config/options.js';
import { loadNative, type NativeOptions } from '../../src/native.js';
import { describeCairn, makeTempDir, startServer } from '../support/server.js';

const scratch = makeTempDir('cairn-ranges-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const machine = { cores: 4, memoryBytes: 8 * 1024 ** 3 };
const load = (name?: string, value?: bigint | string): NativeOptions => {
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

/** Numbers of the control plane alone. */
const notNative = ['metrics-port'];
/** Written in another way than they cross the boundary; the ends are given in both. */
const otherwise = ['gc-space-amplification', 'unixsocketperm', 'client-output-buffer-limit'];

describeCairn('ranges', () => {
  const ranges = loadNative().optionRanges();
  const numbers = ownOptions.filter((row) => row.type.range !== undefined && !notNative.includes(row.name));

  test('every number has one on both sides', () => {
    const native = new Set(ranges.map(({ option }) => option));
    expect(numbers.map(({ name }) => name).filter((name) => !native.has(name))).toEqual([]);
    const own = new Set(numbers.map(({ name }) => name));
    expect([...native].filter((name) => !own.has(name) && !otherwise.includes(name))).toEqual([]);
  });

  test.each(numbers.map((row) => [row.name, row] as const))('%s', (name, { type }) => {
    const found = ranges.find(({ option }) => option === name);
    if (found === undefined || type.range === undefined) throw new Error('no range');
    const base = { ...load(), dir: bytesOfText(scratch) };
    const native = (value: bigint): boolean =>
      takes(() => loadNative().createServer({ ...base, [found.field]: Number(value) }));
    const { min, max } = type.range;
    const greatest = max > BigInt(Number.MAX_SAFE_INTEGER); // no limit, as far as doubles go
    for (const [value, expected] of [
      [min, true],
      [max, true],
      [min - 1n, false],
      ...(greatest ? [] : [[max + 1n, false] as const]),
    ] as const) {
      expect([name, value, takes(() => load(name, value))]).toEqual([name, value, expected]);
      // 0 of segment-recycle-max is its `auto`.
      if (name === 'segment-recycle-max' && value === 0n) continue;
      expect([name, value, native(value)]).toEqual([name, value, expected]);
    }
  });

  test.each([
    ['gc-space-amplification', 'gcSpaceAmplification', ['1.05', '10'], ['1.04', '10.01'], [105, 1000], [104, 1001]],
    ['unixsocketperm', 'unixsocketperm', ['0', '7777'], ['-1', '10000'], [0, 0o7777], [-1, 0o10000]],
  ] as const)('%s', (name, field, good, bad, goodNative, badNative) => {
    const base = load();
    const native = (value: number): boolean => takes(() => loadNative().createServer({ ...base, [field]: value }));
    expect([...good, ...bad].map((value) => takes(() => load(name, value)))).toEqual([true, true, false, false]);
    expect([...goodNative, ...badNative].map(native)).toEqual([true, true, false, false]);
    expect(good.map((value) => load(name, value)[field])).toEqual(goodNative);
  });

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
