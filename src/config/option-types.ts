/**
 * The types of configuration values. A type turns the words of a configuration line into the canonical text that
 * CONFIG GET answers and that everything else reads; the texts of its refusals are those of CONFIG SET in Redis.
 */

/** Why a value was refused; the caller adds option, file and line. */
export class ValueError extends Error {}

/** What relative values ("auto", "25%") are resolved against. */
export interface Machine {
  cores: number;
  memoryBytes: number;
  /** True: that is the limit of a control group, and the machine has more. */
  memoryLimited?: boolean;
}

export interface NormalizeContext {
  machine: Machine;
  /** The value so far; undefined on the first line of a file that sets the option. */
  previous: string | undefined;
  /** True for CONFIG SET, where a line replaces the value instead of adding to it. */
  replace: boolean;
}

export interface OptionType {
  /** Of numbers: the least and the greatest. */
  range?: { min: bigint; max: bigint };
  /** Takes several words; CONFIG SET splits its one argument at blanks. */
  several: boolean;
  normalize(words: string[], context: NormalizeContext): string;
  /** The arguments of the configuration line, or lines, that give this value. */
  lines(value: string): string[];
}

const int64Max = 9223372036854775807n;

function one(words: string[]): string {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0) throw new ValueError('wrong number of arguments');
  return word;
}

function single(normalize: (word: string, context: NormalizeContext) => string): OptionType {
  return {
    several: false,
    normalize: (words, context) => normalize(one(words), context),
    lines: (value) => [quoteWord(value)],
  };
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\b', '\\b'],
  ['\x07', '\\a'],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);

