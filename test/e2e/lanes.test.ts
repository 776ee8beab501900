/** As many lanes as there can be, and other numbers of them from one start to the next. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../support/damage.js';
import { Random } from '../support/random.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply, OK, QUEUED, type Reply } from '../support/resp.js';
import { describeCairn, eventually, type Flags, startServer, type TestServer } from '../support/server.js';

const mb = 1024 * 1024;
const batch = 500;

async function figure(client: RawClient, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec((await client.run('INFO engine')) as string)?.[1]);
}

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

function residentBytes({ pid }: TestServer): number {
  return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** What there is: database 0 only. */
type Model = Map<string, string>;

async function write(client: RawClient, model: Model, commands: readonly (readonly [string, string])[]): Promise<void> {
  for (let at = 0; at < commands.length; at += batch) {
    const some = commands.slice(at, at + batch);
    const replies = await client.pipeline(some.map(([key, value]): Arg[] => ['SET', key, value]));
    expect(replies.find((reply) => reply instanceof ErrorReply)).toBeUndefined();
    for (const [key, value] of some) model.set(key, value);
  }
}

async function remove(client: RawClient, model: Model, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += batch) {
    const some = keys.slice(at, at + batch);
    expect(await client.cmd('DEL', ...some)).toBe(some.length);
    for (const key of some) model.delete(key);
  }
}

async function expectContents(client: RawClient, model: Model): Promise<void> {
  expect(await client.run('DBSIZE')).toBe(model.size);
  const wrong: string[] = [];
  const all = [...model];
  for (let at = 0; at < all.length; at += batch) {
    const some = all.slice(at, at + batch);
    const values = (await client.cmd('MGET', ...some.map(([key]) => key))) as unknown[];
    wrong.push(...some.filter(([, value], n) => values[n] !== value).map(([key]) => key));
  }
  expect(wrong).toEqual([]);
}

/** Pairs `first` to `first + count - 1`, values of 50 to 50 + spread bytes. */
function pairs(random: Random, count: number, round: number, spread: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [
    `key:${i}`,
    `<${i}.${round}>`.padEnd(random.int(50, 50 + spread), 'v'),
  ]);
}

describeCairn('1024 lanes', () => {
  /** The smallest segments there are. */
  const flags: Flags = { lanes: 1024, 'segment-size': '1mb' };

  test('start small, serve, and are all there after every kind of end', async () => {
    const random = new Random(1);
    const model: Model = new Map();
    await using server = await startServer({ cairn: flags });
    expect(allocated(server.dir)).toBeLessThan(1536 * mb);
    {
      using client = await server.connect();
      expect(await figure(client, 'lanes')).toBe(1024);
      await write(client, model, pairs(random, 8000, 0, 400));
      await expectContents(client, model);
      const lanes = (await client.run('CAIRN GC')) as Reply[][];
      const liveBytes = lanes.map((lane) => Number(lane[lane.indexOf('live-bytes') + 1]));
      expect(liveBytes.filter((bytes) => bytes > 0).length).toBeGreaterThan(1000);

      const many = pairs(random, 3000, 1, 100).map(([key, value]): [string, string] => [`many:${key}`, value]);
      expect(await client.cmd('MSET', ...many.flat())).toEqual(OK);
      for (const [key, value] of many) model.set(key, value);

      expect(await client.run('MULTI')).toEqual(OK);
      const unit = pairs(random, 500, 2, 100);
      const queued = await client.pipeline(unit.map(([key, value]): Arg[] => ['SET', key, value]));
      expect(queued).toEqual(unit.map(() => QUEUED));
      expect(await client.run('EXEC')).toEqual(unit.map(() => OK));
      for (const [key, value] of unit) model.set(key, value);

      await client.run('SELECT 1');
      await write(client, new Map(), pairs(random, 2000, 3, 50));
      expect(await client.ask('FLUSHDB')).toBe('+OK');
      expect(await client.run('DBSIZE')).toBe(0);
      await client.run('SELECT 0');
      await remove(
        client,
        model,
        [...model.keys()].filter((_, i) => i % 7 === 0),
      );
      await expectContents(client, model);
      expect(residentBytes(server)).toBeLessThan(512 * mb);
    }
    for (const how of ['kill', 'shutdown'] as const) {
      if (how === 'shutdown') {
        using client = await server.connect();
        await client.send('SHUTDOWN\r\n');
        expect(await server.waitExit()).toEqual({ code: 0, signal: null });
        await server.start();
      } else await server.restart(how);
      using client = await server.connect();
      expect(await figure(client, 'lanes')).toBe(1024);
      await expectContents(client, model);
      await client.run('SELECT 1');
      expect(await client.run('DBSIZE')).toBe(0);
      await client.run('SELECT 0');
      await write(client, model, [[`after ${how}`, how]]);
    }
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });

  test('are collected', async () => {
    await using server = await startServer({ cairn: { ...flags, 'cache-size': '4mb' } });
    const model: Model = new Map();
    const random = new Random(2);
    const keys = 100; // and so as many lanes at most, which get several segments each
    const before = allocated(server.dir);
    {
      using client = await server.connect();
      // Small ones that stay, in the first segment of each lane: they are what has to be moved.
      await write(
        client,
        model,
        Array.from({ length: 8000 }, (_, i) => [`kept:${i}`, `<${i}>`]),
      );
      for (let round = 0; round < 60; round++) await write(client, model, pairs(random, keys, round, 100_000));
      expect(await figure(client, 'user_bytes_written')).toBeGreaterThan(250 * mb);
      await eventually(
        'segments are collected',
        async () => (await figure(client, 'gc_collected_segments')) >= keys / 2,
        20_000,
      );
      // More than 250 MB were written. How far it grows meanwhile depends on how fast collection follows; what stays does not.
      await eventually('their space is given back', () => allocated(server.dir) < before + keys * mb, 20_000);
      await expectContents(client, model);
    }
    await server.restart('kill');
    using client = await server.connect();
    await expectContents(client, model);
  });
});

describeCairn('another number of lanes', () => {
  test('keeps everything, and the segments of the old number are collected by and by', async () => {
    const flags: Flags = { 'segment-size': '1mb', 'cache-size': '4mb' };
    const model: Model = new Map();
    const random = new Random(3);
    await using server = await startServer({ cairn: { ...flags, lanes: 1024 } });
    let round = 0;
    const rewrite = async (client: RawClient): Promise<void> => {
      await write(client, model, pairs(random, 8000, round++, 2000));
      await remove(
        client,
        model,
        [...model.keys()].filter(() => random.chance(0.1)),
      );
    };
    {
      using client = await server.connect();
      await rewrite(client);
    }
    for (const [lanes, how] of [
      [2, 'kill'],
      [5, 'stop'],
      [3, 'kill'],
    ] as const) {
      await server.restart(how, { lanes });
      using client = await server.connect();
      expect(await figure(client, 'lanes')).toBe(lanes);
      await expectContents(client, model);
      for (let i = 0; i < 2; i++) await rewrite(client);
      await eventually('old segments are gone', async () => (await figure(client, 'segments')) < 40);
      await expectContents(client, model);
    }
    await server.restart('kill', { lanes: 3 });
    {
      using client = await server.connect();
      await expectContents(client, model);
    }
    await server.stop();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });
});
