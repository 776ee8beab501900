/** The figures that the data plane reports over the boundary (native.ts): counters, states, histograms. */
import type { Bytes } from './bytes.js';
import type { RecoveryReport } from './native.js';

/** Cheap enough to be read several times a second. */
export interface NativeCounters {
  commandsProcessed: number;
  netInputBytes: number;
  netOutputBytes: number;
  /** To keys, since the start; RESETSTAT leaves them. */
  changes: number;
}

export interface CommandStat {
  /** `get`, `client|list`. Commands never called are left out. */
  name: string;
  calls: number;
  usec: number;
  /** Refused before execution: arity, authentication, ... */
  rejected: number;
  /** Executed, with an error reply. */
  failed: number;
}

export interface DbStat {
  db: number;
  keys: number;
  expires: number;
  /** Mean remaining time to live of keys that have one, estimated from a sample; 0 if none has. */
  avgTtlMs: number;
}

export interface CheckpointStat {
  /** Number of the latest request that was served. */
  done: number;
  running: boolean;
  runningMs: number;
  /** How the latest one ended. */
  lastOk: boolean;
  lastError: string;
  /** Of the newest good one. Milliseconds since the epoch, 0: never. */
  lastTimeMs: number;
  lastMs: number;
  lastBytes: number;
  lastKeys: number;
  /** Good ones since the start. */
  written: number;
  writtenBytes: number;
}

/** A figure of the engine; native/engine/figures.h says what the fields mean. */
export interface EngineFigure {
  /** Field of INFO; '' if it is not there. */
  info: string;
  /** Name of the metric, which several figures may share; '' if it is not there. */
  metric: string;
  kind: 'counter' | 'gauge' | 'text' | 'status' | 'state' | 'histogram';
  unit: string;
  label: string;
  help: string;
  decimals: number;
  choices: string;
  /** Values of the label, if there is one, and a value for each; else one value. NaN: not known. */
  labels: string[];
  values: number[];
  text: Bytes;
  histogram?: Log2Histogram & { fromBits: number; toBits: number };
}

/** counts[i]: values up to 2^i - 1 (and more than the bucket before); the last one also what is greater. */
export interface Log2Histogram {
  counts: number[];
  sum: number;
}

export interface MemoryStat {
  /** Everything the data plane has allocated for keys, values, buffers. */
  usedBytes: number;
  usedBytesPeak: number;
  indexBytes: number;
  cacheBytes: number;
  cacheBytesMax: number;
  /** What is on its way to disk. */
  bufferBytes: number;
  clientQueryBytes: number;
  clientOutputBytes: number;
}

export interface NativeStats extends NativeCounters {
  clients: number;
  clientsPeak: number;
  blockedClients: number;
  monitors: number;
  /** Names that somebody has subscribed to. */
  pubsubChannels: number;
  pubsubPatterns: number;
  pubsubShardChannels: number;
  /** Messages that found no room on their way to a busy reactor, since the start. */
  pubsubDropped: number;
  /** CLIENT TRACKING: clients that have it on, keys in the table, clients of those, prefixes. */
  trackingClients: number;
  trackingKeys: number;
  trackingItems: number;
  trackingPrefixes: number;
  /** Largest buffers of any connection now. */
  maxInputBuffer: number;
  maxOutputBuffer: number;
  totalConnections: number;
  rejectedConnections: number;
  /** Connections closed because of their limits. */
  outputLimitDisconnections: number;
  queryLimitDisconnections: number;
  /** Read and write calls (or completions) on sockets. */
  readsProcessed: number;
  writesProcessed: number;
  keyspaceHits: number;
  keyspaceMisses: number;
  expiredKeys: number;
  /** In the data directory, as far as it is written; and what was executed and is not there yet. */
  dataBytes: number;
  pendingBytes: number;
  /** Unix time in seconds of the last commit or sync of everything staged; 0: none yet. */
  lastSyncTime: number;
  authFailures: number;
  unexpectedErrorReplies: number;
  totalErrorReplies: number;
  slowlogLength: number;
  /** That are kept, with their texts; those that had to go for want of room; and what the machines have taken. */
  scripts: number;
  scriptsBytes: number;
  scriptsEvicted: number;
  scriptMachineBytes: number;
  functions: number;
  libraries: number;
  functionsBytes: number;

  commands: CommandStat[];
  /** Error replies by their first word: `ERR`, `WRONGTYPE`. */
  errors: { code: string; count: number }[];
  dbs: DbStat[];
  memory: MemoryStat;
  /** By stream of commits: '' while it takes writes, else why it does not (failed write, full disk, ...). */
  refusals: Bytes[];
  /** What the engine counts, besides. */
  figures: EngineFigure[];
  /** The back end in use and, in one sentence, why ("io_uring_setup: Operation not permitted; ..."). */
  io: { backend: 'uring' | 'threads'; reason: string; sqpoll: boolean; syncMethod: string; blockSize: number };
  /** longestTurnUsec: since CONFIG RESETSTAT; what a client may have waited for the commands of others. */
  reactors: {
    reactor: number;
    clients: number;
    commands: number;
    cpuUsec: number;
    turns: number;
    longestTurnUsec: number;
  }[];
  recovery: RecoveryReport;
  checkpoint: CheckpointStat;
}

export interface LatencyHistogram {
  name: string;
  calls: number;
  /** Non-empty buckets, ascending: `count` executions took at most `upperNs` (and more than the bucket before). */
  buckets: { upperNs: number; count: number }[];
}

export interface LatencyEvent {
  /** `command`, `fast-command`, `expire-cycle`, `commit`, ... */
  event: string;
  maxMs: number;
  /** At most 160, oldest first: the worst of each second. */
  samples: { time: number; ms: number }[];
}

export interface SlowlogEntry {
  id: number;
  /** Unix time in seconds. */
  time: number;
  usec: number;
  /** At most 32 arguments of at most 128 bytes, cut as Redis cuts them. */
  argv: Bytes[];
  addr: string;
  name: string;
}
