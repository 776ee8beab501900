/** Consumer groups of streams: who gets what, what is pending, and for whom. */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { nil, nilArray, OK, type Reply, Simple } from '../support/resp.js';
import { has72, needs72, sleep, useServer } from '../support/server.js';
import {
  anyInteger,
  anything,
  arity,
  between,
  err,
  type Expected,
  like,
  matcher,
  notInteger,
  pause,
  syntaxError,
  table,
} from '../support/table.js';

const server = useServer();

const badId = err('ERR Invalid stream ID specified as stream command argument');
const wrongType = err('WRONGTYPE Operation against a key holding the wrong kind of value');
const noKey = err(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.',
);
const noGroup = (group: string, key: string): Reply =>
  err(`NOGROUP No such consumer group '${group}' for key name '${key}'`);
const neither = (key: string, group: string, behind = ''): Reply =>
  err(`NOGROUP No such key '${key}' or consumer group '${group}'${behind}`);
const subcommand = (word: string): Reply =>
  err(`ERR unknown subcommand or wrong number of arguments for '${word}'. Try XGROUP HELP.`);
const ab = (...ids: string[]): Reply[] => ids.map((id) => [id, ['a', 'b']]);
const fill = (key: string, count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`XADD ${key} ${i + 1}-0 a b`, `${i + 1}-0`]);
const soon = between(0, 60_000);
const group = (
  name: string,
  consumers: number,
  pending: number,
  last: string,
  read: Expected,
  lag: Expected,
): Expected => [
  ...[
    'name',
    name,
    'consumers',
    consumers,
    'pending',
    pending,
    'last-delivered-id',
    last,
    'entries-read',
    read,
    'lag',
    lag,
  ],
];
/** XINFO CONSUMERS, of which older servers say less. */
const consumer = (name: string, pending: number, inactive: Expected): Expected => [
  ...['name', name, 'pending', pending, 'idle', soon],
  ...(has72 ? ['inactive', inactive] : []),
];

