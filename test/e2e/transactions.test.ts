/** MULTI, EXEC, DISCARD, WATCH: on one connection, across slots, and against other connections. */
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { nil, nilArray, OK, PONG, QUEUED, RESET, Simple, show } from '../support/resp.js';
import { sleep, smallSegments, useServer } from '../support/server.js';
import { arity, err, notInteger, table } from '../support/table.js';

const server = useServer({ cairn: smallSegments });

table(server, 'MULTI, EXEC and DISCARD', [
  ['MULTI', OK],
  ['SET a 1', QUEUED],
  ['GET a', QUEUED],
  ['INCR a', QUEUED],
  ['EXEC', [OK, '1', 2]],
  ['GET a', '2'],
  ['MULTI', OK],
  ['EXEC', []],
  ['MULTI', OK],
  ['SET a 10', QUEUED],
  ['DISCARD', OK],
  ['GET a', '2'],
  ['EXEC', err('ERR EXEC without MULTI')],
  ['DISCARD', err('ERR DISCARD without MULTI')],
  ['MULTI', OK],
  ['MULTI', err('ERR MULTI calls can not be nested')],
  ['SET b 1', QUEUED],
  ['EXEC', [OK]],
  ['GET b', '1'],
  ['MULTI x', arity('multi')],
  ['EXEC x', err("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")],
  ['DISCARD x', arity('discard')],
]);

table(server, 'errors in the queue', [
  ['MULTI', OK],
  ['SET a', arity('set')],
  ['SET b 1', QUEUED],
  ['EXEC', err('EXECABORT Transaction discarded because of previous errors.')],
  ['EXISTS b', 0],
  ['MULTI', OK],
  ['BOGUS x', err("ERR unknown command 'BOGUS', with args beginning with: 'x' ")],
  ['SET b 1', QUEUED],
  ['EXEC', err('EXECABORT Transaction discarded because of previous errors.')],
  ['EXISTS b', 0],
  ['MULTI', OK],
  ['SET a abc', QUEUED],
  ['INCR a', QUEUED],
  ['SET b 2', QUEUED],
  ['SELECT 99', QUEUED],
  ['EXEC', [OK, notInteger, OK, err('ERR DB index is out of range')]],
  ['MGET a b', ['abc', '2']],
  ['MULTI', OK],
  ['WATCH a', err('ERR WATCH inside MULTI is not allowed')],
  ['EXEC', []],
  ['MULTI', OK],
  ['GET', arity('get')],
  ['DISCARD', OK],
  ['EXEC', err('ERR EXEC without MULTI')],
  ['MULTI', OK],
  ['SET a 1', QUEUED],
  ['MULTI', err('ERR MULTI calls can not be nested')],
  ['EXEC', [OK]],
  ['MULTI', OK],
  ['EXEC x', err("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")],
  ['SET a 5', OK],
  ['EXEC', err('ERR EXEC without MULTI')],
  ['GET a', '5'],
]);

