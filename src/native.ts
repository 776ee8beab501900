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

/** What the data plane needs to know; every value is resolved (no "auto" but where listed, no units, no percent). */
export interface NativeOptions extends NativeRuntimeOptions {
  /** Addresses to listen on, as written: `127.0.0.1`, `::1`, `*`, `::*`, `localhost`, `-::1` (leading `-`: it may be missing). */
  bind: string[];
  /** 0: no TCP listener. */
  port: number;
  tcpBacklog: number;
  /** Path of the Unix socket; '' for none. */
  unixsocket: string;
  /** Mode bits of the Unix socket, for instance 0o700; 0: leave what the umask gives. */
  unixsocketperm: number;

  /** Data directory. Created if it is missing, then locked until stop(). */
  dir: string;
  /** Number of reactor threads, at least 1. */
  ioThreads: number;
  ioBackend: 'auto' | 'uring' | 'threads';
  sqpoll: 'auto' | 'yes' | 'no';
  /** auto: the first reactor prefers the processor at which the disk's completions arrive, if there is one such. */
  diskCpu: 'auto' | 'no';
  /** Number of log streams, 1 .. 1024. */
  lanes: number;
  /**
   * True: nobody asked for that number; it is for a new directory, an existing one keeps its own. False: open() changes
   * an existing directory to it: a new epoch begins, whose segments follow the new number; older ones stay as they are.
   */
  lanesAuto: boolean;
  segmentSize: number;
  walRingSize: number;
  /** SELECT takes 0 .. databases-1. */
  databases: number;
  /** Which values leave the cache first. */
  cachePolicy: 'lirs' | 's3fifo' | 'lru';
  /** Values up to this size that proved hot stay longer; 0: off. */
  cacheSmallValueBytes: number;
  /** Start in spite of damage before a log's tail: damaged records are skipped, each is reported. */
  salvage: boolean;
  /** Files of collected segments kept for reuse; 0: one per lane. */
  segmentRecycleMax: number;
  /** Bytes per second at which checkpoints are written. */
  checkpointRate: number;
}

export type GcMode = 'lazy' | 'throttled' | 'aggressive';

/** The options that setConfig() changes while the server runs. */
export interface NativeRuntimeOptions {
  appendfsync: 'always' | 'everysec' | 'no';
  /** Group commit: wait at most this long for more bytes before a write is issued. 0: never wait. */
  commitDelayUs: number;
  /** Group commit: enough bytes to end that wait early; also the largest single commit. */
  commitBatchBytes: number;
  /** Upper bound of the value cache with all its bookkeeping, in bytes. */
  cacheSize: number;
  /** Of all lanes, those that were given a mode of their own included. */
  gcMode: GcMode;
  /** Ceiling of `throttled`: reads and writes per second, all lanes. */
  gcIops: number;
  /** Segments collected at once, 1 .. 64. */
  gcMaxParallel: number;
  /** Percent: log bytes allowed per 100 live ones, 105 .. 1000. */
  gcSpaceAmplification: number;
  /** Writes are refused while the file system has less. */
  minFreeBytes: number;
  maxclients: number;
  protoMaxBulkLen: number;
  clientQueryBufferLimit: number;
  /** client-output-buffer-limit of ordinary connections: bytes, bytes, seconds; 0 each: no limit. */
  outputLimitNormalHard: number;
  outputLimitNormalSoft: number;
  outputLimitNormalSoftSeconds: number;
  /** The same for connections in MONITOR or subscribed to channels. */
  outputLimitPubsubHard: number;
  outputLimitPubsubSoft: number;
  outputLimitPubsubSoftSeconds: number;
  /** Close idle connections after this many seconds; 0: never. */
  timeout: number;
  /** Seconds between TCP keep-alive probes; 0: off. */
  tcpKeepalive: number;
  protectedMode: boolean;
  /** '' for no password. */
  requirepass: string;
  /** Who may use DEBUG: nobody, connections from this machine, everybody. */
  enableDebugCommand: 'no' | 'local' | 'yes';
  /** Microseconds; -1: off, 0: everything. */
  slowlogLogSlowerThan: number;
  slowlogMaxLen: number;
  /** Milliseconds; 0: off. */
  latencyMonitorThreshold: number;
  /** Record a latency histogram per command. */
  latencyTracking: boolean;
  /** Background removal of expired keys: 1 (gentle) .. 10. */
  activeExpireEffort: number;
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
// The addon

export interface NativeServer {
  /** Joins TypeScript's rows to the native table. A row whose name exists adds its subcommands to it. Before listen(). */
  addControlCommands(rows: CommandRow[]): void;
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
  /** Without names: of all commands. */
  resetHistograms(names?: string[]): void;
  /** CONFIG RESETSTAT: zeroes counters (not gauges), command statistics, error statistics, histograms. */
  resetStats(): void;

  /** Throws with the reason when the value is refused; then nothing has changed. */
  setConfig<K extends keyof NativeRuntimeOptions>(name: K, value: NativeRuntimeOptions[K]): void;

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
  /** Throws when an option is out of range. Allocates nothing big and starts no thread: open() and listen() do. */
  createServer(options: NativeOptions): NativeServer;
  /** Native rows, complete with their documentation. */
  commandTable(): CommandRow[];
  /** What each number of the options may be, ends included; 0 of segment-recycle-max stands for auto. */
  optionRanges(): { field: keyof NativeOptions; option: string; min: number; max: number }[];
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
