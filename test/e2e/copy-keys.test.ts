/** scripts/copy-keys.mjs between this server and a real redis-server: expiry, values that cannot be carried, failures. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { dumpsForRedis, freePort, root, sleep, startServer, useServer } from '../support/server.js';

const here = useServer({ kind: 'cairn', cairn: dumpsForRedis });
const redis = useServer({ kind: 'redis' });
/** One that does not know PEXPIRETIME, like those before 7.0. */
const older = useServer({ kind: 'redis', redis: { 'rename-command': ['PEXPIRETIME', ''] } });

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

const url = (port: number): string => `redis://127.0.0.1:${port}`;

async function copy(...args: string[]): Promise<Outcome> {
  const script = spawn(process.execPath, [path.join(root, 'scripts', 'copy-keys.mjs'), ...args]);
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  script.stdout.on('data', (chunk: Buffer) => (outcome.stdout += chunk.toString()));
  script.stderr.on('data', (chunk: Buffer) => (outcome.stderr += chunk.toString()));
  outcome.code = await new Promise<number | null>((resolve) => script.once('close', resolve));
  return outcome;
}

/** Those of the keys `short:*` that never expire. */
async function immortal(client: RawClient): Promise<unknown[]> {
  const keys = (await client.cmd('KEYS', 'short:*')) as string[];
  const times = await client.pipeline(keys.map((key) => ['PTTL', key]));
  return keys.filter((_key, index) => times[index] === -1);
}

describe('expiry', () => {
  const pairs = [
    ['here to redis', here, redis],
    ['redis to here', redis, here],
    ['an older redis to here', older, here],
  ] as const;
  test.each(pairs)('%s', async (name, source, sink) => {
    using from = await source.current.connect();
    using to = await sink.current.connect();
    for (const client of [from, to]) await client.run('FLUSHALL');
    await from.cmd('SET', 'for ever', 'v');
    await from.cmd('SET', 'long', 'v', 'PX', 5_000_000);
    await from.cmd('SET', 'past 2^53', 'v', 'PXAT', '9007199254740993000');
    await from.cmd('SET', Buffer.from([0xff, 0, 10]), Buffer.from([0, 10, 0xfe]));
    await to.cmd('SET', 'long', 'is replaced');

    let running = true;
    const copied = copy(url(source.current.port), url(sink.current.port)).finally(() => (running = false));
    // Keys that have 1 to 30 ms left whenever the copy looks.
    for (let round = 0; running; round++) {
      const commands = Array.from({ length: 300 }, (_, i) => ['SET', `short:${i}`, 'v', 'PX', 1 + ((i + round) % 30)]);
      await from.pipeline(commands);
      await sleep(1);
    }
    expect(await copied).toMatchObject({ code: 0, stderr: '' });

    expect(await immortal(to)).toEqual([]);
    expect(await to.run('TTL "for ever"')).toBe(-1);
    expect(await to.cmd('GET', Buffer.from([0xff, 0, 10]))).toBe('\x00\x0a\xfe');
    expect(await to.run('GET long')).toBe('v');
    if (name.startsWith('an older')) {
      expect(Number(await to.run('PTTL long'))).toBeGreaterThan(4_000_000);
    } else {
      for (const key of ['long', 'past 2^53']) {
        expect(await to.ask(`PEXPIRETIME "${key}"`), key).toBe(await from.ask(`PEXPIRETIME "${key}"`));
      }
    }
  });
});