table(server, 'WATCH and UNWATCH', [
  ['WATCH a', OK],
  ['SET a 1', OK],
  ['MULTI', OK],
  ['SET a 2', QUEUED],
  ['EXEC', nilArray],
  ['GET a', '1'],
  ['WATCH a', OK],
  ['UNWATCH', OK],
  ['SET a 3', OK],
  ['MULTI', OK],
  ['SET a 4', QUEUED],
  ['EXEC', [OK]],
  ['WATCH a b', OK],
  ['GET a', '4'],
  ['MULTI', OK],
  ['GET a', QUEUED],
  ['EXEC', ['4']],
  ['WATCH a', OK],
  ['DEL a', 1],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH nosuch', OK],
  ['DEL nosuch', 0],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH nosuch', OK],
  ['SET nosuch 1', OK],
  ['DEL nosuch', 1],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['MULTI', OK],
  ['DISCARD', OK],
  ['SET a 1', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH', arity('watch')],
  ['UNWATCH x', arity('unwatch')],
  ['WATCH a', OK],
  ['EXEC', err('ERR EXEC without MULTI')],
  ['MULTI', OK],
  ['UNWATCH', QUEUED],
  ['EXEC', [OK]],
  ['WATCH a', OK],
  ['SET a 5', OK],
  ['MULTI', OK],
  ['BOGUS', err("ERR unknown command 'BOGUS', with args beginning with: ")],
  ['EXEC', err('EXECABORT Transaction discarded because of previous errors.')],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
]);

table(server, 'what counts as a change to a watched key', [
  ['SET a 1', OK],
  ['WATCH a', OK],
  ['EXPIRE a 100', 1],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['EXPIRE nosuch 100', 0],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH a', OK],
  ['PERSIST a', 1],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['APPEND a ""', 1],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['SETNX a 1', 0],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH a', OK],
  ['GETEX a', '1'],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH a', OK],
  ['RENAME a b', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['RENAME b a', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['FLUSHDB', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
  ['WATCH a', OK],
  ['FLUSHALL', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH a', OK],
  ['SELECT 1', OK],
  ['SET a 1', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['WATCH a', OK],
  ['SELECT 0', OK],
  ['SET a 1', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['SELECT 1', OK],
  ['WATCH a', OK],
  ['SWAPDB 0 1', OK],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', nilArray],
]);

table(server, 'every kind of command in a transaction', [
  ['MULTI', OK],
  ['MSET {a}1 1 {b}2 2 {c}3 3', QUEUED],
  ['MGET {a}1 {b}2 {c}3 nosuch', QUEUED],
  ['DEL {a}1', QUEUED],
  ['RENAME {b}2 {d}4', QUEUED],
  ['KEYS {d}*', QUEUED],
  ['DBSIZE', QUEUED],
  ['SELECT 1', QUEUED],
  ['SET in1 x', QUEUED],
  ['DBSIZE', QUEUED],
  ['SELECT 0', QUEUED],
  ['GET in1', QUEUED],
  ['COPY {d}4 in1 DB 1 REPLACE', QUEUED],
  ['MOVE {d}4 2', QUEUED],
  ['FLUSHDB', QUEUED],
  ['DBSIZE', QUEUED],
  ['PING', QUEUED],
  ['PING hello', QUEUED],
  ['ECHO x', QUEUED],
  ['TYPE a', QUEUED],
  ['OBJECT ENCODING nosuch', QUEUED],
  ['SETBIT bits 3 1', QUEUED],
  ['BITCOUNT bits', QUEUED],
  ['LCS bits bits', QUEUED],
  ['CLIENT GETNAME', QUEUED],
  ['CLIENT SETNAME tx', QUEUED],
  ['CLIENT GETNAME', QUEUED],
  ['CONFIG GET slowlog-max-len', QUEUED],
  ['CONFIG SET slowlog-max-len 128', QUEUED],
  ['WAIT 0 0', QUEUED],
  [
    'EXEC',
    [
      OK,
      ['1', '2', '3', nil],
      1,
      OK,
      ['{d}4'],
      2,
      OK,
      OK,
      1,
      OK,
      nil,
      1,
      1,
      OK,
      0,
      PONG,
      'hello',
      'x',
      new Simple('none'),
      nil,
      0,
      1,
      '\x10',
      nil,
      OK,
      'tx',
      ['slowlog-max-len', '128'],
      OK,
      0,
    ],
  ],
  ['DBSIZE', 1],
  ['SELECT 1', OK],
  ['GET in1', '2'],
]);

table(server, 'what a transaction reads of its own flushes, swaps and expiries', [
  ['SET k 5', OK],
  ['SELECT 1', OK],
  ['SET k 100', OK],
  ['SELECT 0', OK],
  ['MULTI', OK],
  ['SWAPDB 0 1', QUEUED],
  ['EXPIRE k 100', QUEUED],
  ['INCR k', QUEUED],
  ['TTL k', QUEUED],
  ['SELECT 1', QUEUED],
  ['APPEND k 0', QUEUED],
  ['SELECT 0', QUEUED],
  ['EXEC', [OK, 1, 101, 100, OK, 2, OK]],
  ['GET k', '101'],
  ['TTL k', 100],
  ['MULTI', OK],
  ['PERSIST k', QUEUED],
  ['SWAPDB 1 0', QUEUED],
  ['GETEX k EX 50', QUEUED],
  ['SWAPDB 0 2', QUEUED],
  ['SET k new NX', QUEUED],
  ['FLUSHDB', QUEUED],
  ['EXISTS k', QUEUED],
  ['SWAPDB 0 2', QUEUED],
  ['GET k', QUEUED],
  ['TTL k', QUEUED],
  ['RENAME k l', QUEUED],
  ['DBSIZE', QUEUED],
  ['KEYS *', QUEUED],
  ['RANDOMKEY', QUEUED],
  ['MOVE l 1', QUEUED],
  ['SELECT 1', QUEUED],
  ['GET k', QUEUED],
  ['TTL l', QUEUED],
  ['GETDEL l', QUEUED],
  ['TTL k', QUEUED],
  ['EXEC', [1, OK, '50', OK, OK, OK, 0, OK, '50', 50, OK, 1, ['l'], 'l', 1, OK, '101', 50, '50', -1]],
  ['DBSIZE', 1],
  ['FLUSHALL', OK],
  ['SELECT 0', OK],
]);

table(server, 'commands that a transaction refuses', [
  ['MULTI', OK],
  ['WATCH a', err('ERR WATCH inside MULTI is not allowed')],
  ['GET a', QUEUED],
  ['EXEC', [nil]],
  ['MULTI', OK],
  ['GET', arity('get')],
  ['EXEC', err('EXECABORT Transaction discarded because of previous errors.')],
  ['MULTI', OK],
  ['SHUTDOWN', err('ERR Command not allowed inside a transaction')],
  ['SAVE', err('ERR Command not allowed inside a transaction')],
  ['EXEC', err('EXECABORT Transaction discarded because of previous errors.')],
  ['MULTI', OK],
  ['RESET', RESET],
  ['PING', PONG],
  ['EXEC', err('ERR EXEC without MULTI')],
  ['MULTI', OK],
  ['SET z 1', QUEUED],
  ['RESET', RESET],
  ['GET z', nil],
]);

describe('several connections', () => {
  test('a watched key changed by another connection stops EXEC', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    await a.run('SET balance 10');
    await a.run('WATCH balance other');
    await b.run('INCR balance');
    await a.run('MULTI');
    await a.run('SET balance 0');
    expect(await a.ask('EXEC')).toBe('*nil');
    expect(await a.run('GET balance')).toBe('11');
    await a.run('WATCH balance');
    await a.run('MULTI');
    await a.run('INCR balance');
    await b.run('SET balance 100');
    expect(await a.ask('EXEC')).toBe('*nil');
    await a.run('WATCH balance');
    await b.run('GET balance');
    await b.run('SET unrelated 1');
    await a.run('MULTI');
    await a.run('INCR balance');
    expect(await a.ask('EXEC')).toBe('[:101]');
  });

  test('the null of a stopped EXEC in RESP3', async () => {
    using a = await server.current.connect();
    await a.run('HELLO 3');
    await a.run('WATCH w3');
    await a.run('SET w3 1');
    await a.run('MULTI');
    expect(await a.ask('EXEC')).toBe('_');
  });

  test.each([
    'DEL w',
    'UNLINK w',
    'FLUSHALL',
    'FLUSHDB',
    'RENAME w x',
    'MOVE w 1',
    'EXPIRE w 100',
    'PEXPIREAT w 1',
    'GETDEL w',
    'SETRANGE w 0 x',
    'SETBIT w 0 1',
    'BITFIELD w SET u8 0 1',
    'BITOP NOT w w',
    'MSET v 1 w 2',
    'COPY v w REPLACE',
    'INCRBY w 1',
    'INCRBYFLOAT w 1',
    'SET w 1 XX GET',
    'GETEX w EX 100',
    'SWAPDB 0 1',
  ])('%s by another connection counts as a change', async (change) => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    await b.run('FLUSHALL');
    await b.run('MSET w 1 v 2');
    await a.run('WATCH w');
    await b.run(change);
    await a.run('MULTI');
    await a.run('PING');
    expect(await a.ask('EXEC')).toBe('*nil');
  });

  test.each([
    'GET w',
    'EXPIRE nosuch 1',
    'SET other 1',
    'SETNX w 2',
    'RENAMENX v w',
    'PERSIST w',
    'COPY v w',
    'SET w 1 NX',
    'GETRANGE w 0 1',
    'DUMP w',
    'TOUCH w',
    'OBJECT ENCODING w',
    'EXPIRE w 100 XX',
  ])('%s by another connection does not', async (noChange) => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    await b.run('FLUSHALL');
    await b.run('MSET w 1 v 2');
    await a.run('WATCH w');
    await b.run(noChange);
    await a.run('MULTI');
    await a.run('PING');
    expect(await a.ask('EXEC')).toBe('[+PONG]');
  });

  test('a watched key that expires before EXEC stops it', async () => {
    using a = await server.current.connect();
    const lifeMs = 100 * patience; // it is still there when it is watched
    await a.cmd('SET', 'w', 'v', 'PX', lifeMs);
    await a.run('WATCH w');
    await a.run('MULTI');
    await a.run('PING');
    await sleep(lifeMs + 100);
    expect(await a.ask('EXEC')).toBe('*nil');
  });

  test('a key that a chain of swaps brings to a watched name stops it', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    await b.run('FLUSHALL');
    await b.run('SET w v');
    await a.run('SELECT 2');
    await a.run('WATCH w');
    await b.run('MULTI');
    await b.run('SWAPDB 0 1');
    await b.run('SWAPDB 1 2');
    await b.run('EXEC');
    await a.run('MULTI');
    await a.run('GET w');
    expect(await a.ask('EXEC')).toBe('*nil');
  });

  test.each(['GET w', 'DEL w', 'FLUSHDB', 'FLUSHALL'])(
    'that %s removes a key which was expired already when it was watched does not',
    async (removal) => {
      using a = await server.current.connect();
      using b = await server.current.connect();
      await b.run('FLUSHALL');
      await b.run('SET w v PX 5');
      await sleep(10);
      await a.run('WATCH w');
      await b.run(removal);
      await a.run('MULTI');
      await a.run('PING');
      expect(await a.ask('EXEC')).toBe('[+PONG]');
    },
  );

  test('a key that was expired already when it was watched does not', async () => {
    using a = await server.current.connect();
    await a.run('SET w v PX 10');
    await sleep(20);
    await a.run('WATCH w');
    await a.run('MULTI');
    await a.run('PING');
    expect(await a.ask('EXEC')).toBe('[+PONG]');
  });

  test('EXEC is atomic for readers: keys of many slots always have equal values', async () => {
    const keys = Array.from({ length: 8 }, (_, i) => `atom:${i}`);
    const writers = await Promise.all([1, 2, 3].map(() => server.current.connect()));
    using reader = await server.current.connect();
    await reader.cmd('MSET', ...keys.flatMap((key) => [key, 'start']));
    let running = true;
    const write = async (client: RawClient, id: number): Promise<void> => {
      for (let i = 0; i < 300; i++) {
        const value = `${id}-${i}`;
        await client.pipeline([['MULTI'], ...keys.map((key) => ['SET', key, value]), ['EXEC']]);
      }
    };
    const load = Promise.all(writers.map(write)).finally(() => (running = false));
    let reads = 0;
    while (running) {
      const plain = (await reader.cmd('MGET', ...keys)) as string[];
      expect(new Set(plain).size).toBe(1);
      const replies = await reader.pipeline([['MULTI'], ...keys.map((key) => ['GET', key]), ['EXEC']]);
      expect(new Set(replies.at(-1) as string[]).size).toBe(1);
      reads++;
    }
    await load;
    for (const writer of writers) writer.close();
    expect(reads).toBeGreaterThan(10);
  });

  test('optimistic locking loses no update', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.current.connect()));
    await clients[0]?.run('SET {a}counter 0');
    await clients[0]?.run('SET {b}counter 0');
    let conflicts = 0;
    await Promise.all(
      clients.map(async (client) => {
        for (let done = 0; done < 25;) {
          await client.run('WATCH {a}counter {b}counter');
          const [a, b] = (await client.pipeline([
            ['GET', '{a}counter'],
            ['GET', '{b}counter'],
          ])) as [string, string];
          const replies = await client.pipeline([
            ['MULTI'],
            ['SET', '{a}counter', Number(a) + 1],
            ['SET', '{b}counter', Number(b) + 1],
            ['EXEC'],
          ]);
          if (Array.isArray(replies[3])) done++;
          else conflicts++;
        }
      }),
    );
    expect(await clients[0]?.run('MGET {a}counter {b}counter')).toEqual(['200', '200']);
    for (const client of clients) client.close();
    expect(conflicts).toBeGreaterThan(0);
  });

  test('INCR, APPEND and GETSET from many connections are atomic', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.current.connect()));
    await clients[0]?.run('DEL n text swap');
    const swapped = await Promise.all(
      clients.map(async (client, id) => {
        const replies = await client.pipeline(
          Array.from({ length: 200 }, (_, i) => [
            ['INCR', 'n'],
            ['APPEND', 'text', 'x'],
            ['GETSET', 'swap', `${id}-${i}`],
          ]).flat(),
        );
        return replies.filter((_, i) => i % 3 === 2);
      }),
    );
    expect(await clients[0]?.run('GET n')).toBe('2000');
    expect(await clients[0]?.run('STRLEN text')).toBe(2000);
    const last = await clients[0]?.run('GET swap');
    const all = [...swapped.flat().map((reply) => (typeof reply === 'string' ? reply : 'none')), last];
    expect(new Set(all).size).toBe(2001);
    for (const client of clients) client.close();
  });

  test('a connection that goes away in MULTI leaves nothing behind', async () => {
    const a = await server.current.connect();
    await a.run('MULTI');
    await a.run('SET never 1');
    a.close();
    using b = await server.current.connect();
    expect(await b.run('EXISTS never')).toBe(0);
  });

  test('a transaction of 10,000 commands', async () => {
    using a = await server.current.connect();
    const body = Array.from({ length: 10_000 }, (_, i) => ['SET', `bulk:${i}`, String(i)]);
    const replies = await a.pipeline([['MULTI'], ...body, ['EXEC']]);
    expect(replies.at(-1)).toHaveLength(10_000);
    expect(await a.run('GET bulk:9999')).toBe('9999');
  });

  test('EXEC survives a restart as a whole', async () => {
    using a = await server.current.connect();
    await a.run('FLUSHALL');
    await a.pipeline([['MULTI'], ['SET', '{1}k', 'v'], ['SET', '{2}k', 'v'], ['DEL', '{1}k'], ['INCR', 'n'], ['EXEC']]);
    await server.current.restart('kill');
    using b = await server.current.connect();
    expect((await b.pipeline([['EXISTS', '{1}k'], ['GET', '{2}k'], ['GET', 'n'], ['DBSIZE']])).map(show)).toEqual([
      ':0',
      '"v"',
      '"1"',
      ':2',
    ]);
  });
});
