/** Streams: few ids, so that they meet, and groups with a few consumers. */
import { type Random } from '../support/random.js';
import * as values from './values.js';

export const streamKeys = ['stream1', 'stream2', 'stream3'];

/** Few ids, so that they meet; the last ones come often, so that entries are added all the time. */
function streamId(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 5)
    return random.pick([
      '0',
      '0-0',
      '-',
      '+',
      'x',
      '',
      '18446744073709551615-18446744073709551615',
      '5-',
      '1-2-3',
      '07-1',
    ]);
  return dice < 30 ? String(random.int(0, 40)) : `${random.int(0, 40)}-${random.int(0, 12)}`;
}

function newId(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 60) return '40-*';
  return dice < 90 ? `${random.int(0, 40)}-*` : streamId(random);
}

const bound = (random: Random): string =>
  random.chance(0.3) ? `(${streamId(random)}` : random.pick(['-', '+', streamId(random)]);
/** Nothing is idle for so long, or everything is. */
const idle = (random: Random): string => random.pick(['0', '0', '0', '100000000', '-1', 'x']);

const isWord = (arg: values.Arg | undefined, word: string): boolean =>
  typeof arg === 'string' && arg.toLowerCase() === word;

export const streamArguments: Readonly<Record<string, (random: Random) => values.Arg>> = {
  id: streamId,
  'xadd id': newId,
  'last-id': streamId,
  lastid: streamId,
  'max-deleted-id': streamId,
  'entries-added': values.integer,
  'entries-read': values.integer,
  start: bound,
  end: bound,
  threshold: (random) => (random.chance(0.5) ? String(random.int(0, 30)) : streamId(random)),
  group: (random) => random.pick(['g', 'g', 'g', 'h', 'group two', '']),
  consumer: (random) => random.pick(['alice', 'bob', 'bob', 'carol', '']),
  field: (random) => random.pick(['a', 'a', 'b', 'name', '']),
  value: (random) => (random.chance(0.9) ? values.smallText(random) : values.value(random)),
  count: (random) => random.pick(['1', '2', '5', '10', '100', '0', '-1', 'x']),
  'min-idle-time': idle,
  ms: idle,
  'unix-time-milliseconds': (random) => random.pick(['0', '1', '1000', '-1', 'x', '9223372036854775807']),
  milliseconds: (random) => random.pick(['1', '1', '-1', 'x']),
};

/**
 * Ids that say themselves what they are, and no nodes: what "*" gives depends on the clock, and how much "~" trims on how
 * Redis keeps entries. As many ids as keys for XREAD.
 */
export function streamArgs(command: string, args: values.Arg[], random: Random): values.Arg[] {
  const plain = args.flatMap((arg, i) => {
    if (isWord(arg, '~')) return ['='];
    if (isWord(arg, '*')) return [newId(random)];
    const isLimit = isWord(arg, 'limit') || isWord(args[i - 1], 'limit');
    return isLimit && command !== 'xinfo|stream' ? [] : [arg];
  });
  if (command !== 'xread' && command !== 'xreadgroup') return plain;
  const at = plain.findIndex((arg) => isWord(arg, 'streams'));
  const count = random.int(1, 3);
  const keys = Array.from({ length: count }, () => random.pick(streamKeys));
  const ids = keys.map(() => (random.chance(0.6) ? (command === 'xread' ? '$' : '>') : streamId(random)));
  return [...plain.slice(0, at + 1), ...keys, ...(random.chance(0.05) ? ids.slice(1) : ids)];
}
