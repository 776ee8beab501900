/** What the arguments of commands on sorted sets, and on places, are taken from. */
import { type Random } from '../support/random.js';
import { type Arg, integer } from './values.js';

type Makers = Readonly<Record<string, (random: Random) => Arg>>;

/**
 * Sorted sets; those of the second kind have one score, because ranges of bytes mean nothing else: of a large sorted set
 * with several scores Redis gives one that depends on the heights of its towers.
 */
export const zsetKeys = ['z1', 'z2', 'z3'];
const lexKeys = ['zlex1', 'zlex2'];
export const geoKeys = ['geo1', 'geo2'];

function zsetKey(random: Random): string {
  return random.pick(zsetKeys);
}
function lexKey(random: Random): string {
  return random.pick(lexKeys);
}
function geoKey(random: Random): string {
  return random.chance(0.95) ? random.pick(geoKeys) : zsetKey(random);
}
const isLexKey = (arg: Arg | undefined): boolean => lexKeys.some((key) => key === arg);

/** Few, so that they meet again; now and then one that makes a sorted set a large one. */
function member(random: Random): string {
  if (random.chance(0.02))
    return random.pick(['', '\x00', '\xff\xfe', 'm'.repeat(64), 'm'.repeat(65), 'n'.repeat(300)]);
  return random.chance(0.7) ? `m${random.int(0, 15)}` : `m${random.int(0, 300)}`;
}

const scores = [
  '0',
  '1',
  '-1',
  '2',
  '3',
  '1.5',
  '-2.25',
  '0.1',
  '1e3',
  '1e17',
  '-1e-7',
  '3.0',
  '123456.789',
  '4503599627370497',
];
const oddScores = ['inf', '-inf', '+inf', 'nan', 'x', '', ' 1', '-0', '1e400', '0x10', '1 ', 'Infinity', '-0.0'];

function score(random: Random): string {
  if (random.chance(0.08)) return random.pick(oddScores);
  return random.chance(0.5) ? random.pick(scores) : String(random.int(-10, 40));
}

function scoreBound(random: Random): string {
  if (random.chance(0.2)) return random.pick(['-inf', '+inf', '(', '(inf', '(-inf', '']);
  return (random.chance(0.25) ? '(' : '') + score(random);
}

function lexBound(random: Random): string {
  if (random.chance(0.25)) return random.pick(['-', '+', '-', '+', '[', '(', '', 'm1', '--', '[\xff']);
  return random.pick(['[', '(', '[']) + member(random);
}

/** Of a range of ranks, of scores, or of bytes. */
function bound(random: Random): string {
  const dice = random.int(0, 9);
  if (dice < 4) return random.chance(0.1) ? integer(random) : String(random.int(-12, 20));
  return dice < 7 ? scoreBound(random) : lexBound(random);
}

const cities = [
  '13.361389 38.115556',
  '15.087269 37.502669',
  '2.349014 48.864716',
  '-74.005974 40.712776',
  '151.2 -33.86',
];

/** Longitude and latitude. */
function place(random: Random): [string, string] {
  if (random.chance(0.04))
    return random.pick<[string, string]>([
      ['180', '85.05112878'],
      ['-180', '-85.05112878'],
      ['180.1', '1'],
      ['1', '-85.06'],
      ['x', '1'],
      ['1', 'nan'],
      ['inf', '1'],
    ]);
  if (random.chance(0.5)) return random.pick(cities).split(' ') as [string, string];
  const degrees = (most: number): string => (random.int(-most * 1000, most * 1000) / 1000).toString();
  return random.chance(0.5) ? [degrees(179), degrees(85)] : [degrees(5), degrees(5)];
}

function length(random: Random): string {
  if (random.chance(0.05)) return random.pick(['-1', 'x', '', '0', 'inf', '1e300']);
  return random.pick(['1', '10', '100', '500', '1000', '5000', '20000', '0.5', String(random.int(1, 3000))]);
}

/** Stands for a longitude, and the latitude behind it, until both are chosen together. */
const longitude = 'longitude';

/** That leave one score to all members of a sorted set that has one. */
const lexCommands = /^z(lexcount|rangebylex|revrangebylex|remrangebylex)$/;
const lexToo = /^z(add|rem|card|score|mscore|count|rank|revrank|remrangebyrank|popmin|popmax|scan)$/;

