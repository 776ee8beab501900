/** notify-keyspace-events: the same events, in the same order, as redis-server tells. */
import { describe, expect, test } from 'vitest';
import { OK } from '../support/resp.js';
import { eventually, useServer } from '../support/server.js';
import { err, table } from '../support/table.js';
import { type Line, Wire, listen, listenFor } from '../support/wires.js';

const here = useServer({ cairn: { 'io-threads': 2 } });
const there = useServer({ kind: 'redis', redis: { save: '', appendonly: 'no', 'enable-debug-command': 'yes' } });

/** The commands of `p`, as a listener to everything hears of them. */
async function same(commands: readonly (string | Line)[], classes = 'KEAnm'): Promise<void> {
  const lines: Line[] = [
    ['p', 'FLUSHALL'],
    ['p', `CONFIG SET notify-keyspace-events "${classes}"`],
    ['s', 'PSUBSCRIBE __key*@*__:*'],
    ...commands.map((command): Line => (typeof command === 'string' ? ['p', command] : command)),
  ];
  const expected = await listen(there.current.port, lines);
  expect(await listenFor(here.current.port, lines, expected)).toEqual(expected);
}

describe('the same events as from redis-server', () => {
  test('strings', () =>
    same([
      'SET k v',
      'SET k w',
      'SET k v EX 100',
      'SET k v KEEPTTL',
      'SET k v NX',
      'SET nosuch v XX',
      'SET k v GET',
      'SET other v GET PX 100000',
      'SETNX k v',
      'SETNX fresh v',
      'SETEX k 100 v',
      'PSETEX k2 100000 v',
      'GETSET k w',
      'GETSET made w',
      'GETDEL made',
      'GETDEL made',
      'GETEX k EX 100',
      'GETEX k PERSIST',
      'GETEX k PERSIST',
      'GETEX k',
      'GETEX k PXAT 1',
      'MSET a 1 b 2 a 3',
      'MSETNX a 1 c 2',
      'MSETNX c 1 d 2',
      'APPEND a x',
      'APPEND a ""',
      'APPEND fresh2 x',
      'SETRANGE a 3 xyz',
      'SETRANGE a 3 ""',
      'SETRANGE gap 3 xyz',
      'SET n 1',
      'INCR n',
      'DECR n',
      'INCRBY n 10',
      'DECRBY n 10',
      'INCR made',
      'INCRBYFLOAT n 1.5',
      'INCR n',
      'SETBIT bits 7 1',
      'SETBIT bits 7 1',
      'SETBIT bits 100 0',
      'BITFIELD bits SET u8 0 5 GET u8 0',
      'BITFIELD bits GET u8 0',
      'BITFIELD bits2 INCRBY u8 0 1',
      'BITOP AND dest bits bits2',
      'BITOP AND dest nosuch1 nosuch2',
      'BITOP AND dest nosuch1 nosuch2',
      'PFADD hll a b c',
      'PFADD hll a b c',
      'PFADD hll2',
      'PFMERGE hll3 hll hll2',
      'PFCOUNT hll hll2 nosuch',
    ]));

  test('keys', () =>
    same([
      'MSET a 1 b 2 c 3',
      'DEL a a nosuch',
      'UNLINK b',
      'EXPIRE c 100',
      'EXPIRE c 100 NX',
      'PEXPIRE c 100000 XX',
      'EXPIREAT c 99999999999',
      'PEXPIREAT c 9999999999999',
      'PERSIST c',
      'PERSIST c',
      'EXPIRE c -1',
      'EXPIRE c 100',
      'SET c 3',
      'PEXPIREAT c 1',
      'SET c 3',
      'SET d 4',
      'RENAME c c',
      'RENAME c d',
      'RENAME d e',
      'RENAME nosuch x',
      'SET f 6',
      'RENAMENX e f',
      'RENAMENX e g',
      'COPY g h',
      'COPY g h',
      'COPY g h REPLACE',
      'COPY g g DB 1',
      'MOVE g 1',
      'MOVE h 2',
      'MOVE nosuch 2',
      'SELECT 2',
      'SET h 1',
      'SELECT 0',
      'SET r v',
      'RESTORE r2 0 "\\x00\\x01v\\n\\x00\\x91\\b\\xce\\xb2\\x198\\x8a\\xce"',
      'TOUCH r nosuch',
      'EXISTS r nosuch',
      'TYPE nosuch',
      'TTL nosuch',
      'GET nosuch',
      'MGET r nosuch r nosuch',
      'STRLEN nosuch',
      'GETRANGE nosuch 0 1',
      'OBJECT ENCODING nosuch',
      'OBJECT FREQ nosuch',
      'OBJECT IDLETIME nosuch',
      'DUMP nosuch',
      'SWAPDB 0 1',
      'FLUSHDB',
      'FLUSHALL',
    ]));

  test('streams', () =>
    same([
      'XADD s 1-0 a b',
      'XADD s 2-0 a b',
      'XADD s 2-0 a b',
      'XADD none NOMKSTREAM 1-0 a b',
      'XADD s MAXLEN 2 3-0 a b',
      'XADD s MAXLEN 9 4-0 a b',
      'XADD s MINID 3 5-0 a b',
      'XTRIM s MAXLEN 5',
      'XTRIM s MAXLEN 2',
      'XTRIM none MAXLEN 2',
      'XDEL s 1-0',
      'XDEL s 4-0 4-0 9-0',
      'XDEL s 5-0',
      'XLEN s',
      'XSETID s 7-0',
      'XGROUP CREATE s g 0',
      'XGROUP CREATE s g 0',
      'XGROUP CREATE made g $ MKSTREAM',
      'XGROUP CREATE none g $',
      'XGROUP SETID s g 0',
      'XGROUP SETID s none 0',
      'XGROUP CREATECONSUMER s g one',
      'XGROUP CREATECONSUMER s g one',
      'XADD s 8-0 a b',
      'XADD s 9-0 a b',
      'XREADGROUP GROUP g one COUNT 1 STREAMS s >',
      'XREADGROUP GROUP g two STREAMS s >',
      'XREADGROUP GROUP g two STREAMS s 0',
      'XREADGROUP GROUP g two STREAMS s none > >',
      'XCLAIM s g three 0 8-0',
      'XCLAIM s g three 0 8-0',
      'XAUTOCLAIM s g four 0 0',
      'XACK s g 8-0',
      'XACK s g 8-0',
      'XPENDING s g',
      'XGROUP DELCONSUMER s g four',
      'XGROUP DELCONSUMER s g four',
      'XGROUP DESTROY s g',
      'XGROUP DESTROY s g',
      'XRANGE s - +',
      'XRANGE none - +',
      'XREAD STREAMS none s absent 0 0 0',
      'XREAD BLOCK 1 STREAMS none $',
      'XACK none g 1-0',
      'XPENDING none g',
      'XCLAIM none g one 0 1-0',
      'XINFO STREAM none',
      'XTRIM s MAXLEN 0',
      'DEL s',
      'XADD e 1-0 a b',
      'EXPIRE e 100',
      'XADD e 2-0 a b',
      'RENAME e f',
      'COPY f h',
      'MULTI',
      'XADD f 9-0 a b',
      'XDEL f 9-0',
      'EXEC',
    ]));

  test('sorted sets and streams for which others wait', () =>
    same([
      ['w', 'BZPOPMIN none z 0'],
      ['x', 'BZMPOP 0 1 z MAX COUNT 5'],
      'ZADD z 1 a 2 b 3 c',
      ['w', 'BZPOPMAX z 0'],
      'ZINCRBY z 4 d',
      'ZADD z 1 a 2 b',
      'BZPOPMIN z 0',
      'BZMPOP 0 1 z MIN COUNT 5',
      'XGROUP CREATE s g $ MKSTREAM',
      'XGROUP CREATECONSUMER s g one', // before 7.2 only who gets something is made
      ['w', 'XREADGROUP GROUP g one BLOCK 0 STREAMS s >'],
      ['x', 'XREAD BLOCK 0 STREAMS s $'],
      'XADD s 1-0 a b',
    ]));

  test('sets', () =>
    same([
      'SADD s a b',
      'SADD s a',
      'SADD s c',
      'SREM s a x',
      'SREM s x',
      'SMOVE s t b',
      'SMOVE s t nosuch',
      'SMOVE t t b',
      'SADD s b',
      'SMOVE t s b',
      'SPOP s 0',
      'SREM s c',
      'SPOP s 9',
      'SADD s a',
      'SPOP s',
      'SADD s a b',
      'SREM s a b',
      'SPOP nosuch',
      'SCARD nosuch',
      'SMEMBERS nosuch',
      'SADD a 1 2 3',
      'SADD b 2 3 4',
      'SINTERSTORE d a b',
      'SINTERSTORE d a b',
      'SUNIONSTORE d a b',
      'SDIFFSTORE d a b',
      'SDIFFSTORE d a a',
      'SUNIONSTORE d nosuch',
      'SINTERSTORE d nosuch a',
      'SET d v',
      'SUNIONSTORE d a',
      'SUNION a nosuch',
      'SINTER a nosuch',
      'ZUNIONSTORE z 2 a b',
      'ZINTERSTORE z 2 a nosuch',
    ]));

  test('collections that are copied, moved, restored and sorted', () =>
    same([
      'SADD s 1 2',
      'RPUSH l 2 1',
      'ZADD z 1 a',
      'HSET h f v',
      'COPY s s2',
      'COPY l s2 REPLACE',
      'COPY z z2',
      'COPY h h2 DB 1',
      'MOVE s 1',
      'MOVE s 1',
      'MOVE l 2',
      'SORT s2 STORE d',
      'SORT s2 STORE d',
      'SORT nosuch STORE d',
      'SORT nosuch STORE d',
      'SORT nosuch',
      'SET d v',
      'SORT s2 STORE d',
      'SORT s2 BY w* GET h*->f GET w*',
      'RESTORE r 0 "\\x0b\\x0a\\x02\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x05\\x00\\x0a\\x00\\xcb\\xc5\\xab\\xa9\\x24\\xa4\\x32\\x51"',
    ]));

  test('transactions: each command tells its own; none is told if nothing is done', () =>
    same([
      'MULTI',
      'SET k v',
      'SELECT 3',
      'SET k v',
      'INCR k',
      'DEL k nosuch',
      'SELECT 0',
      'APPEND k x',
      'EXEC',
      'MULTI',
      'SET k w',
      'DISCARD',
      'MULTI',
      'SET k w',
      'BOGUS',
      'EXEC',
    ]));

  test('expired by a read, and by a write', () =>
    same([
      'DEBUG SET-ACTIVE-EXPIRE 0',
      'SET a 1 PX 1',
      'SET b 2 PX 1',
      'SET c 3 PX 1',
      'SET d 4 PX 1',
      'SET e 5 PX 1',
      20,
      'GET a',
      'GET a',
      'SET b 3',
      'APPEND c x',
      'DEL d',
      'MULTI',
      'EXISTS e',
      'SETNX e 1',
      'EXEC',
      'DEBUG SET-ACTIVE-EXPIRE 1',
    ]));

  for (const classes of ['', 'K', 'A', 'Kg', 'E$', 'Kx', 'Eg$', 'Em', 'KEn', 'KEl']) {
    test(`classes "${classes}"`, () =>
      same(['SET k v', 'SET k v PX 1', 20, 'GET k', 'SET k v', 'DEL k', 'EXPIRE k 10'], classes));
  }
});

