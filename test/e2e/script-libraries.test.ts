/** Packages that stand on scripts, as their users use them. */
import { Redis } from 'ioredis';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sleep, smallSegments, useServer } from '../support/server.js';

const server = useServer({ cairn: smallSegments });

interface Lock {
  value: string;
  unlock(): Promise<void>;
  extend(ms: number): Promise<Lock>;
}
interface Locks {
  lock(resource: string | string[], ms: number): Promise<Lock>;
}
// It has no types.
const { default: Redlock } = (await import(String('redlock'))) as {
  default: new (clients: unknown[], options: object) => Locks;
};

let client: Redis;
beforeAll(() => {
  client = new Redis(server.current.port, '127.0.0.1');
});
afterAll(async () => {
  await client.quit();
});

test('ioredis: a command of its own, by EVALSHA and, where the script is not known, by EVAL', async () => {
  client.defineCommand('addBounded', {
    numberOfKeys: 1,
    lua: "local n = redis.call('incrby', KEYS[1], ARGV[1]) if n > tonumber(ARGV[2]) then redis.call('set', KEYS[1], ARGV[2]) return tonumber(ARGV[2]) end return n",
  });
  const add = (key: string, n: number, most: number): Promise<number> =>
    (client as unknown as { addBounded(key: string, n: number, most: number): Promise<number> }).addBounded(
      key,
      n,
      most,
    );
  expect(await add('bounded', 3, 10)).toBe(3);
  expect(await add('bounded', 3, 10)).toBe(6);
  await client.script('FLUSH');
  expect(await add('bounded', 30, 10)).toBe(10);
  const many = await Promise.all(Array.from({ length: 100 }, () => add('other', 1, 1000)));
  expect(many.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});

test('redlock: acquired, refused to others, extended, released', async () => {
  const locks = new Redlock([client], { retryCount: 0 });
  const patient = new Redlock([client], { retryCount: 100, retryDelay: 10, retryJitter: 5 });
  const lock = await locks.lock('resource', 5000);
  await expect(locks.lock('resource', 5000)).rejects.toThrow(/lock/i);
  const longer = await lock.extend(20_000);
  expect(await client.pttl('resource')).toBeGreaterThan(10_000);
  const waiting = patient.lock('resource', 5000);
  await sleep(50);
  await longer.unlock();
  const next = await waiting;
  await expect(longer.unlock()).rejects.toThrow(/lock/i);
  expect(await client.get('resource')).toBe(next.value);
  await next.unlock();
  expect(await client.exists('resource')).toBe(0);
  const several = await locks.lock(['a', 'b', 'c'], 1000);
  await expect(locks.lock(['c', 'd'], 1000)).rejects.toThrow(/lock/i);
  await several.unlock();
});

test('redlock: of many who want it, one at a time has it', async () => {
  const locks = new Redlock([client], { retryCount: 500, retryDelay: 5, retryJitter: 5 });
  let inside = 0;
  let most = 0;
  let turns = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const lock = await locks.lock('turns', 10_000);
      most = Math.max(most, ++inside);
      turns++;
      await sleep(2);
      inside--;
      await lock.unlock();
    }),
  );
  expect({ most, turns }).toEqual({ most: 1, turns: 20 });
});

test('rate-limiter-flexible: so many in a time, then no more', async () => {
  const limiter = new RateLimiterRedis({ storeClient: client, keyPrefix: 'limit', points: 5, duration: 2 });
  const asked = await Promise.allSettled(Array.from({ length: 12 }, () => limiter.consume('user')));
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  const refused = asked.find((one) => one.status === 'rejected')?.reason as RateLimiterRes;
  expect(refused.remainingPoints).toBe(0);
  expect(refused.msBeforeNext).toBeGreaterThan(0);
  expect((await limiter.get('user'))?.consumedPoints).toBe(12);
  await limiter.penalty('other', 2);
  expect((await limiter.consume('other')).remainingPoints).toBe(2);
  await limiter.delete('user');
  expect((await limiter.consume('user')).remainingPoints).toBe(4);
});
