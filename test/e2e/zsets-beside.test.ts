/** Sorted sets and places through ioredis, here and on a real redis-server at the same time: all answers are alike. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../support/random.js';
import { smallSegments, startServer, type TestServer } from '../support/server.js';

type Words = readonly (string | number)[];

class Pair {
  constructor(
    readonly cairn: TestServer,
    readonly redis: TestServer,
    readonly clients: readonly [Redis, Redis],
  ) {}

  static async start(): Promise<Pair> {
    const cairn = await startServer({ kind: 'cairn', cairn: { ...smallSegments, 'cache-size': '1mb' } });
    const redis = await startServer({ kind: 'redis' });
    return new Pair(cairn, redis, [clientOf(cairn), clientOf(redis)]);
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await this.cairn.dispose();
    await this.redis.dispose();
  }

  /** The answers of both to commands in one pipeline, compared; those of redis-server. */
  async ask(commands: readonly Words[]): Promise<unknown[]> {
    const [ours, theirs] = await Promise.all(
      this.clients.map(async (client) => {
        const calls = commands.map(([name, ...args]) => [String(name).toLowerCase(), ...args.map(String)]);
        const replies = await client.pipeline(calls).exec();
        return (replies ?? []).map(([error, reply]) => error?.message ?? reply);
      }),
    );
    commands.forEach((words, i) => expect(alike(ours?.[i]), words.join(' ').slice(0, 200)).toEqual(alike(theirs?.[i])));
    return theirs ?? [];
  }

  one(...words: Words): Promise<unknown> {
    return this.ask([words]).then(([reply]) => reply);
  }
}

function clientOf(server: TestServer): Redis {
  const client = new Redis({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: 20 });
  client.on('error', () => undefined); // while the server is down
  return client;
}

/** Before 7.2 Redis writes 17 digits of a number, later ones as many as it needs. */
function alike(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(alike);
  if (typeof reply !== 'string' || !/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(reply)) return reply;
  return `a number: ${Number(reply)}`;
}

const members = 20_000;

