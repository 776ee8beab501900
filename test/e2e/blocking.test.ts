/**
 * Commands that wait for lists: who is served, in which order, and what ends a wait. Several connections at once, which a
 * server with several reactors spreads over them; the same tests pass on redis-server.
 */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { ErrorReply, nil, nilArray, OK, Simple } from '../support/resp.js';
import { Scene } from '../support/scene.js';
import { cairnOnly, eventually, useServer } from '../support/server.js';
import { err, syntaxError, table } from '../support/table.js';

const server = useServer({ cairn: { 'io-threads': 2 } });

table(server, 'what does not wait', [
  ['RPUSH a 1 2 3 4 5 6', 6],
  ['BLPOP none a 0', ['a', '1']],
  ['BRPOP a none 0', ['a', '6']],
  ['BLMOVE a b LEFT RIGHT 0', '2'],
  ['BRPOPLPUSH a b 0', '5'],
  ['BLMPOP 0 2 none a RIGHT COUNT 5', ['a', ['4', '3']]],
  ['EXISTS a', 0],
  ['LRANGE b 0 -1', ['5', '2']],
  ['BLPOP a 0.01', nilArray],
  ['BRPOP a a 0.01', nilArray],
  ['BLMOVE a b LEFT LEFT 0.01', nilArray],
  ['BRPOPLPUSH a b 0.01', nilArray],
  ['BLMPOP 0.01 1 a LEFT', nilArray],
  ['BLPOP a -1', err('ERR timeout is negative')],
  ['BLPOP a x', err('ERR timeout is not a float or out of range')],
  ['BLPOP a nan', err('ERR timeout is not a float or out of range')],
  ['BLPOP a 0 x', err('ERR timeout is not a float or out of range')],
  ['BLMOVE a b UP LEFT x', syntaxError],
  ['BLMPOP x 1 a LEFT', err('ERR timeout is not a float or out of range')],
  ['BLMPOP 0 0 a LEFT', err('ERR numkeys should be greater than 0')],
  ['BLMPOP x 0 a LEFT', err('ERR numkeys should be greater than 0')],
  ['BLMPOP x 1 a UP', syntaxError],
  ['BLMPOP 0 1 a UP', syntaxError],
  ['MULTI', OK],
  ['BLPOP a 0', new Simple('QUEUED')],
  ['BLMOVE a b LEFT LEFT 0', new Simple('QUEUED')],
  ['BRPOPLPUSH a b 0', new Simple('QUEUED')],
  ['BLMPOP 0 1 a LEFT', new Simple('QUEUED')],
  ['BLPOP b 0', new Simple('QUEUED')],
  ['EXEC', [nilArray, nil, nil, nilArray, ['b', '5']]],
]);

