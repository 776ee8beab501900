/** SORT and SORT_RO. */
import { describe, expect, test } from 'vitest';
import { nil, OK, type Reply, Simple } from '../support/resp.js';
import { useServer } from '../support/server.js';
import { arity, err, notInteger, syntaxError, table, wrongType } from '../support/table.js';

const server = useServer();

const noDouble = err("ERR One or more scores can't be converted into double");

table(server, 'lists, by themselves', [
  ['RPUSH l 3 1 2 10', 4],
  ['SORT l', ['1', '2', '3', '10']],
  ['SORT_RO l', ['1', '2', '3', '10']],
  ['SORT l DESC', ['10', '3', '2', '1']],
  ['SORT l ALPHA', ['1', '10', '2', '3']],
  ['SORT l ASC DESC ALPHA asc', ['1', '10', '2', '3']],
  ['SORT l LIMIT 1 2', ['2', '3']],
  ['SORT l LIMIT -1 2', ['1', '2']],
  ['SORT l LIMIT 10 2', []],
  ['SORT l LIMIT 1 -5', ['2', '3', '10']],
  ['SORT l LIMIT 0 0', []],
  ['SORT l LIMIT x 2', notInteger],
  ['SORT l LIMIT 1', syntaxError],
  ['SORT l BY', syntaxError],
  ['SORT l GET', syntaxError],
  ['SORT l STORE', syntaxError],
  ['SORT l NONSENSE', syntaxError],
  ['SORT_RO l STORE d', syntaxError],
  ['SORT nosuch', []],
  ['RPUSH m a 1', 2],
  ['SORT m', noDouble],
  ['SORT m ALPHA', ['1', 'a']],
  ['RPUSH n 1.5 -inf 1e1', 3],
  ['SORT n', ['-inf', '1.5', '1e1']],
  ['RPUSH nan nan', 1],
  ['SORT nan', noDouble],
  ['SET s v', OK],
  ['SORT s', wrongType],
  ['SORT s STORE l', wrongType],
  ['HSET h f v', 1],
  ['SORT h', wrongType],
  ['SORT', arity('sort')],
  ['SORT_RO', arity('sort_ro')],
]);

table(server, 'sets and sorted sets', [
  ['SADD i 3 1 2 10', 4],
  ['SORT i', ['1', '2', '3', '10']],
  ['SORT i DESC LIMIT 0 2', ['10', '3']],
  ['SADD t b a c', 3],
  ['SORT t', noDouble],
  ['SORT t ALPHA DESC', ['c', 'b', 'a']],
  ['ZADD z 3 1 2 2 1 3', 3],
  ['SORT z', ['1', '2', '3']],
  ['SORT z BY nosort', ['3', '2', '1']],
  ['SORT z BY nosort DESC', ['1', '2', '3']],
  ['SORT z BY nosort LIMIT 0 2', ['3', '2']],
  ['SORT z BY nosort DESC LIMIT 0 2', ['1', '2']],
]);

table(server, 'patterns', [
  ['RPUSH l 3 1 2 10', 4],
  ['SORT l BY nosort', ['3', '1', '2', '10']],
  ['SORT l BY nosort DESC', ['10', '2', '1', '3']],
  ['SORT l BY nosort GET # GET nosort GET x* LIMIT 1 2', ['1', nil, nil, '2', nil, nil]],
  ['MSET w3 1 w1 2 w2 3 w10 0', OK],
  ['SORT l BY w*', ['10', '3', '1', '2']],
  ['SORT l BY w* DESC', ['2', '1', '3', '10']],
  ['SORT l BY w* GET w* GET #', ['0', '10', '1', '3', '2', '1', '3', '2']],
  ['SORT l BY w* ALPHA', ['10', '3', '1', '2']],
  ['SET w1 x', OK],
  ['SORT l BY w*', noDouble],
  ['SADD w2x a', 1],
  ['RPUSH k 2x', 1],
  ['SORT k BY nosort GET w*', [nil]],
  ['HSET h1 f 2', 1],
  ['SORT l BY h*->f', ['10', '2', '3', '1']],
  ['SORT l BY h*->f ALPHA', ['3', '2', '10', '1']],
  ['SORT l BY h*-> ALPHA', ['3', '1', '2', '10']],
  ['SORT l BY nosort GET h*->f', [nil, '2', nil, nil]],
  ['SORT l BY nosort GET h*->g', [nil, nil, nil, nil]],
]);

