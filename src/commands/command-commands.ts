/** COMMAND: the command table, as clients and tools read it. */
import type { Bytes } from '../bytes.js';
import type { CommandRow } from '../native.js';
import { type Handler, container, family, syntaxError, word } from './command.js';
import { globMatches } from './glob.js';
import { type KeySpec, flagsInUse, keySpecs } from './key-flags.js';
import { type Reply, ReplyError, RespMap, RespSet, Simple } from './resp.js';
import { argumentReply, parseSyntax } from './syntax.js';

function statuses(words: readonly string[]): Reply {
  return new RespSet(words.map((text) => new Simple(text)));
}

function storeReply(flags: readonly string[], keyword: string, startfrom: number): Reply {
  const begin = RespMap.of({ type: 'keyword', spec: RespMap.of({ keyword, startfrom }) });
  const find = RespMap.of({ type: 'range', spec: RespMap.of({ lastkey: 0, keystep: 1, limit: 0 }) });
  return RespMap.of({ flags: statuses(flags), begin_search: begin, find_keys: find });
}

/** One; or, where a key stands behind a word, one for each such word. */
function specReplies(spec: KeySpec): Reply[] {
  const { flags, storeAt } = spec;
  if (storeAt === undefined) return [specReply(spec)];
  return ['STORE', 'STOREDIST'].map((keyword) => storeReply(flags, keyword, storeAt));
}

function specReply({ flags, first, last, step, countAt, streamsFrom, unknown }: KeySpec): Reply {
  if (unknown !== undefined) {
    const nowhere = RespMap.of({ type: 'unknown', spec: RespMap.of({}) });
    return RespMap.of({ notes: unknown, flags: statuses(flags), begin_search: nowhere, find_keys: nowhere });
  }
  if (streamsFrom !== undefined) {
    const spec = RespMap.of({ keyword: 'STREAMS', startfrom: streamsFrom });
    const begin = RespMap.of({ type: 'keyword', spec });
    const find = RespMap.of({ type: 'range', spec: RespMap.of({ lastkey: last, keystep: step, limit: 2 }) });
    return RespMap.of({ flags: statuses(flags), begin_search: begin, find_keys: find });
  }
  if (countAt !== undefined) {
    const begin = RespMap.of({ type: 'index', spec: RespMap.of({ index: countAt }) });
    const find = RespMap.of({ type: 'keynum', spec: RespMap.of({ keynumidx: 0, firstkey: 1, keystep: step }) });
    return RespMap.of({ flags: statuses(flags), begin_search: begin, find_keys: find });
  }
  const lastKey = last < 0 ? last : last - first;
  const begin = RespMap.of({ type: 'index', spec: RespMap.of({ index: first }) });
  const find = RespMap.of({ type: 'range', spec: RespMap.of({ lastkey: lastKey, keystep: step, limit: 0 }) });
  return RespMap.of({ flags: statuses(flags), begin_search: begin, find_keys: find });
}

/** The ten elements of COMMAND INFO. */
export function infoReply(row: CommandRow, parent = ''): Reply {
  return [
    `${parent}${row.name}`,
    row.arity,
    statuses(row.flags),
    row.firstKey,
    row.lastKey,
    row.step,
    statuses(row.aclCategories.map((category) => `@${category}`)),
    new RespSet([]),
    new RespSet(keySpecs(row, `${parent}${row.name}`).flatMap(specReplies)),
    (row.subcommands ?? []).map((sub) => infoReply(sub, `${row.name}|`)),
  ];
}

export function docsReply(row: CommandRow): Reply {
  const pairs: [string, Reply][] = [
    ['summary', row.summary],
    ['since', row.since],
    ['group', row.group],
    ['complexity', row.complexity],
  ];
  const args = parseSyntax(row.syntax);
  if (args.length > 0) pairs.push(['arguments', args.map(argumentReply)]);
  if (row.subcommands !== undefined) {
    const subs = row.subcommands.map((sub): [string, Reply] => [`${row.name}|${sub.name}`, docsReply(sub)]);
    pairs.push(['subcommands', new RespMap(subs)]);
  }
  return new RespMap(pairs);
}

