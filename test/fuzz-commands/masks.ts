/**
 * Where the two servers may answer differently, each with its reason. Replies are compared byte by byte first; a mask is
 * asked only when they differ. What is a fault of ours, and only waits to be mended, stands in known.ts instead.
 */
import { Double, ErrorReply, MapReply, type Reply, SetReply, show } from '../support/resp.js';

export interface MaskContext {
  /** 7.2 for redis-server 7.2.x. */
  readonly redisVersion: number;
  /** How far apart two times to live may be, in milliseconds. */
  readonly toleranceMs: number;
}

export interface Mask {
  /** `get`, or `client|id` for a subcommand. */
  readonly command: RegExp;
  same(redis: Reply, cairn: Reply, context: MaskContext, args: readonly Buffer[]): boolean;
  readonly why: string;
}

/** A command after which hits and misses are not compared. */
export interface Uncounted {
  readonly command: RegExp;
  readonly option?: string;
  /** Only beside a redis-server of this version or later. */
  readonly since?: number;
  readonly why: string;
}

export const uncounted: readonly Uncounted[] = [
  {
    command: /^scan$/,
    option: 'type',
    why: 'Redis counts a hit for each key whose type it looks at, in the order of its own table.',
  },
  {
    command: /^bit(pos|count)$/,
    since: 8,
    why: 'Redis 8 looks at all arguments before the key: one that is wrong costs no look. Redis 7 looks at the key first.',
  },
];

const isInteger = (reply: Reply): reply is number | bigint => typeof reply === 'number' || typeof reply === 'bigint';

function isList(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

/** Equal but for the order. */
function sameItems(a: Reply, b: Reply): boolean {
  if (!isList(a) || !isList(b)) return false;
  const sorted = (items: readonly Reply[]): string => items.map(show).sort().join('\n');
  return sorted(a) === sorted(b);
}

function sameTime(a: Reply, b: Reply, tolerance: number): boolean {
  if (!isInteger(a) || !isInteger(b) || a <= 0 || b <= 0) return false;
  const apart = BigInt(a) - BigInt(b);
  return (apart < 0n ? -apart : apart) <= BigInt(tolerance);
}

/** The same kind of reply, whatever is in it. */
function sameKind(a: Reply, b: Reply): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return typeof a === typeof b;
  return a.constructor === b.constructor && !(a instanceof ErrorReply);
}

const helloVaries = new Set(['"server"', '"version"', '"id"']);
const helloVaries8 = new Set([...helloVaries, '"modules"']);

function helloFields(reply: Reply, varies: ReadonlySet<string>): string | undefined {
  const flat = reply instanceof MapReply ? reply.entries.flat() : reply;
  if (!isList(flat)) return undefined;
  return flat
    .filter((_, i) => !varies.has(show(flat[i - (i % 2)] ?? '')))
    .map(show)
    .join(' ');
}

const footerBytes = 10;
const compressed = '\x00\xc3';

/** The same value: only the version in the footer differs, or one of them is compressed in another way. */
function samePayload(a: Reply, b: Reply): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  if (a.startsWith(compressed) || b.startsWith(compressed)) return true;
  return a.slice(0, -footerBytes) === b.slice(0, -footerBytes);
}

/** Of a map, its names and values. */
const inItems = (reply: Reply): Reply => (reply instanceof MapReply ? reply.entries.flat() : reply);

/** With each text that is a number in one form. */
function numbersIn(reply: Reply): Reply {
  if (isList(reply)) return reply.map(numbersIn);
  const text = reply instanceof Double ? reply.text : reply;
  if (typeof text !== 'string' || !/^-?(\d+(\.\d+)?(e[+-]?\d+)?|inf)$/.test(text)) return reply;
  return `a number: ${Number(text.replace('inf', 'Infinity'))}`;
}

const sameNumbers = (a: Reply, b: Reply): boolean => show(numbersIn(a)) === show(numbersIn(b));

/** As they can be compared: since 7.2 scores have as many digits as they need, before they had 17. */
export const numbersOf = (reply: Reply, redisVersion: number): Reply => (redisVersion < 7.2 ? numbersIn(reply) : reply);
const members = (reply: Reply): Reply => (reply instanceof SetReply ? reply.items : reply);
const isCollection = (payload: string): boolean => payload.charCodeAt(0) !== 0;

