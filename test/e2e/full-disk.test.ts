/** A file system that really fills up: a small ext4, or an ext3, which cannot reserve blocks, on a loop device. Needs root; skipped where
 * that is not to be had. */
import { expect, test } from 'vitest';
import { check } from '../support/damage.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply, OK, show, Simple } from '../support/resp.js';
import { describeCairn, eventually, type Flags, startServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

const mb = 1024 * 1024;
const diskBytes = 300 * mb;
const valueBytes = 10_000;
const batch = 50;

/** So long that removing them all takes several times what is reserved for removals. */
const keyOf = (i: number): string => `${i}:`.padEnd(200, 'k');
const valueOf = (i: number): string => `<${i}>`.repeat(2000).slice(0, valueBytes);

async function fields(client: RawClient, section: string): Promise<Map<string, string>> {
  const lines = ((await client.run(`INFO ${section}`)) as string).split('\r\n');
  return new Map(lines.flatMap((line) => (line.includes(':') ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

/** Writes from key `first` on until something is refused. `acknowledged` gets what was not. */
async function fillUp(client: RawClient, acknowledged: Set<number>, first = 0): Promise<ErrorReply> {
  for (let next = first; ; next += batch) {
    const numbers = Array.from({ length: batch }, (_, i) => next + i);
    const replies = await client.pipeline(numbers.map((i): Arg[] => ['SET', keyOf(i), valueOf(i)]));
    replies.forEach((reply, at) => {
      if (reply instanceof Simple && reply.text === 'OK') acknowledged.add(next + at);
    });
    const refusal = replies.find((reply) => reply instanceof ErrorReply);
    if (refusal !== undefined) return refusal;
    if (next * valueBytes > 2 * diskBytes) throw new Error('it never becomes full');
  }
}

async function remove(client: RawClient, numbers: readonly number[]): Promise<void> {
  for (let at = 0; at < numbers.length; at += batch) {
    const some = numbers.slice(at, at + batch);
    const replies = await client.pipeline(some.map((i): Arg[] => ['DEL', keyOf(i)]));
    const refusal = replies.find((reply) => reply !== 1);
    if (refusal !== undefined) {
      const done = at + replies.filter((reply) => reply === 1).length;
      throw new Error(`DEL refused after ${done} of ${numbers.length}: ${show(refusal)}`);
    }
  }
}

async function expectContents(client: RawClient, there: ReadonlySet<number>, gone: readonly number[]): Promise<void> {
  expect(await client.run('DBSIZE')).toBe(there.size);
  const all = [...there];
  const wrong: number[] = [];
  for (let at = 0; at < all.length; at += batch) {
    const some = all.slice(at, at + batch);
    const values = await client.pipeline(some.map((i): Arg[] => ['GET', keyOf(i)]));
    wrong.push(...some.filter((i, n) => values[n] !== valueOf(i)));
  }
  expect(wrong).toEqual([]);
  if (gone.length > 0) expect(await client.cmd('EXISTS', ...gone.map(keyOf))).toBe(0);
}

const resumed = (client: RawClient): Promise<boolean> =>
  eventually(
    'writes are taken again',
    async () => {
      const reply = await client.cmd('SET', 'probe', valueOf(0));
      return reply instanceof Simple && (await client.run('DEL probe')) === 1;
    },
    15_000,
  );

describeCairn('a file system that is full', () => {
  const disks = useSmallDisks();

  interface Variant {
    name: string;
    minFreeBytes: number;
    lanes: number;
    /** How much is free at most when writes are refused. */
    freeMax: number;
    /** Whether a key stays. */
    stays: (i: number) => boolean;
  }
  const variants: readonly Variant[] = [
    {
      name: 'down to min-free-bytes',
      minFreeBytes: 32 * mb,
      lanes: 1,
      freeMax: 32 * mb,
      stays: (i) => i % 10 === 0,
    },
    {
      // Some room is left to garbage collection even so.
      name: 'with min-free-bytes 0',
      minFreeBytes: 0,
      lanes: 2,
      freeMax: 16 * mb,
      stays: (i) => i % 10 === 0,
    },
  ];

  test.for(variants)('$name: writes are refused, removals are not, and it heals', async (variant, context) => {
    disks.needed(context);
    using disk = new SmallDisk({ bytes: diskBytes });
    const { lanes, minFreeBytes, freeMax, stays } = variant;
    const cairn: Flags = {
      'segment-size': '16mb',
      lanes,
      'min-free-bytes': minFreeBytes,
      'cache-size': '1mb',
      'wal-ring-size': '1mb',
    };
    await using server = await startServer({ dir: disk.dir, cairn });
    const there = new Set<number>();
    const removed: number[] = [];
    {
      using client = await server.connect();
      const refusal = await fillUp(client, there);
      expect(refusal.text).toMatch(/^(MISCONF|OOM) /);
      expect(refusal.text).toContain(disk.dir);
      expect(there.size * valueBytes).toBeGreaterThan(0.7 * diskBytes);
      expect(disk.free).toBeLessThanOrEqual(freeMax);
      const engine = await fields(client, 'engine');
      expect(Number(engine.get('read_only_lanes'))).toBeGreaterThanOrEqual(1);
      expect(engine.get('read_only_reason')).toContain(disk.dir);
      await expectContents(client, there, []);
    }
    await server.restart('kill');
    {
      using client = await server.connect();
      await expectContents(client, there, []);
      for (const i of [...there]) {
        if (stays(i)) continue;
        there.delete(i);
        removed.push(i);
      }
      await remove(client, removed);
      await resumed(client);
      const kept = there.size * valueBytes;
      // Per lane a segment that is written, one of survivors or the next one, and a spare.
      await eventually('the disk is mostly free again', () => disk.used < 1.5 * kept + (16 + 48 * lanes) * mb, 15_000);
      await eventually('every lane takes writes', async () => {
        const engine = await fields(client, 'engine');
        return engine.get('read_only_lanes') === '0' && engine.get('read_only_reason') === '';
      });
      for (let i = 1_000_000; i < 1_000_200; i++) {
        expect(await client.cmd('SET', keyOf(i), valueOf(i))).toEqual(OK);
        there.add(i);
      }
      await expectContents(client, there, removed);
    }
    await server.restart('kill');
    {
      using client = await server.connect();
      await expectContents(client, there, removed);
    }
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });

  test.for(['ext4', 'ext3'] as const)(
    '%s: somebody else takes the last block: nothing is lost, it heals',
    async (type, context) => {
      disks.needed(context);
      using disk = new SmallDisk({ bytes: 100 * mb, type });
      const cairn: Flags = { 'segment-size': '16mb', lanes: 1, 'cache-size': '1mb', 'wal-ring-size': '1mb' };
      await using server = await startServer({ dir: disk.dir, cairn: { ...cairn, 'min-free-bytes': '8mb' } });
      const there = new Set<number>();
      const removed: number[] = [];
      {
        using client = await server.connect();
        for (let i = 0; i < 2000; i++) {
          expect(await client.cmd('SET', keyOf(i), valueOf(i))).toEqual(OK);
          there.add(i);
        }
        disk.takeAll();
        const refusal = await fillUp(client, there, 2000);
        expect(refusal.text).toMatch(/^(MISCONF|OOM) /);
        expect(refusal.text).toContain(disk.dir);
        // No more than is reserved for them: there is really nothing left.
        for (let i = 0; i < 1000; i++) {
          there.delete(i);
          removed.push(i);
        }
        await remove(client, removed);
        await expectContents(client, there, removed);
        expect(Number((await fields(client, 'engine')).get('disk_write_errors'))).toBe(0);
      }
      {
        using client = await server.connect();
        disk.giveBack();
        await resumed(client);
        disk.takeAll();
      }
      // Also if it meets the disk like that at its start: that needs a block, which a lane has reserved.
      for (let round = 0; round < 2; round++) {
        await server.restart('kill');
        using client = await server.connect();
        await expectContents(client, there, removed);
        const refusal = await fillUp(client, there, 10_000 * (round + 1));
        expect(refusal.text).toMatch(/^(MISCONF|OOM) /);
      }
      disk.giveBack();
      {
        using client = await server.connect();
        await expectContents(client, there, removed);
        await resumed(client);
      }
      await server.stop();
      expect(check(server.dir)).toMatchObject({ code: 0 });
    },
  );
});