describe('who waits', () => {
  test('is served in the order of arrival, one element each', async () => {
    using scene = await Scene.start(server);
    const first = await scene.wait('BLPOP', 'k', 0);
    const second = await scene.wait('BRPOP', 'k', 0);
    const third = await scene.wait('BLMPOP', 0, 1, 'k', 'LEFT', 'COUNT', 10);
    const fourth = await scene.wait('BLPOP', 'other', 'k', 0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await first.reply).toEqual(['k', 'a']);
    expect(await scene.admin.cmd('LLEN', 'k')).toBe(0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'b', 'c', 'd')).toBe(3);
    expect(await second.reply).toEqual(['k', 'd']);
    expect(await third.reply).toEqual(['k', ['b', 'c']]);
    expect(await scene.admin.cmd('EXISTS', 'k')).toBe(0);
    expect(fourth.got).toBeUndefined();
    expect(await scene.admin.cmd('LPUSH', 'other', 'e')).toBe(1);
    expect(await fourth.reply).toEqual(['other', 'e']);
    await scene.allBlocked(0);
  });

  test('comes before whoever asks later', async () => {
    using scene = await Scene.start(server);
    const waiting = await scene.wait('BLPOP', 'k', 0);
    const replies = await scene.admin.pipeline([
      ['RPUSH', 'k', 'a'],
      ['LPOP', 'k'],
      ['EXISTS', 'k'],
    ]);
    expect(replies).toEqual([1, nil, 0]);
    expect(await waiting.reply).toEqual(['k', 'a']);
  });

  test('is served through chains of BLMOVE', async () => {
    using scene = await Scene.start(server);
    const third = await scene.wait('BLPOP', 'c', 0);
    const second = await scene.wait('BLMOVE', 'b', 'c', 'LEFT', 'RIGHT', 0);
    const first = await scene.wait('BRPOPLPUSH', 'a', 'b', 0);
    expect(await scene.admin.cmd('RPUSH', 'a', 'x')).toBe(1);
    expect(await first.reply).toBe('x');
    expect(await second.reply).toBe('x');
    expect(await third.reply).toEqual(['c', 'x']);
    expect(await scene.admin.cmd('EXISTS', 'a', 'b', 'c')).toBe(0);
  });

  test('may turn one list round', async () => {
    using scene = await Scene.start(server);
    const waiting = await scene.wait('BLMOVE', 'k', 'k', 'LEFT', 'RIGHT', 0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a', 'b')).toBe(2);
    expect(await waiting.reply).toBe('a');
    expect(await scene.admin.cmd('LRANGE', 'k', 0, -1)).toEqual(['b', 'a']);
  });

  test('gets an error, and leaves the element, if the other list is none', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('SET', 's', 'text');
    const first = await scene.wait('BLMOVE', 'k', 's', 'LEFT', 'RIGHT', 0);
    const second = await scene.wait('BLPOP', 'k', 0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await first.reply).toEqual(
      new ErrorReply('WRONGTYPE Operation against a key holding the wrong kind of value'),
    );
    expect(await second.reply).toEqual(['k', 'a']);
  });

  test('is served by EXEC when all of it has run', async () => {
    using scene = await Scene.start(server);
    const waiting = await scene.wait('BLPOP', 'k', 0);
    const none = [['MULTI'], ['RPUSH', 'k', 'a'], ['DEL', 'k'], ['EXEC']];
    expect((await scene.admin.pipeline(none)).at(-1)).toEqual([1, 1]);
    expect(waiting.got).toBeUndefined();
    const some = [['MULTI'], ['RPUSH', 'k', 'a'], ['LPUSH', 'k', 'b'], ['LLEN', 'k'], ['EXEC']];
    expect((await scene.admin.pipeline(some)).at(-1)).toEqual([1, 2, 2]);
    expect(await waiting.reply).toEqual(['k', 'b']);
    expect(await scene.admin.cmd('LRANGE', 'k', 0, -1)).toEqual(['a']);
  });

  test('is served by RENAME, MOVE, SWAPDB and LINSERT-like writes to other lists', async () => {
    using scene = await Scene.start(server);
    const renamed = await scene.wait('BLPOP', 'k', 0);
    await scene.admin.cmd('RPUSH', 'from', 'a', 'b');
    await scene.admin.cmd('RENAME', 'from', 'k');
    expect(await renamed.reply).toEqual(['k', 'a']);
    expect(await scene.admin.cmd('LRANGE', 'k', 0, -1)).toEqual(['b']);
    await scene.admin.cmd('DEL', 'k');
    const moved = await scene.wait('BLPOP', 'k', 0);
    const replies = await scene.admin.pipeline([
      ['SELECT', 1],
      ['RPUSH', 'k', 'c'],
      ['MOVE', 'k', 0],
      ['RPUSH', 'k', 'd'],
    ]);
    expect(replies).toEqual([OK, 1, 1, 1]);
    expect(await moved.reply).toEqual(['k', 'c']);
    const swapped = await scene.wait('BLPOP', 'k', 0);
    expect(await scene.admin.cmd('SWAPDB', 0, 1)).toEqual(OK);
    expect(await swapped.reply).toEqual(['k', 'd']);
  });

  test('is not served by another type, nor in another database', async () => {
    using scene = await Scene.start(server);
    const waiting = await scene.wait('BLPOP', 'k', 0);
    await scene.admin.cmd('SET', 'k', 'text');
    await scene.admin.pipeline([
      ['SELECT', 1],
      ['RPUSH', 'k', 'a'],
      ['SELECT', 0],
    ]);
    expect(await scene.blocked()).toBe(1);
    await scene.admin.pipeline([
      ['DEL', 'k'],
      ['RPUSH', 'k', 'b'],
    ]);
    expect(await waiting.reply).toEqual(['k', 'b']);
  });

  test('goes on with what it has sent behind', async () => {
    using scene = await Scene.start(server);
    const waiting = await scene.wait('BLPOP', 'k', 0);
    const behind = waiting.client.pipeline([['PING'], ['RPUSH', 'mine', 'x'], ['BLPOP', 'mine', 0]]);
    await scene.admin.cmd('RPUSH', 'k', 'a');
    expect(await waiting.reply).toEqual(['k', 'a']);
    expect(await behind).toEqual([new Simple('PONG'), 1, ['mine', 'x']]);
  });
});

