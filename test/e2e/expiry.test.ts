/** Expiry: its commands, exactness on access, activity in the background, survival of restarts. */
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { nil, OK, show, Simple } from '../support/resp.js';
import { eventually, sleep, smallSegments, startServer, useServer } from '../support/server.js';
import { arity, between, err, notInteger, pause, table } from '../support/table.js';

const server = useServer({ flags: { 'enable-debug-command': 'local' } });

table(server, 'TTL, PTTL, EXPIRETIME, PEXPIRETIME and PERSIST', [
  ['TTL k', -2],
  ['PTTL k', -2],
  ['EXPIRETIME k', -2],
  ['PEXPIRETIME k', -2],
  ['PERSIST k', 0],
  ['SET k v', OK],
  ['TTL k', -1],
  ['PTTL k', -1],
  ['EXPIRETIME k', -1],
  ['PEXPIRETIME k', -1],
  ['PERSIST k', 0],
  ['EXPIRE k 100', 1],
  ['TTL k', 100],
  ['PTTL k', between(99000, 100_000)],
  ['PERSIST k', 1],
  ['PERSIST k', 0],
  ['TTL k', -1],
  ['PEXPIREAT k 33177117420123', 1],
  ['EXPIRETIME k', 33177117420],
  ['PEXPIRETIME k', 33177117420123],
  ['PEXPIREAT k 33177117420500', 1],
  ['EXPIRETIME k', 33177117421],
  ['PEXPIREAT k 33177117420499', 1],
  ['EXPIRETIME k', 33177117420],
  ['TTL', arity('ttl')],
  ['PTTL', arity('pttl')],
  ['EXPIRETIME', arity('expiretime')],
  ['PEXPIRETIME', arity('pexpiretime')],
  ['PERSIST', arity('persist')],
  ['TTL a b', arity('ttl')],
]);

