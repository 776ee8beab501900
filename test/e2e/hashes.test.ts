/** Hashes, through a socket; the same tables pass on redis-server. */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { MapReply, nil, nil3, OK, Simple } from '../support/resp.js';
import { cairnOnly, target, useServer } from '../support/server.js';
import { arity, err, notFloat, notInteger, pause, syntaxError, table, wrongType } from '../support/table.js';

const server = useServer();

table(server, 'HSET and what reads its fields', [
  ['HSET h a 1', 1],
  ['HSET h a 2 b 3 c 4', 2],
  ['HSET h a 2', 0],
  ['HGET h a', '2'],
  ['HGET h none', nil],
  ['HGET none a', nil],
  ['HSET h x 1 x 2', 1],
  ['HGET h x', '2'],
  ['HDEL h x', 1],
  ['HMGET h a none c a', ['2', nil, '4', '2']],
  ['HMGET none a b', [nil, nil]],
  ['HLEN h', 3],
  ['HLEN none', 0],
  ['HEXISTS h a', 1],
  ['HEXISTS h none', 0],
  ['HEXISTS none a', 0],
  ['HSTRLEN h a', 1],
  ['HSTRLEN h none', 0],
  ['HSTRLEN none a', 0],
  ['HSET h "" ""', 1],
  ['HGET h ""', ''],
  ['HSTRLEN h ""', 0],
  ['HGETALL h', ['a', '2', 'b', '3', 'c', '4', '', '']],
  ['HKEYS h', ['a', 'b', 'c', '']],
  ['HVALS h', ['2', '3', '4', '']],
  ['HGETALL none', []],
  ['HKEYS none', []],
  ['HVALS none', []],
  ['TYPE h', new Simple('hash')],
  ['OBJECT ENCODING h', 'listpack'],
  ['HSETNX h a 9', 0],
  ['HSETNX h d 5', 1],
  ['HSETNX new a 1', 1],
  ['HGET h a', '2'],
  ['HMSET h a 7 e 8', OK],
  ['HGET h a', '7'],
  ['HDEL h a a none', 1],
  ['HDEL none a', 0],
  ['HDEL h b c d e ""', 5],
  ['EXISTS h', 0],
]);

table(server, 'hashes count', [
  ['HINCRBY h n 5', 5],
  ['HINCRBY h n -7', -2],
  ['HGET h n', '-2'],
  ['HINCRBY h n x', notInteger],
  ['HINCRBY h n 1.5', notInteger],
  ['HSET h t text m 9223372036854775807 s " 1"', 3],
  ['HINCRBY h t 1', err('ERR hash value is not an integer')],
  ['HINCRBY h s 1', err('ERR hash value is not an integer')],
  ['HINCRBY h m 1', err('ERR increment or decrement would overflow')],
  ['HINCRBYFLOAT h f 10.5', '10.5'],
  ['HINCRBYFLOAT h f 0.1', '10.6'],
  ['HINCRBYFLOAT h f -5', '5.6'],
  ['HINCRBYFLOAT h f 5.0e3', '5005.60000000000000009'],
  ['HINCRBYFLOAT h f x', notFloat],
  ['HINCRBYFLOAT h t 1', err('ERR hash value is not a float')],
  ['HINCRBYFLOAT new f 3', '3'],
  ['HLEN new', 1],
]);

table(server, 'hashes keep what a key has', [
  ['HSET h a 1', 1],
  ['EXPIRE h 100', 1],
  ['HSET h b 2', 1],
  ['HINCRBY h a 1', 2],
  ['HDEL h b', 1],
  ['TTL h', 100],
  ['RENAME h g', OK],
  ['TTL g', 100],
  ['HGETALL g', ['a', '2']],
  ['COPY g h', 1],
  ['HSET h a 3', 0],
  ['HGET g a', '2'],
  ['SET g s', OK],
  ['TYPE g', new Simple('string')],
  ['TTL g', -1],
]);