table(server, 'XGROUP', [
  ['XGROUP CREATE s g $', noKey],
  ['XGROUP CREATE s g 0 MKSTREAM', OK],
  ['XLEN s', 0],
  ['TYPE s', new Simple('stream')],
  ['XGROUP CREATE s g 0', err('BUSYGROUP Consumer Group name already exists')],
  ['XGROUP CREATE s g 0 mkstream', err('BUSYGROUP Consumer Group name already exists')],
  ['XGROUP CREATE s h x', badId],
  ['XGROUP CREATE s h -', badId],
  ['XGROUP CREATE s h $ ENTRIESREAD 5', OK],
  ['XGROUP CREATE s i $ ENTRIESREAD -1 MKSTREAM', OK],
  ['XGROUP CREATE s j $ ENTRIESREAD', subcommand('CREATE')],
  ['XGROUP CREATE s j $ ENTRIESREAD x', notInteger],
  ['XGROUP CREATE s j $ ENTRIESREAD -2', err('ERR value for ENTRIESREAD must be positive or -1')],
  ['XGROUP CREATE s j $ BOGUS', subcommand('CREATE')],
  ['XGROUP create s j $ MKSTREAM MKSTREAM MKSTREAM MKSTREAM', subcommand('create')],
  ['XGROUP CREATE s j', arity('xgroup|create')],
  ['XGROUP SETID s g 5-5', OK],
  ['XGROUP SETID s g -', OK],
  ['XGROUP SETID s g +', OK],
  ['XGROUP SETID s g 7 ENTRIESREAD 3', OK],
  ['XGROUP SETID s g x', badId],
  ['XGROUP SETID s nosuch 0', noGroup('nosuch', 's')],
  ['XGROUP SETID absent g 0', noKey],
  ['XGROUP SETID s g 0 MKSTREAM', subcommand('SETID')],
  ['XGROUP SETID s g 0 ENTRIESREAD 1 ENTRIESREAD 2', subcommand('SETID')],
  ['XINFO GROUPS s', [group('g', 0, 0, '7-0', 3, 0), group('h', 0, 0, '0-0', 5, 0), group('i', 0, 0, '0-0', nil, 0)]],
  ['XGROUP CREATECONSUMER s g one', 1],
  ['XGROUP CREATECONSUMER s g one', 0],
  ['XGROUP CREATECONSUMER s g ""', 1],
  ['XGROUP CREATECONSUMER s nosuch one', noGroup('nosuch', 's')],
  ['XGROUP CREATECONSUMER absent g one', noKey],
  ['XGROUP CREATECONSUMER s g', arity('xgroup|createconsumer')],
  ['XINFO CONSUMERS s g', [consumer('', 0, -1), consumer('one', 0, -1)]],
  ['XGROUP DELCONSUMER s g one', 0],
  ['XGROUP DELCONSUMER s g one', 0],
  ['XGROUP DELCONSUMER s nosuch one', noGroup('nosuch', 's')],
  ['XGROUP DELCONSUMER absent g one', noKey],
  ['XGROUP DESTROY s g', 1],
  ['XGROUP DESTROY s g', 0],
  ['XGROUP DESTROY absent g', noKey],
  ['XGROUP DESTROY s', arity('xgroup|destroy')],
  ['XGROUP CREATE s g 1 ENTRIESREAD 1', OK],
  ['XINFO CONSUMERS s g', []],
  ['XINFO CONSUMERS s nosuch', noGroup('nosuch', 's')],
  ['XINFO CONSUMERS absent g', err('ERR no such key')],
  ['XINFO GROUPS absent', err('ERR no such key')],
  ['XINFO GROUPS', arity('xinfo|groups')],
  ['XGROUP BOGUS s g', err("ERR unknown subcommand 'BOGUS'. Try XGROUP HELP.")],
  ['XGROUP', arity('xgroup')],
  ['XGROUP HELP', matcher('lines', (reply) => Array.isArray(reply) && reply.length > 5)],
  ['SET t x', OK],
  ['XGROUP CREATE t g 0', wrongType],
  ['XGROUP DESTROY t g', wrongType],
  ['XINFO GROUPS t', wrongType],
  ['XINFO CONSUMERS t g', wrongType],
  [['XGROUP', 'CREATE', 's', 'n'.repeat(5000), '0'], OK],
  [['XGROUP', 'DESTROY', 's', 'n'.repeat(5000)], 1],
]);

table(server, 'XREADGROUP, XACK and XPENDING', [
  ...fill('s', 5),
  ['XGROUP CREATE s g 1', OK],
  ['XPENDING s g', [0, nil, nil, nilArray]],
  ['XREADGROUP GROUP g one COUNT 2 STREAMS s >', [['s', ab('2-0', '3-0')]]],
  ['XREADGROUP GROUP g two COUNT 1 STREAMS s >', [['s', ab('4-0')]]],
  [
    'XPENDING s g',
    [
      3,
      '2-0',
      '4-0',
      [
        ['one', '2'],
        ['two', '1'],
      ],
    ],
  ],
  ['XREADGROUP GROUP g one STREAMS s 0', [['s', ab('2-0', '3-0')]]],
  ['XREADGROUP GROUP g one COUNT 1 STREAMS s 2-0', [['s', ab('3-0')]]],
  ['XREADGROUP GROUP g three STREAMS s 0', [['s', []]]],
  [
    'XPENDING s g - + 10',
    [
      ['2-0', 'one', soon, 2],
      ['3-0', 'one', soon, 3],
      ['4-0', 'two', soon, 1],
    ],
  ],
  [
    'XPENDING s g (2-0 + 10',
    [
      ['3-0', 'one', soon, 3],
      ['4-0', 'two', soon, 1],
    ],
  ],
  [
    'XPENDING s g - + 10 one',
    [
      ['2-0', 'one', soon, 2],
      ['3-0', 'one', soon, 3],
    ],
  ],
  ['XPENDING s g - + 1 two', [['4-0', 'two', soon, 1]]],
  ['XPENDING s g - + 10 nosuch', []],
  ['XPENDING s g - + 0', []],
  ['XPENDING s g - + -5', []],
  ['XPENDING s g + - 10', []],
  ['XPENDING s g IDLE 60000 - + 10', []],
  ['XPENDING s g IDLE 0 - + 1', [['2-0', 'one', soon, 2]]],
  ['XACK s g 3-0 9-9 3-0', 1],
  ['XACK s g 3-0', 0],
  ['XACK s nosuch 2-0', 0],
  ['XACK absent g x', 0],
  ['XACK s g x', badId],
  ['XACK s g 2-0 -', badId],
  ['XACK s g', arity('xack')],
  [
    'XPENDING s g',
    [
      2,
      '2-0',
      '4-0',
      [
        ['one', '1'],
        ['two', '1'],
      ],
    ],
  ],
  ['XDEL s 2-0', 1],
  ['XREADGROUP GROUP g one STREAMS s 0', [['s', [['2-0', nilArray]]]]],
  ['XREADGROUP GROUP g one NOACK STREAMS s >', [['s', ab('5-0')]]],
  [
    'XPENDING s g',
    [
      2,
      '2-0',
      '4-0',
      [
        ['one', '1'],
        ['two', '1'],
      ],
    ],
  ],
  ['XREADGROUP GROUP g one STREAMS s >', nilArray],
  ['XREADGROUP GROUP g one COUNT 0 STREAMS s 3', [['s', []]]],
  // Going back makes entries new that are pending.
  ['XGROUP SETID s g 3', OK],
  ['XREADGROUP GROUP g one STREAMS s >', [['s', ab('4-0', '5-0')]]],
  [
    'XPENDING s g - + 10',
    [
      ['2-0', 'one', soon, 2],
      ['4-0', 'one', soon, 1],
      ['5-0', 'one', soon, 1],
    ],
  ],
  ['XPENDING s g', [3, '2-0', '5-0', [['one', '3']]]],
  ['XGROUP DELCONSUMER s g one', 3],
  ['XPENDING s g', [0, nil, nil, nilArray]],
  ['XACK s g 4-0', 0],
]);

