/** Lists, through a socket; the same tables pass on redis-server. Those that wait are in blocking.test.ts. */
import { describe, expect, test } from 'vitest';
import { nil, nil3, nilArray, OK, Simple } from '../support/resp.js';
import { cairnOnly, useServer } from '../support/server.js';
import { arity, err, notInteger, syntaxError, table, wrongType } from '../support/table.js';

const server = useServer();
const positive = err('ERR value is out of range, must be positive');

table(server, 'both ends of a list', [
  ['RPUSH l b', 1],
  ['LPUSH l a', 2],
  ['RPUSH l c d', 4],
  ['LPUSH l z y', 6],
  ['LLEN l', 6],
  ['LLEN none', 0],
  ['LRANGE l 0 -1', ['y', 'z', 'a', 'b', 'c', 'd']],
  ['TYPE l', new Simple('list')],
  ['LPOP l', 'y'],
  ['RPOP l', 'd'],
  ['LPOP l 2', ['z', 'a']],
  ['LPOP l 0', []],
  ['RPOP l 5', ['c', 'b']],
  ['EXISTS l', 0],
  ['LPOP l', nil],
  ['RPOP l', nil],
  ['LPOP l 1', nilArray],
  ['RPOP l 0', nilArray],
  ['LPUSHX l a', 0],
  ['RPUSHX l a', 0],
  ['EXISTS l', 0],
  ['RPUSH l ""', 1],
  ['LPUSHX l a b', 3],
  ['RPUSHX l c', 4],
  ['LRANGE l 0 -1', ['b', 'a', '', 'c']],
  ['LPOP l -1', positive],
  ['LPOP l x', positive],
  ['LPOP none -1', positive],
  ['LPOP l 1 1', arity('lpop')],
  ['RPOP l 1 1', arity('rpop')],
  ['LPUSH l', arity('lpush')],
]);

table(server, 'positions in a list', [
  ['RPUSH l a b c d e', 5],
  ['LINDEX l 0', 'a'],
  ['LINDEX l 4', 'e'],
  ['LINDEX l 5', nil],
  ['LINDEX l -1', 'e'],
  ['LINDEX l -5', 'a'],
  ['LINDEX l -6', nil],
  ['LINDEX none x', nil],
  ['LINDEX l x', notInteger],
  ['LRANGE l 1 3', ['b', 'c', 'd']],
  ['LRANGE l -2 100', ['d', 'e']],
  ['LRANGE l -100 1', ['a', 'b']],
  ['LRANGE l 3 1', []],
  ['LRANGE l 5 9', []],
  ['LRANGE l -3 -4', []],
  ['LRANGE l -100 -90', []],
  ['LRANGE none 0 -1', []],
  ['LRANGE none x 1', notInteger],
  ['LSET l 1 B', OK],
  ['LSET l -1 E', OK],
  ['LSET l 5 x', err('ERR index out of range')],
  ['LSET l -6 x', err('ERR index out of range')],
  ['LSET l x x', notInteger],
  ['LSET none x x', err('ERR no such key')],
  ['LRANGE l 0 -1', ['a', 'B', 'c', 'd', 'E']],
  ['LTRIM l 1 -2', OK],
  ['LRANGE l 0 -1', ['B', 'c', 'd']],
  ['LTRIM l 0 9', OK],
  ['LTRIM l -2 -1', OK],
  ['LRANGE l 0 -1', ['c', 'd']],
  ['LTRIM l 2 1', OK],
  ['EXISTS l', 0],
  ['LTRIM none 0 1', OK],
  ['LTRIM none x 1', notInteger],
]);

