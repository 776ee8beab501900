/** What the arguments of generated commands are taken from. */
import { elementFor, registers } from '../support/hyperloglog.js';
import { type Random } from '../support/random.js';

/** A point in time that is filled in when the command is sent, so that a seed means the same on any day. */
export interface TimeArg {
  /** Milliseconds from the beginning of the present window (see program.ts), or from now without one. */
  readonly offsetMs: number;
  readonly unit: 's' | 'ms';
  readonly absolute: boolean;
}

/** One argument; text is latin1. */
export type Arg = string | TimeArg;
export type Command = readonly Arg[];

export const databases = 4;

const plainKeys = ['a', 'b', 'c', 'd'];
const oddKeys = ['{t}1', '{t}2', '', '\xff\x00\r\n', 'k'.repeat(300), 'ab', 'a*'];

/** LCS takes the product of two lengths as time and memory: it has keys of its own, whose values stay small. */
export const lcsKeys = ['lcs1', 'lcs2'];

export function key(random: Random): string {
  return random.chance(0.8) ? random.pick(plainKeys) : random.pick(oddKeys);
}

/**
 * HyperLogLogs have keys of their own, which no command damages: what Redis makes of a damaged one depends on how far it
 * has looked. test/e2e/hyperloglog.test.ts has those.
 */
const hyperloglogKeys = ['hll1', 'hll2', 'hll3'];

export function hyperloglogKey(random: Random): string {
  return random.pick(hyperloglogKeys);
}

/** Some come again, many are of neighbouring registers, and a few have a rank that makes the value dense. */
export function element(random: Random): string {
  const dice = random.int(0, 99);
  if (dice < 30) return `e${random.int(0, 5000)}`;
  if (dice < 32) return random.pick(['', '\x00', 'x'.repeat(1000)]);
  const rank = dice < 33 ? random.int(30, 51) : random.int(1, 4);
  return elementFor(dice < 85 ? random.int(0, 60) : random.int(0, registers - 1), rank);
}

const integers = ['0', '1', '-1', '2', '7', '10', '64', '100', '-5', '9223372036854775807', '-9223372036854775808'];
const oddIntegers = [
  '9223372036854775808', '-9223372036854775809', '18446744073709551616', '-0', '+1', '007', ' 1', '1 ', '', '1.0', '1e3',
  '0x10', 'abc', '--1', '1\x00', '00',
]; // prettier-ignore
const floats = [
  '0.1', '-1.5', '3.0e3', '1e308', '-1e308', '1e-20', '5', '0', '3.141592653589793', '.5', '5.', '1e400', 'inf', '-inf', 'nan', 'infinity',
  '0x1p3', ' 1.5', '1.5 ', 'abc', '', '123456789012345678',
]; // prettier-ignore

export function integer(random: Random): string {
  if (random.chance(0.15)) return random.pick(oddIntegers);
  return random.chance(0.5) ? random.pick(integers) : String(random.int(-20, 200));
}

export function float(random: Random): string {
  return random.pick(floats);
}

/** Bits and bytes up to here may be addressed; what is beyond must be beyond what any value may have. */
const offsetMax = 60_000;
const offsetsRefused = ['-1', '4294967296', '9223372036854775807', '9223372036854775808', 'x', '', '1.5', '-0', ' 7'];

export function offset(random: Random): string {
  if (random.chance(0.1)) return random.pick(offsetsRefused);
  return String(random.chance(0.8) ? random.int(0, 130) : random.int(0, offsetMax));
}

export function smallText(random: Random): string {
  return Array.from({ length: random.int(0, 24) }, () => random.pick(['a', 'b', 'c', '1'])).join('');
}

const sizes = [0, 1, 2, 3, 11, 12, 19, 20, 21, 43, 44, 45, 63, 64, 65, 127, 128, 255, 256, 1000, 4095, 4096, 4097];
const largeSizes = [16_383, 16_384, 40_000, 65_536, 300_000];
const hugeSizes = [1_048_576, 5_000_000];

export function value(random: Random): string {
  const dice = random.int(0, 999);
  if (dice < 300) return integer(random);
  if (dice < 350) return float(random);
  if (dice < 600) return smallText(random);
  if (dice < 640) return random.pick(largeSizes) > 0 ? filled(random, random.pick(largeSizes)) : '';
  if (dice < 643) return filled(random, random.pick(hugeSizes));
  return filled(random, random.pick(sizes));
}

/** Half of them compressible, half of them noise. */
function filled(random: Random, length: number): string {
  if (random.chance(0.5)) return random.pick(['x', '\x00', '\xff', 'ab ']).repeat(length).slice(0, length);
  return random.bytes(length).toString('latin1');
}

/** No range from a byte below 0x80 to one above: Redis compares chars, which are signed on some processors only. */
export function pattern(random: Random): string {
  return random.pick([
    '*',
    'a*',
    '?',
    '[a-c]',
    '[^a]',
    '\\a',
    'a\\*',
    '',
    '*b*',
    '[',
    '[a-',
    '{t}*',
    'k*',
    '**',
    '[\x80-\xff]*',
  ]);
}

const farMs = [100_000, 1_000_000, 100_000_000];
const timesRefused = ['0', '-1', 'x', '', '9223372036854775807', '9223372036854775', '-9223372036854775808', '1.5'];

/** A time to live that does not end while the test runs, or one that is refused. */
export function farTime(random: Random, unit: 's' | 'ms', absolute: boolean, valid = false): Arg {
  if (!valid && random.chance(0.15)) return random.pick(timesRefused);
  return { offsetMs: random.pick(farMs) + random.int(0, 999), unit, absolute };
}

export function render(arg: Arg, startMs: number, nowMs: number): Buffer {
  if (typeof arg === 'string') return Buffer.from(arg, 'latin1');
  const at = startMs + arg.offsetMs;
  const ms = arg.absolute ? at : Math.max(1, at - nowMs);
  return Buffer.from(String(arg.unit === 'ms' ? ms : Math.ceil(ms / 1000)));
}

const shownChars = 60;

/** As redis-cli would take it; long runs are cut. */
export function showArg(arg: Arg): string {
  if (typeof arg !== 'string') {
    const { offsetMs, unit, absolute } = arg;
    return `<${absolute ? 'the start' : 'now'} + ${offsetMs} ms, in ${unit}>`;
  }
  const cut = arg.length > shownChars ? `${arg.slice(0, shownChars)}` : arg;
  const escaped = cut.replace(/[^ -~]|["\\]/g, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  const quoted = /^[\w.:{}*+-]+$/.test(cut) ? cut : `"${escaped}"`;
  return arg.length > shownChars ? `${quoted}...(${arg.length} bytes)` : quoted;
}