table(server, 'XREADGROUP of several streams, and its errors', [
  ...fill('s', 2),
  ...fill('t', 2),
  ['XGROUP CREATE s g 0', OK],
  ['XGROUP CREATE t g 1', OK],
  [
    'XREADGROUP GROUP g c STREAMS s t > >',
    [
      ['s', ab('1-0', '2-0')],
      ['t', ab('2-0')],
    ],
  ],
  ['XREADGROUP GROUP g c STREAMS s t > >', nilArray],
  ['XREADGROUP GROUP g c STREAMS s t > 0', [['t', ab('2-0')]]],
  ['XADD s 3-0 a b', '3-0'],
  ['XREADGROUP GROUP g c STREAMS s s > >', [['s', ab('3-0')]]],
  ['XREADGROUP GROUP g c STREAMS s absent > >', neither('absent', 'g', ' in XREADGROUP with GROUP option')],
  ['XREADGROUP GROUP nosuch c STREAMS s >', neither('s', 'nosuch', ' in XREADGROUP with GROUP option')],
  [
    'XREADGROUP GROUP g c STREAMS s $',
    err(
      'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
    ),
  ],
  ['XREADGROUP GROUP g c STREAMS s x', badId],
  ['XREADGROUP GROUP g c COUNT 1 STREAMS s t >', like(/^-ERR Unbalanced .* list of streams/)],
  ['XREADGROUP COUNT 1 NOACK NOACK STREAMS s >', err('ERR Missing GROUP option for XREADGROUP')],
  ['XREADGROUP GROUP g c BOGUS STREAMS s >', syntaxError],
  ['XREADGROUP GROUP g c COUNT x STREAMS s >', notInteger],
  ['XREADGROUP GROUP g c s >', arity('xreadgroup')],
  ['XREADGROUP GROUP g c COUNT 5 s > >', syntaxError],
  ['SET x y', OK],
  ['XREADGROUP GROUP g c STREAMS x >', wrongType],
  ['XACK x g 1', wrongType],
  ['XPENDING x g', wrongType],
  ['XPENDING s nosuch', neither('s', 'nosuch')],
  ['XPENDING absent g', neither('absent', 'g')],
  ['XPENDING s g -', syntaxError],
  ['XPENDING s g - +', syntaxError],
  ['XPENDING s g IDLE 1 - +', syntaxError],
  ['XPENDING s g IDLE x - + 1', notInteger],
  ['XPENDING s g - + x', notInteger],
  ['XPENDING s g x + 1', badId],
  ['XPENDING s g - + 1 c d e f', syntaxError],
  ['XPENDING s', arity('xpending')],
]);