table(server, 'hashes and other types refuse each other', [
  ['SET s text', OK],
  ['HSET h a 1', 1],
  ...[
    'HSET s a 1',
    'HSETNX s a 1',
    'HMSET s a 1',
    'HGET s a',
    'HMGET s a',
    'HGETALL s',
    'HKEYS s',
    'HVALS s',
    'HLEN s',
    'HSTRLEN s a',
    'HEXISTS s a',
    'HDEL s a',
    'HINCRBY s a 1',
    'HINCRBYFLOAT s a 1',
    'HRANDFIELD s',
    'HRANDFIELD s 2',
    'HSCAN s 0',
    'GET h',
    'GETSET h x',
    'GETEX h',
    'GETDEL h',
    'SET h x GET',
    'APPEND h x',
    'STRLEN h',
    'SETRANGE h 1 x',
    'GETRANGE h 0 1',
    'INCR h',
    'DECRBY h 2',
    'INCRBYFLOAT h 1',
    'SETBIT h 1 1',
    'GETBIT h 1',
    'BITCOUNT h',
    'BITPOS h 1',
    'BITOP NOT x h',
    'BITOP AND x s h',
    'BITFIELD h GET u8 0',
    'BITFIELD_RO h GET u8 0',
    'PFADD h a',
    'PFCOUNT h',
    'PFMERGE x h',
  ].map((line) => [line, wrongType] as const),
  ['LCS s h', err('ERR The specified keys must contain string values')],
  ['MGET s h', ['text', nil]],
  ['SETNX h x', 0],
  ['SET h x NX', nil],
  ['MSETNX h x', 0],
  ['HGETALL h', ['a', '1']],
  ['SET h x', OK],
  ['GET h', 'x'],
  ['HSET g a 1', 1],
  ['MSET g y', OK],
  ['GET g', 'y'],
  ['HSET k a 1', 1],
  ['SETEX k 100 z', OK],
  ['GET k', 'z'],
  ['HSET k2 a 1', 1],
  ['BITOP NOT k2 s', 4],
  ['TYPE k2', new Simple('string')],
]);

table(server, 'HRANDFIELD and HSCAN', [
  ['HSET h a 1', 1],
  ['HRANDFIELD h', 'a'],
  ['HRANDFIELD none', nil],
  ['HRANDFIELD h 0', []],
  ['HRANDFIELD h 5', ['a']],
  ['HRANDFIELD h -3', ['a', 'a', 'a']],
  ['HRANDFIELD h -2 WITHVALUES', ['a', '1', 'a', '1']],
  ['HRANDFIELD h 2 withvalues', ['a', '1']],
  ['HRANDFIELD none 5', []],
  ['HRANDFIELD h x', notInteger],
  ['HRANDFIELD h 1 x', syntaxError],
  ['HRANDFIELD h 1 WITHVALUES x', syntaxError],
  ['HRANDFIELD h 9223372036854775807 WITHVALUES', err('ERR value is out of range')],
  ['HRANDFIELD h 9223372036854775807', ['a']],
  ['HRANDFIELD h 9223372036854775808', notInteger],
  ['HSCAN h 0', ['0', ['a', '1']]],
  ['HSCAN h 5', ['0', ['a', '1']]],
  ['HSCAN h x', err('ERR invalid cursor')],
  ['HSCAN none x', err('ERR invalid cursor')],
  ['HSCAN none 0 COUNT x', ['0', []]],
  ['HSCAN h 0 COUNT x', notInteger],
  ['HSCAN h 0 COUNT 0', syntaxError],
  ['HSCAN h 0 COUNT', syntaxError],
  ['HSCAN h 0 MATCH', syntaxError],
  ['HSCAN h 0 TYPE hash', syntaxError],
  ['HSET h b 2 cc 3', 2],
  ['HSCAN h 0 MATCH ?', ['0', ['a', '1', 'b', '2']]],
  ['HSCAN h 0 MATCH c* COUNT 1', ['0', ['cc', '3']]],
  ['HSCAN h 0 MATCH none', ['0', []]],
]);

