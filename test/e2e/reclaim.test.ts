/** Space of what was deleted, overwritten or has expired comes back by itself. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../support/damage.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply } from '../support/resp.js';
import { describeCairn, eventually, type Flags, startServer } from '../support/server.js';

const mb = 1024 * 1024;
const segmentBytes = 16 * mb;
const lanes = 1;
const batch = 500;
const flags: Flags = { 'segment-size': '16mb', lanes, 'cache-size': '4mb', 'wal-ring-size': '1mb' };

/**
 * What a directory may take up: one and a half times what lives, and per lane the active segment, the one prepared to
 * follow it, or one of survivors, and a spare.
 */
const bound = (liveBytes: number): number => 1.5 * liveBytes + 3 * lanes * segmentBytes;

/** Blocks that are allocated, as `du` counts them. */
function allocated(dir: string): number {
  const sizes = fs.readdirSync(dir).map((name) => {
    try {
      return 512 * fs.statSync(path.join(dir, name)).blocks;
    } catch {
      return 0; // removed meanwhile
    }
  });
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function figure(client: RawClient, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec((await client.run('INFO engine')) as string)?.[1]);
}

const keyOf = (i: number): string => `key:${i}`;
const valueOf = (i: number, round: number, bytes: number): string =>
  `<${i}.${round}>`.repeat(Math.ceil(bytes / 5)).slice(0, bytes);

/** The commands for these numbers, many at a time; none may fail. */
async function each(client: RawClient, numbers: readonly number[], command: (i: number) => Arg[]): Promise<void> {
  for (let at = 0; at < numbers.length; at += batch) {
    const replies = await client.pipeline(numbers.slice(at, at + batch).map(command));
    expect(replies.find((reply) => reply instanceof ErrorReply)).toBeUndefined();
  }
}

async function expectValues(
  client: RawClient,
  numbers: readonly number[],
  value: (i: number) => string,
): Promise<void> {
  expect(await client.run('DBSIZE')).toBe(numbers.length);
  const wrong: number[] = [];
  for (let at = 0; at < numbers.length; at += batch) {
    const some = numbers.slice(at, at + batch);
    const values = await client.pipeline(some.map((i): Arg[] => ['GET', keyOf(i)]));
    wrong.push(...some.filter((i, n) => values[n] !== value(i)));
  }
  expect(wrong).toEqual([]);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const shrinks = (dir: string, liveBytes: number): Promise<true> =>
  eventually(
    `the directory takes up no more than ${bound(liveBytes)} bytes`,
    () => allocated(dir) <= bound(liveBytes) || undefined,
    20_000,
  );

describeCairn('space comes back', () => {
  test('of 90 % of the keys, deleted', async () => {
    await using server = await startServer({ cairn: flags });
    const valueBytes = 10_000;
    const all = range(20_000);
    const kept = all.filter((i) => i % 10 === 0);
    const value = (i: number): string => valueOf(i, 0, valueBytes);
    {
      using client = await server.connect();
      await each(client, all, (i) => ['SET', keyOf(i), value(i)]);
      expect(allocated(server.dir)).toBeGreaterThan(all.length * valueBytes);
      await each(
        client,
        all.filter((i) => i % 10 !== 0),
        (i) => ['DEL', keyOf(i)],
      );
      await shrinks(server.dir, kept.length * valueBytes);
      await expectValues(client, kept, value);
      expect(await figure(client, 'gc_collected_segments')).toBeGreaterThan(0);
    }
    await server.restart('kill');
    using client = await server.connect();
    await expectValues(client, kept, value);
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });

  test('of keys that have expired, with nobody looking for them', async () => {
    await using server = await startServer({ cairn: flags });
    const valueBytes = 1024;
    const kept = range(1000);
    const value = (i: number): string => valueOf(i, 0, valueBytes);
    {
      using client = await server.connect();
      await each(client, kept, (i) => ['SET', keyOf(i), value(i)]);
      await each(client, range(150_000), (i) => ['SET', `volatile:${i}`, value(i), 'PX', 1000]);
      await eventually('they have expired', async () => (await client.run('DBSIZE')) === kept.length);
      await shrinks(server.dir, kept.length * valueBytes);
      await expectValues(client, kept, value);
    }
    await server.restart('kill');
    using client = await server.connect();
    await expectValues(client, kept, value);
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });

  test('of values that were overwritten, while that goes on', async () => {
    await using server = await startServer({ cairn: flags });
    const valueBytes = 2048;
    const all = range(20_000);
    const rounds = 10;
    const liveBytes = all.length * valueBytes;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, allocated(server.dir))), 20);
    try {
      using client = await server.connect();
      for (let round = 0; round < rounds; round++)
        await each(client, all, (i) => ['SET', keyOf(i), valueOf(i, round, valueBytes)]);
    } finally {
      clearInterval(watch);
    }
    // Without collection it would be ten times the live bytes.
    expect(most).toBeLessThan(bound(liveBytes) + liveBytes);
    const value = (i: number): string => valueOf(i, rounds - 1, valueBytes);
    {
      using client = await server.connect();
      await expectValues(client, all, value);
    }
    await server.restart('kill');
    using client = await server.connect();
    await expectValues(client, all, value);
    await shrinks(server.dir, liveBytes);
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });
});
