/** Commands on sets. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { ErrorReply, nil, OK, type Reply, SetReply, show, Simple } from '../support/resp.js';
import { has72, useServer } from '../support/server.js';
import {
  anything,
  arity,
  err,
  matcher,
  type Matcher,
  notInteger,
  oneOf,
  syntaxError,
  table,
  unordered,
} from '../support/table.js';

const server = useServer();

const wrongType = err('WRONGTYPE Operation against a key holding the wrong kind of value');
/** Before 7.2 there is no packed form of sets but that of integers. */
const packed = has72 ? 'listpack' : 'hashtable';
const long = 'x'.repeat(65);

const someOf = (count: number, ...choices: readonly string[]): Matcher =>
  matcher(`${count} different ones of ${choices.join(' ')}`, (reply) => {
    if (!Array.isArray(reply) || reply.length !== count || new Set(reply.map(show)).size !== count) return false;
    return (reply as Reply[]).every((item) => choices.includes(item as string));
  });

table(server, 'SADD, SREM, SCARD, SISMEMBER, SMISMEMBER, SMEMBERS', [
  ['SADD k a', 1],
  ['SADD k a b c a', 2],
  ['SADD k a b', 0],
  ['SCARD k', 3],
  ['TYPE k', new Simple('set')],
  ['SISMEMBER k a', 1],
  ['SISMEMBER k d', 0],
  ['SISMEMBER nosuch d', 0],
  ['SMISMEMBER k a d b a', [1, 0, 1, 1]],
  ['SMISMEMBER nosuch a b', [0, 0]],
  ['SMEMBERS k', unordered('a', 'b', 'c')],
  ['SREM k a x', 1],
  ['SREM k a', 0],
  ['SMEMBERS k', unordered('b', 'c')],
  ['SREM k b c', 2],
  ['EXISTS k', 0],
  ['SREM k b', 0],
  ['SCARD k', 0],
  ['SMEMBERS k', []],
  [['SADD', 'k', '', '\x00', '\xff\r\n'], 3],
  [['SISMEMBER', 'k', ''], 1],
  ['SMEMBERS k', unordered('', '\x00', '\xff\r\n')],
  ['SADD k', arity('sadd')],
  ['SREM k', arity('srem')],
  ['SCARD', arity('scard')],
  ['SISMEMBER k', arity('sismember')],
  ['SMISMEMBER k', arity('smismember')],
  ['SMEMBERS k x', arity('smembers')],
  ['SET string v', OK],
  ['SADD string a', wrongType],
  ['SREM string a', wrongType],
  ['SCARD string', wrongType],
  ['SISMEMBER string a', wrongType],
  ['SMISMEMBER string a', wrongType],
  ['SMEMBERS string', wrongType],
  ['GET k', wrongType],
  ['APPEND k x', wrongType],
  ['SET k v', OK],
  ['GET k', 'v'],
]);

table(server, 'SMEMBERS of integers, and how Redis would hold a set', [
  ['SADD i 3 -1 2 100000000000 -5', 5],
  ['SMEMBERS i', ['-5', '-1', '2', '3', '100000000000']],
  ['OBJECT ENCODING i', 'intset'],
  ['SADD i 9223372036854775807 -9223372036854775808', 2],
  ['SMEMBERS i', ['-9223372036854775808', '-5', '-1', '2', '3', '100000000000', '9223372036854775807']],
  ['SREM i 3', 1],
  ['SADD i 03', 1],
  ['OBJECT ENCODING i', packed],
  ['SISMEMBER i 3', 0],
  ['SISMEMBER i 03', 1],
  ['SISMEMBER i 100000000000', 1],
  ['SREM i 03', 1],
  ['OBJECT ENCODING i', packed],
  ['SADD s a b c', 3],
  ['OBJECT ENCODING s', packed],
  [['SADD', 's', long], 1],
  ['OBJECT ENCODING s', 'hashtable'],
  [['SREM', 's', long], 1],
  ['OBJECT ENCODING s', 'hashtable'],
  [['SADD', 'j', '1', long], 2],
  ['OBJECT ENCODING j', 'hashtable'],
  [['SADD', 'many', ...Array.from({ length: 512 }, (_, n) => `${n}`)], 512],
  ['OBJECT ENCODING many', 'intset'],
  ['SADD many 512', 1],
  ['OBJECT ENCODING many', 'hashtable'],
  [['SADD', 'at-once', ...Array.from({ length: 513 }, (_, n) => `${n % 10}`)], 10],
  ['OBJECT ENCODING at-once', 'hashtable', '7.2'],
  [['SADD', 'texts', ...Array.from({ length: 128 }, (_, n) => `m${n}`)], 128],
  ['OBJECT ENCODING texts', packed],
  ['SADD texts m128', 1],
  ['OBJECT ENCODING texts', 'hashtable'],
  [['SADD', 'mixed', ...Array.from({ length: 200 }, (_, n) => `${n}`), 'x'], 201],
  ['OBJECT ENCODING mixed', 'hashtable'],
]);