table(server, 'XCLAIM', [
  ...fill('s', 4),
  ['XGROUP CREATE s g 0', OK],
  ['XREADGROUP GROUP g one COUNT 3 STREAMS s >', [['s', ab('1-0', '2-0', '3-0')]]],
  ['XCLAIM s g two 0 1-0 9-9', ab('1-0')],
  [
    'XPENDING s g - + 10',
    [
      ['1-0', 'two', soon, 2],
      ['2-0', 'one', soon, 1],
      ['3-0', 'one', soon, 1],
    ],
  ],
  ['XCLAIM s g two 60000 2-0', []],
  ['XCLAIM s g two -5 2-0 JUSTID', ['2-0']],
  [
    'XPENDING s g - + 10 two',
    [
      ['1-0', 'two', soon, 2],
      ['2-0', 'two', soon, 1],
    ],
  ],
  ['XCLAIM s g two 0 4-0', []],
  ['XCLAIM s g two 0 4-0 FORCE', ab('4-0')],
  ['XCLAIM s g two 0 3-0 RETRYCOUNT 7 IDLE 5000', ab('3-0')],
  ['XPENDING s g IDLE 5000 - + 10', [['3-0', 'two', between(5000, 65_000), 7]]],
  ['XCLAIM s g one 5000 3-0 1-0 TIME 1000 JUSTID', ['3-0']],
  ['XPENDING s g IDLE 100000 - + 10', [['3-0', 'one', anyInteger, 7]]],
  ['XCLAIM s g one 0 3-0 TIME 99999999999999 JUSTID', ['3-0']],
  ['XPENDING s g - + 10 one', [['3-0', 'one', soon, 7]]],
  ['XDEL s 3-0', 1],
  ['XCLAIM s g two 0 3-0', []],
  ['XPENDING s g', [3, '1-0', '4-0', [['two', '3']]]],
  ['XCLAIM s g two 0 3-0 FORCE', []],
  ['XCLAIM s g two 0 1-0 LASTID 9-0 JUSTID', ['1-0']],
  [
    'XINFO GROUPS s',
    [['name', 'g', 'consumers', 2, 'pending', 3, 'last-delivered-id', '9-0', 'entries-read', 3, 'lag', anything]],
  ],
  ['XCLAIM s g two 0 1-0 LASTID 2-0 JUSTID', ['1-0']],
  ['XCLAIM s nosuch two 0 1-0', neither('s', 'nosuch')],
  ['XCLAIM absent g two 0 1-0', neither('absent', 'g')],
  ['XCLAIM s g two x 1-0', err('ERR Invalid min-idle-time argument for XCLAIM')],
  ['XCLAIM s g two 0 1-0 BOGUS', err("ERR Unrecognized XCLAIM option 'BOGUS'")],
  ['XCLAIM s g two 0 x', err("ERR Unrecognized XCLAIM option 'x'")],
  ['XCLAIM s g two 0 1-0 IDLE', err("ERR Unrecognized XCLAIM option 'IDLE'")],
  ['XCLAIM s g two 0 1-0 IDLE x', err('ERR Invalid IDLE option argument for XCLAIM')],
  ['XCLAIM s g two 0 1-0 TIME x', err('ERR Invalid TIME option argument for XCLAIM')],
  ['XCLAIM s g two 0 1-0 RETRYCOUNT x', err('ERR Invalid RETRYCOUNT option argument for XCLAIM')],
  ['XCLAIM s g two 0 1-0 LASTID x', badId],
  ['XCLAIM s g two 0', arity('xclaim')],
  ['SET t x', OK],
  ['XCLAIM t g two 0 1-0', wrongType],
]);