table(server, 'arguments of hash commands', [
  ['HSET h', arity('hset')],
  ['HSET h a', arity('hset')],
  ['HSET h a 1 b', arity('hset')],
  ['HMSET h a 1 b', arity('hmset')],
  ['HSETNX h a', arity('hsetnx')],
  ['HGET h', arity('hget')],
  ['HMGET h', arity('hmget')],
  ['HDEL h', arity('hdel')],
  ['HGETALL h x', arity('hgetall')],
  ['HINCRBY h a', arity('hincrby')],
  ['HRANDFIELD', arity('hrandfield')],
  ['HSCAN h', arity('hscan')],
]);

describe('hashes in RESP3', () => {
  test('maps and pairs', async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    await client.cmd('HELLO', '3');
    await client.cmd('HSET', 'h', 'a', '1');
    expect(await client.cmd('HGETALL', 'h')).toEqual(new MapReply([['a', '1']]));
    expect(await client.cmd('HGETALL', 'none')).toEqual(new MapReply([]));
    expect(await client.cmd('HKEYS', 'h')).toEqual(['a']);
    expect(await client.cmd('HVALS', 'h')).toEqual(['1']);
    expect(await client.cmd('HGET', 'h', 'none')).toEqual(nil3);
    expect(await client.cmd('HRANDFIELD', 'none')).toEqual(nil3);
    expect(await client.cmd('HRANDFIELD', 'h', '2', 'WITHVALUES')).toEqual([['a', '1']]);
    expect(await client.cmd('HSCAN', 'h', '0')).toEqual(['0', ['a', '1']]);
    expect(await client.cmd('HINCRBYFLOAT', 'h', 'f', '1.5')).toEqual('1.5');
  });
});

describe('hashes in transactions', () => {
  test('what EXEC does to a field, its later commands see', async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    const replies = await client.pipeline([
      ['MULTI'],
      ['HSET', 'h', 'a', '1'],
      ['HINCRBY', 'h', 'a', '4'],
      ['HGETALL', 'h'],
      ['RENAME', 'h', 'g'],
      ['HSET', 'g', 'b', '2'],
      ['HLEN', 'h'],
      ['HKEYS', 'g'],
      ['HDEL', 'g', 'a', 'b'],
      ['EXISTS', 'g'],
      ['EXEC'],
    ]);
    expect(replies.at(-1)).toEqual([1, 5, ['a', '5'], OK, 1, 0, ['a', 'b'], 2, 0]);
  });

  test('a change to a field is a change to the key', async () => {
    using watcher = await server.current.connect();
    using other = await server.current.connect();
    await other.cmd('FLUSHALL');
    await other.cmd('HSET', 'h', 'a', '1');
    await watcher.cmd('WATCH', 'h');
    await other.cmd('HSET', 'h', 'a', '1');
    await watcher.cmd('MULTI');
    await watcher.cmd('HLEN', 'h');
    expect(await watcher.cmd('EXEC')).toMatchObject({ kind: 'array' });
  });
});

describe('hashes of many fields', () => {
  const many = Array.from({ length: 20 }, (_, i) => [`field:${i}`, `value of ${i}`]);
  const fields = Object.fromEntries(many) as Record<string, string>;

  cairnOnly('all of a client is right about one', async () => {
    const { port } = server.current;
    const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true });
    await client.connect();
    try {
      expect(await client.hset('big', fields)).toBe(many.length);
      expect(await client.hgetall('big')).toEqual(fields);
      const seen = new Map<string, string>();
      for await (const keys of client.hscanStream('big', { count: 100 }) as AsyncIterable<string[]>)
        for (let i = 0; i < keys.length; i += 2) seen.set(keys[i] ?? '', keys[i + 1] ?? '');
      expect(Object.fromEntries(seen)).toEqual(fields);
      expect(await client.hdel('big', ...many.slice(10).map(([name = '']) => name))).toBe(many.length - 10);
      expect(await client.hlen('big')).toBe(10);
      expect(await client.del('big')).toBe(1);
    } finally {
      client.disconnect();
    }
  });
});

