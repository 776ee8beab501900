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

export interface LaneStat {
  lane: number;
  /** '' while it takes writes; else why it does not (failed write, full disk, ...). */
  readOnlyReason: string;
  /** Log position up to which everything is durable, and the one up to which records are staged. */
  durablePos: number;
  stagedPos: number;
  stagedBytes: number;
  /** Group commits, the record bytes in them, and the bytes that only filled the last block. */
  commits: number;
  commitBytes: number;
  paddingBytes: number;
  /** Explicit flushes (`everysec`, segment ends, ...). */
  syncs: number;
  /** Time from submission to completion, summed over all commits. */
  commitUsecTotal: number;
  /** Zeroes written ahead so that commits overwrite prepared blocks. */
  preparedBytes: number;
  segments: number;
  /** Bytes of the lane's segment files; of them as far as they are written; of live records. */
  diskBytes: number;
  logBytes: number;
  liveBytes: number;
  commitsInFlight: number;
  /** A word of the option gc-mode. */
  gcMode: string;
  /** Segments collected; bytes of live records moved for it; segments freed, also without that; bytes of their files. */
  gcSegments: number;
  gcMovedBytes: number;
  gcReclaimedSegments: number;
  gcReclaimedBytes: number;
}

/** Of the logs of all lanes, older epochs included. */
export interface LogStat {
  /** As far as they are written; the part that live records take. */
  bytes: number;
  liveBytes: number;
  /** Of the file system, when the engine last looked. */
  freeBytes: number;
  /** Written to, or created ahead. */
  segmentsActive: number;
  segmentsSealed: number;
  /** Of the sealed ones: written by garbage collection. */
  segmentsSurvivors: number;
  writeErrors: number;
  readErrors: number;
}

export interface GcStat {
  paused: boolean;
  /** What keeps its input and output out of the way of clients: `ioprio`, `none`, .... */
  isolation: string;
  reads: number;
  readBytes: number;
  writes: number;
  writtenBytes: number;
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

/** counts[i]: values up to 2^i - 1 (and more than the bucket before); the last one also what is greater. */
export interface Log2Histogram {
  counts: number[];
  sum: number;
}

/** What was written to the data directory, and why. `prepared`: zeroes written ahead. */
export interface DeviceBytes {
  /** Commits without their padding. */
  commit: number;
  padding: number;
  prepared: number;
  gc: number;
  checkpoint: number;
}

export interface MemoryStat {
  /** Everything the data plane has allocated for keys, values, buffers. */
  usedBytes: number;
  usedBytesPeak: number;
  indexBytes: number;
  cacheBytes: number;
  cacheBytesMax: number;
  /** Of cacheBytes: the history of what left the cache. */
  cacheGhostBytes: number;
  walRingBytes: number;
  clientQueryBytes: number;
  clientOutputBytes: number;
}

export interface NativeStats extends NativeCounters {
  clients: number;
  clientsPeak: number;
  blockedClients: number;
  monitors: number;
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
  /** Values pushed out of the cache (never lost: they are in the log). */
  cacheEvictions: number;
  /** Reads by where the value was found. */
  readsFromCache: number;
  readsFromWalRing: number;
  readsFromDisk: number;
  diskReadBytes: number;
  diskReadUsecTotal: number;
  diskReadsInFlight: number;
  /** Records whose checksum did not match when they were read. */
  corruptReads: number;
  /** Segments made from the file of a reclaimed one, and such files that wait for that. */
  segmentsRecycled: number;
  spareSegments: number;
  spareBytes: number;
  /** Bytes of keys and values accepted from clients: the denominator of write amplification. */
  userBytesWritten: number;
  /** All bytes written to the data directory. */
  deviceBytesWritten: number;
  /** Unix time in seconds of the last commit or sync of everything staged; 0: none yet. */
  lastSyncTime: number;
  authFailures: number;
  unexpectedErrorReplies: number;
  totalErrorReplies: number;
  slowlogLength: number;

  commands: CommandStat[];
  /** Error replies by their first word: `ERR`, `WRONGTYPE`. */
  errors: { code: string; count: number }[];
  dbs: DbStat[];
  memory: MemoryStat;
  lanes: LaneStat[];
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
  deviceBytesByCause: DeviceBytes;
  log: LogStat;
  gc: GcStat;
  checkpoint: CheckpointStat;
  /** Latency and bytes (with padding) of commits; latency of reads from the log. */
  commitNanos: Log2Histogram;
  commitSizes: Log2Histogram;
  readNanos: Log2Histogram;
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
