/** SCAN: every element that is there from start to end is returned, whatever happens meanwhile. */
import { expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { Random } from '../support/random.js';
import { type Arg, type Reply } from '../support/resp.js';
import { useServer } from '../support/server.js';

const server = useServer();
const keyCount = 20_000;

async function fill(client: RawClient, name: (i: number) => string, count: number): Promise<void> {
  for (let start = 0; start < count; start += 1000) {
    const batch: Arg[][] = [];
    for (let i = start; i < Math.min(count, start + 1000); i++) batch.push(['SET', name(i), String(i)]);
    await client.pipeline(batch);
  }
}

async function scanAll(client: RawClient, options: readonly Arg[], between?: () => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  let calls = 0;
  do {
    const [next, keys] = (await client.cmd('SCAN', cursor, ...options)) as [string, Reply[]];
    expect(next).toMatch(/^\d+$/);
    found.push(...(keys as string[]));
    cursor = next;
    await between?.();
    if (++calls > 1_000_000) throw new Error('SCAN does not end');
  } while (cursor !== '0');
  return found;
}

test('a full scan returns every key', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `key:${i}`, keyCount);
  for (const count of [7, 100, 1000, 1_000_000]) {
    const found = await scanAll(client, ['COUNT', count]);
    expect(new Set(found).size, `COUNT ${count}`).toBe(keyCount);
  }
  expect(new Set(await scanAll(client, [])).size).toBe(keyCount);
  expect(new Set(await scanAll(client, ['TYPE', 'string', 'COUNT', 1000])).size).toBe(keyCount);
  expect(await scanAll(client, ['TYPE', 'hash', 'COUNT', 1000])).toEqual([]);
});

test('MATCH returns what matches, by prefix, suffix and class', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `key:${i}`, 5000);
  await fill(client, (i) => `user:{${i % 50}}:${i}`, 5000);
  const matching = async (pattern: string): Promise<number> =>
    new Set(await scanAll(client, ['MATCH', pattern, 'COUNT', 500])).size;
  expect(await matching('key:*')).toBe(5000);
  expect(await matching('key:12*')).toBe(111);
  expect(await matching('key:1234')).toBe(1);
  expect(await matching('user:{7}:*')).toBe(100);
  expect(await matching('*:{7}:*')).toBe(100);
  expect(await matching('*99')).toBe(100);
  expect(await matching('key:[0-4]')).toBe(5);
  expect(await matching('key:?')).toBe(10);
  expect(await matching('nothing*')).toBe(0);
  expect(((await client.run('KEYS user:{7}:*')) as Reply[]).length).toBe(100);
  expect(((await client.run('KEYS key:12*')) as Reply[]).length).toBe(111);
});

test('a scan sees every key that stays while others come and go', async () => {
  const random = new Random(7);
  using client = await server.current.connect();
  using churner = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `stays:${i}`, 5000);
  await fill(client, (i) => `goes:${i}`, 5000);
  let fresh = 0;
  for (let round = 0; round < 5; round++) {
    const found = new Set(
      await scanAll(client, ['COUNT', 200], async () => {
        const batch: Arg[][] = [];
        for (let i = 0; i < 100; i++) batch.push(['SET', `comes:${fresh++}`, 'x']);
        for (let i = 0; i < 100; i++)
          batch.push(['DEL', `goes:${random.int(0, 4999)}`, `comes:${random.int(0, fresh)}`]);
        for (let i = 0; i < 100; i++) batch.push(['SET', `stays:${random.int(0, 4999)}`, `v${round}`]);
        await churner.pipeline(batch);
      }),
    );
    const missing = Array.from({ length: 5000 }, (_, i) => `stays:${i}`).filter((key) => !found.has(key));
    expect(missing).toEqual([]);
  }
});

test('the keyspace may shrink to nothing, or grow tenfold, under a scan', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `k:${i}`, 1000);
  let grown = false;
  const found = new Set(
    await scanAll(client, ['COUNT', 50], async () => {
      if (!grown) await fill(client, (i) => `grow:${i}`, 10_000);
      grown = true;
    }),
  );
  for (let i = 0; i < 1000; i++) expect(found.has(`k:${i}`)).toBe(true);
  let flushed = false;
  await scanAll(client, ['COUNT', 50], async () => {
    if (!flushed) await client.run('FLUSHALL');
    flushed = true;
  });
});

test('a scan goes on after a restart', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `k:${i}`, 2000);
  const [cursor, first] = (await client.run('SCAN 0 COUNT 500')) as [string, string[]];
  await server.current.restart();
  using again = await server.current.connect();
  const found = new Set(first);
  let at = cursor;
  while (at !== '0') {
    const [next, keys] = (await again.cmd('SCAN', at, 'COUNT', 500)) as [string, string[]];
    for (const key of keys) found.add(key);
    at = next;
  }
  if (server.current.kind === 'cairn') expect(found.size).toBe(2000);
});

test('SCAN and DBSIZE are per database', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await client.run('SET in0 1');
  await client.run('SELECT 1');
  await client.run('MSET in1a 1 in1b 1');
  expect(new Set(await scanAll(client, []))).toEqual(new Set(['in1a', 'in1b']));
  expect(await client.run('DBSIZE')).toBe(2);
  expect(['in1a', 'in1b']).toContain(await client.run('RANDOMKEY'));
});

test('RANDOMKEY reaches every key', async () => {
  using client = await server.current.connect();
  await client.run('FLUSHALL');
  await fill(client, (i) => `k:${i}`, 10);
  const seen = new Set<Reply>();
  for (let i = 0; i < 50 && seen.size < 10; i++) {
    for (const key of await client.pipeline(Array.from({ length: 100 }, () => ['RANDOMKEY']))) seen.add(key);
  }
  expect(seen.size).toBe(10);
});