table(server, 'STORE', [
  ['RPUSH l 3 1 2 10', 4],
  ['SORT l STORE d', 4],
  ['LRANGE d 0 -1', ['1', '2', '3', '10']],
  ['TYPE d', new Simple('list')],
  ['SET x3 7', OK],
  ['SORT l GET x* STORE d', 4],
  ['LRANGE d 0 -1', ['', '', '7', '']],
  ['SORT l LIMIT 0 2 GET # GET x* STORE d', 4],
  ['LRANGE d 0 -1', ['1', '', '2', '']],
  ['SET d v EX 100', OK],
  ['SORT l STORE d', 4],
  ['TTL d', -1],
  ['SORT d DESC STORE d', 4],
  ['LRANGE d 0 -1', ['10', '3', '2', '1']],
  ['RPUSH d x', 5],
  ['SORT d STORE l', noDouble],
  ['LLEN l', 4],
  ['SORT nosuch STORE d', 0],
  ['EXISTS d', 0],
  ['SORT l LIMIT 9 1 STORE l', 0],
  ['EXISTS l', 0],
  ['RPUSH e 2 1', 2],
  ['MULTI', OK],
  ['SORT e STORE f', new Simple('QUEUED')],
  ['LPOP f', new Simple('QUEUED')],
  ['EXEC', [2, '1']],
  ["EVAL \"return redis.call('SORT', KEYS[1], 'STORE', KEYS[2])\" 2 e f", 2],
  ['LRANGE f 0 -1', ['1', '2']],
]);

describe('large values', () => {
  const count = 50_000;
  const numbers = Array.from({ length: count }, (_, n) => (n * 7919) % count);
  const texts = (reply: Reply): string[] => reply as string[];

  test('are sorted, and stored', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    for (let at = 0; at < count; at += 1000) {
      await client.cmd('RPUSH', 'list', ...numbers.slice(at, at + 1000));
      await client.cmd('SADD', 'set', ...numbers.slice(at, at + 1000).map((n) => `m${n}`));
      await client.cmd('MSET', ...numbers.slice(at, at + 1000).flatMap((n) => [`w:${n}`, count - n]));
    }
    const ascending = Array.from({ length: count }, (_, n) => `${n}`);
    expect(texts(await client.run('SORT list'))).toEqual(ascending);
    expect(texts(await client.run('SORT list BY w:*'))).toEqual([...ascending].reverse());
    expect(texts(await client.run('SORT list DESC LIMIT 10 5'))).toEqual([...ascending].reverse().slice(10, 15));
    expect(texts(await client.run('SORT list BY nosort LIMIT 40000 3'))).toEqual(
      numbers.slice(40_000, 40_003).map(String),
    );
    expect(texts(await client.run('SORT set ALPHA'))).toEqual(ascending.map((n) => `m${n}`).sort());
    expect(await client.run('SORT list STORE stored')).toBe(count);
    expect(texts(await client.run('LRANGE stored 0 -1'))).toEqual(ascending);
    expect(await client.run('OBJECT ENCODING stored')).toBe('quicklist');
    expect(await client.run('LINSERT stored BEFORE 25000 x')).toBe(count + 1);
    expect(await client.run('SORT list GET w:* GET # STORE stored')).toBe(2 * count);
    expect(await client.run('LRANGE stored 2 5')).toEqual([`${count - 1}`, '1', `${count - 2}`, '2']);
  });
});