table(server, 'elements in a list', [
  ['RPUSH l a b a c a b', 6],
  ['LINSERT l BEFORE b x', 7],
  ['LINSERT l after a y', 8],
  ['LRANGE l 0 -1', ['a', 'y', 'x', 'b', 'a', 'c', 'a', 'b']],
  ['LINSERT l BEFORE none x', -1],
  ['LINSERT none BEFORE a x', 0],
  ['LINSERT l BESIDE a x', syntaxError],
  ['LINSERT none BESIDE a x', syntaxError],
  ['LREM l 1 a', 1],
  ['LREM l -1 b', 1],
  ['LREM l 0 none', 0],
  ['LREM none 0 a', 0],
  ['LREM none x a', notInteger],
  ['LRANGE l 0 -1', ['y', 'x', 'b', 'a', 'c', 'a']],
  ['LREM l -9223372036854775808 a', 2],
  ['LREM l 0 y', 1],
  ['RPUSH l x b', 5],
  ['LRANGE l 0 -1', ['x', 'b', 'c', 'x', 'b']],
  ['LREM l 9223372036854775807 x', 2],
  ['DEL l', 1],
  ['RPUSH l a a a', 3],
  ['LREM l 0 a', 3],
  ['EXISTS l', 0],
]);

table(server, 'LPOS', [
  ['RPUSH l a b c 1 2 3 c c', 8],
  ['LPOS l c', 2],
  ['LPOS l none', nil],
  ['LPOS none c', nil],
  ['LPOS none c COUNT 1', []],
  ['LPOS l none COUNT 2', []],
  ['LPOS l c RANK 2', 6],
  ['LPOS l c RANK -1', 7],
  ['LPOS l c RANK 4', nil],
  ['LPOS l c COUNT 2', [2, 6]],
  ['LPOS l c COUNT 0', [2, 6, 7]],
  ['LPOS l c RANK -1 COUNT 2', [7, 6]],
  ['LPOS l c RANK 2 COUNT 0', [6, 7]],
  ['LPOS l c RANK -2 COUNT 0', [6, 2]],
  ['LPOS l c MAXLEN 2', nil],
  ['LPOS l c MAXLEN 3', 2],
  ['LPOS l c COUNT 0 MAXLEN 7', [2, 6]],
  ['LPOS l c rank -1 count 0 maxlen 2', [7, 6]],
  ['LPOS l 2', 4],
  [
    'LPOS l c RANK 0',
    err(
      "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
    ),
  ],
  ['LPOS l c RANK x', notInteger],
  ['LPOS l c COUNT -1', err("ERR COUNT can't be negative")],
  ['LPOS l c COUNT x', err("ERR COUNT can't be negative")],
  ['LPOS l c MAXLEN -1', err("ERR MAXLEN can't be negative")],
  ['LPOS l c COUNT', syntaxError],
  ['LPOS l c FOO 1', syntaxError],
]);

table(server, 'LMOVE, RPOPLPUSH, LMPOP', [
  ['RPUSH a 1 2 3 4', 4],
  ['LMOVE a b LEFT RIGHT', '1'],
  ['LMOVE a b right left', '4'],
  ['LMOVE a b RIGHT RIGHT', '3'],
  ['LRANGE b 0 -1', ['4', '1', '3']],
  ['RPOPLPUSH a b', '2'],
  ['EXISTS a', 0],
  ['RPOPLPUSH a b', nil],
  ['LMOVE a b LEFT LEFT', nil],
  ['LRANGE b 0 -1', ['2', '4', '1', '3']],
  ['LMOVE b b LEFT RIGHT', '2'],
  ['RPOPLPUSH b b', '2'],
  ['LMOVE b b LEFT LEFT', '2'],
  ['LMOVE b b RIGHT RIGHT', '3'],
  ['LRANGE b 0 -1', ['2', '4', '1', '3']],
  ['RPUSH one x', 1],
  ['LMOVE one one LEFT RIGHT', 'x'],
  ['LRANGE one 0 -1', ['x']],
  ['LMOVE a b LEFT UP', syntaxError],
  ['LMPOP 2 a b LEFT', ['b', ['2']]],
  ['LMPOP 2 a b RIGHT COUNT 2', ['b', ['3', '1']]],
  ['LMPOP 1 b left count 10', ['b', ['4']]],
  ['EXISTS b', 0],
  ['LMPOP 2 a b LEFT', nilArray],
  ['LMPOP 0 a LEFT', err('ERR numkeys should be greater than 0')],
  ['LMPOP x a LEFT', err('ERR numkeys should be greater than 0')],
  ['LMPOP 2 a LEFT', syntaxError],
  ['LMPOP 1 a UP', syntaxError],
  ['LMPOP 1 a LEFT COUNT 0', err('ERR count should be greater than 0')],
  ['LMPOP 1 a LEFT COUNT 1 COUNT 1', syntaxError],
  ['LMPOP 1 a LEFT COUNT', syntaxError],
  ['LMPOP 9223372036854775807 a LEFT', syntaxError],
  ['COMMAND GETKEYS LMPOP 2 a b LEFT', ['a', 'b']],
]);

