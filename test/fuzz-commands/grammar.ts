/**
 * Random arguments for a command: by the grammar that the server itself gives (command-set.ts), with values by the names
 * of the arguments. Options come in any order and case; now and then an argument too many, too few, or in another's
 * place.
 */
import { type Random } from '../support/random.js';
import { type Argument, type CommandSpec } from './command-set.js';
import { anyFamilyKey, families, familyKey } from './families.js';
import * as values from './values.js';

/** `dump` gives a payload that DUMP has answered before. */
export interface Material {
  dump(random: Random): string;
}

type Maker = (random: Random, material: Material) => values.Arg;

const encodings = [
  'u8', 'i8', 'u1', 'i1', 'u16', 'i16', 'u32', 'i64', 'u63', 'i33', 'u5', 'u64', 'i65', 'u0', 'x8', 'u', '', 'u08', 'U8',
]; // prettier-ignore

const byName: Readonly<Record<string, Maker>> = {
  value: values.value,
  message: values.value,
  seconds: (random) => values.farTime(random, 's', false),
  milliseconds: (random) => values.farTime(random, 'ms', false),
  'unix-time-seconds': (random) => values.farTime(random, 's', true),
  'unix-time-milliseconds': (random) => values.farTime(random, 'ms', true),
  // Not the largest integer: Redis adds it to the time of day, and it wraps around.
  ttl: (random) =>
    random.chance(0.5) ? random.pick(['0', '0', '-1', 'x']) : values.farTime(random, 'ms', false, true),
  offset: values.offset,
  encoding: (random) => random.pick(encodings),
  bit: (random) => random.pick(['0', '1', '0', '1', '2', '-1', 'x', '01']),
  pattern: values.pattern,
  cursor: (random) => random.pick(['0', '0', '0', '0', 'x', '-1', '', '18446744073709551616', '1 ']),
  count: (random) => random.pick(['1000', '1000', '1000', '0', '-1', 'x', '']),
  type: (random) => random.pick(['string', 'string', 'STRING', 'list', 'hash', 'nosuch']),
  db: database,
  index: database,
  'destination-db': database,
  index1: database,
  index2: database,
  'serialized-value': (random, material) => material.dump(random),
  protover: (random) => random.pick(['2', '3', '3', '1', '4', 'x', '']),
  numreplicas: (random) => random.pick(['0', '0', '-1', 'x', '']),
  numlocal: (random) => random.pick(['0', '-1', 'x', '2']),
  timeout: (random) => random.pick(['1', '1', '-1', 'x', '9223372036854775807']),
  'connection-name': (random) => random.pick(['me', '', 'two words', 'caf\xc3\xa9', 'line\nbreak', 'x'.repeat(100)]),
  libname: (random) => random.pick(['lib', 'two words', '', 'x\n']),
  libver: (random) => random.pick(['1.2', 'two words', '']),
  username: (random) => random.pick(['default', 'nobody', '\xff']),
  password: (random) => random.pick(['secret', '', '\xff\xfe']),
  'command-name': (random) => random.pick(['get', 'SET', 'nosuch', 'client|list', '']),
};

function sortPattern(random: Random): string {
  return random.pick(['#', 'nosort', '{t}*', 'h*', '*', 'hash*->f1', '*->', 'a']);
}

/** By command, where the name of the argument does not say enough. */
const byCommand: Readonly<Record<string, Maker>> = {
  'setbit value': (random) => random.pick(['0', '1', '0', '1', '2', '-1', 'x', '01']),
  'bitfield value': values.integer,
  'bitfield increment': values.integer,
  'pfadd element': values.element,
  'sort pattern': sortPattern,
  'sort_ro pattern': sortPattern,
  'pfdebug subcommand': (random) => random.pick(['GETREG', 'decode', 'DECODE', 'encoding', 'todense', 'nosuch', '']),
};

function database(random: Random): string {
  if (random.chance(0.12)) return random.pick(['-1', '16', '100', 'x', '', '1 ', '9223372036854775808']);
  return String(random.int(0, values.databases - 1));
}

/** That only look at a key, remove it, or put something else in its place. */
const harmless =
  /^(get|getrange|strlen|exists|type|touch|dump|object\|.*|ttl|persist|expire|pexpire|set|getdel|del|unlink)$/;

function key({ name: command, group }: CommandSpec, argument: Argument, random: Random): string {
  const own = familyKey(group, command, random);
  if (own !== undefined) return random.chance(0.95) ? own : values.key(random);
  const others = group === 'generic' ? 0.25 : group === 'string' || group === 'bitmap' ? 0.03 : 0;
  if (random.chance(others) && !/^(lcs|copy|move)$/.test(command)) return anyFamilyKey(random);
  if (/^(pfcount|pfmerge)$/.test(command) && argument.name !== 'destkey' && random.chance(0.05))
    return values.key(random);
  const hyperloglog = /^pf/.test(command) || (harmless.test(command) && random.chance(0.06));
  return hyperloglog ? values.hyperloglogKey(random) : values.key(random);
}

function leaf(spec: CommandSpec, argument: Argument, random: Random, material: Material): values.Arg {
  const names = [`${spec.name} ${argument.name}`, argument.name];
  const own = names.map((name) => families[spec.group]?.arguments[name]).find((maker) => maker !== undefined);
  const maker = own ?? byCommand[`${spec.name} ${argument.name}`] ?? byName[argument.name];
  if (maker !== undefined && argument.type !== 'key') return maker(random, material);
  switch (argument.type) {
    case 'key':
      return key(spec, argument, random);
    case 'integer':
      return values.integer(random);
    case 'pattern':
      return values.pattern(random);
    case 'double':
      return values.float(random);
    default:
      return /increment$/.test(argument.name) ? values.float(random) : values.value(random);
  }
}