/** `at`: which argument is the cursor. */
function sameScan(a: Reply, b: Reply, args: readonly Buffer[], at = 1): boolean {
  if (!isList(a) || !isList(b) || a.length !== 2 || b.length !== 2) return false;
  const [cursorA = '', keysA = ''] = a;
  const [cursorB = '', keysB = ''] = b;
  const whole = args[at]?.toString() === '0' && cursorA === '0' && cursorB === '0';
  return whole ? sameItems(keysA, keysB) : isList(keysA) && isList(keysB);
}

const apart = (a: number | bigint, b: number | bigint): number => Math.abs(Number(a) - Number(b));

/** Lists of lists that are equal but for items that may differ. */
function sameRows(a: Reply, b: Reply, mayDiffer: (a: Reply, b: Reply, i: number) => boolean): boolean {
  if (!isList(a) || !isList(b) || a.length !== b.length) return false;
  return a.every((row, at) => {
    const other = b[at] ?? '';
    if (!isList(row) || !isList(other)) return show(row) === show(other);
    return (
      row.length === other.length &&
      row.every((x, i) => show(x) === show(other[i] ?? '') || mayDiffer(x, other[i] ?? '', i))
    );
  });
}

const infoVaries = /^"(radix-tree-keys|radix-tree-nodes|seen-time|active-time)"$/;

/** XINFO: names and values, some of which may differ; what is in them may, too. `consumers`: those may. */
function sameInfo(a: Reply, b: Reply, consumers: boolean): boolean {
  if (show(a) === show(b)) return true;
  const [left, right] = [inItems(a), inItems(b)];
  if (!isList(left) || !isList(right) || left.length !== right.length) return false;
  return left.every((x, i) => {
    const before = show(left[i - 1] ?? '');
    if (infoVaries.test(before) || (consumers && before === '"consumers"')) return true;
    if (before === '"pending"' && isList(x)) return sameRows(x, right[i] ?? '', (y, z) => isInteger(y) && isInteger(z));
    return sameInfo(x, right[i] ?? '', consumers);
  });
}