/** `get`, `config|set`. */
function find(table: readonly CommandRow[], name: string): CommandRow | undefined {
  const [head, sub] = name.toLowerCase().split('|');
  const row = table.find((candidate) => candidate.name === head);
  return sub === undefined ? row : row?.subcommands?.find((candidate) => candidate.name === sub);
}

const all: Handler = ({ table }) => table.map((row) => infoReply(row));

const info: Handler = (context, args) => {
  if (args.length === 2) return all(context, args);
  return args.slice(2).map((arg) => {
    const name = arg.toLowerCase();
    const row = find(context.table, name);
    return row === undefined ? null : infoReply(row, name.includes('|') ? `${name.split('|')[0]}|` : '');
  });
};

const docs: Handler = ({ table }, args) => {
  const names = args.length === 2 ? table.map((row) => row.name) : args.slice(2).map((arg) => arg.toLowerCase());
  return new RespMap(
    names.flatMap((name): [string, Reply][] => {
      const row = find(table, name);
      return row === undefined ? [] : [[name, docsReply(row)]];
    }),
  );
};

function withSubcommands(table: readonly CommandRow[]): [string, CommandRow][] {
  return table.flatMap((row) => [
    [row.name, row] as [string, CommandRow],
    ...(row.subcommands ?? []).map((sub): [string, CommandRow] => [`${row.name}|${sub.name}`, sub]),
  ]);
}

const list: Handler = ({ table }, args) => {
  const rows = withSubcommands(table);
  if (args.length === 2) return rows.map(([name]) => name);
  if (args.length !== 5 || word(args, 2).toLowerCase() !== 'filterby') throw syntaxError;
  const value = word(args, 4);
  switch (word(args, 3).toLowerCase()) {
    case 'module':
      return [];
    case 'aclcat':
      return rows.filter(([, row]) => row.aclCategories.includes(value.toLowerCase())).map(([name]) => name);
    case 'pattern':
      return rows.filter(([name]) => globMatches(value, name)).map(([name]) => name);
    default:
      throw syntaxError;
  }
};

interface UsedKey {
  key: Bytes;
  flags: readonly string[];
}

/** Behind the first STORE, and the first STOREDIST. */
function storedKeys(from: number, args: readonly Bytes[]): Bytes[] {
  return ['store', 'storedist'].flatMap((word) => {
    const at = args.findIndex((arg, i) => i >= from && arg.toLowerCase() === word);
    return at < 0 ? [] : args.slice(at + 1, at + 2);
  });
}

/** Where SORT stores: behind the last STORE. */
function sortedInto(args: readonly Bytes[]): Bytes[] {
  const behind = new Map([
    ['limit', 2],
    ['get', 1],
    ['by', 1],
  ]);
  let stored: Bytes[] = [];
  for (let at = 2; at < args.length; at++) {
    const option = word(args, at).toLowerCase();
    if (option === 'store' && at + 1 < args.length) stored = args.slice(at + 1, at + 2);
    at += option === 'store' ? 1 : (behind.get(option) ?? 0);
  }
  return stored;
}

/** A run of keys behind STREAMS, where they stand in this command line. */
function placed(spec: KeySpec, args: readonly Bytes[]): KeySpec {
  if (spec.streamsFrom === undefined) return spec;
  const first = args.findIndex((arg, at) => at >= (spec.streamsFrom ?? 0) && arg.toLowerCase() === 'streams') + 1;
  const keys = first === 0 ? 0 : Math.floor((args.length - first) / 2);
  return { ...spec, first, last: first + keys - 1 };
}

/** The last key of one run in a command line. */
function lastOf({ first, last, countAt }: KeySpec, args: readonly Bytes[]): number {
  if (countAt === undefined) return last < 0 ? args.length + last : last;
  const count = /^[0-9]+$/.test(args[countAt] ?? '') ? Number(args[countAt]) : 0;
  return count > args.length - first ? 0 : first + count - 1;
}