table(server, 'EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT', [
  ['EXPIRE k 10', 0],
  ['SET k v', OK],
  ['EXPIRE k 100', 1],
  ['TTL k', 100],
  ['PEXPIRE k 200000', 1],
  ['TTL k', 200],
  ['EXPIREAT k 33177117420', 1],
  ['EXPIRETIME k', 33177117420],
  ['PEXPIREAT k 33177117420123', 1],
  ['PEXPIRETIME k', 33177117420123],
  ['EXPIRE k a', notInteger],
  ['EXPIRE k 1.5', notInteger],
  ['EXPIRE k 9223372036854775807', err("ERR invalid expire time in 'expire' command")],
  ['EXPIRE k -9223372036854775808', err("ERR invalid expire time in 'expire' command")],
  ['EXPIRE k 9223372036854776', err("ERR invalid expire time in 'expire' command")],
  ['PEXPIRE k 9223372036854775807', err("ERR invalid expire time in 'pexpire' command")],
  ['PEXPIRE k 9223370399119966', 1],
  ['EXPIREAT k 9223372036854775807', err("ERR invalid expire time in 'expireat' command")],
  ['EXPIREAT k 9223372036854775', 1],
  ['EXPIRETIME k', 9223372036854775n],
  ['PEXPIREAT k 9223372036854775807', 1],
  ['PEXPIRETIME k', 9223372036854775807n],
  ['GET k', 'v'],
  ['EXPIRE k 0', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['EXPIRE k -1', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['PEXPIRE k -100', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['EXPIREAT k 1', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['PEXPIREAT k 1', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['PEXPIREAT k -1', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['EXPIRE k', arity('expire')],
  ['EXPIRE k 1 2 3', err('ERR Unsupported option 2')],
  ['EXPIRE k 1 BOGUS', err('ERR Unsupported option BOGUS')],
  [`EXPIRE k 1 ${'x'.repeat(1000)}`, err(`ERR Unsupported option ${'x'.repeat(1000)}`)],
  ['EXPIRE', arity('expire')],
  ['PEXPIRE k', arity('pexpire')],
  ['EXPIREAT k', arity('expireat')],
  ['PEXPIREAT k', arity('pexpireat')],
  ['DBSIZE', 1],
]);

table(server, 'EXPIRE NX, XX, GT and LT', [
  ['SET k v', OK],
  ['EXPIRE k 100 XX', 0],
  ['EXPIRE k 100 GT', 0],
  ['TTL k', -1],
  ['EXPIRE k 100 NX', 1],
  ['TTL k', 100],
  ['EXPIRE k 200 NX', 0],
  ['TTL k', 100],
  ['EXPIRE k 200 XX', 1],
  ['TTL k', 200],
  ['EXPIRE k 100 GT', 0],
  ['EXPIRE k 300 GT', 1],
  ['TTL k', 300],
  ['EXPIRE k 400 LT', 0],
  ['EXPIRE k 100 LT', 1],
  ['TTL k', 100],
  ['EXPIRE k 50 XX LT', 1],
  ['TTL k', 50],
  ['EXPIRE k 500 XX GT', 1],
  ['TTL k', 500],
  ['PERSIST k', 1],
  ['EXPIRE k 100 XX GT', 0],
  ['EXPIRE k 100 XX LT', 0],
  ['EXPIRE k 100 LT', 1],
  ['TTL k', 100],
  ['EXPIRE k 10 NX XX', err('ERR NX and XX, GT or LT options at the same time are not compatible')],
  ['EXPIRE k 10 XX NX', err('ERR NX and XX, GT or LT options at the same time are not compatible')],
  ['EXPIRE k 10 NX GT', err('ERR NX and XX, GT or LT options at the same time are not compatible')],
  ['EXPIRE k 10 NX LT', err('ERR NX and XX, GT or LT options at the same time are not compatible')],
  ['EXPIRE k 10 GT LT', err('ERR GT and LT options at the same time are not compatible')],
  ['EXPIRE k 10 NX BOGUS', err('ERR Unsupported option BOGUS')],
  ['EXPIRE k 10 nx', 0],
  ['EXPIRE nosuch 10 NX', 0],
  ['EXPIRE nosuch 10 XX', 0],
  ['PEXPIRE k 300000 gt', 1],
  ['TTL k', 300],
  ['EXPIREAT k 33177117420 GT', 1],
  ['EXPIREAT k 33177117410 GT', 0],
  ['EXPIRETIME k', 33177117420],
  ['PEXPIREAT k 33177117420001 GT', 1],
  ['PEXPIREAT k 33177117420000 LT', 1],
  ['PEXPIRETIME k', 33177117420000],
  ['PEXPIREAT k 33177117420000 LT', 0],
  ['PEXPIREAT k 33177117420000 GT', 0],
  ['EXPIRE k -1 GT', 0],
  ['EXISTS k', 1],
  ['EXPIRE k -1 LT', 1],
  ['EXISTS k', 0],
  ['SET k v', OK],
  ['EXPIRE k -1 XX', 0],
  ['EXISTS k', 1],
  ['EXPIRE k -1 NX', 1],
  ['EXISTS k', 0],
]);

table(server, 'what keeps and what clears a time to live', [
  ['SET k 1 EX 100', OK],
  ['INCR k', 2],
  ['APPEND k 1', 2],
  ['SETRANGE k 0 2', 2],
  ['SETBIT k 0 0', 0],
  ['INCRBYFLOAT k 1', '22'],
  ['GETEX k', '22'],
  ['TOUCH k', 1],
  ['TTL k', 100],
  ['SET k 1', OK],
  ['TTL k', -1],
  ['SETEX k 100 1', OK],
  ['GETSET k 2', '1'],
  ['TTL k', -1],
  ['SETEX k 100 1', OK],
  ['MSET k 3', OK],
  ['TTL k', -1],
  ['SETEX k 100 1', OK],
  ['BITOP OR k k', 1],
  ['TTL k', -1],
  ['SETEX k 100 1', OK],
  ['RENAME k l', OK],
  ['TTL l', 100],
  ['SET k x', OK],
  ['RENAME k l', OK],
  ['TTL l', -1],
  ['SETEX k 100 1', OK],
  ['DEL k', 1],
  ['SET k 1', OK],
  ['TTL k', -1],
  ['SETEX k 100 1', OK],
  ['SETNX k 2', 0],
  ['TTL k', 100],
  ['SETEX k 100 abc', OK],
  ['LCS k k', 'abc'],
  ['GETRANGE k 0 -1', 'abc'],
  ['TTL k', 100],
]);

table(
  server,
  'short lives end on access',
  [
    ['SET k v PX 30', OK],
    pause(60),
    ['EXISTS k', 0],
    ['GET k', nil],
    ['TTL k', -2],
    ['TYPE k', new Simple('none')],
    ['STRLEN k', 0],
    ['SET k v PX 30', OK],
    pause(60),
    ['INCR k', 1],
    ['TTL k', -1],
    ['SET l v PX 30', OK],
    pause(60),
    ['APPEND l x', 1],
    ['GET l', 'x'],
    ['TTL l', -1],
    ['SET m v PX 30', OK],
    pause(60),
    ['SET m w XX', nil],
    ['SETNX m w', 1],
    ['SET a 1 PX 30', OK],
    ['SET b 2', OK],
    pause(60),
    ['RENAME a c', err('ERR no such key')],
    ['RENAMENX b a', 1],
    ['GET a', '2'],
    ['SET s v PX 30', OK],
    pause(60),
    ['GETSET s w', nil],
    ['SET s v PX 30', OK],
    pause(60),
    ['SET s w KEEPTTL', OK],
    ['TTL s', -1],
    ['SET s v PX 30', OK],
    pause(60),
    ['PERSIST s', 0],
    ['EXPIRE s 100', 0],
    ['DEL s', 0],
    ['UNLINK s', 0],
    ['TOUCH s', 0],
    ['MGET s a', [nil, '2']],
    ['KEYS s', []],
    ['OBJECT ENCODING s', nil],
    ['DUMP s', nil],
    ['COPY s z', 0],
    ['SET s v PX 30', OK],
    ['SET q v', OK],
    pause(60),
    ['COPY q s', 1],
    ['GET s', 'v'],
  ],
  { once: true },
);

async function expiredKeys(client: RawClient): Promise<number> {
  return Number(/expired_keys:(\d+)/.exec((await client.run('INFO stats')) as string)?.[1]);
}

describe('background', () => {
  test('expired keys vanish without being touched, and are counted', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    const before = await expiredKeys(client);
    await client.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `k:${i}`, 'v', 'PX', 50 + (i % 100)]));
    await client.run('SET stays v EX 100');
    await eventually('only one key is left', async () => (await client.run('DBSIZE')) === 1, 15_000);
    expect(await expiredKeys(client)).toBe(before + 2000);
    const keyspace = /db0:keys=1,expires=1,avg_ttl=(\d+)/.exec((await client.run('INFO keyspace')) as string);
    expect(Math.abs(Number(keyspace?.[1]) - ((await client.run('PTTL stays')) as number))).toBeLessThan(5000);
  });

  test(
    'a hundred thousand keys of one second go within seconds, and nobody waits for them',
    async () => {
      const count = 100_000;
      using client = await server.current.connect();
      using other = await server.current.connect();
      let before = 0;
      // Neighbours in the index: keys that go, keys with later ends, and keys without one.
      const fill = async (at: number): Promise<void> => {
        await client.run('FLUSHALL');
        before = await expiredKeys(client);
        for (let from = 0; from < count; from += 5000) {
          await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `k:${from + i}`, 'v', 'EXAT', at]));
          await client.pipeline(
            Array.from({ length: 500 }, (_, i) => ['SET', `k:${from + i}:later`, 'v', 'EXAT', at + 1000 + i]),
          );
          await client.pipeline(Array.from({ length: 500 }, (_, i) => ['SET', `k:${from + i}:stays`, 'v']));
        }
      };
      let at = 0;
      // A slow machine needs longer to write them all before the first one ends.
      for (let seconds = 6; at * 1000 <= Date.now(); seconds *= 2)
        await fill((at = Math.floor(Date.now() / 1000) + seconds));
      const rest = count / 5;
      await sleep(Math.max(0, at * 1000 - Date.now()));
      const waits: number[] = [];
      let done = false;
      const pings = (async () => {
        while (!done) {
          const sent = performance.now();
          await other.run('PING');
          waits.push(performance.now() - sent);
          await sleep(2);
        }
      })();
      try {
        await eventually('the others are left', async () => (await client.run('DBSIZE')) === rest, 15_000);
      } finally {
        done = true;
        await pings;
      }
      waits.sort((a, b) => a - b);
      expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(50 * patience);
      expect(await expiredKeys(client)).toBe(before + count);
      expect(await client.run('INFO keyspace')).toMatch(
        new RegExp(`db0:keys=${String(rest)},expires=${String(rest / 2)},`),
      );
      expect(await client.run('EXISTS k:1:later k:1:stays k:99999')).toBe(2);
      await client.run('FLUSHALL');
    },
    60_000 * patience,
  );

  test('DEBUG SET-ACTIVE-EXPIRE 0 leaves only expiry on access', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await client.run('DEBUG SET-ACTIVE-EXPIRE 0');
    await client.run('SET k v PX 10');
    await sleep(500);
    expect(await client.run('DBSIZE')).toBe(1);
    expect(await client.ask('GET k')).toBe('$nil');
    expect(await client.run('DBSIZE')).toBe(0);
    await client.run('DEBUG SET-ACTIVE-EXPIRE 1');
  });

  test('a key is there until its moment and not after', async () => {
    using client = await server.current.connect();
    const [seconds, micros] = (await client.run('TIME')) as [string, string];
    const at = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) + 150;
    await client.cmd('SET', 'k', 'v', 'PXAT', at);
    for (;;) {
      const [before, value, after] = (await client.pipeline([['TIME'], ['EXISTS', 'k'], ['TIME']])) as [
        [string, string],
        number,
        [string, string],
      ];
      const ms = ([s, us]: [string, string]): number => Number(s) * 1000 + Number(us) / 1000;
      if (ms(after) < at) expect(value).toBe(1);
      if (ms(before) > at + 1) {
        expect(value).toBe(0);
        break;
      }
    }
  });

  test('SCAN, KEYS and RANDOMKEY do not show expired keys', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await client.run('DEBUG SET-ACTIVE-EXPIRE 0');
    await client.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `k:${i}`, 'v', 'PX', 20]));
    await client.run('SET live v');
    await sleep(50);
    expect(await client.run('KEYS *')).toEqual(['live']);
    expect(await client.run('SCAN 0 COUNT 1000')).toEqual(['0', ['live']]);
    expect(await client.run('RANDOMKEY')).toBe('live');
    await client.run('DEBUG SET-ACTIVE-EXPIRE 1');
  });
});