table(server, 'SMOVE', [
  ['SADD a 1 2 x', 3],
  ['SADD b y', 1],
  ['SMOVE a b x', 1],
  ['SMOVE a b x', 0],
  ['SMEMBERS b', unordered('x', 'y')],
  ['SMOVE a a 1', 1],
  ['SMOVE a a 7', 0],
  ['SADD b 1', 1],
  ['SMOVE a b 1', 1],
  ['SMEMBERS a', ['2']],
  ['SMOVE a new 2', 1],
  ['EXISTS a', 0],
  ['OBJECT ENCODING new', 'intset'],
  ['SMOVE nosuch b 1', 0],
  ['SET string v', OK],
  ['SMOVE nosuch string 1', 0],
  ['SMOVE string b 1', wrongType],
  ['SMOVE b string 1', wrongType],
  ['SMOVE a b', arity('smove')],
]);

table(server, 'SPOP', [
  ['SPOP nosuch', nil],
  ['SPOP nosuch 2', []],
  ['SADD k a b c d e', 5],
  ['SPOP k 0', []],
  ['SPOP k', oneOf('a', 'b', 'c', 'd', 'e')],
  ['SCARD k', 4],
  ['SPOP k 2', someOf(2, 'a', 'b', 'c', 'd', 'e')],
  ['SCARD k', 2],
  ['SPOP k 9', someOf(2, 'a', 'b', 'c', 'd', 'e')],
  ['EXISTS k', 0],
  ['SADD k a', 1],
  ['SPOP k', 'a'],
  ['EXISTS k', 0],
  ['SPOP k -1', err('ERR value is out of range, must be positive')],
  ['SPOP k x', err('ERR value is out of range, must be positive')],
  ['SPOP k 1 x', syntaxError],
  ['SPOP', arity('spop')],
  ['SET string v', OK],
  ['SPOP string', wrongType],
  ['SPOP string 0', wrongType],
  ['SPOP string x', err('ERR value is out of range, must be positive')],
]);

table(server, 'SRANDMEMBER', [
  ['SRANDMEMBER nosuch', nil],
  ['SRANDMEMBER nosuch 3', []],
  ['SRANDMEMBER nosuch -3', []],
  ['SADD k a b c', 3],
  ['SRANDMEMBER k', oneOf('a', 'b', 'c')],
  ['SRANDMEMBER k 0', []],
  ['SRANDMEMBER k 2', someOf(2, 'a', 'b', 'c')],
  ['SRANDMEMBER k 3', unordered('a', 'b', 'c')],
  ['SRANDMEMBER k 100', unordered('a', 'b', 'c')],
  ['SRANDMEMBER k -50', matcher('50 of them', (reply) => Array.isArray(reply) && reply.length === 50)],
  ['SCARD k', 3],
  ['SRANDMEMBER k x', notInteger],
  [
    'SRANDMEMBER k -9223372036854775808',
    err('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'),
  ],
  ['SRANDMEMBER k 1 x', syntaxError],
  ['SET string v', OK],
  ['SRANDMEMBER string', wrongType],
  ['SRANDMEMBER string 1', wrongType],
]);