table(server, 'lists keep what a key has', [
  ['RPUSH l a b', 2],
  ['EXPIRE l 100', 1],
  ['LPUSH l c', 3],
  ['LPOP l', 'c'],
  ['LSET l 0 x', OK],
  ['TTL l', 100],
  ['RENAME l m', OK],
  ['TTL m', 100],
  ['LRANGE m 0 -1', ['x', 'b']],
  ['LMOVE m n LEFT LEFT', 'x'],
  ['TTL n', -1],
  ['SET m s', OK],
  ['TYPE m', new Simple('string')],
]);

table(server, 'lists and other types refuse each other', [
  ['SET s text', OK],
  ['RPUSH l a', 1],
  ...[
    'LPUSH s x',
    'RPUSH s x',
    'LPUSHX s x',
    'RPUSHX s x',
    'LPOP s',
    'RPOP s 2',
    'LLEN s',
    'LINDEX s 0',
    'LSET s 0 x',
    'LRANGE s 0 1',
    'LTRIM s 0 1',
    'LREM s 0 x',
    'LINSERT s BEFORE a b',
    'LPOS s a',
    'LMOVE s l LEFT LEFT',
    'LMOVE l s LEFT LEFT',
    'RPOPLPUSH s l',
    'RPOPLPUSH l s',
    'LMPOP 2 none s LEFT',
    'BLPOP none s l 0',
    'BLMOVE s l LEFT LEFT 0',
    'GET l',
    'APPEND l x',
    'INCR l',
  ].map((command) => [command, wrongType] as const),
  ['LMOVE none s LEFT LEFT', nil],
  ['LRANGE l 0 -1', ['a']],
]);

table(server, 'lists in EXEC and under WATCH', [
  ['MULTI', OK],
  ['RPUSH l a b c', new Simple('QUEUED')],
  ['LPOP l', new Simple('QUEUED')],
  ['LRANGE l 0 -1', new Simple('QUEUED')],
  ['LSET l 0 x', new Simple('QUEUED')],
  ['LMOVE l m LEFT LEFT', new Simple('QUEUED')],
  ['LTRIM l 1 0', new Simple('QUEUED')],
  ['EXEC', [3, 'a', ['b', 'c'], OK, 'x', OK]],
  ['EXISTS l', 0],
  ['LRANGE m 0 -1', ['x']],
  ['WATCH m', OK],
  ['LSET m 0 y', OK],
  ['MULTI', OK],
  ['LLEN m', new Simple('QUEUED')],
  ['EXEC', nilArray],
]);

table(server, 'replies of lists in RESP3', [
  ['HELLO 3', { label: 'a map', matches: () => true }],
  ['LPOP none', nil3],
  ['LPOP none 1', nil3],
  ['LINDEX none 0', nil3],
  ['LPOS none a', nil3],
  ['LMOVE none l LEFT LEFT', nil3],
  ['LMPOP 1 none LEFT', nil3],
  ['BLPOP none 0.01', nil3],
  ['RPUSH l a b', 2],
  ['LRANGE l 0 -1', ['a', 'b']],
  ['BLPOP none l 0', ['l', 'a']],
]);