export const masks: readonly Mask[] = [
  { command: /^time$/, same: sameKind, why: 'The two are asked at different moments.' },
  {
    command: /^(ttl|expiretime)$/,
    same: (a, b, { toleranceMs }) => sameTime(a, b, Math.ceil(toleranceMs / 1000)),
    why: 'Relative times begin when the command arrives, which is not the same moment on both.',
  },
  {
    command: /^(pttl|pexpiretime)$/,
    same: (a, b, { toleranceMs }) => sameTime(a, b, toleranceMs),
    why: 'Relative times begin when the command arrives, which is not the same moment on both.',
  },
  {
    command: /^dbsize$/,
    same: (a, b) => isInteger(a) && isInteger(b) && b > a,
    why: 'Expired keys count until they are swept; in Redis a scan, which comes right before, removes them. The runner compares exact counts later.',
  },
  { command: /^randomkey$/, same: sameKind, why: 'Any key is right.' },
  { command: /^keys$/, same: sameItems, why: 'The order is that of the index; Redis promises none.' },
  {
    command: /^scan$/,
    same: (a, b, _context, args) => sameScan(a, b, args),
    why: 'Order and cursors are those of the index. A scan that is over in one call must have found the same keys, unless it began with a cursor that no server gave.',
  },
  {
    command: /^scan$/,
    same: (redis, cairn, { redisVersion }, args) =>
      redisVersion >= 8 &&
      /^(-.*)?$/.test(args[1]?.toString() ?? '') &&
      show(redis) === '-ERR invalid cursor' &&
      !(cairn instanceof ErrorReply),
    why: 'Redis 7 takes an empty cursor for 0, and a negative one for what it is without a sign, as we do; 8 refuses both.',
  },
  {
    command: /^h(keys|vals|getall)$/,
    same: (a, b) => sameItems(inItems(a), inItems(b)),
    why: 'The order of a large hash is that of its hashes on either side.',
  },
  {
    command: /^hrandfield$/,
    same: (a, b) => (isList(a) && isList(b) ? a.length === b.length : sameKind(a, b)),
    why: 'Any fields are right.',
  },
  {
    command: /^hscan$/,
    same: (a, b, _context, args) => sameScan(a, b, args, 2),
    why: 'Order and cursors of a large hash are those of its hashes.',
  },
  {
    command: /^s(members|inter|union|diff|pop)$/,
    same: (a, b) => sameItems(members(a), members(b)),
    why: 'A set has no order.',
  },
  {
    command: /^srandmember$/,
    same: (a, b) => (isList(a) && isList(b) ? a.length === b.length : sameKind(a, b)),
    why: 'Any members are right.',
  },
  {
    command: /^(b?z|geo)/,
    same: (a, b, { redisVersion }) => redisVersion < 7.2 && sameNumbers(a, b),
    why: 'Since 7.2 numbers have as many digits as they need, and before 17; integers are written out up to 2^62, before to 2^52.',
  },
  {
    command: /^zrandmember$/,
    same: (a, b) => (isList(a) && isList(b) ? a.length === b.length : sameKind(a, b)),
    why: 'Any members are right.',
  },
  {
    command: /^zscan$/,
    same: (a, b, { redisVersion }, args) => sameScan(numbersOf(a, redisVersion), numbersOf(b, redisVersion), args, 2),
    why: 'Order and cursors of a large sorted set are those of its index.',
  },
  {
    command: /^sscan$/,
    same: (a, b, _context, args) => sameScan(a, b, args, 2),
    why: 'Order and cursors of a large set are those of its hashes.',
  },
  {
    command: /^sort(_ro)?$/,
    same: (a, b, _context, args) => args.some((arg) => /^by$/i.test(arg.toString())) && sameItems(a, b),
    why: 'Elements whose keys are equal, or missing, come in any order.',
  },
  {
    command: /^dump$/,
    same: (a, b) => typeof a === 'string' && typeof b === 'string' && isCollection(a) && isCollection(b),
    why: 'The order of tables, and the forms that a version has, differ; end-to-end tests exchange payloads.',
  },
  {
    command: /^dump$/,
    same: (redis, cairn) =>
      typeof redis === 'string' && cairn instanceof ErrorReply && /not supported yet$/.test(cairn.text),
    why: 'Streams are not dumped yet (docs/differences.md).',
  },
  {
    command: /^object\|encoding$/,
    same: (a, b, { redisVersion }) => redisVersion < 7.2 && a === 'hashtable' && b === 'listpack',
    why: 'Sets of few texts have a packed form since 7.2.',
  },
  {
    command: /^xpending$/,
    same: (a, b, { toleranceMs }) =>
      sameRows(a, b, (x, y, i) => i === 2 && isInteger(x) && isInteger(y) && apart(x, y) <= toleranceMs),
    why: 'How long an entry has been idle is counted from when the command arrived.',
  },
  {
    command: /^xinfo\|consumers$/,
    same: (a, b) => isList(a) && isList(b),
    why: 'Times; and before 7.2 a consumer that got nothing was not made, and nothing was told of its activity.',
  },
  {
    command: /^xinfo\|(groups|stream)$/,
    same: (a, b, { redisVersion }) => sameInfo(a, b, redisVersion < 7.2),
    why: 'Nodes are an account here; times; and before 7.2 a consumer that got nothing was not made.',
  },
  {
    command: /^xgroup\|createconsumer$/,
    same: (a, b, { redisVersion }) => redisVersion < 7.2 && isInteger(a) && isInteger(b),
    why: 'Before 7.2 a consumer that got nothing was not made.',
  },
  {
    command: /^(xread|xreadgroup)$/,
    same: (a, b) =>
      a instanceof ErrorReply && b instanceof ErrorReply && [a, b].every(({ text }) => /^ERR Unbalanced /.test(text)),
    why: 'Redis 7.2 says which command and which id is meant.',
  },
  {
    command: /^xadd$/,
    same: (a, b, { redisVersion }) =>
      redisVersion < 7.2 &&
      a instanceof ErrorReply &&
      b instanceof ErrorReply &&
      a.text === 'ERR Elements are too large to be stored',
    why: 'Before 7.2 Redis says so of an id whose sequence number is used up, too.',
  },
  {
    command: /^client\|setinfo$/,
    same: (redis, cairn, { redisVersion }) =>
      redisVersion >= 8 && show(redis).toLowerCase() === show(cairn).toLowerCase() && cairn instanceof ErrorReply,
    why: 'Redis 8 repeats the attribute as it was written; 7.2 by its name.',
  },
  {
    command: /^info$/,
    same: sameKind,
    why: 'Nearly all fields are measurements; the runner compares counts by itself.',
  },
  {
    command: /^hello$/,
    same: (a, b, { redisVersion }) => {
      const fields = helloFields(a, redisVersion < 8 ? helloVaries : helloVaries8);
      return fields !== undefined && fields === helloFields(b, redisVersion < 8 ? helloVaries : helloVaries8);
    },
    why: 'Name and version of the server, the number of the connection, and the modules that Redis brings along since 8.0.',
  },
  {
    command: /^hello$/,
    same: (a, b, { redisVersion }) => redisVersion < 7.2 && a instanceof ErrorReply && b instanceof ErrorReply,
    why: 'Before 7.2 Redis acts on AUTH before it looks at the name; which of two errors comes first differs.',
  },
  {
    command: /^client\|getname$/,
    same: (_redis, _cairn, { redisVersion }) => redisVersion < 7.2,
    why: 'Before 7.2 HELLO sets the name even if its AUTH, or an option behind, is then refused.',
  },
  {
    command: /^wait$/,
    same: (a, b, { redisVersion }) =>
      redisVersion < 7.2 && a === 0 && b instanceof ErrorReply && b.text === 'ERR timeout is out of range',
    why: 'Redis knows this error since 7.2; before, the time wrapped around.',
  },
  { command: /^client\|id$/, same: sameKind, why: 'Connections are numbered by each server.' },
  {
    command: /^dump$/,
    same: samePayload,
    why: 'The footer has the version (10 here, 11 in Redis 7.2, 12 in 8.0), and LZF output is not unique.',
  },
  {
    command: /^object\|encoding$/,
    same: (a, b) => (a === 'raw' && (b === 'embstr' || b === 'int')) || (a === 'embstr' && b === 'int'),
    why: 'Here it follows from the value; Redis keeps what APPEND, SETRANGE, INCRBYFLOAT and others made (docs/differences.md).',
  },
  {
    command: /^object\|(idletime|refcount)$/,
    same: (a, b) => isInteger(a) && isInteger(b),
    why: 'Times of use and shared integers do not exist here (docs/differences.md).',
  },
];