table(server, 'SINTER, SUNION, SDIFF and SINTERCARD', [
  ['SADD a 1 2 3 x', 4],
  ['SADD b 2 3 4 x y', 5],
  ['SADD c 3 x z', 3],
  ['SINTER a', unordered('1', '2', '3', 'x')],
  ['SINTER a b c', unordered('3', 'x')],
  ['SINTER a a', unordered('1', '2', '3', 'x')],
  ['SINTER a nosuch b', []],
  ['SUNION a b nosuch c', unordered('1', '2', '3', '4', 'x', 'y', 'z')],
  ['SUNION nosuch', []],
  ['SDIFF a b', ['1']],
  ['SDIFF b a c', unordered('4', 'y')],
  ['SDIFF a a', []],
  ['SDIFF nosuch a', []],
  ['SDIFF a nosuch', unordered('1', '2', '3', 'x')],
  ['SINTERCARD 2 a b', 3],
  ['SINTERCARD 3 a b c LIMIT 1', 1],
  ['SINTERCARD 2 a b LIMIT 0', 3],
  ['SINTERCARD 2 a nosuch', 0],
  ['SINTERCARD 0 a', err('ERR numkeys should be greater than 0')],
  ['SINTERCARD x a', err('ERR numkeys should be greater than 0')],
  ['SINTERCARD 3 a b', err("ERR Number of keys can't be greater than number of args")],
  ['SINTERCARD 2 a b LIMIT -1', err("ERR LIMIT can't be negative")],
  ['SINTERCARD 2 a b LIMIT', syntaxError],
  ['SINTERCARD 2 a b c', syntaxError],
  ['SINTERCARD 2', arity('sintercard')],
  ['COMMAND GETKEYS SINTERCARD 2 a b LIMIT 1', ['a', 'b']],
  ['COMMAND GETKEYS SINTERCARD 3 a b', err('ERR Invalid arguments specified for command')],
  ['SADD i 5 1 3', 3],
  ['SADD j 4 1', 2],
  ['SUNION i j', ['1', '3', '4', '5']],
  ['SINTER i j', ['1']],
  ['SDIFF i j', ['3', '5']],
  ['SET string v', OK],
  ['SINTER a string', wrongType],
  ['SINTER nosuch string', wrongType],
  ['SUNION a string', wrongType],
  ['SDIFF a string', wrongType],
  ['SINTERCARD 2 a string', wrongType],
  ['SINTER', arity('sinter')],
]);

table(server, 'SINTERSTORE, SUNIONSTORE and SDIFFSTORE', [
  ['SADD a 1 2 3 x', 4],
  ['SADD b 2 3 4 x y', 5],
  ['SINTERSTORE d a b', 3],
  ['SMEMBERS d', unordered('2', '3', 'x')],
  ['OBJECT ENCODING d', packed],
  ['SREM a x', 1],
  ['SINTERSTORE d a b', 2],
  ['SMEMBERS d', ['2', '3']],
  ['OBJECT ENCODING d', 'intset'],
  ['EXPIRE d 1000', 1],
  ['SUNIONSTORE d a b', 6],
  ['TTL d', -1],
  ['SMEMBERS d', unordered('1', '2', '3', '4', 'x', 'y')],
  ['SUNIONSTORE a a b', 6],
  ['SCARD a', 6],
  ['SDIFFSTORE d a b', 1],
  ['SMEMBERS d', ['1']],
  ['SDIFFSTORE d d d', 0],
  ['EXISTS d', 0],
  ['SET d string', OK],
  ['SUNIONSTORE d b nosuch', 5],
  ['TYPE d', new Simple('set')],
  ['SINTERSTORE d b nosuch', 0],
  ['EXISTS d', 0],
  ['SET string v', OK],
  ['SUNIONSTORE d string', wrongType],
  ['SUNIONSTORE string b', 5],
  ['SUNIONSTORE d', arity('sunionstore')],
]);

table(server, 'SSCAN', [
  ['SSCAN nosuch 0', ['0', []]],
  ['SSCAN nosuch 0 BOGUS', ['0', []]],
  ['SADD k a b c 1', 4],
  ['SSCAN k 0', ['0', unordered('a', 'b', 'c', '1')]],
  ['SSCAN k 0 MATCH [ab]', ['0', unordered('a', 'b')]],
  ['SSCAN k 0 COUNT 100 MATCH *', ['0', unordered('a', 'b', 'c', '1')]],
  ['SSCAN k x', err('ERR invalid cursor')],
  ['SSCAN k 0 COUNT 0', syntaxError],
  ['SSCAN k 0 COUNT x', notInteger],
  ['SSCAN k 0 MATCH', syntaxError],
  ['SSCAN k 0 TYPE set', syntaxError],
  ['SSCAN k', arity('sscan')],
  ['SET string v', OK],
  ['SSCAN string 0', wrongType],
]);