table(server, 'the encoding of a list', [
  ['RPUSH l a b c', 3],
  ['OBJECT ENCODING l', 'listpack', '7.2'],
  [['RPUSH', 'l', 'x'.repeat(8200)], 4],
  ['OBJECT ENCODING l', 'quicklist'],
  ['RPOP l', 'x'.repeat(8200)],
  ['OBJECT ENCODING l', 'listpack', '7.2'],
  [['RPUSH', 'large', 'x'.repeat(9000)], 1],
  ['OBJECT ENCODING large', 'quicklist'],
  ['LSET large 0 small', OK],
  ['OBJECT ENCODING large', 'listpack', '7.2'],
  ['CONFIG SET list-max-listpack-size 4', OK],
  ['RPUSH counted 1 2 3 4', 4],
  ['OBJECT ENCODING counted', 'listpack', '7.2'],
  ['RPUSH counted 5', 5],
  ['OBJECT ENCODING counted', 'quicklist'],
  ['RPOP counted 2', ['5', '4']],
  ['OBJECT ENCODING counted', 'quicklist'],
  ['RPOP counted', '3'],
  ['OBJECT ENCODING counted', 'listpack', '7.2'],
  ['CONFIG SET list-max-listpack-size -2', OK],
]);

describe('long lists', () => {
  const element = (i: number): string => (i % 50 === 7 ? `${i}-${'x'.repeat(3000)}` : `element ${i}`);

  test('are pages, and behave as an array does', async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    const model: string[] = [];
    for (let from = 0; from < 20_000; from += 1000) {
      const some = Array.from({ length: 1000 }, (_, i) => element(from + i));
      model.push(...some);
      expect(await client.cmd('RPUSH', 'l', ...some)).toBe(model.length);
    }
    const all = async (): Promise<void> => {
      expect(await client.cmd('LLEN', 'l')).toBe(model.length);
      expect(await client.cmd('LRANGE', 'l', 0, -1)).toEqual(model);
    };
    await all();
    for (const at of [0, 7, 9999, 19_999]) expect(await client.cmd('LINDEX', 'l', at)).toBe(model[at]);
    expect(await client.cmd('LPOS', 'l', element(17_000))).toBe(17_000);
    expect(await client.cmd('LPOS', 'l', element(100), 'RANK', -1)).toBe(100);
    expect(await client.cmd('LINSERT', 'l', 'BEFORE', element(15_000), 'new')).toBe(model.length + 1);
    model.splice(15_000, 0, 'new');
    expect(await client.cmd('LSET', 'l', 12_345, 'y'.repeat(5000))).toEqual(OK);
    model[12_345] = 'y'.repeat(5000);
    expect(await client.cmd('LREM', 'l', 0, 'new')).toBe(1);
    model.splice(15_000, 1);
    await all();
    expect(await client.cmd('LTRIM', 'l', 3000, -4001)).toEqual(OK);
    model.splice(model.length - 4000);
    model.splice(0, 3000);
    await all();
    expect(await client.cmd('LPOP', 'l', 2500)).toEqual(model.splice(0, 2500));
    expect(await client.cmd('RPOP', 'l', 2500)).toEqual(model.splice(model.length - 2500).reverse());
    await all();
    expect(await client.cmd('DEL', 'l')).toBe(1);
    expect(await client.cmd('RPUSH', 'l', 'a')).toBe(1);
    expect(await client.cmd('LRANGE', 'l', 0, -1)).toEqual(['a']);
  });

  cairnOnly('are there after a restart', async () => {
    using before = await server.current.connect();
    await before.cmd('FLUSHALL');
    const model = Array.from({ length: 5000 }, (_, i) => element(i));
    await before.cmd('RPUSH', 'long', ...model);
    await before.cmd('RPUSH', 'short', 'a', 'b');
    await before.cmd('LPOP', 'long');
    model.shift();
    await server.current.restart('kill');
    using after = await server.current.connect();
    expect(await after.cmd('LRANGE', 'long', 0, -1)).toEqual(model);
    expect(await after.cmd('LRANGE', 'short', 0, -1)).toEqual(['a', 'b']);
    expect(await after.cmd('LPUSH', 'long', 'first')).toBe(5000);
    expect(await after.cmd('LINDEX', 'long', 4999)).toBe(model.at(-1));
  });
});
