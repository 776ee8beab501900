/** Streams: entries, their ids, ranges, trimming. Consumer groups: stream-groups.test.ts. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { patience } from '../support/patience.js';
import { encode, nil, nilArray, OK, type Reply, Simple, tokenize } from '../support/resp.js';
import { cairnOnly, useServer } from '../support/server.js';
import { anyInteger, arity, err, like, matcher, notInteger, syntaxError, table } from '../support/table.js';

const server = useServer();

const badId = err('ERR Invalid stream ID specified as stream command argument');
const notGreater = err('ERR The ID specified in XADD is equal or smaller than the target stream top item');
const wrongType = err('WRONGTYPE Operation against a key holding the wrong kind of value');
const entry = (id: string, ...fields: string[]): Reply => [id, fields];
const ab = (...ids: string[]): Reply[] => ids.map((id) => entry(id, 'a', 'b'));
const generated = like(/^"\d{13}-\d+"$/);

table(server, 'XADD: ids', [
  ['XADD s 1-1 a b', '1-1'],
  ['XADD s 1-1 a b', notGreater],
  ['XADD s 1-0 a b', notGreater],
  ['XADD s 1-* a b', '1-2'],
  ['XADD s 0-* a b', notGreater],
  ['XADD s 2 a b', '2-0'],
  ['XADD s 2-* a b', '2-1'],
  ['XADD s 5-* a b', '5-0'],
  ['XADD s 5-18446744073709551615 a b', '5-18446744073709551615'],
  ['XADD s 5-* a b', notGreater, '7.2'],
  ['XADD s 0-0 a b', err('ERR The ID specified in XADD must be greater than 0-0')],
  ['XADD s 0 a b', err('ERR The ID specified in XADD must be greater than 0-0')],
  ['XADD fresh 0-* a b', '0-1'],
  ['XADD fresh 007-5 a b', '7-5'],
  ['XADD fresh "  8-5" a b', '8-5'],
  ['XADD fresh +9-5 a b', '9-5'],
  ['XADD fresh 9--05 a b', '9-18446744073709551611'],
  ['XADD s - a b', badId],
  ['XADD s + a b', badId],
  ['XADD s x a b', badId],
  ['XADD s 1-x a b', badId],
  ['XADD s 1- a b', badId],
  ['XADD s -1 a b', badId],
  ['XADD s 1-2-3 a b', badId],
  ['XADD s 18446744073709551616-0 a b', badId],
  ['XADD s "" a b', badId],
  [['XADD', 's', '1'.repeat(128), 'a', 'b'], badId],
  ['XADD s (6-1 a b', badId],
  ['XADD s * a b', generated],
  ['XADD s * a b c d', generated],
  ['XLEN s', 8],
  ['XADD end 18446744073709551615-18446744073709551615 a b', '18446744073709551615-18446744073709551615'],
  ['XADD end * a b', err('ERR The stream has exhausted the last possible ID, unable to add more items')],
  ['XADD end 5-5 a b', err('ERR The stream has exhausted the last possible ID, unable to add more items')],
  ['XADD near 18446744073709551614-18446744073709551615 a b', '18446744073709551614-18446744073709551615'],
  ['XADD near * a b', '18446744073709551615-0'],
]);

table(server, 'XADD: options and errors', [
  ['XADD s', arity('xadd')],
  ['XADD s * a', arity('xadd')],
  ['XADD s * a b c', arity('xadd')],
  ['XADD s MAXLEN 5 *', arity('xadd')],
  ['XADD s NOMKSTREAM * a b', nil],
  ['EXISTS s', 0],
  ['XADD s 1-1 a b', '1-1'],
  ['XADD s NOMKSTREAM 2-1 a b', '2-1'],
  ['XADD s nomkstream maxlen = 2 3-1 a b', '3-1'],
  ['XRANGE s - +', ab('2-1', '3-1')],
  ['XADD s MAXLEN 2 NOMKSTREAM 4-1 a b', '4-1'],
  ['XADD s MINID 4 5-1 a b', '5-1'],
  ['XRANGE s - +', ab('4-1', '5-1')],
  ['XADD s MINID = 5-0 6-1 a b', '6-1'],
  ['XRANGE s - +', ab('5-1', '6-1')],
  ['XADD s MAXLEN ~ 1 7-1 a b', '7-1'],
  ['XLEN s', 3],
  ['XADD s MAXLEN 0 8-1 a b', '8-1'],
  ['XLEN s', 0],
  ['XRANGE s - +', []],
  ['TYPE s', new Simple('stream')],
  ['XADD s 8-1 a b', notGreater],
  ['XADD s 9-1 a b', '9-1'],
  ['XADD s MAXLEN x * a b', notInteger],
  ['XADD s MAXLEN -1 * a b', err('ERR The MAXLEN argument must be >= 0.')],
  [
    'XADD s MAXLEN 5 MINID 1 * a b',
    err('ERR syntax error, MAXLEN and MINID options at the same time are not compatible'),
  ],
  [
    'XADD s MAXLEN 5 MAXLEN 4 * a b',
    err('ERR syntax error, MAXLEN and MINID options at the same time are not compatible'),
  ],
  ['XADD s MINID x * a b', badId],
  ['XADD s MAXLEN 5 LIMIT 1 * a b', err('ERR syntax error, LIMIT cannot be used without the special ~ option')],
  ['XADD s LIMIT 1 * a b', err('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy')],
  ['XADD s LIMIT 0 * a b', err('ERR syntax error, LIMIT cannot be used without the special ~ option')],
  ['XADD s MAXLEN ~ 5 LIMIT -1 * a b', err('ERR The LIMIT argument must be >= 0.')],
  ['XADD s MAXLEN ~ 5 LIMIT x * a b', notInteger],
  ['SET t x', OK],
  ['XADD t * a b', wrongType],
  ['XADD t NOMKSTREAM * a b', wrongType],
  ['XLEN s', 1],
]);

table(server, 'XRANGE and XREVRANGE', [
  ['XADD s 1-1 a b', '1-1'],
  ['XADD s 1-2 a b', '1-2'],
  ['XADD s 2-0 a b', '2-0'],
  ['XADD s 4-7 a "" a "two words" \xff\x00 x', '4-7'],
  ['XADD s 9-1 a b', '9-1'],
  [
    'XRANGE s - +',
    [...ab('1-1', '1-2', '2-0'), entry('4-7', 'a', '', 'a', 'two words', '\xff\x00', 'x'), ...ab('9-1')],
  ],
  [
    'XREVRANGE s + -',
    [...ab('9-1'), entry('4-7', 'a', '', 'a', 'two words', '\xff\x00', 'x'), ...ab('2-0', '1-2', '1-1')],
  ],
  ['XRANGE s 1 1', ab('1-1', '1-2')],
  ['XRANGE s 1-2 2', ab('1-2', '2-0')],
  ['XRANGE s (1-1 (2-0', ab('1-2')],
  ['XRANGE s (1 1', ab('1-1', '1-2')],
  ['XRANGE s (1 (1', ab('1-1', '1-2')],
  ['XREVRANGE s 1 1', ab('1-2', '1-1')],
  ['XREVRANGE s (2-0 (1-1', ab('1-2')],
  ['XREVRANGE s 3 -', ab('2-0', '1-2', '1-1')],
  ['XRANGE s 3 3', []],
  ['XRANGE s 5 2', []],
  ['XRANGE s + -', []],
  ['XREVRANGE s - +', []],
  ['XRANGE s - + COUNT 2', ab('1-1', '1-2')],
  ['XREVRANGE s + - COUNT 1', ab('9-1')],
  ['XRANGE s - + COUNT 0', nilArray],
  ['XRANGE s - + COUNT -5', nilArray],
  ['XRANGE s - + COUNT 1 COUNT 2', ab('1-1', '1-2')],
  ['XRANGE s - + COUNT', syntaxError],
  ['XRANGE s - + COUNT x', notInteger],
  ['XRANGE s - + BOGUS 1', syntaxError],
  ['XRANGE s -', arity('xrange')],
  ['XRANGE absent - +', []],
  ['XRANGE absent - + COUNT 0', []],
  ['XRANGE s x +', badId],
  ['XRANGE s ( +', badId],
  ['XRANGE s (- +', badId],
  ['XRANGE s - (+', badId],
  ['XRANGE s (18446744073709551615-18446744073709551615 +', err('ERR invalid start ID for the interval')],
  ['XRANGE s - (0-0', err('ERR invalid end ID for the interval')],
  ['XREVRANGE s (0-0 -', err('ERR invalid end ID for the interval')],
  ['SET t x', OK],
  ['XRANGE t - +', wrongType],
  ['XREVRANGE t + -', wrongType],
  ['XLEN t', wrongType],
  ['XLEN absent', 0],
]);

table(server, 'XDEL', [
  ['XADD s 1-1 a b', '1-1'],
  ['XADD s 2-1 a b', '2-1'],
  ['XADD s 3-1 a b', '3-1'],
  ['XDEL s 2-1 2-1 7-7', 1],
  ['XRANGE s - +', ab('1-1', '3-1')],
  ['XDEL s 2', 0],
  ['XDEL s 1-1 x', badId],
  ['XLEN s', 2],
  ['XDEL s -', badId],
  ['XDEL s 3-1 1-1', 2],
  ['XLEN s', 0],
  ['EXISTS s', 1],
  ['XDEL absent 1-1', 0],
  ['XDEL absent x', 0],
  ['XDEL s', arity('xdel')],
  ['XADD s 3-1 a b', notGreater],
  ['SET t x', OK],
  ['XDEL t 1-1', wrongType],
]);

const fill = (key: string, count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`XADD ${key} ${i + 1}-0 a b`, `${i + 1}-0`]);

table(server, 'XTRIM', [
  ...fill('s', 10),
  ['XTRIM s MAXLEN 8', 2],
  ['XTRIM s MAXLEN = 8', 0],
  ['XTRIM s MINID 5', 2],
  ['XTRIM s MINID = 6-1', 2],
  ['XRANGE s - + COUNT 1', ab('7-0')],
  ['XTRIM s MAXLEN ~ 1', 0],
  ['XTRIM s MAXLEN ~ 1 LIMIT 0', 0],
  ['XTRIM s LIMIT 5 MAXLEN ~ 1', 0],
  ['XTRIM s MINID ~ 9', 0],
  ['XTRIM s MAXLEN 0', 4],
  ['XLEN s', 0],
  ['EXISTS s', 1],
  ['XTRIM s MAXLEN 0', 0],
  ['XTRIM absent MAXLEN 0', 0],
  ['XTRIM s MAXLEN', arity('xtrim')],
  ['XTRIM s MAXLEN ~', notInteger],
  ['XTRIM s BOGUS 1', syntaxError],
  ['XTRIM s MAXLEN 1 BOGUS', syntaxError],
  ['XTRIM s LIMIT 1 LIMIT 1', err('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy')],
  ['XTRIM s LIMIT 0 LIMIT 0', err('ERR syntax error, XTRIM must be called with a trimming strategy')],
  ['XTRIM s MAXLEN 1 LIMIT 1', err('ERR syntax error, LIMIT cannot be used without the special ~ option')],
  ['XTRIM s MAXLEN 5 MINID 1', err('ERR syntax error, MAXLEN and MINID options at the same time are not compatible')],
  ['SET t x', OK],
  ['XTRIM t MAXLEN 0', wrongType],
]);

table(server, 'XTRIM ~ goes by whole nodes', [
  ['CONFIG SET stream-node-max-entries 10', OK],
  ...fill('s', 100),
  ['XTRIM s MAXLEN ~ 85', 10],
  ['XTRIM s MAXLEN ~ 80', 10],
  ['XTRIM s MAXLEN ~ 45', 30],
  ['XTRIM s MAXLEN ~ 40 LIMIT 5', 0],
  ['XTRIM s MAXLEN ~ 20 LIMIT 15', 10],
  ['XTRIM s MINID ~ 75', 10],
  ['XLEN s', 30],
  ['XADD s MAXLEN ~ 0 101-0 a b', '101-0'],
  ['XLEN s', 0],
  ['CONFIG SET stream-node-max-entries 1', OK],
  ['XADD s 102-0 a b', '102-0'],
  ['XADD s MAXLEN ~ 1 103-0 a b', '103-0'],
  ['XRANGE s - +', ab('103-0')],
  ['CONFIG SET stream-node-max-entries 100', OK],
]);

const info = (...parts: Reply[]): Reply => parts;

table(server, 'XSETID and XINFO STREAM', [
  ['XSETID absent 1-1', err('ERR no such key')],
  ['XADD s 5-1 a b', '5-1'],
  ['XSETID s 5-1', OK],
  ['XSETID s 5-0', err('ERR The ID specified in XSETID is smaller than the target stream top item')],
  ['XSETID s x', badId],
  ['XSETID s -', badId],
  ['XSETID s', arity('xsetid')],
  ['XSETID s 9-1', OK],
  ['XADD s 9-1 a b', notGreater],
  ['XSETID s 9-1 ENTRIESADDED', syntaxError],
  ['XSETID s 9-1 ENTRIESADDED x', notInteger],
  ['XSETID s 9-1 ENTRIESADDED -1', err('ERR entries_added must be positive')],
  [
    'XSETID s 9-1 ENTRIESADDED 0',
    err('ERR The entries_added specified in XSETID is smaller than the target stream length'),
  ],
  [
    'XSETID s 9-1 MAXDELETEDID 10',
    err('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id'),
  ],
  ['XSETID s 9-1 MAXDELETEDID x', badId],
  ['XSETID s 9-1 BOGUS 1', syntaxError],
  ['XSETID s 9-1 ENTRIESADDED 77 MAXDELETEDID 4-4', OK],
  ['XSETID s 4-3', err('ERR The ID specified in XSETID is smaller than current max_deleted_entry_id'), '7.2'],
  [
    'XINFO STREAM s',
    info(
      'length',
      1,
      'radix-tree-keys',
      1,
      'radix-tree-nodes',
      2,
      'last-generated-id',
      '9-1',
      'max-deleted-entry-id',
      '4-4',
      'entries-added',
      77,
      'recorded-first-entry-id',
      '5-1',
      'groups',
      0,
      'first-entry',
      entry('5-1', 'a', 'b'),
      'last-entry',
      entry('5-1', 'a', 'b'),
    ),
  ],
  ['XADD s 10-1 c d', '10-1'],
  ['XDEL s 5-1', 1],
  [
    'XINFO STREAM s',
    info(
      'length',
      1,
      'radix-tree-keys',
      1,
      'radix-tree-nodes',
      2,
      'last-generated-id',
      '10-1',
      'max-deleted-entry-id',
      '5-1',
      'entries-added',
      78,
      'recorded-first-entry-id',
      '10-1',
      'groups',
      0,
      'first-entry',
      entry('10-1', 'c', 'd'),
      'last-entry',
      entry('10-1', 'c', 'd'),
    ),
  ],
  ['XTRIM s MAXLEN 0', 1],
  [
    'XINFO STREAM s',
    info(
      'length',
      0,
      'radix-tree-keys',
      0,
      'radix-tree-nodes',
      1,
      'last-generated-id',
      '10-1',
      'max-deleted-entry-id',
      '5-1',
      'entries-added',
      78,
      'recorded-first-entry-id',
      '0-0',
      'groups',
      0,
      'first-entry',
      nil,
      'last-entry',
      nil,
    ),
  ],
  ['XSETID s 7-0', OK],
  ['XADD s 7-1 a b', '7-1'],
  [
    'XINFO STREAM s FULL',
    info(
      'length',
      1,
      'radix-tree-keys',
      1,
      'radix-tree-nodes',
      2,
      'last-generated-id',
      '7-1',
      'max-deleted-entry-id',
      '5-1',
      'entries-added',
      79,
      'recorded-first-entry-id',
      '7-1',
      'entries',
      ab('7-1'),
      'groups',
      [],
    ),
  ],
  ['XINFO STREAM absent', err('ERR no such key')],
  ['XINFO STREAM s BOGUS', err("ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.")],
  [
    'XINFO STREAM s FULL COUNT',
    err("ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."),
  ],
  [
    'XINFO stream s FULL BOGUS 1',
    err("ERR unknown subcommand or wrong number of arguments for 'stream'. Try XINFO HELP."),
  ],
  ['XINFO STREAM s FULL COUNT x', notInteger],
  ['XINFO STREAM', arity('xinfo|stream')],
  ['XINFO BOGUS', err("ERR unknown subcommand 'BOGUS'. Try XINFO HELP.")],
  ['XINFO', arity('xinfo')],
  ['XINFO HELP', matcher('lines', (reply) => Array.isArray(reply) && reply.length > 5)],
  ['SET t x', OK],
  ['XINFO STREAM t', wrongType],
  ['XSETID t 1-1', wrongType],
]);

table(server, 'XREAD', [
  ...fill('s', 3),
  ...fill('t', 2),
  ['XREAD STREAMS s 0', [['s', ab('1-0', '2-0', '3-0')]]],
  ['XREAD STREAMS s 1-0', [['s', ab('2-0', '3-0')]]],
  [
    'XREAD COUNT 1 STREAMS s t 0 1',
    [
      ['s', ab('1-0')],
      ['t', ab('2-0')],
    ],
  ],
  ['XREAD COUNT 0 STREAMS s t 2-5 2', [['s', ab('3-0')]]],
  [
    'XREAD COUNT -1 STREAMS s s 2 0-0',
    [
      ['s', ab('3-0')],
      ['s', ab('1-0', '2-0', '3-0')],
    ],
  ],
  ['XREAD STREAMS s 3', nilArray],
  ['XREAD STREAMS absent 0', nilArray],
  ['XREAD STREAMS s $', nilArray],
  ['XREAD STREAMS s absent t $ $ 1', [['t', ab('2-0')]]],
  ['XREAD STREAMS s 18446744073709551615-18446744073709551615', nilArray],
  ['XREAD STREAMS s t', err('ERR Invalid stream ID specified as stream command argument')],
  ['XREAD STREAMS s -', badId],
  [
    'XREAD STREAMS s >',
    err('ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.'),
  ],
  [
    'XREAD STREAMS s t 0',
    like(/^-ERR Unbalanced .* list of streams: for each stream key an ID or '\$' must be specified\.$/),
  ],
  ['XREAD COUNT 1 s 0', syntaxError],
  ['XREAD COUNT x STREAMS s 0', notInteger],
  ['XREAD BLOCK x STREAMS s 0', err('ERR timeout is not an integer or out of range')],
  ['XREAD BLOCK -1 STREAMS s 0', err('ERR timeout is negative')],
  [
    'XREAD GROUP g c STREAMS s 0',
    err('ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.'),
  ],
  ['XREAD NOACK STREAMS s 0', err('ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.')],
  ['XREAD STREAMS s', arity('xread')],
  ['SET x y', OK],
  ['XREAD STREAMS s x 0 0', wrongType],
  ['XREAD STREAMS x s 0 bad', wrongType],
  ['XREAD STREAMS s x bad 0', badId],
  ['MULTI', OK],
  ['XREAD BLOCK 0 STREAMS s $', new Simple('QUEUED')],
  ['XREAD BLOCK 0 STREAMS s 2', new Simple('QUEUED')],
  ['EXEC', [nilArray, [['s', ab('3-0')]]]],
]);

table(server, 'other commands meet a stream', [
  ['XADD s 1-1 a b', '1-1'],
  ['TYPE s', new Simple('stream')],
  ['OBJECT ENCODING s', 'stream'],
  ['GET s', wrongType],
  ['APPEND s x', wrongType],
  ['EXPIRE s 100', 1],
  ['XADD s 2-1 a b', '2-1'],
  ['TTL s', 100],
  ['RENAME s r', OK],
  ['XLEN r', 2],
  ['TTL r', 100],
  ['COPY r c', 1],
  ['XADD c 3-1 a b', '3-1'],
  ['XLEN r', 2],
  ['XLEN c', 3],
  ['SCAN 0 TYPE stream COUNT 100', ['0', matcher('two keys', (reply) => Array.isArray(reply) && reply.length === 2)]],
  ['SET r x', OK],
  ['GET r', 'x'],
  ['DEL c', 1],
  ['DBSIZE', 1],
  ['XADD e 1-1 a b', '1-1'],
  ['PEXPIREAT e 1', 1],
  ['XLEN e', 0],
]);

const large = 'x'.repeat(3000);

describe('streams that do not fit one page', () => {
  async function add(client: RawClient, key: string, from: number, to: number): Promise<void> {
    const commands = Array.from({ length: to - from }, (_, i) => {
      const at = from + i;
      return ['XADD', key, `${at}-1`, 'n', String(at), 'text', at % 100 === 0 ? large : `value ${at}`];
    });
    expect(await client.pipeline(commands)).toEqual(commands.map(([, , id]) => id));
  }
  const numbers = (reply: Reply): number[] => (reply as Reply[]).map((item) => Number.parseInt((item as [string])[0]));

  test('ranges, deletions and trimming', { timeout: 120_000 * patience }, async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    await add(client, 's', 0, 5000);
    expect(numbers(await client.run('XRANGE s - +'))).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(numbers(await client.run('XREVRANGE s 4000 3990'))).toEqual(Array.from({ length: 11 }, (_, i) => 4000 - i));
    expect(await client.run('XRANGE s 1200 1200')).toEqual([['1200-1', ['n', '1200', 'text', large]]]);
    expect(await client.run('XREAD COUNT 2 STREAMS s 2499')).toEqual([
      [
        's',
        [
          ['2499-1', ['n', '2499', 'text', 'value 2499']],
          ['2500-1', ['n', '2500', 'text', large]],
        ],
      ],
    ]);
    const deleted = Array.from({ length: 1000 }, (_, i) => `${i * 3 + 1000}-1`);
    expect(await client.cmd('XDEL', 's', ...deleted)).toBe(1000);
    expect(await client.run('XLEN s')).toBe(4000);
    expect(await client.run('XTRIM s MINID 2001')).toBe(1667);
    expect(await client.run('XTRIM s MAXLEN 2000')).toBe(333);
    const left = numbers(await client.run('XRANGE s - +'));
    expect(left).toHaveLength(2000);
    expect(left.every((at) => at >= 4000 || (at - 1000) % 3 !== 0)).toBe(true);
    expect(await client.run('XTRIM s MAXLEN 0')).toBe(2000);
    await add(client, 's', 6000, 6010);
    expect(numbers(await client.run('XREVRANGE s + -'))).toEqual(Array.from({ length: 10 }, (_, i) => 6009 - i));
  });

  cairnOnly('they are there after a restart, cold', { timeout: 120_000 * patience }, async () => {
    {
      using client = await server.current.connect();
      await client.cmd('FLUSHALL');
      await add(client, 's', 0, 3000);
      await client.cmd('XGROUP', 'CREATE', 's', 'g', '0');
      await client.cmd('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1000', 'STREAMS', 's', '>');
      await client.cmd('XADD', 'gone', '1-1', 'a', 'b');
      await client.cmd('DEL', 'gone');
    }
    await server.current.restart('kill', { 'cache-size': '1mb' });
    using client = await server.current.connect();
    expect(numbers(await client.run('XRANGE s - +'))).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    expect(await client.run('XPENDING s g')).toEqual([1000, '0-1', '999-1', [['c', '1000']]]);
    expect(await client.cmd('XACK', 's', 'g', ...Array.from({ length: 500 }, (_, i) => `${i * 2}-1`))).toBe(500);
    expect(await client.run('XPENDING s g')).toEqual([500, '1-1', '999-1', [['c', '500']]]);
    expect(await client.run('EXISTS gone')).toBe(0);
  });

  test(
    'XTRIM of many entries leaves the connection answering, and the rest unseen',
    { timeout: 120_000 * patience },
    async () => {
      using client = await server.current.connect();
      await client.cmd('FLUSHALL');
      await add(client, 's', 0, 12_000);
      await client.run('XGROUP CREATE s g 0');
      expect(await client.run('XTRIM s MAXLEN 5')).toBe(11_995);
      expect(await client.run('XLEN s')).toBe(5);
      expect(numbers(await client.run('XRANGE s - +'))).toEqual([11_995, 11_996, 11_997, 11_998, 11_999]);
      expect(numbers(await client.run('XREVRANGE s + - COUNT 100'))).toHaveLength(5);
      expect(await client.run('XDEL s 5-1')).toBe(0);
      expect(await client.run('XREADGROUP GROUP g c COUNT 1 STREAMS s >')).toEqual([
        ['s', [['11995-1', ['n', '11995', 'text', 'value 11995']]]],
      ]);
      await add(client, 's', 12_000, 12_010);
      expect(await client.run('XLEN s')).toBe(15);
      expect(numbers(await client.run('XRANGE s - +'))).toEqual(Array.from({ length: 15 }, (_, i) => 11_995 + i));
    },
  );
});

test('in RESP3 XREAD answers a map, and XINFO maps', async () => {
  using client = await server.current.connect();
  const wire = async (line: string): Promise<string> => {
    void client.send(encode(tokenize(line)));
    return (await client.frame()).bytes.toString('latin1');
  };
  await client.cmd('FLUSHALL');
  await client.cmd('HELLO', '3');
  await client.cmd('XADD', 's', '1-1', 'a', 'b');
  expect(await wire('XREAD STREAMS s 0')).toBe(
    '%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n',
  );
  expect(await wire('XREAD STREAMS s 1-1')).toBe('_\r\n');
  expect(await wire('XRANGE s - + COUNT 0')).toBe('_\r\n');
  expect(await wire('XRANGE s - +')).toBe('*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n');
  expect(await wire('XINFO STREAM s')).toMatch(/^%10\r\n/);
  expect(await wire('XINFO STREAM s FULL')).toMatch(/^%9\r\n/);
});

table(server, 'figures', [
  ['XADD s 1-1 a b', '1-1'],
  ['MEMORY USAGE s', anyInteger],
  ['OBJECT REFCOUNT s', 1],
]);