// Redis 7.4 and 8 have these; the server beside may be older.
if (target === 'cairn') {
  const noFields = err('ERR Mandatory argument FIELDS is missing or not at the right position');
  const mismatch = err('ERR The `numfields` parameter must match the number of arguments');
  const far = '4102444800';

  table(server, 'fields end', [
    ['HSET h a 1 b 2 c 3', 3],
    ['HTTL h FIELDS 2 a none', [-1, -2]],
    ['HTTL none FIELDS 2 a b', [-2, -2]],
    ['HEXPIRE h 100 FIELDS 3 a b none', [1, 1, -2]],
    ['HTTL h FIELDS 3 a b c', [100, 100, -1]],
    ['HPTTL h FIELDS 1 c', [-1]],
    ['HEXPIRE none 100 FIELDS 1 a', [-2]],
    ['HEXPIRE h 200 NX FIELDS 2 a c', [0, 1]],
    ['HEXPIRE h 50 XX FIELDS 1 a', [1]],
    ['HEXPIRE h 40 GT FIELDS 1 a', [0]],
    ['HEXPIRE h 60 GT FIELDS 1 a', [1]],
    ['HEXPIRE h 70 LT FIELDS 1 a', [0]],
    ['HEXPIRE h 10 LT FIELDS 1 a', [1]],
    ['HPERSIST h FIELDS 3 a none b', [1, -2, 1]],
    ['HPERSIST h FIELDS 1 a', [-1]],
    ['HEXPIRE h 10 GT FIELDS 1 a', [0]],
    ['HEXPIRE h 10 LT FIELDS 1 a', [1]],
    [`HEXPIREAT h ${far} FIELDS 1 a`, [1]],
    ['HEXPIRETIME h FIELDS 1 a', [Number(far)]],
    ['HPEXPIRETIME h FIELDS 2 a b', [Number(far) * 1000, -1]],
    [`HPEXPIREAT h ${far}123 FIELDS 1 a`, [1]],
    ['HEXPIRETIME h FIELDS 1 a', [Number(far) + 1]],
    ['HSET h a new', 0],
    ['HTTL h FIELDS 1 a', [-1]],
    ['HEXPIRE h 100 FIELDS 1 a', [1]],
    ['HINCRBY h b 1', 3],
    ['HSET h n 1', 1],
    ['HEXPIRE h 100 FIELDS 1 n', [1]],
    ['HINCRBY h n 1', 2],
    ['HTTL h FIELDS 1 n', [100]],
    ['HEXPIRE h 0 FIELDS 2 n none', [2, -2]],
    ['HEXISTS h n', 0],
    ['HEXPIREAT h 1 FIELDS 3 a b c', [2, 2, 2]],
    ['EXISTS h', 0],
  ]);

  table(server, 'a field that has ended is not there', [
    ['HSET h a 1 b 2', 2],
    ['HPEXPIRE h 1 FIELDS 1 a', [1]],
    pause(20),
    ['HGET h a', nil],
    ['HMGET h a b', [nil, '2']],
    ['HLEN h', 1],
    ['HEXISTS h a', 0],
    ['HGETALL h', ['b', '2']],
    ['HRANDFIELD h 5', ['b']],
    ['HSCAN h 0', ['0', ['b', '2']]],
    ['HTTL h FIELDS 1 a', [-2]],
    ['HDEL h a', 0],
    ['HSETNX h a 3', 1],
    ['HTTL h FIELDS 1 a', [-1]],
    ['HPEXPIRE h 1 FIELDS 2 a b', [1, 1]],
    pause(20),
    ['HLEN h', 0],
    ['HGETALL h', []],
    ['HRANDFIELD h', nil],
    ['HINCRBY h b 5', 5],
    ['HGETALL h', ['b', '5']],
  ]);

  table(server, 'arguments of times of fields', [
    ['HSET h a 1', 1],
    ['HEXPIRE h x FIELDS 1 a', notInteger],
    ['HEXPIRE h -1 FIELDS 1 a', err('ERR invalid expire time, must be >= 0')],
    ['HEXPIRE h 9223372036854775807 FIELDS 1 a', err("ERR invalid expire time in 'hexpire' command")],
    ['HPEXPIREAT h 70368744177664 FIELDS 1 a', err("ERR invalid expire time in 'hpexpireat' command")],
    ['HEXPIRE h 1 FOO 1 a', noFields],
    ['HEXPIRE h 1 FIELDS 0 a', err('ERR Parameter `numFields` should be greater than 0')],
    ['HEXPIRE h 1 FIELDS 2 a', mismatch],
    ['HEXPIRE h 1 FIELDS 1 a b', mismatch],
    ['HTTL h FOO 1 a', noFields],
    ['HTTL h FIELDS x a', err('ERR Number of fields must be a positive integer')],
    ['HTTL h FIELDS 2 a', mismatch],
    ['HEXPIRE h 1', arity('hexpire')],
    ['HTTL h FIELDS 1', arity('httl')],
    ['SET s x', OK],
    ['HEXPIRE s x', arity('hexpire')],
    ['HEXPIRE s x FIELDS 1 a', wrongType],
    ['HTTL s FIELDS 1 a', wrongType],
    ['HPERSIST s FIELDS 1 a', wrongType],
  ]);

  table(server, 'HGETDEL, HGETEX and HSETEX', [
    ['HSET h a 1 b 2 c 3', 3],
    ['HGETDEL h FIELDS 2 a none', ['1', nil]],
    ['HGETDEL none FIELDS 1 a', [nil]],
    ['HLEN h', 2],
    ['HGETEX h FIELDS 2 b none', ['2', nil]],
    ['HGETEX h EX 100 FIELDS 1 b', ['2']],
    ['HTTL h FIELDS 1 b', [100]],
    ['HGETEX h PERSIST FIELDS 1 b', ['2']],
    ['HTTL h FIELDS 1 b', [-1]],
    ['HGETEX h EXAT 1 FIELDS 1 b', ['2']],
    ['HEXISTS h b', 0],
    ['HGETEX none FIELDS 1 a', [nil]],
    ['HGETDEL h FIELDS 1 c', ['3']],
    ['EXISTS h', 0],
    ['HSETEX h EX 100 FIELDS 2 a 1 b 2', 1],
    ['HTTL h FIELDS 2 a b', [100, 100]],
    ['HSETEX h KEEPTTL FIELDS 1 a 9', 1],
    ['HTTL h FIELDS 1 a', [100]],
    ['HSETEX h FIELDS 1 a 8', 1],
    ['HTTL h FIELDS 1 a', [-1]],
    ['HSETEX h FNX FIELDS 2 c 1 a 1', 0],
    ['HSETEX h FXX FIELDS 2 c 1 a 1', 0],
    ['HSETEX h FNX FIELDS 1 c 1', 1],
    ['HSETEX h FXX PX 100000 FIELDS 2 c 2 a 7', 1],
    ['HMGET h a b c', ['7', '2', '2']],
    ['HSETEX none FXX FIELDS 1 a 1', 0],
    ['HSETEX h PXAT 1 FIELDS 3 a 1 b 1 c 1', 1],
    ['EXISTS h', 0],
    [
      'HSETEX h EX 1 PX 1 FIELDS 1 a 1',
      err('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'),
    ],
    ['HSETEX h FNX FXX FIELDS 1 a 1', err('ERR Only one of FXX or FNX arguments can be specified')],
    ['HSETEX h FOO FIELDS 1 a 1', err('ERR unknown argument: FOO')],
    ['HSETEX h FIELDS 2 a 1', arity('hsetex')],
    ['HSETEX h FIELDS 0 a 1', err('ERR invalid number of fields')],
    ['HGETEX h EX FIELDS 1 a', notInteger],
    ['HGETEX h FOO FIELDS 1 a', noFields],
    ['HGETDEL h FIELDS 2 a', mismatch],
  ]);
}
