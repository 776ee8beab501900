/**
 * The one table of configuration options. What the data plane takes it declares itself (NativeAddon.optionTable); here
 * those rows get their types, and the few options of the control plane join them. conf/cairn.conf is rendered from the
 * table; parsing, CONFIG GET / SET / REWRITE, the command-line flags and the data plane's options all read it. Redis's
 * other options are in redis-options.ts.
 */
import { type OptionTableRow, loadNative } from '../native.js';
import {
  type Machine,
  type OptionType,
  addresses,
  bufferLimits,
  hundredths,
  integer,
  integerOrAuto,
  letters,
  memory,
  memoryOrShare,
  octalMode,
  oneOf,
  percentiles,
  text,
  yesNo,
} from './option-types.js';

/** May CONFIG SET change it? `protected`: never, with the text that Redis has for its protected options. */
export type Changeable = 'runtime' | 'immutable' | 'protected';

export interface OptionRow {
  name: string;
  /** Other names under which it is read and answered. */
  alias?: string;
  type: OptionType;
  /** As it would be written in the file. */
  default: string;
  change: Changeable;
  /** True: Redis knows it and it means nothing here. It is accepted and answered. */
  ignored?: true;
  /** True: the data plane has to be told. */
  native?: true;
  /** The engine that has it; undefined: whichever. */
  engine?: string;
  /** Why a value is refused that its type allows: mostly of ignored options, where it would silently change what the user gets. */
  refuse?: (value: string) => string | undefined;
  /** Heading in conf/cairn.conf under which this row stands. */
  section?: string;
  /** Explanation in conf/cairn.conf, in plain sentences. */
  doc?: string;
}

function notEmpty(value: string): string | undefined {
  return value === '' ? 'must not be empty' : undefined;
}

/** What `auto` comes to on a machine; of other options the engine finds out itself. */
const automatic: ReadonlyMap<string, (machine: Machine, max: number) => number> = new Map([
  ['io-threads', ({ cores }, max) => Math.min(max, Math.max(1, Math.floor(cores / 2)))],
]);

function integerType({ name, automatic: isAutomatic, min, max }: OptionTableRow): OptionType {
  if (!isAutomatic) return integer(min, max);
  const resolve = automatic.get(name);
  return integerOrAuto(min, max, resolve === undefined ? undefined : (machine) => resolve(machine, Number(max)));
}

const types: Readonly<Record<OptionTableRow['kind'], (row: OptionTableRow) => OptionType>> = {
  integer: integerType,
  bytes: ({ min, max }) => memory(min, max),
  shareOfBytes: ({ min }) => memoryOrShare(min),
  hundredths: ({ min, max }) => hundredths(min, max),
  flag: () => yesNo,
  choice: ({ choices }) => oneOf(...choices.split(' ')),
  mode: () => octalMode,
  text: () => text,
  path: () => text,
  addresses: () => addresses,
  letters: ({ choices }) => letters(choices),
  bufferLimits: () => bufferLimits,
};

function ownRow(row: OptionTableRow): OptionRow {
  const { name, kind, initial, change, engine, section, doc, alias } = row;
  return {
    name,
    type: types[kind](row),
    default: initial,
    change,
    native: true,
    section,
    doc,
    ...(alias === '' ? {} : { alias }),
    ...(engine === '' ? {} : { engine }),
    ...(name === 'dir' ? { refuse: notEmpty } : {}),
  };
}

/** Of the control plane alone; they stand at the head of the last section. */
const controlOptions: readonly OptionRow[] = [
  {
    name: 'loglevel',
    type: oneOf('debug', 'verbose', 'notice', 'warning', 'nothing'),
    default: 'notice',
    change: 'runtime',
    doc: 'debug, verbose, notice, warning or nothing.',
  },
  {
    name: 'logfile',
    type: text,
    default: '""',
    change: 'immutable',
    doc: 'Log to this file, one JSON object per line. Empty: readable lines on standard output. Moved or removed, or on SIGHUP, it is made anew.',
  },
  { name: 'pidfile', type: text, default: '""', change: 'immutable', doc: 'Write the process id to this file.' },
  {
    name: 'metrics-port',
    type: integer(0, 65535),
    default: '9121',
    change: 'immutable',
    doc: 'HTTP port for /metrics (Prometheus) and /health. 0: off.',
  },
  {
    name: 'metrics-bind',
    type: text,
    default: '127.0.0.1',
    change: 'immutable',
    refuse: notEmpty, // Node would listen on every interface
    doc: 'Address of the HTTP port. It knows no password.',
  },
  {
    name: 'aclfile',
    type: text,
    default: '""',
    change: 'immutable',
    doc: 'File of users, one line each as ACL LIST shows them, seen from dir. ACL SAVE writes it, ACL LOAD reads it again. Empty: users are lines of this file, `user NAME RULE ...`, which stand beside the options.',
  },
  {
    name: 'latency-tracking-info-percentiles',
    type: percentiles,
    default: '50 99 99.9',
    change: 'runtime',
    doc: 'Percentiles that INFO latencystats prints.',
  },
];

const declared = loadNative().optionTable();

/** Of kind `path`: the data plane is told where they are from the root. */
export const pathOptions: ReadonlySet<string> = new Set(
  declared.filter(({ kind }) => kind === 'path').map(({ name }) => name),
);

function joined(): OptionRow[] {
  const rows = declared.map(ownRow);
  const section = rows.at(-1)?.section ?? '';
  const last = rows.findIndex((row) => row.section === section);
  return rows.toSpliced(last, 0, ...controlOptions.map((row) => ({ ...row, section })));
}

export const ownOptions: readonly OptionRow[] = joined();

/** The words that an option may be. */
export function choicesOf(name: string): readonly string[] {
  return declared.find((row) => row.name === name)?.choices.split(' ') ?? [];
}