describe('values that are only on disk', () => {
  test('commands on several keys of which some have expired, and nobody has come by', async () => {
    {
      using client = await server.current.connect();
      await client.run('FLUSHALL');
      await client.cmd('MSET', 'gone', 'x', 'kept', 'longest', 'other', 'longer');
    }
    await server.current.restart();
    using client = await server.current.connect();
    await client.run('DEBUG SET-ACTIVE-EXPIRE 0');
    await client.run('PEXPIRE gone 1'); // leaves the value where it is
    await sleep(5);
    // In one pipeline: all of them look before the first value has arrived.
    const commands = [
      'MGET gone kept',
      'MGET other gone kept gone',
      'LCS gone kept',
      'LCS other kept',
      'MGET gone gone',
    ];
    void client.send(commands.join('\r\n') + '\r\n');
    const replies = await client.readMany(commands.length);
    expect(replies.map(show)).toEqual([
      '[$nil, "longest"]',
      '["longer", $nil, "longest", $nil]',
      '""',
      '"longe"',
      '[$nil, $nil]',
    ]);
    await client.run('DEBUG SET-ACTIVE-EXPIRE 1');
  });
});

describe('restart', () => {
  test.each(['stop', 'kill'] as const)('deadlines survive (%s)', async (how) => {
    await using other = await startServer({ cairn: smallSegments });
    let deadline: unknown;
    {
      using client = await other.connect();
      await client.run('SET later v PXAT 33177117420123');
      await client.run('SET ended v PX 300');
      await client.run('SET kept v EX 100');
      await client.run('PERSIST kept');
      await client.run('SET moved v');
      await client.run('EXPIREAT moved 33177117420');
      await client.run('SET old v PX 20');
      await sleep(40);
      await client.run('SET old new XX');
      await client.run('SELECT 3');
      await client.run('SETEX in3 1000 v');
      deadline = await client.run('PEXPIRETIME in3');
    }
    const killedAt = Date.now();
    await (how === 'stop' ? other.stop() : other.kill());
    await sleep(Math.max(0, 320 - (Date.now() - killedAt)));
    await other.start();
    using client = await other.connect();
    expect(await client.run('PEXPIRETIME later')).toBe(33177117420123);
    expect(await client.run('EXISTS ended')).toBe(0);
    expect(await client.run('TTL kept')).toBe(-1);
    expect(await client.run('EXPIRETIME moved')).toBe(33177117420);
    expect(await client.run('EXISTS old')).toBe(0);
    expect(await client.run('DBSIZE')).toBe(3);
    await client.run('SELECT 3');
    expect(await client.run('PEXPIRETIME in3')).toBe(deadline); // a restart may take any time
    expect(await client.run('TTL in3')).toBeLessThanOrEqual(1000);
  });
});