export function sortedSetKey(command: string, random: Random): string {
  if (lexCommands.test(command) || (lexToo.test(command) && random.chance(0.25))) return lexKey(random);
  return random.chance(0.03) ? geoKey(random) : zsetKey(random);
}

function forEach(commands: string, argument: string, maker: (random: Random) => Arg): Makers {
  return Object.fromEntries(commands.split(' ').map((command) => [`${command} ${argument}`, maker]));
}

const byScore = 'zcount zrangebyscore zrevrangebyscore zremrangebyscore';
const byLex = 'zlexcount zrangebylex zrevrangebylex zremrangebylex';
const ranges = 'zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex zrangestore';

export const sortedSetArguments: Makers = {
  score,
  member,
  weight: score,
  limit: (random) => random.pick(['0', '1', '2', '5', '-1', 'x', '1000']),
  numkeys: (random) => random.pick(['1', '2', '3', '0', '-1', 'x', '9223372036854775807', '01']),
  'zincrby increment': score,
  ...forEach(byScore, 'min', scoreBound),
  ...forEach(byScore, 'max', scoreBound),
  ...forEach(byLex, 'min', lexBound),
  ...forEach(byLex, 'max', lexBound),
  ...forEach('zrange', 'start', bound),
  ...forEach('zrange', 'stop', bound),
  ...forEach('zrangestore', 'min', bound),
  ...forEach('zrangestore', 'max', bound),
  ...forEach(ranges, 'offset', (random) => random.pick(['0', '0', '1', '2', '7', '-1', 'x'])),
  ...forEach(ranges, 'count', (random) => random.pick(['-1', '0', '1', '2', '5', '100', 'x'])),
  ...forEach('zpopmin zpopmax zmpop bzmpop', 'count', (random) =>
    random.pick(['1', '1', '2', '3', '10', '0', '-1', 'x']),
  ),
  // A client that waits is answered soon: nobody else sends anything meanwhile.
  timeout: (random) => random.pick(['0.001', '0.001', '0.01', '-1', 'x', '']),
  'zrandmember count': (random) =>
    random.pick(['1', '2', '5', '1000', '0', '-1', '-3', '-20', 'x', '-9223372036854775808']),
  'zscan count': (random) => random.pick(['1000', '1000', '1', '10', '0', '-1', 'x', '']),
};

export const geoArguments: Makers = {
  longitude: () => longitude,
  latitude: () => '0',
  member,
  member1: member,
  member2: member,
  radius: length,
  width: length,
  height: length,
  count: (random) => random.pick(['1', '2', '3', '10', '1000', '0', '-1', 'x']),
};

const isWord = (arg: Arg | undefined, word: RegExp): boolean => typeof arg === 'string' && word.test(arg);

export function sortedSetArgs(name: string, args: Arg[], random: Random): Arg[] {
  const out = [...args];
  // Ranges of bytes are asked of sorted sets of one score, to which no other one comes.
  if (/^zrange(store)?$/.test(name) && out.some((arg) => isWord(arg, /^bylex$/i)))
    out[name === 'zrange' ? 0 : 1] = lexKey(random);
  if (name === 'zadd' && isLexKey(out[0])) {
    const first = out.findIndex((arg, i) => i > 0 && !isWord(arg, /^(nx|xx|gt|lt|ch|incr)$/i));
    for (let i = first; i > 0 && i < out.length; i += 2) out[i] = '0';
    if (random.chance(0.05)) for (let i = random.int(100, 300); i > 0; i--) out.push('0', `m${random.int(0, 400)}`);
  }
  const weights = out.findIndex((arg) => isWord(arg, /^weights$/i));
  const sources = Number(out[/store$/.test(name) ? 1 : 0]);
  if (weights >= 0 && sources > 0 && sources < 10 && random.chance(0.9)) {
    let end = weights + 1;
    while (end < out.length && !isWord(out[end], /^(aggregate|withscores)$/i)) end++;
    out.splice(weights + 1, end - weights - 1, ...Array.from({ length: sources }, () => score(random)));
  }
  return out;
}

/** Longitudes and latitudes that are places on earth, mostly. */
export function geoArgs(args: Arg[], random: Random): Arg[] {
  const out = [...args];
  out.forEach((arg, i) => {
    if (arg === longitude) [out[i], out[i + 1]] = place(random);
  });
  return out;
}