function randomCase(word: string, random: Random): string {
  const dice = random.int(0, 3);
  if (dice < 2) return dice === 0 ? word.toLowerCase() : word.toUpperCase();
  return [...word].map((c) => (random.chance(0.5) ? c.toLowerCase() : c.toUpperCase())).join('');
}

const repeatsMax = 4;

class Writer {
  constructor(
    private readonly spec: CommandSpec,
    private readonly random: Random,
    private readonly material: Material,
  ) {}

  /** One occurrence, without regard to whether it may be left out or come again. */
  private once(argument: Argument): values.Arg[] {
    const token =
      argument.token === undefined || argument.token === '' ? [] : [randomCase(argument.token, this.random)];
    if (argument.type === 'pure-token') return token;
    if (argument.type === 'oneof') return [...token, ...this.once(this.random.pick(argument.parts))];
    if (argument.type === 'block') return [...token, ...this.all(argument.parts)];
    return [...token, leaf(this.spec, argument, this.random, this.material)];
  }

  private some(argument: Argument): values.Arg[] {
    if (argument.optional && this.random.chance(0.6)) return [];
    const times = argument.multiple ? this.random.int(1, repeatsMax) : this.random.chance(0.02) ? 2 : 1;
    return Array.from({ length: times }, () => this.once(argument)).flat();
  }

  /** The arguments in order, but the optional ones behind the last that must be there in any order. */
  all(args: readonly Argument[]): values.Arg[] {
    const fixed = args.findLastIndex((argument) => !argument.optional || argument.token === undefined) + 1;
    const options = args.slice(fixed);
    for (let i = options.length - 1; i > 0; i--) {
      const j = this.random.int(0, i);
      [options[i], options[j]] = [options[j] as Argument, options[i] as Argument];
    }
    return this.counted(
      [...args.slice(0, fixed), ...options].map((argument) => [argument, this.some(argument)] as const),
    );
  }

  /** An argument that counts the keys behind it mostly does. */
  private counted(parts: readonly (readonly [Argument, values.Arg[]])[]): values.Arg[] {
    return parts.flatMap(([{ name }, args], i) => {
      const keys = parts[i + 1];
      const counts = name === 'numkeys' && keys?.[0].type === 'key' && this.random.chance(0.95);
      return counts ? [String(keys[1].length)] : args;
    });
  }
}

/**
 * Commands whose arguments must stay where they are: a value in the place of an offset would be half a gigabyte, and
 * HyperLogLogs have keys of their own.
 */
const notShuffled = /^(setbit|setrange|bitfield|bitfield_ro|lcs|pf.*)$/;

function spoil(args: values.Arg[], name: string, random: Random): values.Arg[] {
  const out = [...args];
  const at = random.int(0, Math.max(0, out.length - 1));
  switch (random.int(0, 3)) {
    case 0:
      out.splice(at, 1);
      return out;
    case 1:
      return notShuffled.test(name) ? [...out, 'nonsense'] : [...out, values.integer(random)];
    case 2:
      if (notShuffled.test(name)) return [];
      if (out.length > 1) [out[0], out[at]] = [out[at] ?? '', out[0] ?? ''];
      return out;
    default:
      out.splice(at, 0, random.pick(['EX', 'NX', 'GET', 'nonsense', '']));
      return notShuffled.test(name) ? out.slice(0, 1) : out;
  }
}

const spoiltShare = 0.04;
/** Enough for a value to become dense. */
const manyElementsMax = 2500;

/** The argument at `at` says how many keys stand behind it, most of the time. */
function counted(args: readonly values.Arg[], at: number, random: Random): values.Arg[] {
  const end = args.findIndex((arg) => typeof arg === 'string' && /^(left|right|min|max)$/i.test(arg));
  const keys = end < 0 ? 1 : end - at - 1;
  const count = random.chance(0.95) ? String(keys) : random.pick(['0', '-1', 'x', '1', '100']);
  return [...args.slice(0, at), count, ...args.slice(at + 1)];
}

export function command(spec: CommandSpec, random: Random, material: Material): values.Command {
  const words = spec.name.split('|').map((word) => randomCase(word, random));
  let args = new Writer(spec, random, material).all(spec.args);
  if (/^b?lmpop$|^bzmpop$/.test(spec.name)) args = counted(args, spec.name === 'lmpop' ? 0 : 1, random);
  if (spec.name === 'lcs') args = [...values.lcsKeys, ...args.slice(2)];
  if (spec.name === 'incrbyfloat') args = [values.key(random), values.float(random)];
  if (spec.name === 'pfadd' && random.chance(0.1))
    args.push(...Array.from({ length: random.int(100, manyElementsMax) }, () => values.element(random)));
  args = families[spec.group]?.reshape?.(spec.name, args, random) ?? args;
  // Nothing may become a time limit of 0: nobody would end that.
  if (!/^(b[lrz]|xread)/.test(spec.name) && random.chance(spoiltShare)) args = spoil(args, spec.name, random);
  // Of one key Redis writes the count down, which is a change to whoever watches or reads it; we do not.
  if (spec.name === 'pfcount' && args.length === 1) args.push(...args);
  return [...words, ...args];
}