table(server, 'XAUTOCLAIM', [
  ...fill('s', 6),
  ['XGROUP CREATE s g 0', OK],
  ['XREADGROUP GROUP g one STREAMS s >', [['s', ab('1-0', '2-0', '3-0', '4-0', '5-0', '6-0')]]],
  ['XAUTOCLAIM s g two 60000 -', ['0-0', [], []]],
  ['XAUTOCLAIM s g two 0 0 COUNT 2', ['3-0', ab('1-0', '2-0'), []]],
  ['XDEL s 3-0 4-0', 2],
  ['XAUTOCLAIM s g two 0 3-0 COUNT 2 JUSTID', ['5-0', [], ['3-0', '4-0']]],
  ['XAUTOCLAIM s g two 0 (5-0 JUSTID', ['0-0', ['6-0'], []]],
  [
    'XPENDING s g - + 10',
    [
      ['1-0', 'two', soon, 2],
      ['2-0', 'two', soon, 2],
      ['5-0', 'one', soon, 1],
      ['6-0', 'two', soon, 1],
    ],
  ],
  ['XAUTOCLAIM s g two 0 7', ['0-0', [], []]],
  ['XAUTOCLAIM s g two x 0', err('ERR Invalid min-idle-time argument for XAUTOCLAIM')],
  ['XAUTOCLAIM s g two 0 x', badId],
  ['XAUTOCLAIM s g two 0 (18446744073709551615-18446744073709551615', err('ERR invalid start ID for the interval')],
  ['XAUTOCLAIM s g two 0 0 COUNT 0', err('ERR COUNT must be > 0')],
  ['XAUTOCLAIM s g two 0 0 COUNT x', err('ERR COUNT must be > 0')],
  ['XAUTOCLAIM s g two 0 0 COUNT', syntaxError],
  ['XAUTOCLAIM s g two 0 0 BOGUS', syntaxError],
  ['XAUTOCLAIM s nosuch two 0 0', neither('s', 'nosuch')],
  ['XAUTOCLAIM absent g two 0 0', neither('absent', 'g')],
  ['XAUTOCLAIM s g two 0', arity('xautoclaim')],
  ['SET t x', OK],
  ['XAUTOCLAIM t g two 0 0', wrongType],
]);

table(server, 'lag and entries read', [
  ...fill('s', 5),
  ['XGROUP CREATE s g 0', OK],
  ['XINFO GROUPS s', [group('g', 0, 0, '0-0', nil, 5)]],
  ['XREADGROUP GROUP g c COUNT 1 STREAMS s >', [['s', ab('1-0')]]],
  ['XINFO GROUPS s', [group('g', 1, 1, '1-0', 1, 4)]],
  ['XREADGROUP GROUP g c COUNT 2 STREAMS s >', [['s', ab('2-0', '3-0')]]],
  ['XINFO GROUPS s', [group('g', 1, 3, '3-0', 3, 2)]],
  ['XDEL s 4-0', 1],
  ['XINFO GROUPS s', [group('g', 1, 3, '3-0', 3, nil)]],
  ['XREADGROUP GROUP g c COUNT 9 STREAMS s >', [['s', ab('5-0')]]],
  ['XINFO GROUPS s', [group('g', 1, 4, '5-0', anyInteger, anyInteger)]],
  ['XGROUP SETID s g 2', OK],
  ['XINFO GROUPS s', [group('g', 1, 4, '2-0', nil, nil)]],
  ['XGROUP SETID s g $', OK],
  ['XINFO GROUPS s', [group('g', 1, 4, '5-0', nil, 0)]],
  ['XTRIM s MAXLEN 0', 4],
  ['XADD s 6-0 a b', '6-0'],
  ['XINFO GROUPS s', [group('g', 1, 4, '5-0', nil, 1)]],
]);

