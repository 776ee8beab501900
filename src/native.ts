/**
 * The boundary to the native data plane: the only file that loads the addon, and its typed face.
 *
 * native/addon/ implements exactly what is declared here. Rules of the boundary:
 * - Everything is called from the main thread. Callbacks arrive on the main thread, in batches.
 * - All numbers are doubles: counters stay exact up to 2^53. Sizes are bytes, durations carry their unit in the name.
 * - Synchronous functions only read or set atomics and never wait for a reactor or a disk. What has to wait returns a
 *   promise.
 * - A refusal is an `Error` (thrown, or the promise's rejection) whose message is one sentence for an operator, without
 *   a trailing newline. Where it concerns one option the message names the option as in the configuration file.
 * - Strings are bytes (bytes.ts) in both directions, but for what is meant for an operator alone: messages of errors, log
 *   entries, findings and notices of reports are text.
 * - No text or number is defined on both sides: what a client sees of a data command is written natively, what it sees
 *   of a control command is written here.
 */
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type {
  CheckpointStat,
  DbStat,
  LatencyEvent,
  LatencyHistogram,
  NativeCounters,
  NativeStats,
  SlowlogEntry,
} from './native-stats.js';

// ---------------------------------------------------------------------------------------------------------------
// Options

/** A row of the one option table, which native declares: native/engine/option_row.h says what the fields mean. */
export interface OptionTableRow {
  name: string;
  kind:
    | 'integer'
    | 'bytes'
    | 'shareOfBytes'
    | 'hundredths'
    | 'flag'
    | 'choice'
    | 'mode'
    | 'text'
    | 'path'
    | 'addresses'
    | 'letters'
    | 'bufferLimits';
  /** As it would be written in the file. */
  initial: string;
  /** Of numbers, both ends included; of `hundredths` in those. */
  min: bigint;
  max: bigint;
  /** Takes `auto` instead of a number. */
  automatic: boolean;
  /** Of `choice` and `letters`: words with a blank between. */
  choices: string;
  /** Of a number that does not carry it; '' for none. */
  unit: string;
  change: 'runtime' | 'immutable' | 'protected';
  /** Heading in conf/cairn.conf. */
  section: string;
  /** Another name; '' for none. */
  alias: string;
  doc: string;
  /** That has it; '' of options that do not depend on it. */
  engine: string;
}

/** What the engine needs of the machine. */
export interface EngineNeeds {
  /** Memory for what is on its way to disk, and what that is, for people: `rings (...)`. */
  bufferBytes: number;
  buffers: string;
  /** Disk space that it leaves free whatever min-free-bytes says. */
  freeBytesMin: number;
  /** The options by which it reserves disk space ahead; '': it does not. */
  reservedBy: string;
}

// ---------------------------------------------------------------------------------------------------------------
// The command table

/** A row of the one command table. Names are lower case, as COMMAND INFO prints them. */
export interface CommandRow {
  /** `get`; for a subcommand its own name only: `list` under `client`. */
  name: string;
  /** As in COMMAND INFO: counts the command's name; negative: at least that many. A subcommand counts both words. */
  arity: number;
  /** As in COMMAND INFO: `write`, `readonly`, `fast`, `denyoom`, `admin`, `noscript`, `loading`, `stale`, ... */
  flags: string[];
  /** Positions of the keys; 0, 0, 0: none. A negative last key counts from the end. */
  firstKey: number;
  lastKey: number;
  step: number;
  /** Of an argument that says how many keys follow it, besides those above. */
  keyCountAt?: number;
  /** Keys are the first half of what follows STREAMS. */
  keyStreams?: boolean;
  /** Without `@`: `read`, `string`, `fast`, ... */
  aclCategories: string[];
  /** As in COMMAND DOCS: `string`, `generic`, `transactions`, `connection`, `server`, `bitmap`, ... */
  group: string;
  /** Redis version that brought it. */
  since: string;
  summary: string;
  complexity: string;
  /**
   * Arguments after the name(s), from which COMMAND DOCS derives its argument list: `key value [NX | XX] [GET]
   * [EX seconds | KEEPTTL]`. Upper case: literal token; lower case: value; `[...]`: optional; `|`: one of; `...`
   * after an item: may repeat; `<...>`: grouping. '' for none.
   */
  syntax: string;
  /**
   * How a key is used, as in COMMAND INFO's key specifications: `RO`, `RW`, `OW`, `RM`, `access`, `update`, `insert`,
   * `delete`. Optional: derived from `flags` otherwise.
   */
  keyFlags?: string[];
  /** Rows of a container command (`client`, `config`, ...). */
  subcommands?: CommandRow[];
}

// ---------------------------------------------------------------------------------------------------------------
// The control channel

/**
 * A command whose handler is TypeScript. Native has already checked that the command (and subcommand) exists, its arity,
 * authentication, and queued it if the client is in MULTI; it has counted the bytes and fed MONITOR. No later
 * command of the same connection runs before the reply is given.
 */