table(server, 'sets in other commands', [
  ['SADD k a b', 2],
  ['EXPIRE k 1000', 1],
  ['SADD k c', 1],
  ['TTL k', matcher('about 1000', (reply) => Number(reply) > 990)],
  ['RENAME k other', OK],
  ['SMEMBERS other', unordered('a', 'b', 'c')],
  ['TTL other', matcher('about 1000', (reply) => Number(reply) > 990)],
  ['COPY other copy', 1],
  ['SREM other a', 1],
  ['SMEMBERS copy', unordered('a', 'b', 'c')],
  ['SCAN 0 TYPE set', ['0', unordered('other', 'copy')]],
  ['MULTI', OK],
  ['SADD copy d', new Simple('QUEUED')],
  ['SCARD copy', new Simple('QUEUED')],
  ['SPOP copy 4', new Simple('QUEUED')],
  ['SADD copy e', new Simple('QUEUED')],
  ['EXEC', [1, 4, anything, 1]],
  ['SMEMBERS copy', ['e']],
  ['DEL copy other', 2],
]);

table(server, 'sets where sorted sets are combined: scores are 1', [
  ['SADD s a b c', 3],
  ['SADD i 1 2 3', 3],
  ['ZADD z 5 b 7 d 9 2', 3],
  ['ZUNION 2 s z WITHSCORES', ['a', '1', 'c', '1', 'b', '6', 'd', '7', '2', '9']],
  ['ZUNION 1 s', ['a', 'b', 'c']],
  ['ZUNION 2 i i WITHSCORES', ['1', '2', '2', '2', '3', '2']],
  ['ZUNION 2 s z WEIGHTS 10 1 AGGREGATE MAX WITHSCORES', ['d', '7', '2', '9', 'a', '10', 'b', '10', 'c', '10']],
  ['ZINTER 2 z s WITHSCORES', ['b', '6']],
  ['ZINTER 2 z i WITHSCORES', ['2', '10']],
  ['ZINTER 3 z s nosuch', []],
  ['ZINTER 2 z s WEIGHTS 2 3 AGGREGATE MIN WITHSCORES', ['b', '3']],
  ['ZINTERCARD 2 z i', 1],
  ['ZINTERCARD 2 s s LIMIT 2', 2],
  ['ZDIFF 2 z s WITHSCORES', ['d', '7', '2', '9']],
  ['ZDIFF 2 s z WITHSCORES', ['a', '1', 'c', '1']],
  ['ZDIFF 3 i z s', ['1', '3']],
  ['ZUNIONSTORE d 2 s z', 5],
  ['ZRANGE d 0 -1 WITHSCORES', ['a', '1', 'c', '1', 'b', '6', 'd', '7', '2', '9']],
  ['ZINTERSTORE s 2 s z', 1],
  ['ZRANGE s 0 -1 WITHSCORES', ['b', '6']],
  ['ZDIFFSTORE d 2 i z', 2],
  ['ZRANGE d 0 -1 WITHSCORES', ['1', '1', '3', '1']],
  ['ZDIFFSTORE d 2 i i', 0],
  ['EXISTS d', 0],
  ['SET string v', OK],
  ['ZUNION 2 i string', wrongType],
  ['ZRANGE i 0 -1', wrongType],
]);

const texts = (reply: Reply): string[] =>
  (reply instanceof SetReply ? reply.items : (reply as Reply[])).map((item) => item as string);

describe('RESP3', () => {
  test('what is a set is answered as one', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await client.run('HELLO 3');
    await client.run('SADD k a b');
    for (const command of ['SMEMBERS k', 'SINTER k', 'SUNION k', 'SDIFF k', 'SMEMBERS nosuch', 'SPOP k 1'])
      expect(await client.run(command), command).toBeInstanceOf(SetReply);
    expect(Array.isArray(await client.run('SRANDMEMBER k 1'))).toBe(true);
    expect(show(await client.run('SPOP nosuch'))).toBe('_');
    expect(await client.run('SISMEMBER k a')).toEqual(expect.any(Number));
  });
});

async function scanAll(client: RawClient, key: string, ...options: string[]): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const reply = await client.cmd('SSCAN', key, cursor, ...options);
    if (reply instanceof ErrorReply) throw new Error(reply.text);
    const [next, items] = reply as [string, string[]];
    expect(Number.isSafeInteger(Number(next))).toBe(true);
    found.push(...items);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