describe('XINFO STREAM FULL', () => {
  needs72('shows groups, what is pending and consumers', async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    for (let i = 1; i <= 12; i++) await client.cmd('XADD', 's', `${i}-0`, 'a', 'b');
    await client.run('XGROUP CREATE s g 0');
    await client.run('XGROUP CREATE s h $');
    await client.run('XREADGROUP GROUP g one COUNT 11 STREAMS s >');
    await client.run('XREADGROUP GROUP g two COUNT 1 STREAMS s >');
    const fields = (reply: Reply | undefined): Map<string, Reply> => {
      const flat = reply as Reply[];
      return new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name as string, flat[i + 1] ?? nil]] : [])));
    };
    const full = fields(await client.run('XINFO STREAM s FULL'));
    expect([...full.keys()]).toEqual([
      ...[
        'length',
        'radix-tree-keys',
        'radix-tree-nodes',
        'last-generated-id',
        'max-deleted-entry-id',
        'entries-added',
      ],
      ...['recorded-first-entry-id', 'entries', 'groups'],
    ]);
    expect(full.get('entries')).toEqual(ab(...Array.from({ length: 10 }, (_, i) => `${i + 1}-0`)));
    const [g, h] = (full.get('groups') as Reply[]).map(fields);
    expect([...(g?.keys() ?? [])]).toEqual([
      ...['name', 'last-delivered-id', 'entries-read', 'lag', 'pel-count', 'pending', 'consumers'],
    ]);
    expect(g?.get('pel-count')).toBe(12);
    expect((g?.get('pending') as Reply[]).map((item) => (item as Reply[]).filter((_, i) => i !== 2))).toEqual(
      Array.from({ length: 10 }, (_, i) => [`${i + 1}-0`, 'one', 1]),
    );
    const [one, two] = (g?.get('consumers') as Reply[]).map(fields);
    expect([...(one?.keys() ?? [])]).toEqual(['name', 'seen-time', 'active-time', 'pel-count', 'pending']);
    expect(one?.get('pel-count')).toBe(11);
    expect(one?.get('pending')).toHaveLength(10);
    expect((two?.get('pending') as Reply[]).map((item) => (item as Reply[])[0])).toEqual(['12-0']);
    expect(h?.get('consumers')).toEqual([]);
    const two12 = fields(await client.run('XINFO STREAM s FULL COUNT 1'));
    expect(two12.get('entries')).toEqual(ab('1-0'));
    const all = fields(await client.run('XINFO STREAM s FULL COUNT 0'));
    expect(all.get('entries')).toHaveLength(12);
  });
});

table(server, 'when a consumer was seen, and was active', [
  ['XGROUP CREATE s g 0 MKSTREAM', OK],
  ['XGROUP CREATECONSUMER s g c', 1],
  pause(120),
  [
    'XINFO CONSUMERS s g',
    [['name', 'c', 'pending', 0, 'idle', between(100, 60_000), ...(has72 ? ['inactive', -1] : [])]],
  ],
  ['XADD s 1-0 a b', '1-0'],
  ['XREADGROUP GROUP g c STREAMS s >', [['s', ab('1-0')]]],
  ['XINFO CONSUMERS s g', [consumer('c', 1, between(0, 60_000))]],
  pause(120),
  ['XREADGROUP GROUP g c STREAMS s >', nilArray, '7.2'],
  [
    'XINFO CONSUMERS s g',
    [['name', 'c', 'pending', 1, 'idle', between(0, 60_000), 'inactive', between(100, 60_000)]],
    '7.2',
  ],
  // Asking is enough to be there.
  ['XREADGROUP GROUP g new STREAMS s >', nilArray],
  ['XINFO CONSUMERS s g', [consumer('c', 1, anyInteger), consumer('new', 0, -1)], '7.2'],
]);