/** Quotes a word, bytes, for a configuration file where that is needed; as Redis writes it. */
export function quoteWord(word: string): string {
  if (/^[!$-&(-[\]-~]+$/.test(word)) return word;
  const body = word.replace(/[^ !#-[\]-~]/g, (char) => {
    return escapes.get(char) ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${body}"`;
}

function checkRange(value: bigint, min: bigint, max: bigint): string {
  if (value < min || value > max) throw new ValueError(`argument must be between ${min} and ${max} inclusive`);
  return value.toString();
}

function parseInteger(word: string): bigint {
  if (!/^-?(0|[1-9]\d{0,18})$/.test(word)) throw new ValueError("argument couldn't be parsed into an integer");
  return BigInt(word);
}

function ranged(min: number | bigint, max: number | bigint, type: OptionType): OptionType {
  return { ...type, range: { min: BigInt(min), max: BigInt(max) } };
}

export function integer(min: number | bigint, max: number | bigint = int64Max): OptionType {
  return ranged(
    min,
    max,
    single((word) => checkRange(parseInteger(word), BigInt(min), BigInt(max))),
  );
}

/** A number with at most two decimals, without trailing zeroes; its ends are given in hundredths. */
export function hundredths(min: bigint, max: bigint): OptionType {
  const [least, greatest] = [Number(min) / 100, Number(max) / 100];
  return single((word) => {
    const value = /^\d{1,9}(\.\d{1,2})?$/.test(word) ? Number(word) : Number.NaN;
    if (!(value >= least && value <= greatest)) {
      throw new ValueError(`argument must be a number between ${least} and ${greatest}, with at most two decimals`);
    }
    return String(value);
  });
}

/** `auto` stands for what `resolve` makes of the machine; without it the word is kept, to be resolved by its reader. */
export function integerOrAuto(
  min: number | bigint,
  max: number | bigint,
  resolve: ((machine: Machine) => number) | undefined,
): OptionType {
  return ranged(
    min,
    max,
    single((word, { machine }) => {
      if (word.toLowerCase() === 'auto') return resolve === undefined ? 'auto' : String(resolve(machine));
      return checkRange(parseInteger(word), BigInt(min), BigInt(max));
    }),
  );
}

const memoryUnits: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['b', 1n],
  ['k', 1000n],
  ['kb', 1024n],
  ['m', 1000n ** 2n],
  ['mb', 1024n ** 2n],
  ['g', 1000n ** 3n],
  ['gb', 1024n ** 3n],
]);

/** `1gb` is 1024^3, `1g` is 10^9. Undefined when the text is not a memory value. */
export function parseMemory(word: string): bigint | undefined {
  const [, digits, unit] = /^(\d{1,19})([a-z]{0,2})$/i.exec(word) ?? [];
  const factor = memoryUnits.get((unit ?? 'x').toLowerCase());
  return digits === undefined || factor === undefined ? undefined : BigInt(digits) * factor;
}

export function memory(min: number | bigint = 0, max: number | bigint = int64Max): OptionType {
  return ranged(
    min,
    max,
    single((word) => {
      const value = parseMemory(word);
      if (value === undefined) throw new ValueError('argument must be a memory value');
      return checkRange(value, BigInt(min), BigInt(max));
    }),
  );
}

/** A percentage is resolved to bytes of the machine's memory at once. */
export function memoryOrShare(min: bigint): OptionType {
  return ranged(
    min,
    int64Max,
    single((word, { machine }) => {
      const percent = /^(\d{1,3})%$/.exec(word)?.[1];
      const value = percent === undefined ? parseMemory(word) : shareOf(machine.memoryBytes, Number(percent));
      if (value === undefined || value < min || value > int64Max) {
        throw new ValueError(`argument must be 1% to 100% of the machine's memory, or a memory value from ${min}`);
      }
      return value.toString();
    }),
  );
}

function shareOf(bytes: number, percent: number): bigint | undefined {
  return percent > 100 ? undefined : BigInt(Math.floor((bytes * percent) / 100));
}

/** Redis's maxmemory-clients: a percentage is kept as it is. */
export const memoryOrPercent: OptionType = single((word) => {
  if (/^\d{1,3}%$/.test(word)) return word;
  const value = parseMemory(word);
  if (value === undefined) throw new ValueError('argument must be a memory or percent value');
  return checkRange(value, 0n, int64Max);
});

export const yesNo: OptionType = single((word) => {
  const value = word.toLowerCase();
  if (value !== 'yes' && value !== 'no') throw new ValueError("argument must be 'yes' or 'no'");
  return value;
});

export function oneOf(...values: string[]): OptionType {
  return single((word) => {
    const value = word.toLowerCase();
    if (!values.includes(value)) {
      throw new ValueError(`argument(s) must be one of the following: ${values.join(', ')}`);
    }
    return value;
  });
}

/** Any non-empty choice of the values, in any order. */
export function someOf(...values: string[]): OptionType {
  return {
    several: true,
    normalize: (words) => {
      const chosen = words.map((word) => word.toLowerCase());
      if (chosen.length === 0 || !chosen.every((word) => values.includes(word))) {
        throw new ValueError(`argument(s) must be one of the following: ${values.join(', ')}`);
      }
      return chosen.join(' ');
    },
    lines: (value) => [value],
  };
}

export const text: OptionType = single((word) => word);

/**
 * notify-keyspace-events: letters in any order. Of `A=xyz n K` the first stands for all of its own, and for it they give way;
 * the canonical order is that of the words.
 */
export function letters(choices: string): OptionType {
  const [group = '', ...others] = choices.split(' ');
  const [all = '', members = ''] = group.split('=');
  const known = [...all, ...members, ...others];
  return single((word) => {
    const given = new Set([...word].flatMap((letter) => (letter === all ? [...members] : [letter])));
    if (![...given].every((letter) => known.includes(letter))) {
      throw new ValueError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
    const own = [...members].filter((letter) => given.has(letter));
    const head = own.length === members.length ? all : own.join('');
    return head + others.filter((letter) => given.has(letter)).join('');
  });
}

export const octalMode: OptionType = single((word) => {
  if (!/^[0-7]{1,4}$/.test(word)) throw new ValueError("argument couldn't be parsed into an integer");
  return Number.parseInt(word, 8).toString(8);
});

const bindAddressesMax = 16;

export const addresses: OptionType = {
  several: true,
  normalize: (words) => {
    const list = words.filter((word) => word !== '');
    if (list.length > bindAddressesMax) throw new ValueError('Too many bind addresses specified.');
    return list.join(' ');
  },
  lines: (value) => [value === '' ? '""' : value],
};

/** A fixed number of integers. */
export function integers(count: number, min: number, max: number): OptionType {
  return {
    several: true,
    normalize: (words) => {
      if (words.length !== count) throw new ValueError('wrong number of arguments');
      return words.map((word) => checkRange(parseInteger(word), BigInt(min), BigInt(max))).join(' ');
    },
    lines: (value) => [value],
  };
}

const percentilesMax = 64;

export const percentiles: OptionType = {
  several: true,
  normalize: (words) => {
    const list = words.filter((word) => word !== '');
    if (list.length > percentilesMax || list.some((word) => !/^\d+(\.\d+)?$/.test(word))) {
      throw new ValueError('Invalid latency-tracking-info-percentiles parameters');
    }
    if (list.some((word) => Number(word) > 100)) {
      throw new ValueError('latency-tracking-info-percentiles parameters should sit between [0.0,100.0]');
    }
    return list.map((word) => String(Number(word))).join(' ');
  },
  lines: (value) => [value === '' ? '""' : value],
};

const saveRulesMax = 64;

/** `save 3600 1 300 100`: several lines of a file add up, `save ""` empties the list. */
export const saveRules: OptionType = {
  several: true,
  normalize: (words, { previous, replace }) => {
    const list = words.flatMap((word) => word.split(/[ \t-\r]+/)).filter((word) => word !== '');
    if (list.length === 0) return '';
    const valid = list.length % 2 === 0 && list.length <= 2 * saveRulesMax && list.every((w) => /^\d{1,9}$/.test(w));
    if (!valid) throw new ValueError('Invalid save parameters');
    const before = replace || previous === undefined || previous === '' ? [] : [previous];
    return [...before, list.map(Number).join(' ')].join(' ');
  },
  lines: (value) => [value === '' ? '""' : value],
};

const bufferClasses = ['normal', 'slave', 'pubsub'] as const;

function parseLimits(words: string[]): Map<string, string> {
  if (words.length === 0 || words.length % 4 !== 0) {
    throw new ValueError('Wrong number of arguments in buffer limit configuration.');
  }
  const limits = new Map<string, string>();
  for (let at = 0; at < words.length; at += 4) {
    const [name = '', hard = '', soft = '', seconds = ''] = words.slice(at, at + 4);
    const key = name.toLowerCase() === 'replica' ? 'slave' : name.toLowerCase();
    if (!bufferClasses.some((known) => known === key)) {
      throw new ValueError('Invalid client class specified in buffer limit configuration.');
    }
    const [hardBytes, softBytes] = [parseMemory(hard), parseMemory(soft)];
    if (hardBytes === undefined || softBytes === undefined || !/^\d{1,9}$/.test(seconds)) {
      throw new ValueError('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    limits.set(key, `${hardBytes} ${softBytes} ${Number(seconds)}`);
  }
  return limits;
}

/** client-output-buffer-limit: each line sets some of the classes, the others keep what they have. */
export const bufferLimits: OptionType = {
  several: true,
  normalize: (words, { previous }) => {
    const before = previous === undefined ? new Map<string, string>() : parseLimits(previous.split(' '));
    const limits = new Map([...before, ...parseLimits(words)]);
    return bufferClasses.map((name) => `${name} ${limits.get(name) ?? '0 0 0'}`).join(' ');
  },
  lines: (value) => {
    const words = value.split(' ');
    return [0, 4, 8].map((at) =>
      words
        .slice(at, at + 4)
        .join(' ')
        .replace('slave', 'replica'),
    );
  },
};