describe('sorted sets', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await Pair.start();
  });
  afterAll(() => pair.stop());

  const member = (random: Random): string => `member:${random.int(0, 2 * members)}`;
  const score = (random: Random): string => (random.int(-1_000_000, 1_000_000) / 8).toString();

  test('a large one: fills, changes, and answers alike', async () => {
    const random = new Random(1);
    for (let batch = 0; batch < members / 500; batch++) {
      const pairs = Array.from({ length: 500 }, () => [score(random), member(random)]).flat();
      await pair.one('ZADD', 'big', ...pairs);
    }
    const changes = (): Words => {
      switch (random.int(0, 7)) {
        case 0:
          return ['ZADD', 'big', random.pick(['NX', 'XX', 'GT', 'LT']), 'CH', score(random), member(random)];
        case 1:
          return ['ZINCRBY', 'big', random.int(-100, 100), member(random)];
        case 2:
          return ['ZREM', 'big', member(random), member(random)];
        case 3:
          return ['ZPOPMIN', 'big', random.int(1, 3)];
        case 4:
          return ['ZREMRANGEBYRANK', 'big', random.int(0, 5000), random.int(0, 5010)];
        case 5:
          return ['ZRANK', 'big', member(random)];
        case 6:
          return ['ZRANGEBYSCORE', 'big', score(random), '+inf', 'WITHSCORES', 'LIMIT', random.int(0, 50), 20];
        default:
          return ['ZCOUNT', 'big', score(random), score(random)];
      }
    };
    for (let round = 0; round < 20; round++) await pair.ask(Array.from({ length: 50 }, changes));
    await pair.one('ZRANGE', 'big', 0, -1, 'WITHSCORES');
    await pair.one('ZREVRANGEBYSCORE', 'big', '+inf', '-inf', 'WITHSCORES');
    await pair.ask([
      ['ZRANGESTORE', 'part', 'big', 5000, 9000],
      ['ZUNIONSTORE', 'union', 2, 'part', 'big', 'WEIGHTS', 2, -1],
      ['ZINTERSTORE', 'inter', 2, 'part', 'big', 'AGGREGATE', 'MAX'],
      ['ZDIFFSTORE', 'diff', 2, 'big', 'part'],
      ['ZINTERCARD', 2, 'big', 'part'],
      ['ZCARD', 'union'],
      ['ZCARD', 'inter'],
      ['ZCARD', 'diff'],
    ]);
    for (const key of ['part', 'union', 'inter', 'diff']) await pair.one('ZRANGE', key, 0, -1, 'WITHSCORES');
    await pair.one('ZDIFF', 2, 'big', 'part', 'WITHSCORES');
  });

  test('a scan brings each member once', async () => {
    const [ours] = pair.clients;
    const found = new Map<string, string>();
    const stream = ours.zscanStream('big', { count: 500 });
    for await (const batch of stream as AsyncIterable<string[]>)
      for (let i = 0; i + 1 < batch.length; i += 2) {
        expect(found.has(batch[i] ?? '')).toBe(false);
        found.set(batch[i] ?? '', batch[i + 1] ?? '');
      }
    expect(found.size).toBe(await ours.zcard('big'));
    const some = await ours.zrandmember('big', 100, 'WITHSCORES');
    for (let i = 0; i + 1 < some.length; i += 2) expect(Number(found.get(some[i] ?? ''))).toBe(Number(some[i + 1]));
  });

  test('a transaction', async () => {
    await Promise.all(
      pair.clients.map((client) =>
        client.multi().zadd('t', 1, 'a', 2, 'b').zincrby('t', 5, 'a').zpopmin('t').zrange('t', '0', '-1').exec(),
      ),
    ).then(([ours, theirs]) => expect(ours).toEqual(theirs));
  });

  test('all is there after a kill', async () => {
    const before = await pair.clients[0].zrange('big', '0', '-1', 'WITHSCORES');
    await pair.cairn.kill();
    await pair.cairn.start();
    expect(await pair.clients[0].zrange('big', '0', '-1', 'WITHSCORES')).toEqual(before);
    await pair.one('ZADD', 'big', 1, 'after');
    await pair.one('ZRANGEBYSCORE', 'big', 0, 2, 'WITHSCORES');
  });

  test('places', async () => {
    const random = new Random(2);
    const degrees = (most: number): number => random.int(-most * 1000, most * 1000) / 1000;
    for (let batch = 0; batch < 20; batch++) {
      const places = Array.from({ length: 200 }, () => [degrees(180), degrees(85), member(random)]).flat();
      await pair.one('GEOADD', 'earth', ...places);
    }
    const searches = (): Words => {
      const from = random.chance(0.5) ? ['FROMLONLAT', degrees(180), degrees(85)] : ['FROMMEMBER', member(random)];
      const unit = random.pick(['m', 'km', 'ft', 'mi']);
      const size = (): number => random.int(1, 3000) * (unit === 'm' || unit === 'ft' ? 1000 : 1);
      const shape = random.chance(0.5) ? ['BYRADIUS', size(), unit] : ['BYBOX', size(), size(), unit];
      const options = [
        random.pick<Words>([[], ['ASC'], ['DESC'], ['COUNT', 5], ['COUNT', 5, 'ANY'], ['ASC', 'COUNT', 50]]),
        random.pick<Words>([[], ['WITHDIST'], ['WITHCOORD', 'WITHHASH']]),
      ];
      return ['GEOSEARCH', 'earth', ...from, ...shape, ...options.flat()];
    };
    for (let round = 0; round < 20; round++) await pair.ask(Array.from({ length: 20 }, searches));
    await pair.ask(
      Array.from({ length: 50 }, () => [
        random.pick(['GEOPOS', 'GEOHASH', 'GEODIST']),
        'earth',
        member(random),
        member(random),
      ]),
    );
    await pair.one('GEOSEARCHSTORE', 'near', 'earth', 'FROMLONLAT', 10, 50, 'BYRADIUS', 2000, 'km', 'STOREDIST');
    await pair.one('ZRANGE', 'near', 0, -1, 'WITHSCORES');
  });
});
