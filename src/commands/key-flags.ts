/**
 * How commands use their keys: the flags of COMMAND INFO's key specifications and of COMMAND GETKEYSANDFLAGS. RO, RW, OW
 * (overwrite), RM (remove) say what happens to the key; access, update, insert, delete what happens to its value.
 */
import type { Bytes } from '../bytes.js';
import type { CommandRow } from '../native.js';

/** One run of keys in a command line. */
export interface KeySpec {
  flags: readonly string[];
  first: number;
  /** Negative: counted from the end. */
  last: number;
  step: number;
  /** Where an argument says how many keys follow it: then `first` is the first of them, and `last` means nothing. */
  countAt?: number;
  /** Where the first argument stands that may be STORE or STOREDIST, with the key behind it: the same. */
  storeAt?: number;
  /** Keys are the first half of what follows STREAMS, which is looked for from here on. */
  streamsFrom?: number;
  /** No run: where such keys stand cannot be said by numbers. Why, in Redis's words. */
  unknown?: string;
}

const names = {
  'RO access':
    'smismember smembers sscan srandmember sinter sintercard sunion sdiff sort sort_ro xread xreadgroup get mget getrange substr lcs getbit bitcount bitpos bitfield_ro dump ttl pttl expiretime pexpiretime georadius georadiusbymember lindex lrange lpos',
  RO: 'hexists hlen hstrlen sismember scard xlen exists type touch strlen zcard watch object|encoding object|freq object|idletime object|refcount memory|usage llen',
  'RW access update': 'incr decr incrby decrby incrbyfloat getset getex setbit move zincrby',
  'RW access update variable_flags': 'set bitfield',
  'RW access delete': 'spop getdel zpopmin zpopmax zmpop bzpopmin bzpopmax bzmpop lpop rpop lmpop blpop brpop blmpop',
  'RW access': 'pfcount pfdebug',
  'RW insert': 'append hsetnx pfadd sadd lpush rpush lpushx rpushx linsert xgroup|create xgroup|createconsumer',
  'RW delete':
    'hdel srem zrem zremrangebyrank zremrangebyscore zremrangebylex ltrim lrem xdel xtrim xautoclaim xgroup|destroy xgroup|delconsumer',
  'RW update':
    'hset hmset setrange expire pexpire expireat pexpireat persist zadd geoadd lset xadd xack xclaim xsetid xgroup|setid',
  'OW update': 'setex psetex mset restore zunionstore zinterstore zdiffstore',
  'OW insert': 'setnx msetnx',
  'RM delete': 'del unlink',
};

const flagsByName = new Map(
  Object.entries(names).flatMap(([flags, list]) => list.split(' ').map((name) => [name, flags.split(' ')] as const)),
);

type Run = readonly [flags: string, first: number, last: number];

/** Commands whose keys are not all used in the same way. */
const severalRuns: readonly (readonly [names: string, ...runs: Run[]])[] = [
  ['rename', ['RW access delete', 1, 1], ['OW update', 2, 2]],
  ['renamenx', ['RW access delete', 1, 1], ['OW insert', 2, 2]],
  ['lmove blmove rpoplpush brpoplpush smove', ['RW access delete', 1, 1], ['RW insert', 2, 2]],
  ['zrangestore geosearchstore', ['OW update', 1, 1], ['RO access', 2, 2]],
  ['sinterstore', ['RW update', 1, 1], ['RO access', 2, -1]],
  ['sunionstore sdiffstore', ['OW update', 1, 1], ['RO access', 2, -1]],
  ['copy', ['RO access', 1, 1], ['OW update', 2, 2]],
  ['bitop', ['OW update', 2, 2], ['RO access', 3, -1]],
  ['pfmerge', ['RW access insert', 1, 1], ['RO access', 2, -1]],
];

const several: ReadonlyMap<string, readonly Run[]> = new Map(
  severalRuns.flatMap(([list, ...runs]) => list.split(' ').map((name) => [name, runs] as const)),
);

/** Where the first option of a command may stand that puts its result behind STORE or STOREDIST. */
const storesAt: ReadonlyMap<string, number> = new Map([
  ['georadius', 6],
  ['georadiusbymember', 5],
]);

/** Of SORT and SORT_RO. */
const sortedBy: KeySpec = {
  flags: ['RO', 'access'],
  first: 0,
  last: 0,
  step: 1,
  unknown:
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
};
const sortedInto: KeySpec = {
  flags: ['OW', 'update'],
  first: 0,
  last: 0,
  step: 1,
  unknown:
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
};
const sortSpecs: ReadonlyMap<string, readonly KeySpec[]> = new Map([
  ['sort', [sortedBy, sortedInto]],
  ['sort_ro', [sortedBy]],
]);

function derived(row: CommandRow): string[] {
  return row.flags.includes('readonly') ? ['RO', 'access'] : ['RW', 'access', 'update'];
}

/** `name` is the full one: `object|encoding`. */
export function keySpecs(row: CommandRow, name: string): KeySpec[] {
  const flags = row.keyFlags ?? flagsByName.get(name) ?? derived(row);
  const { keyCountAt: countAt, firstKey } = row;
  if (row.keyStreams === true)
    return [{ flags, first: 0, last: -1, step: 1, streamsFrom: name === 'xreadgroup' ? 4 : 1 }];
  const storeAt = storesAt.get(name);
  // Beside a destination they are only read.
  const countedFlags = firstKey === 0 ? flags : ['RO', 'access'];
  const counted: KeySpec[] =
    countAt === undefined ? [] : [{ flags: countedFlags, first: countAt + 1, last: 0, step: 1, countAt }];
  if (firstKey === 0) return counted;
  if (storeAt !== undefined) counted.push({ flags: ['OW', 'update'], first: 0, last: 0, step: 1, storeAt });
  const parts = several.get(name);
  if (parts !== undefined)
    return [...parts.map(([flags, first, last]) => ({ flags: flags.split(' '), first, last, step: 1 })), ...counted];
  return [{ flags, first: firstKey, last: row.lastKey, step: row.step }, ...counted, ...(sortSpecs.get(name) ?? [])];
}

/** Where the flags depend on the arguments: those of this very command line. */
export function flagsInUse({ flags }: KeySpec, name: string, args: readonly Bytes[]): readonly string[] {
  const words = args.map((arg) => arg.toLowerCase());
  if (name === 'set') return words.slice(3).includes('get') ? ['RW', 'access', 'update'] : ['OW', 'update'];
  if (name === 'bitfield') {
    const writes = words.slice(2).some((word) => word === 'set' || word === 'incrby');
    return writes ? ['RW', 'access', 'update'] : ['RO', 'access'];
  }
  return flags;
}
