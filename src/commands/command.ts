/** What a control command is: a row of the command table and a handler. */
import type { Bytes } from '../bytes.js';
import type { Logger } from '../log/logger.js';
import type { Checkpoints } from '../checkpoints.js';
import type { CommandRow, KeyspaceFigures, NativeServer } from '../native.js';
import type { NativeStats } from '../native-stats.js';
import type { Config } from '../config/config.js';
import type { ServerState } from '../server-state.js';
import { type Reply, ReplyError, Simple } from './resp.js';

/** What handlers work with. */
export interface Services {
  config: Config;
  native: NativeServer;
  /** Native rows and ours, joined. */
  table: readonly CommandRow[];
  state: ServerState;
  checkpoints: Checkpoints;
  log: Logger;
  /** Ends the process in an orderly way; without a checkpoint (true unless given) the next start replays the log. */
  shutdown: (reason: string, checkpoint?: boolean) => Promise<void>;
}

export interface CommandContext extends Services {
  clientId: number;
  db: number;
  resp: 2 | 3;
  user: string;
  inMulti: boolean;
  /** Inside EXEC: stands for the databases of native.stats(), which have all that the transaction wrote. */
  keyspace?: KeyspaceFigures | undefined;
}

/** The figures of the data plane as the command is to see them. */
export function statsFor({ native, keyspace }: Pick<CommandContext, 'native' | 'keyspace'>): NativeStats {
  const stats = native.stats();
  if (keyspace === undefined) return stats;
  const ttls = new Map(stats.dbs.map(({ db, avgTtlMs }) => [db, avgTtlMs]));
  return {
    ...stats,
    dbs: keyspace.map((row) => ({ ...row, avgTtlMs: row.expires === 0 ? 0 : (ttls.get(row.db) ?? 0) })),
  };
}

/** Says that no reply must be sent: the connection ends with the server. */
export const noReply = Symbol('no reply');

/** `args` begin with the command's own name. Refusals are thrown as ReplyError. */
export type Handler = (
  context: CommandContext,
  args: readonly Bytes[],
) => Reply | typeof noReply | Promise<Reply | typeof noReply>;

export interface ControlCommand {
  row: Omit<CommandRow, 'subcommands'>;
  /** Absent for a container that is nothing without its subcommand. */
  handler?: Handler;
  subcommands?: readonly ControlCommand[];
}

type RowDetails = Partial<Pick<CommandRow, 'group' | 'since' | 'summary' | 'complexity' | 'syntax'>>;

/** Builds rows of one family, which share group, flags and categories. */
export function family(group: string, flags: string[], aclCategories: string[]) {
  return (name: string, arity: number, details: RowDetails, handler?: Handler): ControlCommand => ({
    row: {
      name,
      arity,
      flags,
      firstKey: 0,
      lastKey: 0,
      step: 0,
      aclCategories,
      group: details.group ?? group,
      since: details.since ?? '1.0.0',
      summary: details.summary ?? '',
      complexity: details.complexity ?? 'O(1)',
      syntax: details.syntax ?? '',
    },
    ...(handler === undefined ? {} : { handler }),
  });
}

/** A command that is nothing without its subcommand; HELP is added to the given ones. */
export function container(
  name: string,
  details: RowDetails,
  subcommands: readonly ControlCommand[],
  help: readonly string[],
): ControlCommand {
  const parent = family(details.group ?? 'server', [], ['slow'])(name, -2, {
    complexity: 'Depends on subcommand.',
    ...details,
  });
  const group = details.group ?? 'server';
  const categories = name === 'command' || group === 'connection' ? ['slow', 'connection'] : ['slow'];
  const helpCategories = group === 'scripting' ? ['slow', 'scripting'] : categories;
  const helpRow = family(group, ['loading', 'stale'], helpCategories)(
    'help',
    2,
    { since: details.since ?? '1.0.0', summary: 'Prints what the subcommands do.' },
    () => helpText(name, help),
  );
  return { ...parent, subcommands: [...subcommands, helpRow] };
}

/** HELP's reply: lines that begin with a blank explain the line above. */
export function helpText(name: string, lines: readonly string[]): Reply {
  const head = `${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  const body = lines.map((line) => (line.startsWith(' ') ? `    ${line.trimStart()}` : line));
  return [head, ...body, 'HELP', '    Print this help.'].map((line) => new Simple(line));
}

export function toRow({ row, subcommands }: ControlCommand): CommandRow {
  return subcommands === undefined ? { ...row } : { ...row, subcommands: subcommands.map(toRow) };
}

export function word(args: readonly Bytes[], index: number): string {
  return args[index] ?? '';
}

/** An argument in the text of an error: there it ends at the first NUL, as in Redis. */
export function quotable(argument: string, charsMax = Infinity): string {
  const end = argument.indexOf('\0');
  return argument.slice(0, Math.min(charsMax, end < 0 ? Infinity : end));
}

export const syntaxError = new ReplyError('ERR syntax error');

const int64Max = 2n ** 63n - 1n;

/** A 64-bit integer as Redis reads it: decimal, no blanks, no plus, no leading zeros, no -0. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > int64Max || value < -int64Max - 1n ? undefined : value;
}

export interface IntegerRule {
  min?: number;
  max?: number;
  /** For what is no integer of 64 bits, and for what is out of range unless `range` says more. */
  message?: string;
  range?: string;
}

/**
 * How every integer of a client is read in TypeScript (natively: command/args.h). What a double does not hold exactly
 * comes back as the nearest one that it does: no id, count or time that means something is so large.
 */
export function integerArg(text: string, rule: IntegerRule = {}): number {
  const message = rule.message ?? 'ERR value is not an integer or out of range';
  const value = parseInteger(text);
  if (value === undefined) throw new ReplyError(message);
  const nearest = Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  if (nearest < (rule.min ?? -Infinity) || nearest > (rule.max ?? Infinity)) {
    throw new ReplyError(rule.range ?? message);
  }
  return nearest;
}

/** Milliseconds to wait, from now; what would end behind the range of 64 bits is refused. */
export function timeoutArg(text: string): number {
  const ms = integerArg(text, {
    message: 'ERR timeout is not an integer or out of range',
    min: 0,
    range: 'ERR timeout is negative',
  });
  if ((parseInteger(text) ?? 0n) > int64Max - BigInt(Date.now())) throw new ReplyError('ERR timeout is out of range');
  return ms;
}