describe('a wait ends', () => {
  test('when its time is over', async () => {
    using scene = await Scene.start(server);
    const begun = performance.now();
    const waiting = await scene.wait('BLPOP', 'k', '0.35');
    expect(await waiting.reply).toEqual(nilArray);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(340);
    await scene.allBlocked(0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await scene.admin.cmd('LLEN', 'k')).toBe(1);
  });

  test('by CLIENT UNBLOCK', async () => {
    using scene = await Scene.start(server);
    for (const [mode, expected] of [
      ['TIMEOUT', nilArray],
      ['ERROR', new ErrorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK')],
    ] as const) {
      using client = await server.current.connect();
      const id = (await client.cmd('CLIENT', 'ID')) as number;
      const reply = client.cmd('BLPOP', 'k', 0);
      await scene.allBlocked(1);
      expect(await scene.admin.cmd('CLIENT', 'UNBLOCK', id, mode)).toBe(1);
      expect(await reply).toEqual(expected);
      expect(await scene.admin.cmd('CLIENT', 'UNBLOCK', id)).toBe(0);
    }
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await scene.admin.cmd('LLEN', 'k')).toBe(1);
  });

  test('when the client goes; the next one is served', async () => {
    using scene = await Scene.start(server);
    const first = await scene.wait('BLPOP', 'k', 0);
    const second = await scene.wait('BLPOP', 'k', 0);
    first.client[Symbol.dispose]();
    await scene.allBlocked(1);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await second.reply).toEqual(['k', 'a']);
  });

  test('when the client is killed', async () => {
    using scene = await Scene.start(server);
    using client = await server.current.connect();
    const id = (await client.cmd('CLIENT', 'ID')) as number;
    client.cmd('BLPOP', 'k', 0).catch(() => undefined);
    await scene.allBlocked(1);
    expect(await scene.admin.cmd('CLIENT', 'KILL', 'ID', id)).toBe(1);
    await scene.allBlocked(0);
    expect(await scene.admin.cmd('RPUSH', 'k', 'a')).toBe(1);
    expect(await scene.admin.cmd('LLEN', 'k')).toBe(1);
  });
});

describe('many', () => {
  test('workers share what producers push, each element once', async () => {
    const workers = Array.from({ length: 12 }, () => new Redis(server.current.port, { lazyConnect: false }));
    const producers = Array.from({ length: 4 }, () => new Redis(server.current.port));
    const each = 300;
    try {
      await producers[0]?.flushall();
      const got: string[] = [];
      const work = workers.map(async (worker) => {
        for (;;) {
          const popped = await worker.blpop('high', 'low', 0);
          if (popped === null || popped[1] === 'stop') return;
          got.push(popped[1]);
        }
      });
      await Promise.all(
        producers.map(async (producer, p) => {
          for (let i = 0; i < each; i += 3) {
            await producer.rpush(i % 2 === 0 ? 'high' : 'low', `${p}:${i}`);
            await producer
              .multi()
              .rpush('low', `${p}:${i + 1}`)
              .rpush('high', `${p}:${i + 2}`)
              .exec();
          }
        }),
      );
      for (const _ of workers) await producers[0]?.rpush('low', 'stop');
      await Promise.all(work);
      const wanted = producers.flatMap((_, p) => Array.from({ length: each }, (_, i) => `${p}:${i}`));
      expect(got.sort()).toEqual(wanted.sort());
      expect(await producers[0]?.exists('high', 'low')).toBe(0);
    } finally {
      for (const client of [...workers, ...producers]) client.disconnect();
    }
  });

  test('tokens go round through lists that wait for each other', async () => {
    const stations = 6;
    const rounds = 40;
    const clients = Array.from({ length: stations }, () => new Redis(server.current.port));
    const admin = new Redis(server.current.port);
    try {
      await admin.flushall();
      const moved = clients.map(async (client, i) => {
        for (let n = 0; n < rounds; ++n) {
          const token = await client.blmove(`s${i}`, `s${(i + 1) % stations}`, 'LEFT', 'RIGHT', 0);
          expect(token).toBe('token');
        }
      });
      await admin.rpush('s0', 'token');
      await Promise.all(moved);
      expect(await admin.lrange('s0', 0, -1)).toEqual(['token']);
    } finally {
      for (const client of [admin, ...clients]) client.disconnect();
    }
  });

  cairnOnly('waiters on one list are told of what one push brings', async () => {
    const count = 600;
    const clients = Array.from({ length: count }, () => new Redis(server.current.port));
    const admin = new Redis(server.current.port);
    try {
      await admin.flushall();
      const replies = clients.map((client) => client.blpop('k', 0));
      await eventually('all wait', async () => (await admin.info('clients')).includes(`blocked_clients:${count}\r`));
      const values = Array.from({ length: count + 5 }, (_, i) => String(i));
      expect(await admin.rpush('k', ...values)).toBe(count + 5);
      const got = (await Promise.all(replies)).map((reply) => reply?.[1] ?? '');
      const left = await admin.lrange('k', 0, -1);
      expect([...got, ...left].sort()).toEqual(values.sort());
      expect(left.length).toBe(5);
    } finally {
      for (const client of [admin, ...clients]) client.disconnect();
    }
  });
});
