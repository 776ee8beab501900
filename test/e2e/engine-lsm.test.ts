/** The lsm engine through a server: its directory, restarts, more data than memory, dropped databases, expiry, a full disk. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../support/damage.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply, nil, OK, Simple } from '../support/resp.js';
import { describeCairn, eventually, type Flags, makeTempDir, startServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

const mb = 1024 * 1024;
const lsm: Flags = { engine: 'lsm' };
const batch = 100;

async function fill(client: RawClient, count: number, valueOf: (i: number) => string, first = 0): Promise<void> {
  for (let at = first; at < first + count; at += batch) {
    const commands = Array.from({ length: batch }, (_, i): Arg[] => ['SET', `key:${at + i}`, valueOf(at + i)]);
    for (const reply of await client.pipeline(commands)) expect(reply).toEqual(OK);
  }
}

async function expectAll(client: RawClient, count: number, valueOf: (i: number) => string): Promise<void> {
  for (let at = 0; at < count; at += batch) {
    const values = await client.pipeline(Array.from({ length: batch }, (_, i): Arg[] => ['GET', `key:${at + i}`]));
    expect(values).toEqual(Array.from({ length: batch }, (_, i) => valueOf(at + i)));
  }
}

async function engineField(client: RawClient, name: string): Promise<string> {
  const info = (await client.run('INFO everything')) as string;
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)?.[1] ?? '';
}

const valueOf = (i: number): string => `value ${i} `.repeat(100);

describeCairn('engine lsm', () => {
  test('everything is there after kill -9, an orderly end and DEBUG RELOAD', async () => {
    await using server = await startServer({ cairn: lsm });
    for (const end of ['kill', 'stop', 'nosave'] as const) {
      {
        using client = await server.connect();
        const count = Number(await client.run('DBSIZE'));
        await fill(client, 500, valueOf, count);
        expect(await client.run('SAVE')).toEqual(OK);
        await fill(client, 500, valueOf, count + 500);
        expect(await client.run('DEBUG RELOAD')).toEqual(OK);
        await expectAll(client, count + 1000, valueOf);
      }
      await server.restart(end);
      using client = await server.connect();
      await expectAll(client, Number(await client.run('DBSIZE')), valueOf);
    }
    using client = await server.connect();
    expect(await client.run('DBSIZE')).toBe(3000);
  });

  test('more data than memory is read from files', async () => {
    const flags: Flags = { ...lsm, 'cache-size': '1mb', 'rocksdb-db-write-buffer-size': '8mb' };
    await using server = await startServer({ cairn: flags });
    using client = await server.connect();
    await fill(client, 30_000, valueOf);
    expect(await client.run('SAVE')).toEqual(OK);
    await expectAll(client, 30_000, valueOf);
    expect(await client.run('DBSIZE')).toBe(30_000);
    expect(Number(await engineField(client, 'reads_from_disk'))).toBeGreaterThan(1000);
    await client.run('EXPIRE key:7 1000');
    expect(await client.run('GET key:7')).toBe(valueOf(7));
    expect(await client.run('TTL key:7')).toBeGreaterThan(900);
    const keys = new Set<string>();
    let cursor = '0';
    do {
      const [next, some] = (await client.cmd('SCAN', cursor, 'COUNT', '1000')) as [string, string[]];
      cursor = next;
      for (const key of some) keys.add(key);
    } while (cursor !== '0');
    expect(keys.size).toBe(30_000);
    expect(await client.run('RANDOMKEY')).toMatch(/^key:\d+$/);
  });

  test('a dropped database gives its room back', async () => {
    await using server = await startServer({ cairn: { ...lsm, 'rocksdb-wal-ttl': 0 } });
    using client = await server.connect();
    await fill(client, 20_000, valueOf);
    await client.run('SAVE');
    const tables = (): number => {
      const dir = path.join(server.dir, 'rocksdb');
      const names = fs.readdirSync(dir).filter((name) => name.endsWith('.sst'));
      return names.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
    };
    expect(tables()).toBeGreaterThan(mb / 2);
    await client.run('SELECT 1');
    await client.run('SET other v');
    await client.run('SELECT 0');
    expect(await client.run('FLUSHDB')).toEqual(OK);
    expect(await client.run('DBSIZE')).toBe(0);
    expect(await client.run('GET key:1')).toEqual(nil);
    await eventually('files of the old keys are gone', () => Promise.resolve(tables() < mb / 8), 30_000);
    await server.restart('kill');
    using again = await server.connect();
    expect(await again.run('DBSIZE')).toBe(0);
    await again.run('SELECT 1');
    expect(await again.run('GET other')).toBe('v');
  });

  test('keys that expire are removed by themselves, and counted right', async () => {
    await using server = await startServer({ cairn: lsm });
    using client = await server.connect();
    const commands = Array.from({ length: 1000 }, (_, i): Arg[] => ['SET', `short:${i}`, 'v', 'PX', 500 + i]);
    await client.pipeline(commands);
    await client.run('SET long v EX 1000');
    await client.run('SET kept v');
    await client.run('SAVE');
    expect(await client.run('DBSIZE')).toBeGreaterThan(2);
    await eventually('they are gone', async () => (await client.run('DBSIZE')) === 2, 20_000);
    expect(await engineField(client, 'db0')).toMatch(/^keys=2,expires=1,/);
    expect(Number(await engineField(client, 'expired_keys'))).toBe(1000);
    await server.restart('kill');
    using again = await server.connect();
    expect(await again.run('DBSIZE')).toBe(2);
  });

  test('the directory of one engine is refused by the other', async () => {
    const dir = makeTempDir();
    for (const [first, second] of [
      ['lsm', 'vlog'],
      ['vlog', 'lsm'],
    ]) {
      const own = path.join(dir, first ?? '');
      fs.mkdirSync(own);
      await using server = await startServer({ dir: own, cairn: { engine: first ?? '' } });
      {
        using client = await server.connect();
        await client.run('SET k v');
      }
      await server.stop();
      await expect(startServer({ dir: own, cairn: { engine: second ?? '' } })).rejects.toThrow(/copy-keys\.mjs/);
      await server.start();
      using client = await server.connect();
      expect(await client.run('GET k')).toBe('v');
    }
    fs.rmSync(dir, { recursive: true });
  });

  test('cairn check reads every file, key and count', async () => {
    await using server = await startServer({ cairn: lsm });
    {
      using client = await server.connect();
      await fill(client, 5000, valueOf);
      await client.run('EXPIRE key:1 1000');
      await client.run('SET gone v PX 1');
      await client.run('SAVE');
      await client.run('DEL key:2');
    }
    await server.stop();
    const intact = check(server.dir);
    expect(intact.output).toMatch(/: intact; engine lsm, \d+ files?, \d+ records, 4999 live keys/);
    expect(intact.code).toBe(0);
    const dir = path.join(server.dir, 'rocksdb');
    const table = fs
      .readdirSync(dir)
      .find((name) => name.endsWith('.sst') && fs.statSync(path.join(dir, name)).size > 10_000);
    const file = fs.openSync(path.join(dir, table ?? ''), 'r+');
    fs.writeSync(file, Buffer.from('damage'), 0, 6, 3000);
    fs.closeSync(file);
    const damaged = check(server.dir);
    expect(damaged.output).toContain('DAMAGED');
    expect(damaged.output).toContain(table);
    expect(damaged.code).toBe(1);
  });

  test('without exact counts, and with them again', async () => {
    await using server = await startServer({ cairn: { ...lsm, 'lsm-exact-counts': 'no' } });
    {
      using client = await server.connect();
      await fill(client, 2000, valueOf);
      await fill(client, 2000, valueOf);
      await client.run('SET short v PX 300');
      await client.run('SET short2 v EX 1000');
      await client.run('SET short2 v');
      await expectAll(client, 2000, valueOf);
      expect(Number(await client.run('DBSIZE'))).toBeGreaterThan(0);
      await client.run('DEL key:5');
      await eventually('it has expired', async () => (await client.run('EXISTS short')) === 0, 10_000);
    }
    await server.restart('stop', { 'lsm-exact-counts': 'yes' });
    using client = await server.connect();
    await eventually('short is swept', async () => (await client.run('DBSIZE')) === 2000, 10_000);
    expect(await client.run('FLUSHALL')).toEqual(OK);
    expect(await client.run('DBSIZE')).toBe(0);
    expect(await client.run('GET key:7')).toEqual(nil);
  });

  const disks = useSmallDisks();
  test('deep pipelines of writes to a few large collections are answered, and survive kill -9', async () => {
    await using server = await startServer({ cairn: lsm });
    const elements = 3000;
    const count = 10_000;
    {
      using client = await server.connect();
      for (let at = 0; at < elements; at += batch) {
        const some = Array.from({ length: batch }, (_, i) => at + i);
        await client.cmd('HSET', 'h', ...some.flatMap((i): Arg[] => [`field:${i}`, valueOf(i)]));
        await client.cmd('ZADD', 'z', ...some.flatMap((i): Arg[] => [i, `member:${i}`]));
      }
      const commands = Array.from({ length: count }, (_, i): Arg[] => {
        if (i % 3 === 0) return ['HSET', 'h', `field:${i % elements}`, `again ${i}`];
        return i % 3 === 1 ? ['ZADD', 'z', -i, `member:${i % elements}`] : ['INCR', 'n'];
      });
      const replies = await client.pipeline(commands);
      expect(replies).toEqual(commands.map(([name], i) => (name === 'INCR' ? (i + 1) / 3 : 0)));
    }
    await server.restart('kill');
    using client = await server.connect();
    expect(await client.run('GET n')).toBe(String(Math.floor(count / 3)));
    expect(await client.run('HLEN h')).toBe(elements);
    expect(await client.run('ZCARD z')).toBe(elements);
    const last = count - 1;
    expect(last % 3).toBe(0);
    expect(await client.cmd('HGET', 'h', `field:${last % elements}`)).toBe(`again ${last}`);
    expect(await client.cmd('ZSCORE', 'z', `member:${(last - 2) % elements}`)).toBe(String(2 - last));
  });

  test('a full disk: writes are refused, reads and deletes go on, and it heals', async (context) => {
    disks.needed(context);
    using disk = new SmallDisk({ bytes: 300 * mb });
    await using server = await startServer({ dir: disk.dir, cairn: { ...lsm, 'min-free-bytes': '16mb' } });
    using client = await server.connect();
    await fill(client, 2000, valueOf);
    disk.takeAll();
    const refusal = await eventually(
      'writes are refused',
      async () => {
        const reply = await client.cmd('SET', 'probe', valueOf(0));
        return reply instanceof ErrorReply ? reply : undefined;
      },
      20_000,
    );
    expect(refusal.text).toContain(disk.dir);
    await expectAll(client, 2000, valueOf);
    for (let i = 0; i < 1000; i++) expect(await client.run(`DEL key:${i}`)).toBe(1);
    await server.restart('kill');
    using again = await server.connect();
    for (let i = 0; i < 1000; i++) expect(await again.run(`EXISTS key:${i}`)).toBe(0);
    expect(await again.run('GET key:1500')).toBe(valueOf(1500));
    disk.giveBack();
    await eventually(
      'writes are taken again',
      async () => (await again.cmd('SET', 'probe', 'v')) instanceof Simple,
      20_000,
    );
  });
});
