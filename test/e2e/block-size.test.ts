/** A data directory moves between devices with other blocks. Needs root and loop devices. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../support/damage.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, OK } from '../support/resp.js';
import { describeCairn, type Flags, startServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

const mb = 1024 * 1024;
const cairn: Flags = { 'segment-size': '16mb', 'cache-size': '1mb', 'min-free-bytes': 0 };
const keysPerStart = 100;

async function write(client: RawClient, start: number): Promise<void> {
  const commands = Array.from({ length: keysPerStart }, (_, i): Arg[] => ['SET', `key:${start}:${i}`, `${start}.${i}`]);
  expect(await client.pipeline(commands)).toEqual(commands.map(() => OK));
}

async function expectAll(client: RawClient, starts: number): Promise<void> {
  expect(await client.run('DBSIZE')).toBe(starts * keysPerStart);
  for (let start = 0; start < starts; start++) {
    const keys = Array.from({ length: keysPerStart }, (_, i) => `key:${start}:${i}`);
    expect(await client.cmd('MGET', ...keys)).toEqual(keys.map((_, i) => `${start}.${i}`));
  }
}

describeCairn('a directory that moves', () => {
  const disks = useSmallDisks();
  const ways = [
    { from: 512, to: 4096, lanes: [2, 2, 2] },
    { from: 512, to: 4096, lanes: [2, 3, 1] },
    { from: 4096, to: 512, lanes: [2, 2, 2] },
    { from: 4096, to: 512, lanes: [3, 1, 2] },
  ] as const;

  test.for(ways)('from blocks of $from to $to bytes, lanes $lanes', async ({ from, to, lanes }, context) => {
    disks.needed(context);
    using old = new SmallDisk({ bytes: 200 * mb, sectorBytes: from });
    using fresh = new SmallDisk({ bytes: 300 * mb, sectorBytes: to });
    await using first = await startServer({ dir: old.dir, cairn: { ...cairn, lanes: lanes[0] } });
    {
      using client = await first.connect();
      await write(client, 0);
    }
    await first.stop();
    fs.rmdirSync(fresh.dir);
    execFileSync('cp', ['-a', old.dir, path.dirname(fresh.dir)]);
    // Each start finds what the one before left, killed.
    for (let start = 1; start <= 4; start++) {
      const laneCount = lanes[start <= 2 ? 1 : 2];
      await using server = await startServer({ dir: fresh.dir, cairn: { ...cairn, lanes: laneCount } });
      using client = await server.connect();
      await expectAll(client, start);
      await write(client, start);
      await server.kill();
    }
    expect(check(fresh.dir)).toMatchObject({ code: 0 });
  });
});