describe('ioredis', () => {
  test('two consumers share a stream, one is killed, and the other claims what it had', async () => {
    const connect = (): Redis => new Redis({ port: server.current.port, host: '127.0.0.1' });
    const [producer, first, second] = [connect(), connect(), connect()];
    // An array of pairs, or in RESP3 the one pair of a map.
    type Entries = [id: string, fields: string[]][];
    type Read = readonly ([key: string, Entries] | string | Entries)[] | null;
    const read = async (client: Redis, name: string, count: number): Promise<string[]> => {
      const args = ['GROUP', 'work', name, 'COUNT', count, 'STREAMS', 'jobs', '>'];
      const reply = (await client.call('XREADGROUP', ...args)) as Read;
      const entries = typeof reply?.[0] === 'string' ? reply[1] : reply?.[0]?.[1];
      return ((entries ?? []) as Entries).map(([id]) => id);
    };
    try {
      await producer.flushall();
      await producer.xgroup('CREATE', 'jobs', 'work', '$', 'MKSTREAM');
      const added: string[] = [];
      for (let i = 0; i < 100; i++) added.push((await producer.xadd('jobs', '*', 'job', String(i))) ?? '');
      const taken: Record<string, string[]> = { first: [], second: [] };
      for (let round = 0; round < 5; round++) {
        const [a, b] = await Promise.all([read(first, 'first', 7), read(second, 'second', 5)]);
        taken['first']?.push(...a);
        taken['second']?.push(...b);
      }
      const [a = [], b = []] = [taken['first'], taken['second']];
      expect([...a, ...b].sort()).toEqual(added.slice(0, 60).sort());
      await second.xack('jobs', 'work', ...b);
      await first.xack('jobs', 'work', ...a.slice(0, 10));
      first.disconnect();
      expect(await second.xpending('jobs', 'work')).toEqual([25, a[10], a.at(-1), [['first', '25']]]);
      await sleep(30);
      const claimed: string[] = [];
      let cursor = '0-0';
      do {
        const [next, entries] = (await second.xautoclaim('jobs', 'work', 'second', 20, cursor, 'COUNT', 10)) as [
          string,
          [string, string[]][],
        ];
        claimed.push(...entries.map(([id]) => id));
        cursor = next;
      } while (cursor !== '0-0');
      expect(claimed).toEqual(a.slice(10));
      expect(await second.xack('jobs', 'work', ...claimed)).toBe(25);
      const rest = await read(second, 'second', 1000);
      expect(rest).toEqual(added.slice(60));
      await second.xack('jobs', 'work', ...rest);
      expect(await second.xpending('jobs', 'work')).toEqual([0, null, null, null]);
      expect(await second.xlen('jobs')).toBe(100);
    } finally {
      for (const client of [producer, first, second]) client.disconnect();
    }
  });
});

describe('many pending entries', () => {
  test('groups and consumers with thousands of them', { timeout: 120_000 * patience }, async () => {
    using client = await server.current.connect();
    await client.cmd('FLUSHALL');
    const ids = Array.from({ length: 6000 }, (_, i) => `${i + 1}-0`);
    await client.pipeline(ids.map((id) => ['XADD', 's', id, 'a', 'b']));
    for (const name of ['g', 'h']) await client.cmd('XGROUP', 'CREATE', 's', name, '0');
    for (let i = 0; i < 6; i++) {
      const one = i % 2 === 0 ? 'even' : 'odd';
      await client.cmd('XREADGROUP', 'GROUP', 'g', one, 'COUNT', '1000', 'STREAMS', 's', '>');
      await client.cmd('XREADGROUP', 'GROUP', 'h', 'all', 'COUNT', '1000', 'STREAMS', 's', '>');
    }
    expect(await client.run('XPENDING s g')).toEqual([
      6000,
      '1-0',
      '6000-0',
      [
        ['even', '3000'],
        ['odd', '3000'],
      ],
    ]);
    const listed = (await client.run('XPENDING s g 500 1500 10000 odd')) as Reply[];
    expect(listed.map((item) => (item as Reply[])[0])).toEqual(ids.slice(1000, 1500));
    expect(await client.run('XPENDING s g IDLE 3600000 - + 10')).toEqual([]);
    expect(await client.run('XGROUP DELCONSUMER s g even')).toBe(3000);
    expect(await client.run('XPENDING s g')).toEqual([3000, '1001-0', '6000-0', [['odd', '3000']]]);
    expect(await client.run('XPENDING s h')).toEqual([6000, '1-0', '6000-0', [['all', '6000']]]);
    expect(await client.cmd('XACK', 's', 'g', ...ids)).toBe(3000);
    expect(await client.run('XGROUP DESTROY s h')).toBe(1);
    expect(await client.run('XGROUP CREATE s h 0')).toEqual(OK);
    expect(await client.run('XPENDING s h')).toEqual([0, nil, nil, nilArray]);
    expect(await client.run('XGROUP DELCONSUMER s g odd')).toBe(0);
    expect(await client.run('XLEN s')).toBe(6000);
  });
});