/** The mask that lets these two replies differ, if there is one. */
export function maskFor(
  command: string,
  args: readonly Buffer[],
  redis: Reply,
  cairn: Reply,
  context: MaskContext,
): Mask | undefined {
  return masks.find((mask) => mask.command.test(command) && mask.same(redis, cairn, context, args));
}

/** What came of a pipeline until all replies were there, or the connection had ended. */
export interface Ended {
  readonly replies: readonly Reply[];
  readonly closed: boolean;
  /** By an error of the socket. */
  readonly broken: boolean;
  /** Why replies are missing although it is open. */
  readonly failure: string | undefined;
}

/** Redis reads so much at once (PROTO_IOBUF_LEN), and Cairn more. */
const oneReadBytes = 16 * 1024;

/**
 * Whether two pipelines have ended in the same way; what both have answered is compared elsewhere. `bytesAroundQuit`: size
 * of the pipeline if it has commands behind a QUIT, otherwise 0.
 *
 * Neither server reads what comes behind QUIT. If they close a socket that still has input, the kernel sends a reset
 * instead of an orderly end (RFC 1122, 4.2.2.13), and Node drops what it has received when it is writing at that moment.
 * So a client that was reset may lack any number of last replies, on either server; one that saw an orderly end has all,
 * and a pipeline that one read takes leaves no input.
 */
export function endsAlike(redis: Ended, cairn: Ended, bytesAroundQuit: number): boolean {
  // If both wait in vain, nothing was compared: the program has demanded a reply that no server gives.
  if (redis.closed !== cairn.closed || redis.failure !== undefined || cairn.failure !== undefined) return false;
  if (redis.replies.length === cairn.replies.length) return true;
  const shorter = redis.replies.length < cairn.replies.length ? redis : cairn;
  return bytesAroundQuit > oneReadBytes && shorter.closed && shorter.broken;
}