export interface ControlRequest {
  /** Names the waiting command; to be given back with the reply, exactly once. */
  token: number;
  reactor: number;
  clientId: number;
  db: number;
  /** Protocol version of the connection when the command was received. */
  resp: 2 | 3;
  /** CLIENT SETNAME's name, '' if none. */
  name: string;
  user: string;
  /** True when the command runs as a part of EXEC. */
  inMulti: boolean;
  /** Where this command's RESP array (`*2\r\n$6\r\nCONFIG\r\n...`; inline commands are rewritten) is in `frames`. */
  offset: number;
  length: number;
  /** Inside EXEC, for INFO and MEMORY STATS: the databases as they were when the command's turn came. */
  keyspace?: KeyspaceFigures;
}

/** Keys of each database that has any. */
export type KeyspaceFigures = readonly Pick<DbStat, 'db' | 'keys' | 'expires'>[];

export interface ControlBatch {
  /** The frames of all requests of the batch, back to back. Belongs to JavaScript from here on. */
  frames: Buffer;
  requests: ControlRequest[];
}

export interface ControlReply {
  token: number;
  reactor: number;
  /**
   * One complete reply, encoded for the request's protocol version. A first byte `-` counts as a failed call and in the
   * error statistics. Empty: send nothing (only SHUTDOWN does that).
   */
  data: string;
  /** Time the handler took, for the command statistics, the histogram and the slow log. */
  usec: number;
}

export interface NativeLogEntry {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  /** Milliseconds since the epoch. */
  timeMs: number;
}

export interface NativeLogBatch {
  entries: NativeLogEntry[];
  /** Messages lost since the last batch because the queue (bounded) was full. */
  dropped: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Reports

/** Damage or a cut tail found in a data directory. */
export interface LogFinding {
  file: string;
  offset: number;
  reason: string;
}

/** What opening a data directory found and did. */
export interface RecoveryReport {
  keys: number;
  /** Of them: known from a checkpoint, before the log was read. */
  checkpointKeys: number;
  /** What an operator must hear of, although nothing is lost: sentences. */
  notices: string[];
  /** Records replayed, and their bytes. */
  records: number;
  bytes: number;
  segments: number;
  ms: number;
  /** Tails cut at the last whole record: the normal trace of a crash. */
  tornTail: LogFinding[];
  /** Records skipped; only with `salvage` can this be non-empty. */
  skipped: LogFinding[];
}

/** What `cairn check DIR` found. The directory is opened read-only; a running server's directory is refused (lock). */
export interface CheckReport {
  engine: string;
  lanes: number;
  segments: number;
  checkpoints: number; // that are whole
  /** Valid records, and their bytes. */
  records: number;
  bytes: number;
  /** What a start at that moment would find; expired keys do not count. With damage: what `salvage` would find. */
  liveKeys: number;
  /** Of their keys and values. */
  liveBytes: number;
  /** Pages, of collections that are larger than one value; and their bytes. */
  livePages: number;
  livePageBytes: number;
  /** Of collections that were deleted and whose pages the next start goes on to remove. */
  droppedSpaces: number;
  ms: number;
  /** Not damage: what a crash leaves and the next start cuts. */
  tornTail: LogFinding[];
  /** Damage. An intact directory has none. */
  damaged: LogFinding[];
}

export interface ListenReport {
  /** The TCP port; 0 without TCP. */
  port: number;
  /** One readable line per listener: `127.0.0.1:6379`, `/run/cairn.sock`. */
  addresses: string[];
  /** As asked for, or fewer: what the limit of open files has room for. */
  maxclients: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Clients

export interface ClientRow {
  id: number;
  type: 'normal' | 'pubsub' | 'replica' | 'master';
  /** The line of CLIENT LIST and CLIENT INFO, without the newline. */
  line: string;
}

/** All given conditions must hold. */
export interface KillFilter {
  ids?: number[];
  addr?: string;
  laddr?: string;
  type?: 'normal' | 'pubsub' | 'replica' | 'master';
  user?: string;
  /** Spare `callerId`. Otherwise the caller gets its reply first and is closed after it. */
  skipMe: boolean;
  callerId: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Users

export interface UserLine {
  name: string;
  rules: readonly string[];
}

export interface UserError {
  /** Index of the line. */
  line: number;
  reason: string;
}

// ---------------------------------------------------------------------------------------------------------------
// The addon

export interface NativeServer {
  /** Joins TypeScript's rows to the native table. A row whose name exists adds its subcommands to it. Before listen(). */
  addControlCommands(rows: CommandRow[]): void;
  /**
   * These users instead of all others, or, if one of the lines is wrong, none of them: what is wrong comes back. Without one
   * of that name the user `default` is as at the start. After addControlCommands().
   */
  loadUsers(lines: readonly UserLine[]): UserError[];
  /** `user NAME RULE ...` for each, in the order of their names. */
  describeUsers(): string[];
  /** Before listen(). One callback each. */
  onControl(callback: (batch: ControlBatch) => void): void;
  onLog(callback: (batch: NativeLogBatch) => void): void;