test('keys that nobody looks at are told of when their time has come', async () => {
  using listener = await Wire.connect(here.current.port);
  using writer = await here.current.connect();
  expect(await writer.run('CONFIG SET notify-keyspace-events Ex')).toEqual(OK);
  listener.send('SUBSCRIBE __keyevent@0__:expired');
  await listener.until((text) => text.includes(':1\r\n'), 'the confirmation');
  const begin = Date.now();
  for (let i = 0; i < 100; i++) await writer.run(`SET swept:${i} v PX 300`);
  const told = (text: string): number => text.split('swept:').length - 1;
  await listener.until((text) => told(text) === 100, 'an event for each key');
  expect(Date.now() - begin).toBeGreaterThanOrEqual(300);
  const text = listener.received.toString('latin1');
  for (let i = 0; i < 100; i++) expect(text.split(`swept:${i}\r\n`)).toHaveLength(2);
});

test('a write is told of only when it is durable, and once', async () => {
  // appendfsync always: the listener reads what it is told of, on another connection.
  using listener = await Wire.connect(here.current.port);
  using writer = await here.current.connect();
  using reader = await here.current.connect();
  await writer.run('CONFIG SET notify-keyspace-events K$');
  listener.send('SUBSCRIBE __keyspace@0__:durable');
  await listener.until((text) => text.includes(':1\r\n'), 'the confirmation');
  for (let i = 0; i < 50; i++) await writer.run(`SET durable ${i}`);
  expect(await reader.run('GET durable')).toBe('49');
  await listener.until((text) => text.split('\r\nset\r\n').length === 51, 'fifty events');
});

table(here, 'CONFIG notify-keyspace-events', [
  ['CONFIG SET notify-keyspace-events EKgx', OK],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', 'gxKE']],
  ['CONFIG SET notify-keyspace-events "tehzsxl$gEKd"', OK],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', 'AKE']],
  ['CONFIG SET notify-keyspace-events mKEA', OK],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', 'AKEm']],
  ['CONFIG SET notify-keyspace-events nK', OK],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', 'nK']],
  [
    'CONFIG SET notify-keyspace-events KEq',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
    ),
  ],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', 'nK']],
  ['CONFIG SET notify-keyspace-events ""', OK],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', '']],
]);

test('switched off, nothing is told', async () => {
  using listener = await Wire.connect(here.current.port);
  using writer = await here.current.connect();
  listener.send('PSUBSCRIBE *');
  await listener.until((text) => text.includes(':1\r\n'), 'the confirmation');
  listener.clear();
  await writer.run('SET k v');
  await writer.run('PUBLISH end end');
  await listener.until((text) => text.includes('end'), 'the message behind it');
  expect(listener.received.toString('latin1')).not.toContain('set');
  await eventually('it is gone', async () => (await writer.run('PUBSUB NUMPAT')) === 1);
});
