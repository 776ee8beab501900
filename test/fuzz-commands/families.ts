/**
 * Commands on collections, by their group in COMMAND DOCS. A family has keys of its own, so that its commands mostly meet
 * values of their type, and says what its arguments are taken from and how the whole value of a key is read. To add one:
 * a row here, its weight in program.ts, and masks for what may differ.
 */
import { type Random } from '../support/random.js';
import {
  geoArgs,
  geoArguments,
  geoKeys,
  sortedSetArgs,
  sortedSetArguments,
  sortedSetKey,
  zsetKeys,
} from './sorted-sets.js';
import { streamArgs, streamArguments, streamKeys } from './streams.js';
import * as values from './values.js';

export interface Family {
  readonly keys: readonly string[];
  /** Where it is not any of them. */
  readonly keyOf?: (command: string, random: Random) => string;
  /** By the argument's name, or `command name`; others are taken as everywhere. */
  readonly arguments: Readonly<Record<string, (random: Random) => values.Arg>>;
  /** What TYPE says, and the command that reads all of it. */
  readonly type: string;
  readonly whole: (key: string) => readonly string[];
  /** How many items of the reply belong together; 0: their order matters. */
  readonly unordered: number;
  /** Its reply has scores. */
  readonly scores?: boolean;
  /** Puts the arguments of a command right where its grammar does not say enough. */
  readonly reshape?: (command: string, args: values.Arg[], random: Random) => values.Arg[];
}

const fieldsOften = 30;

function field(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 60) return `f${random.int(0, fieldsOften)}`;
  if (dice < 90) return `field:${random.int(0, 2000)}`;
  return random.pick(['', '\xff\x00\r\n', 'f'.repeat(64), 'f'.repeat(65), 'f'.repeat(200), '1', '-1']);
}

function element(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 60) return `e${random.int(0, 12)}`;
  if (dice < 85) return String(random.int(-5000, 5000));
  return random.pick(['', '\xff\x00\r\n', 'e'.repeat(63), 'e'.repeat(64), 'e'.repeat(500), 'e'.repeat(5000), '-0']);
}

function position(random: Random): string {
  if (random.chance(0.04)) return random.pick(['x', '', '1.5', '9223372036854775807', '-9223372036854775808']);
  return String(random.chance(0.3) ? random.int(-120, 120) : random.int(-6, 6));
}

/** Many integers, so that intsets stay some. */
function member(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 50) return `${random.int(-20, 40)}`;
  if (dice < 70) return `m${random.int(0, 30)}`;
  if (dice < 90) return `${random.pick(['', 'member:'])}${random.int(0, 2000)}`;
  return random.pick([
    '',
    '\xff\x00\r\n',
    'f'.repeat(64),
    'f'.repeat(65),
    'f'.repeat(200),
    '007',
    '-0',
    '9223372036854775807',
  ]);
}

export const families: Readonly<Record<string, Family>> = {
  hash: {
    keys: ['hash1', 'hash2', 'hash3'],
    arguments: {
      field,
      'hincrby increment': values.integer,
      'hrandfield count': (random) =>
        random.pick(['0', '1', '2', '5', '-3', '100', '3000', '-20', 'x', '', '9223372036854775807']),
      'hscan count': (random) => random.pick(['1000', '5000', '1', '10', '0', '-1', 'x', '']),
    },
    type: 'hash',
    whole: (key) => ['HGETALL', key],
    unordered: 2,
  },
  'sorted-set': {
    keys: zsetKeys,
    keyOf: sortedSetKey,
    arguments: sortedSetArguments,
    type: 'zset',
    whole: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
    unordered: 0,
    scores: true,
    reshape: sortedSetArgs,
  },
  geo: {
    keys: geoKeys,
    arguments: geoArguments,
    type: 'zset',
    whole: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
    unordered: 0,
    scores: true,
    reshape: (_command, args, random) => geoArgs(args, random),
  },
  list: {
    keys: ['list1', 'list2', 'list3'],
    arguments: {
      element,
      pivot: element,
      index: position,
      start: position,
      stop: position,
      count: (random) => random.pick(['1', '2', '3', '10', '100', '0', '-1', '-2', 'x', '']),
      rank: (random) => random.pick(['1', '2', '3', '-1', '-2', '0', '100', 'x']),
      'num-matches': (random) => random.pick(['0', '1', '2', '100', '-1', 'x']),
      len: (random) => random.pick(['0', '1', '5', '100', '-1', 'x']),
      // A client that waits is answered soon: nobody else sends anything meanwhile.
      timeout: (random) => random.pick(['0.001', '0.001', '0.01', '-1', 'x', '']),
    },
    type: 'list',
    whole: (key) => ['LRANGE', key, '0', '-1'],
    unordered: 0,
  },
  stream: {
    keys: streamKeys,
    arguments: streamArguments,
    type: 'stream',
    whole: (key) => ['XRANGE', key, '-', '+'],
    unordered: 0,
    reshape: streamArgs,
  },
  set: {
    keys: ['set1', 'set2', 'set3'],
    arguments: {
      member,
      'spop count': (random) => random.pick(['0', '1', '2', '5000', '-1', 'x', '']),
      'srandmember count': (random) =>
        random.pick(['0', '1', '3', '-3', '5000', '-20', 'x', '', '9223372036854775807']),
      'sscan count': (random) => random.pick(['1000', '5000', '1', '10', '0', '-1', 'x', '']),
      numkeys: (random) => random.pick(['1', '2', '2', '3', '0', '-1', 'x']),
      limit: (random) => random.pick(['0', '1', '5', '1000', '-1', 'x']),
    },
    type: 'set',
    whole: (key) => ['SMEMBERS', key],
    unordered: 1,
  },
};

export function familyKey(group: string, command: string, random: Random): string | undefined {
  const family = families[group];
  return family?.keyOf?.(command, random) ?? (family === undefined ? undefined : random.pick(family.keys));
}

/** Any key of any family. */
export function anyFamilyKey(random: Random): string {
  return random.pick(Object.values(families).flatMap(({ keys }) => keys));
}