describe('collections', () => {
  const pairs = [
    ['here to redis', here, redis],
    ['redis to here', redis, here],
  ] as const;
  test.each(pairs)('%s', async (_name, source, sink) => {
    using from = await source.current.connect();
    using to = await sink.current.connect();
    for (const client of [from, to]) await client.run('FLUSHALL');
    const names = Array.from({ length: 3000 }, (_, n) => `name:${n}`);
    await from.cmd('SADD', 'set', ...names);
    await from.cmd('SADD', 'integers', '3', '1', '2');
    await from.cmd('HSET', 'hash', ...names.flatMap((name) => [name, `value of ${name}`]));
    await from.cmd('PEXPIREAT', 'hash', '33177117420123');
    expect(await copy(url(source.current.port), url(sink.current.port))).toMatchObject({ code: 0, stderr: '' });
    const sorted = async (client: RawClient, key: string): Promise<string[]> =>
      ((await client.cmd('SMEMBERS', key)) as string[]).sort();
    expect(await sorted(to, 'set')).toEqual(await sorted(from, 'set'));
    expect(await to.run('SMEMBERS integers')).toEqual(['1', '2', '3']);
    expect(await to.run('HLEN hash')).toBe(3000);
    expect(await to.cmd('HMGET', 'hash', ...names)).toEqual(names.map((name) => `value of ${name}`));
    expect(await to.run('PEXPIRETIME hash')).toBe(33177117420123);
  });
});

describe('what cannot be carried', () => {
  test('is named, counted and skipped', async () => {
    using from = await redis.current.connect();
    using to = await here.current.connect();
    for (const client of [from, to]) await client.run('FLUSHALL');
    for (let i = 0; i < 1200; i++) await from.cmd('SET', `k:${i}`, i);
    await from.cmd('XADD', Buffer.from('a "stream"\xff', 'latin1'), '*', 'f', 'x');
    await from.run('SELECT 3');
    await from.run('XADD h * f v');
    await from.run('SET s v');
    const addresses = [url(redis.current.port), url(here.current.port)];
    const says = `skipped: ${url(here.current.port)} says: ERR The payload holds a value of a type that`;

    const copied = await copy(...addresses);
    expect(copied.code).toBe(1);
    expect(copied.stdout).toBe('database 0: 1200 keys copied\ndatabase 3: 1 keys copied\n');
    expect(copied.stderr).toContain(`database 0: "a \\"stream\\"\\xff" (stream) ${says}`);
    expect(copied.stderr).toContain(`database 3: "h" (stream) ${says}`);
    expect(copied.stderr).toMatch(/\n2 keys were not copied\n$/);
    expect(await to.run('DBSIZE')).toBe(1200);

    const allowed = await copy('--allow-skipped', ...addresses);
    expect(allowed.code).toBe(0);
    expect(allowed.stderr).toContain(`"h" (stream) ${says}`);
    expect(allowed.stdout).toMatch(/\n2 keys were not copied\n$/);
  });
});

describe('a failure names the server', () => {
  test('that refuses', async () => {
    await using closed = await startServer({ kind: 'redis', redis: { requirepass: 'sesame' } });
    using from = await here.current.connect();
    await from.run('SET k v');
    const address = url(closed.port);
    const from2 = url(here.current.port);
    const refused = await copy(from2, address);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`copying failed: ${address}, database 0: NOAUTH`);
    const wrong = await copy(from2, `redis://:guess@127.0.0.1:${closed.port}`);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(`copying failed: ${address}`);
    expect(wrong.stderr).not.toContain('guess');
    expect(await copy(from2, `redis://:sesame@127.0.0.1:${closed.port}`)).toMatchObject({ code: 0, stderr: '' });
  });

  test('that is not there', async () => {
    const nobody = url(await freePort());
    const failed = await copy(nobody, url(here.current.port));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(`copying failed: ${nobody}: connect ECONNREFUSED`);
  });

  test('that takes no writes, with the key', async () => {
    using from = await here.current.connect();
    using to = await redis.current.connect();
    await from.run('FLUSHALL');
    await from.run('SET "the key" v');
    await to.run('REPLICAOF 127.0.0.1 1');
    try {
      const failed = await copy(url(here.current.port), url(redis.current.port));
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain(`copying failed: ${url(redis.current.port)}, at key "the key": READONLY`);
    } finally {
      await to.run('REPLICAOF NO ONE');
    }
  });
});