describe('large sets', () => {
  const count = 40_000;
  const members = Array.from({ length: count }, (_, n) => (n % 3 === 0 ? `${n}` : `member:${n}`));
  const fill = async (client: RawClient, key: string, list: readonly string[]): Promise<void> => {
    for (let at = 0; at < list.length; at += 1000) await client.cmd('SADD', key, ...list.slice(at, at + 1000));
  };
  const sorted = (list: readonly string[]): string => [...list].sort().join(' ');

  test('are answered, scanned, picked from, combined and removed', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await fill(client, 'k', members);
    expect(await client.run('SCARD k')).toBe(count);
    expect(sorted(texts(await client.run('SMEMBERS k')))).toBe(sorted(members));
    expect(sorted([...new Set(await scanAll(client, 'k', 'COUNT', '1000'))])).toBe(sorted(members));
    expect(sorted([...new Set(await scanAll(client, 'k', 'COUNT', '100000'))])).toBe(sorted(members));
    const ones = (await scanAll(client, 'k', 'COUNT', '777', 'MATCH', '*1')).length;
    expect(ones).toBe(members.filter((member) => member.endsWith('1')).length);
    const some = texts(await client.run('SRANDMEMBER k 20000'));
    expect(new Set(some).size).toBe(20_000);
    expect(texts(await client.run('SRANDMEMBER k -20000'))).toHaveLength(20_000);
    expect(new Set(texts(await client.run('SRANDMEMBER k 50000'))).size).toBe(count);

    const half = members.filter((_, n) => n % 2 === 0);
    await fill(client, 'half', half);
    expect(sorted(texts(await client.run('SINTER k half')))).toBe(sorted(half));
    expect(await client.run('SINTERCARD 2 k half')).toBe(half.length);
    expect(await client.run('SINTERCARD 2 half k LIMIT 17000')).toBe(17_000);
    expect(sorted(texts(await client.run('SUNION half k')))).toBe(sorted(members));
    const rest = members.filter((_, n) => n % 2 !== 0);
    expect(sorted(texts(await client.run('SDIFF k half')))).toBe(sorted(rest));
    expect(await client.run('SDIFFSTORE rest k half')).toBe(rest.length);
    expect(sorted(texts(await client.run('SMEMBERS rest')))).toBe(sorted(rest));
    expect(await client.run('SUNIONSTORE all rest half')).toBe(count);
    expect(await client.run('SINTERSTORE both all k')).toBe(count);
    expect(sorted(texts(await client.run('SMEMBERS both')))).toBe(sorted(members));

    expect(texts(await client.run('ZUNION 2 half k'))).toHaveLength(count);
    expect(await client.run('ZINTERSTORE scored 2 half k WEIGHTS 1 2')).toBe(half.length);
    expect(await client.run('ZCOUNT scored 3 3')).toBe(half.length);
    expect(sorted(texts(await client.run('ZDIFF 2 k scored')))).toBe(sorted(rest));
    expect(await client.run('ZINTERCARD 2 scored k LIMIT 15000')).toBe(15_000);
    expect(await client.run('DEL scored')).toBe(1);

    const popped = texts(await client.run('SPOP both 5000'));
    expect(new Set(popped).size).toBe(5000);
    const left = texts(await client.run('SMEMBERS both'));
    expect(sorted([...popped, ...left])).toBe(sorted(members));
    for (let at = 0; at < popped.length; at += 1000)
      expect(await client.cmd('SREM', 'all', ...popped.slice(at, at + 1000))).toBe(1000);
    expect(await client.run('SCARD all')).toBe(count - 5000);
    expect(texts(await client.run('SPOP both 100000'))).toHaveLength(count - 5000);
    expect(await client.run('EXISTS both')).toBe(0);
    expect(await client.run('DEL k half rest all')).toBe(4);
    expect(await client.run('DBSIZE')).toBe(0);
  });

  test('long members', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    const longOnes = Array.from({ length: 300 }, (_, n) => 'common'.repeat(100) + String(n).repeat(1 + (n % 7) * 200));
    await fill(client, 'k', longOnes);
    expect(await client.cmd('SADD', 'k', ...longOnes.slice(0, 100))).toBe(0);
    expect(sorted(texts(await client.run('SMEMBERS k')))).toBe(sorted(longOnes));
    expect(await client.cmd('SISMEMBER', 'k', longOnes[7] ?? '')).toBe(1);
    expect(await client.cmd('SISMEMBER', 'k', `${longOnes[7] ?? ''}x`)).toBe(0);
    expect(await client.cmd('SREM', 'k', ...longOnes.slice(0, 299))).toBe(299);
    expect(texts(await client.run('SMEMBERS k'))).toEqual(longOnes.slice(299));
  });
});
