/** COMMAND: what clients learn about each command. */
import { describe, expect, test } from 'vitest';
import { MapReply, type Reply, show, Simple } from '../support/resp.js';
import { useServer } from '../support/server.js';
import { arity, err, like, syntaxError, table, unordered } from '../support/table.js';

const server = useServer();

type CommandRow = readonly [
  name: string,
  arity: number,
  flags: string,
  first: number,
  last: number,
  step: number,
  categories: string,
];

const commands: readonly CommandRow[] = [
  ['get', 2, 'readonly fast', 1, 1, 1, '@read @string @fast'],
  ['set', -3, 'write denyoom', 1, 1, 1, '@write @string @slow'],
  ['getex', -2, 'write fast', 1, 1, 1, '@write @string @fast'],
  ['getdel', 2, 'write fast', 1, 1, 1, '@write @string @fast'],
  ['getset', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['setnx', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['setex', 4, 'write denyoom', 1, 1, 1, '@write @string @slow'],
  ['psetex', 4, 'write denyoom', 1, 1, 1, '@write @string @slow'],
  ['mget', -2, 'readonly fast', 1, -1, 1, '@read @string @fast'],
  ['mset', -3, 'write denyoom', 1, -1, 2, '@write @string @slow'],
  ['msetnx', -3, 'write denyoom', 1, -1, 2, '@write @string @slow'],
  ['append', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['strlen', 2, 'readonly fast', 1, 1, 1, '@read @string @fast'],
  ['setrange', 4, 'write denyoom', 1, 1, 1, '@write @string @slow'],
  ['getrange', 4, 'readonly', 1, 1, 1, '@read @string @slow'],
  ['substr', 4, 'readonly', 1, 1, 1, '@read @string @slow'],
  ['incr', 2, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['decr', 2, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['incrby', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['decrby', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['incrbyfloat', 3, 'write denyoom fast', 1, 1, 1, '@write @string @fast'],
  ['lcs', -3, 'readonly', 1, 2, 1, '@read @string @slow'],
  ['setbit', 4, 'write denyoom', 1, 1, 1, '@write @bitmap @slow'],
  ['getbit', 3, 'readonly fast', 1, 1, 1, '@read @bitmap @fast'],
  ['bitcount', -2, 'readonly', 1, 1, 1, '@read @bitmap @slow'],
  ['bitpos', -3, 'readonly', 1, 1, 1, '@read @bitmap @slow'],
  ['bitop', -4, 'write denyoom', 2, -1, 1, '@write @bitmap @slow'],
  ['bitfield', -2, 'write denyoom', 1, 1, 1, '@write @bitmap @slow'],
  ['bitfield_ro', -2, 'readonly fast', 1, 1, 1, '@read @bitmap @fast'],
  ['pfadd', -2, 'write denyoom fast', 1, 1, 1, '@write @hyperloglog @fast'],
  ['sadd', -3, 'write denyoom fast', 1, 1, 1, '@write @set @fast'],
  ['srem', -3, 'write fast', 1, 1, 1, '@write @set @fast'],
  ['smove', 4, 'write fast', 1, 2, 1, '@write @set @fast'],
  ['scard', 2, 'readonly fast', 1, 1, 1, '@read @set @fast'],
  ['sismember', 3, 'readonly fast', 1, 1, 1, '@read @set @fast'],
  ['smismember', -3, 'readonly fast', 1, 1, 1, '@read @set @fast'],
  ['smembers', 2, 'readonly', 1, 1, 1, '@read @set @slow'],
  ['sscan', -3, 'readonly', 1, 1, 1, '@read @set @slow'],
  ['spop', -2, 'write fast', 1, 1, 1, '@write @set @fast'],
  ['srandmember', -2, 'readonly', 1, 1, 1, '@read @set @slow'],
  ['sinter', -2, 'readonly', 1, -1, 1, '@read @set @slow'],
  ['sintercard', -3, 'readonly movablekeys', 0, 0, 0, '@read @set @slow'],
  ['sinterstore', -3, 'write denyoom', 1, -1, 1, '@write @set @slow'],
  ['sunion', -2, 'readonly', 1, -1, 1, '@read @set @slow'],
  ['sunionstore', -3, 'write denyoom', 1, -1, 1, '@write @set @slow'],
  ['sdiff', -2, 'readonly', 1, -1, 1, '@read @set @slow'],
  ['sdiffstore', -3, 'write denyoom', 1, -1, 1, '@write @set @slow'],
  ['sort', -2, 'write denyoom movablekeys', 1, 1, 1, '@write @set @sortedset @list @slow @dangerous'],
  ['sort_ro', -2, 'readonly movablekeys', 1, 1, 1, '@read @set @sortedset @list @slow @dangerous'],
  ['pfcount', -2, 'readonly may_replicate', 1, -1, 1, '@read @hyperloglog @slow'],
  ['pfmerge', -2, 'write denyoom', 1, -1, 1, '@write @hyperloglog @slow'],
  ['pfdebug', 3, 'write denyoom admin', 2, 2, 1, '@write @hyperloglog @admin @slow @dangerous'],
  ['pfselftest', 1, 'admin', 0, 0, 0, '@hyperloglog @admin @slow @dangerous'],
  ['zadd', -4, 'write denyoom fast', 1, 1, 1, '@write @sortedset @fast'],
  ['zrem', -3, 'write fast', 1, 1, 1, '@write @sortedset @fast'],
  ['zscore', 3, 'readonly fast', 1, 1, 1, '@read @sortedset @fast'],
  ['zmscore', -3, 'readonly fast', 1, 1, 1, '@read @sortedset @fast'],
  ['zincrby', 4, 'write denyoom fast', 1, 1, 1, '@write @sortedset @fast'],
  ['zcard', 2, 'readonly fast', 1, 1, 1, '@read @sortedset @fast'],
  ['zcount', 4, 'readonly fast', 1, 1, 1, '@read @sortedset @fast'],
  ['zlexcount', 4, 'readonly fast', 1, 1, 1, '@read @sortedset @fast'],
  ['zrange', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zrangestore', -5, 'write denyoom', 1, 2, 1, '@write @sortedset @slow'],
  ['zrangebyscore', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zrevrange', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zrevrangebyscore', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zrangebylex', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zrevrangebylex', -4, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zremrangebyrank', 4, 'write', 1, 1, 1, '@write @sortedset @slow'],
  ['zremrangebyscore', 4, 'write', 1, 1, 1, '@write @sortedset @slow'],
  ['zremrangebylex', 4, 'write', 1, 1, 1, '@write @sortedset @slow'],
  ['zpopmin', -2, 'write fast', 1, 1, 1, '@write @sortedset @fast'],
  ['zpopmax', -2, 'write fast', 1, 1, 1, '@write @sortedset @fast'],
  ['zmpop', -4, 'write movablekeys', 0, 0, 0, '@write @sortedset @slow'],
  ['bzpopmin', -3, 'write blocking fast', 1, -2, 1, '@write @sortedset @fast @blocking'],
  ['bzpopmax', -3, 'write blocking fast', 1, -2, 1, '@write @sortedset @fast @blocking'],
  ['bzmpop', -5, 'write blocking movablekeys', 0, 0, 0, '@write @sortedset @slow @blocking'],
  ['zunion', -3, 'readonly movablekeys', 0, 0, 0, '@read @sortedset @slow'],
  ['zinter', -3, 'readonly movablekeys', 0, 0, 0, '@read @sortedset @slow'],
  ['zdiff', -3, 'readonly movablekeys', 0, 0, 0, '@read @sortedset @slow'],
  ['zintercard', -3, 'readonly movablekeys', 0, 0, 0, '@read @sortedset @slow'],
  ['zunionstore', -4, 'write denyoom movablekeys', 1, 1, 1, '@write @sortedset @slow'],
  ['zinterstore', -4, 'write denyoom movablekeys', 1, 1, 1, '@write @sortedset @slow'],
  ['zdiffstore', -4, 'write denyoom movablekeys', 1, 1, 1, '@write @sortedset @slow'],
  ['zrandmember', -2, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['zscan', -3, 'readonly', 1, 1, 1, '@read @sortedset @slow'],
  ['geoadd', -5, 'write denyoom', 1, 1, 1, '@write @geo @slow'],
  ['geodist', -4, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['geohash', -2, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['geopos', -2, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['geosearch', -7, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['geosearchstore', -8, 'write denyoom', 1, 2, 1, '@write @geo @slow'],
  ['georadius', -6, 'write denyoom movablekeys', 1, 1, 1, '@write @geo @slow'],
  ['georadius_ro', -6, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['georadiusbymember', -5, 'write denyoom movablekeys', 1, 1, 1, '@write @geo @slow'],
  ['georadiusbymember_ro', -5, 'readonly', 1, 1, 1, '@read @geo @slow'],
  ['xadd', -5, 'write denyoom fast', 1, 1, 1, '@write @stream @fast'],
  ['xdel', -3, 'write fast', 1, 1, 1, '@write @stream @fast'],
  ['xlen', 2, 'readonly fast', 1, 1, 1, '@read @stream @fast'],
  ['xrange', -4, 'readonly', 1, 1, 1, '@read @stream @slow'],
  ['xrevrange', -4, 'readonly', 1, 1, 1, '@read @stream @slow'],
  ['xread', -4, 'readonly blocking movablekeys', 0, 0, 0, '@read @stream @slow @blocking'],
  ['xreadgroup', -7, 'write blocking movablekeys', 0, 0, 0, '@write @stream @slow @blocking'],
  ['xtrim', -4, 'write', 1, 1, 1, '@write @stream @slow'],
  ['xsetid', -3, 'write denyoom fast', 1, 1, 1, '@write @stream @fast'],
  ['xack', -4, 'write fast', 1, 1, 1, '@write @stream @fast'],
  ['xclaim', -6, 'write fast', 1, 1, 1, '@write @stream @fast'],
  ['xautoclaim', -6, 'write fast', 1, 1, 1, '@write @stream @fast'],
  ['xpending', -3, 'readonly', 1, 1, 1, '@read @stream @slow'],
  ['xgroup', -2, '', 0, 0, 0, '@slow'],
  ['xgroup|create', -5, 'write denyoom', 2, 2, 1, '@write @stream @slow'],
  ['xgroup|createconsumer', 5, 'write denyoom', 2, 2, 1, '@write @stream @slow'],
  ['xgroup|delconsumer', 5, 'write', 2, 2, 1, '@write @stream @slow'],
  ['xgroup|destroy', 4, 'write', 2, 2, 1, '@write @stream @slow'],
  ['xgroup|setid', -5, 'write', 2, 2, 1, '@write @stream @slow'],
  ['xgroup|help', 2, 'loading stale', 0, 0, 0, '@stream @slow'],
  ['xinfo', -2, '', 0, 0, 0, '@slow'],
  ['xinfo|stream', -3, 'readonly', 2, 2, 1, '@read @stream @slow'],
  ['xinfo|groups', 3, 'readonly', 2, 2, 1, '@read @stream @slow'],
  ['xinfo|consumers', 4, 'readonly', 2, 2, 1, '@read @stream @slow'],
  ['xinfo|help', 2, 'loading stale', 0, 0, 0, '@stream @slow'],
  ['del', -2, 'write', 1, -1, 1, '@keyspace @write @slow'],
  ['unlink', -2, 'write fast', 1, -1, 1, '@keyspace @write @fast'],
  ['exists', -2, 'readonly fast', 1, -1, 1, '@keyspace @read @fast'],
  ['type', 2, 'readonly fast', 1, 1, 1, '@keyspace @read @fast'],
  ['touch', -2, 'readonly fast', 1, -1, 1, '@keyspace @read @fast'],
  ['keys', 2, 'readonly', 0, 0, 0, '@keyspace @read @slow @dangerous'],
  ['scan', -2, 'readonly', 0, 0, 0, '@keyspace @read @slow'],
  ['randomkey', 1, 'readonly', 0, 0, 0, '@keyspace @read @slow'],
  ['dbsize', 1, 'readonly fast', 0, 0, 0, '@keyspace @read @fast'],
  ['rename', 3, 'write', 1, 2, 1, '@keyspace @write @slow'],
  ['renamenx', 3, 'write fast', 1, 2, 1, '@keyspace @write @fast'],
  ['copy', -3, 'write denyoom', 1, 2, 1, '@keyspace @write @slow'],
  ['move', 3, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['swapdb', 3, 'write fast', 0, 0, 0, '@keyspace @write @fast @dangerous'],
  ['flushdb', -1, 'write', 0, 0, 0, '@keyspace @write @slow @dangerous'],
  ['flushall', -1, 'write', 0, 0, 0, '@keyspace @write @slow @dangerous'],
  ['expire', -3, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['pexpire', -3, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['expireat', -3, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['pexpireat', -3, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['ttl', 2, 'readonly fast', 1, 1, 1, '@keyspace @read @fast'],
  ['pttl', 2, 'readonly fast', 1, 1, 1, '@keyspace @read @fast'],
  ['expiretime', 2, 'readonly fast', 1, 1, 1, '@keyspace @read @fast'],
  ['pexpiretime', 2, 'readonly fast', 1, 1, 1, '@keyspace @read @fast'],
  ['persist', 2, 'write fast', 1, 1, 1, '@keyspace @write @fast'],
  ['object', -2, '', 0, 0, 0, '@slow'],
  ['dump', 2, 'readonly', 1, 1, 1, '@keyspace @read @slow'],
  ['restore', -4, 'write denyoom', 1, 1, 1, '@keyspace @write @slow @dangerous'],
  ['multi', 1, 'noscript loading stale fast allow_busy', 0, 0, 0, '@fast @transaction'],
  ['exec', 1, 'noscript loading stale skip_slowlog', 0, 0, 0, '@slow @transaction'],
  ['discard', 1, 'noscript loading stale fast allow_busy', 0, 0, 0, '@fast @transaction'],
  ['watch', -2, 'noscript loading stale fast allow_busy', 1, -1, 1, '@fast @transaction'],
  ['unwatch', 1, 'noscript loading stale fast allow_busy', 0, 0, 0, '@fast @transaction'],
  ['ping', -1, 'fast', 0, 0, 0, '@fast @connection'],
  ['echo', 2, 'loading stale fast', 0, 0, 0, '@fast @connection'],
  ['auth', -2, 'noscript loading stale fast no_auth allow_busy', 0, 0, 0, '@fast @connection'],
  ['hello', -1, 'noscript loading stale fast no_auth allow_busy', 0, 0, 0, '@fast @connection'],
  ['quit', -1, 'noscript loading stale fast no_auth allow_busy', 0, 0, 0, '@fast @connection'],
  ['reset', 1, 'noscript loading stale fast no_auth allow_busy', 0, 0, 0, '@fast @connection'],
  ['select', 2, 'loading stale fast', 0, 0, 0, '@fast @connection'],
  ['client', -2, '', 0, 0, 0, '@slow'],
  ['info', -1, 'loading stale', 0, 0, 0, '@slow @dangerous'],
  ['config', -2, '', 0, 0, 0, '@slow'],
  ['command', -1, 'loading stale', 0, 0, 0, '@slow @connection'],
  ['time', 1, 'loading stale fast', 0, 0, 0, '@fast'],
  ['memory', -2, '', 0, 0, 0, '@slow'],
  ['slowlog', -2, '', 0, 0, 0, '@slow'],
  ['latency', -2, '', 0, 0, 0, '@slow'],
  ['debug', -2, 'admin noscript loading stale', 0, 0, 0, '@admin @slow @dangerous'],
  ['save', 1, 'admin noscript no_async_loading no_multi', 0, 0, 0, '@admin @slow @dangerous'],
  ['bgsave', -1, 'admin noscript no_async_loading', 0, 0, 0, '@admin @slow @dangerous'],
  ['lastsave', 1, 'loading stale fast', 0, 0, 0, '@admin @fast @dangerous'],
  ['shutdown', -1, 'admin noscript loading stale no_multi allow_busy', 0, 0, 0, '@admin @slow @dangerous'],
  ['lolwut', -1, 'readonly fast', 0, 0, 0, '@read @fast'],
  ['monitor', 1, 'admin noscript loading stale', 0, 0, 0, '@admin @slow @dangerous'],
  ['function', -2, '', 0, 0, 0, '@slow'],
  ['script', -2, '', 0, 0, 0, '@slow'],
];

/** Without subcommands, which stand in the entries of these. */
const whole = commands.filter(([name]) => !name.includes('|'));

const words = (list: Reply): string =>
  (list as Reply[])
    .map((item) => (item instanceof Simple ? item.text : show(item)))
    .sort()
    .join(' ');
const sorted = (text: string): string =>
  text
    .split(' ')
    .filter((word) => word !== '')
    .sort()
    .join(' ');

describe('COMMAND INFO', () => {
  test('name, arity, flags, key positions and categories of every command', async () => {
    using client = await server.current.connect();
    const replies = await client.pipeline(commands.map(([name]) => ['COMMAND', 'INFO', name]));
    const got = replies.map((reply) => {
      const entry = (reply as Reply[])[0];
      if (!Array.isArray(entry)) return show(reply);
      const [name, count, flags, first, last, step, categories] = entry as Reply[];
      return [
        name as string,
        show(count ?? ''),
        words(flags ?? []),
        ...[first, last, step].map((part) => show(part ?? '')),
        words(categories ?? []),
      ].join(' | ');
    });
    const wanted = commands.map(([name, count, flags, first, last, step, categories]) =>
      [name, `:${count}`, sorted(flags), `:${first}`, `:${last}`, `:${step}`, sorted(categories)].join(' | '),
    );
    expect(got).toEqual(wanted);
  });

  test('an entry has ten parts', async () => {
    using client = await server.current.connect();
    const reply = (await client.run('COMMAND INFO set')) as Reply[];
    expect(reply).toHaveLength(1);
    expect(reply[0]).toHaveLength(10);
  });

  test('bare COMMAND, COUNT and LIST agree', async () => {
    using client = await server.current.connect();
    const all = (await client.run('COMMAND')) as Reply[];
    expect(await client.run('COMMAND COUNT')).toBe(all.length);
    const list = (await client.run('COMMAND LIST')) as string[];
    expect(list.filter((name) => !name.includes('|'))).toHaveLength(all.length);
    expect(await client.run('COMMAND INFO')).toHaveLength(all.length);
    const names = all.map((entry) => show((entry as Reply[])[0] ?? ''));
    for (const [name] of whole) expect(names).toContain(JSON.stringify(name));
  });
});

describe('COMMAND DOCS', () => {
  const fieldsOf = (reply: Reply): Map<string, Reply> => {
    const flat = reply instanceof MapReply ? reply.entries.flat() : (reply as Reply[]);
    const fields = new Map<string, Reply>();
    for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] ?? '');
    return fields;
  };

  test('has an entry for every command', async () => {
    using client = await server.current.connect();
    const docs = fieldsOf(await client.run('COMMAND DOCS'));
    for (const [name] of whole) {
      const entry = docs.get(name);
      expect(entry, name).toBeDefined();
      const fields = fieldsOf(entry ?? []);
      expect([...fields.keys()], name).toEqual(expect.arrayContaining(['summary', 'since', 'group']));
    }
  });

  test('single commands, RESP2 and RESP3', async () => {
    using client = await server.current.connect();
    const two = await client.run('COMMAND DOCS get getdel nosuch');
    expect([...fieldsOf(two).keys()].sort()).toEqual(['get', 'getdel']);
    const get = fieldsOf(fieldsOf(two).get('get') ?? []);
    expect(get.get('since')).toBe('1.0.0');
    expect(get.get('group')).toBe('string');
    expect(get.get('complexity')).toBe('O(1)');
    await client.run('HELLO 3');
    const three = await client.run('COMMAND DOCS get');
    expect(three).toBeInstanceOf(MapReply);
    expect(fieldsOf(three).get('get')).toBeInstanceOf(MapReply);
  });
});

table(server, 'COMMAND GETKEYS, LIST and the errors', [
  ['COMMAND GETKEYS GET k', ['k']],
  ['COMMAND GETKEYS MSET a 1 b 2', ['a', 'b']],
  ['COMMAND GETKEYS MGET a b c', ['a', 'b', 'c']],
  ['COMMAND GETKEYS BITOP AND d a b', ['d', 'a', 'b']],
  ['COMMAND GETKEYS RENAME a b', ['a', 'b']],
  ['COMMAND GETKEYS PFCOUNT a b', ['a', 'b']],
  ['COMMAND GETKEYS PFDEBUG GETREG k', ['k']],
  [
    'COMMAND GETKEYSANDFLAGS PFMERGE d a',
    [
      ['d', ['RW', 'access', 'insert'].map((flag) => new Simple(flag))],
      ['a', ['RO', 'access'].map((flag) => new Simple(flag))],
    ],
  ],
  ['COMMAND GETKEYSANDFLAGS PFMERGE d', err('ERR Invalid arguments specified for command')],
  ['COMMAND GETKEYS PFMERGE d', err('ERR Invalid arguments specified for command')],
  ['COMMAND GETKEYSANDFLAGS PFCOUNT k', [['k', ['RW', 'access'].map((flag) => new Simple(flag))]]],
  ['COMMAND GETKEYSANDFLAGS PFADD k x', [['k', ['RW', 'insert'].map((flag) => new Simple(flag))]]],
  ['COMMAND GETKEYSANDFLAGS PFDEBUG GETREG k', [['k', ['RW', 'access'].map((flag) => new Simple(flag))]]],
  ['COMMAND GETKEYS SORT k STORE d GET STORE', ['k', 'd']],
  ['COMMAND GETKEYS SORT k GET STORE x', ['k']],
  ['COMMAND GETKEYS SORT k LIMIT 1 STORE STORE d STORE e', ['k', 'e']],
  ['COMMAND GETKEYS SORT k STORE', ['k']],
  ['COMMAND GETKEYS SORT_RO k STORE d', ['k']],
  ['COMMAND GETKEYSANDFLAGS SORT k', [['k', [new Simple('RO'), new Simple('access')]]]],
  ['COMMAND GETKEYSANDFLAGS SPOP k', [['k', ['RW', 'access', 'delete'].map((flag) => new Simple(flag))]]],
  ['COMMAND GETKEYS NOSUCH a', err('ERR Invalid command specified')],
  ['COMMAND GETKEYS', arity('command|getkeys')],
  ['COMMAND GETKEYS COPY a b DB 1', ['a', 'b']],
  ['COMMAND GETKEYS LCS a b', ['a', 'b']],
  ['COMMAND GETKEYS OBJECT ENCODING k', ['k']],
  ['COMMAND GETKEYS MEMORY USAGE k', ['k']],
  ['COMMAND GETKEYSANDFLAGS SET k v', [['k', [new Simple('OW'), new Simple('update')]]]],
  ['COMMAND LIST FILTERBY PATTERN get*', unordered('getdel', 'getbit', 'getrange', 'getex', 'getset', 'get')],
  ['COMMAND LIST FILTERBY ACLCAT transaction', unordered('multi', 'discard', 'watch', 'exec', 'unwatch')],
  ['COMMAND LIST FILTERBY MODULE x', []],
  ['COMMAND LIST FILTERBY BOGUS x', syntaxError],
  ['COMMAND LIST FILTERBY', syntaxError],
  ['COMMAND LIST BOGUS', syntaxError],
  ['COMMAND COUNT x', arity('command|count')],
  ['COMMAND BOGUS', err("ERR unknown subcommand 'BOGUS'. Try COMMAND HELP.")],
  ['COMMAND DOCS nosuch', []],
  ['COMMAND GETKEYS PING', like(/^-ERR /)],
  ['COMMAND GETKEYS GET', like(/^-ERR /)],
]);