  /** Takes the addresses to listen on, then locks, opens and recovers the data directory. */
  open(): Promise<RecoveryReport>;
  /** Starts the reactors and accepts connections. */
  listen(): Promise<ListenReport>;
  /**
   * Finishes what runs, syncs everything, writes a checkpoint (unless told false), closes. Idempotent, and at any time: an
   * open() under way gives up, and no other life call is taken from here on.
   */
  stop(checkpoint?: boolean): Promise<void>;
  /**
   * DEBUG RELOAD: parks all clients, closes the engine cleanly, recovers it from disk. Rejects when it was refused, and when
   * the engine could not be opened again: then isOpen() is false, clients have been told and nothing but stop() is left.
   */
  reload(): Promise<RecoveryReport>;
  isOpen(): boolean;
  /** Makes everything that was executed so far durable, whatever `appendfsync` says. */
  sync(): Promise<void>;

  /**
   * Asks for a checkpoint of the index, which is served when checkpoint().done has reached the number that is returned.
   * Throws while the server starts or stops, as engineCommand().
   */
  requestCheckpoint(): number;
  /** Cheap. */
  checkpoint(): CheckpointStat;
  /** What only the engine in use can do: the words of a command without its first one. Rejects with the reason. */
  engineCommand(words: string[]): Promise<string>;

  reply(items: ControlReply[]): void;

  counters(): NativeCounters;
  stats(): NativeStats;
  /** Latency histograms of all commands called since the last reset. */
  histograms(): LatencyHistogram[];
  /** CONFIG RESETSTAT: zeroes counters (not gauges), command, error statistics and histograms; settles when all reactors have. */
  resetStats(): Promise<void>;

  /** Throws with the reason when the value is refused; then nothing has changed. */
  setConfig(name: string, value: string): void;

  clients(): Promise<ClientRow[]>;
  /** Number of connections closed (the caller's own included). */
  killClients(filter: KillFilter): Promise<number>;
  /** Until a Unix time in milliseconds; `write` pauses only what may change data. A later end and the stricter mode win. */
  pauseClients(untilMs: number, mode: 'all' | 'write'): void;
  unpauseClients(): void;
  /** CLIENT UNBLOCK: false when that client is not blocked. */
  unblockClient(clientId: number, mode: 'timeout' | 'error'): Promise<boolean>;

  /** Newest first; -1: all. */
  slowlogGet(count: number): SlowlogEntry[];
  slowlogReset(): void;
  latencyEvents(): LatencyEvent[];
  /** Number of event series removed. Without names: all. */
  latencyReset(events?: string[]): number;
  /** Gives free memory back to the system (MEMORY PURGE). */
  purgeMemory(): void;
}

/** Lines on their way to a file descriptor, by a thread of their own. What cannot be written is dropped and counted. */
export interface LogSink {
  /** One line, with its newline. Never waits, never throws. */
  write(line: string): void;
  /** Opens a named file anew. */
  reopen(): void;
  /** Waits, at most so many milliseconds, until everything has been written or given up. True: it has. */
  flush(ms: number): boolean;
}

export interface NativeAddon {
  /**
   * `options`: a field for each, by its name, with a text in canonical form: whole numbers without a unit, `yes`, absolute
   * paths. Throws when a value is none. Allocates nothing big and starts no thread: open() and listen() do.
   */
  createServer(options: object): NativeServer;
  /** Native rows, complete with their documentation. */
  commandTable(): CommandRow[];
  /** Every option that the data plane knows, those of other engines than the one in use included; in the order of the file. */
  optionTable(): OptionTableRow[];
  engineNeeds(options: object): EngineNeeds;
  checkDir(dir: string): Promise<CheckReport>;
  /** A descriptor, or an absolute path in bytes; throws when that cannot be opened. `json`: how the sink words its own lines. */
  openLog(target: number | string, json: boolean): LogSink;
  /** Ends the process at once, whatever runs, as kill -9 would. */
  leave(code: number): never;
}

/** Where the Makefile puts the addon, seen from dist/native.js as well as from src/native.ts. */
export const addonPath = fileURLToPath(
  new URL(`../build/${process.env['CAIRN_BUILD'] ?? 'release'}/cairn.node`, import.meta.url),
);

let loaded: NativeAddon | undefined;

/** Loads the addon once; `npm start`, `npm run build` and `make native` build it. */
export function loadNative(): NativeAddon {
  if (loaded === undefined) {
    if (!existsSync(addonPath)) throw new Error(`${addonPath} is missing: run "npm run build"`);
    loaded = createRequire(import.meta.url)(addonPath) as NativeAddon;
  }
  return loaded;
}