/** The keys of the command in `args`, a whole command line. */
function keysOf(table: readonly CommandRow[], args: readonly Bytes[]): UsedKey[] {
  const parent = find(table, word(args, 0));
  if (parent === undefined) throw new ReplyError('ERR Invalid command specified');
  const sub = parent.subcommands?.find(({ name }) => name === word(args, 1).toLowerCase());
  const [row, name] = sub === undefined ? [parent, parent.name] : [sub, `${parent.name}|${sub.name}`];
  const hasKeys = row.firstKey !== 0 || row.keyCountAt !== undefined || row.keyStreams === true;
  if (!hasKeys) throw new ReplyError('ERR The command has no key arguments');
  const arityHolds = row.arity < 0 ? args.length >= -row.arity : args.length === row.arity;
  if (!arityHolds) throw new ReplyError('ERR Invalid number of arguments specified for command');
  return keySpecs(row, name).flatMap((unplaced) => {
    const spec = placed(unplaced, args);
    const flags = flagsInUse(spec, name, args);
    if (spec.storeAt !== undefined) return storedKeys(spec.storeAt, args).map((key) => ({ key, flags }));
    if (spec.unknown !== undefined)
      return name === 'sort' && flags.includes('OW') ? sortedInto(args).map((key) => ({ key, flags })) : [];
    const last = lastOf(spec, args);
    if (last < spec.first) throw new ReplyError('ERR Invalid arguments specified for command');
    const isKey = (index: number): boolean =>
      index >= spec.first && index <= last && (index - spec.first) % spec.step === 0;
    return args.flatMap((key, index) => (isKey(index) ? [{ key, flags }] : []));
  });
}

const getKeys: Handler = ({ table }, args) => keysOf(table, args.slice(2)).map(({ key }) => key);

const getKeysAndFlags: Handler = ({ table }, args) => {
  return keysOf(table, args.slice(2)).map(({ key, flags }) => [key, statuses(flags)]);
};

const plain = family('server', ['loading', 'stale'], ['slow', 'connection']);
const linear = 'O(N) where N is the number of commands';

const parent = container(
  'command',
  { since: '2.8.13', summary: 'The command table.', complexity: linear },
  [
    plain('count', 2, { since: '2.8.13', summary: 'Counts the commands.' }, ({ table }) => table.length),
    plain(
      'docs',
      -2,
      {
        since: '7.0.0',
        summary: 'Describes commands.',
        complexity: linear,
        syntax: '[command-name [command-name ...]]',
      },
      docs,
    ),
    plain(
      'getkeys',
      -3,
      {
        since: '2.8.13',
        summary: 'Finds the keys in a command line.',
        complexity: 'O(N) where N is the number of arguments',
        syntax: 'command [arg [arg ...]]',
      },
      getKeys,
    ),
    plain(
      'getkeysandflags',
      -3,
      {
        since: '7.0.0',
        summary: 'Finds the keys in a command line, and how they are used.',
        complexity: 'O(N) where N is the number of arguments',
        syntax: 'command [arg [arg ...]]',
      },
      getKeysAndFlags,
    ),
    plain(
      'info',
      -2,
      {
        since: '2.8.13',
        summary: 'Returns rows of the command table.',
        complexity: linear,
        syntax: '[command-name [command-name ...]]',
      },
      info,
    ),
    plain(
      'list',
      -2,
      {
        since: '7.0.0',
        summary: 'Lists the names of commands.',
        complexity: linear,
        syntax: '[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]',
      },
      list,
    ),
  ],
  [
    '(no subcommand)',
    ' Show the whole table.',
    'COUNT',
    ' Count the commands.',
    'DOCS [<command-name> [...]]',
    ' Describe commands.',
    'GETKEYS <full-command>',
    ' Find the keys in a command line.',
    'GETKEYSANDFLAGS <full-command>',
    ' Find the keys, and how they are used.',
    'INFO [<command-name> [...]]',
    ' Show rows of the table.',
    'LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]',
    ' List the names of commands.',
  ],
);

export const commandCommands = [
  {
    ...parent,
    row: { ...parent.row, arity: -1, flags: ['loading', 'stale'], aclCategories: ['slow', 'connection'] },
    handler: ((context, args) => {
      if (args.length > 1) throw new ReplyError(`ERR unknown subcommand '${word(args, 1)}'. Try COMMAND HELP.`);
      return all(context, args);
    }) satisfies Handler,
  },
];
