/**
 * The one table of configuration options. conf/cairn.conf is rendered from it; parsing, CONFIG GET / SET / REWRITE, the
 * command-line flags and the data plane's options all read it. Redis's other options are in redis-options.ts.
 */
import type { NativeRuntimeOptions } from '../native.js';
import {
  type OptionType,
  addresses,
  bufferLimits,
  decimal,
  integer,
  integerOrAuto,
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
  /** Why a value is refused that its type allows: mostly of ignored options, where it would silently change what the user gets. */
  refuse?: (value: string) => string | undefined;
  /** Heading in conf/cairn.conf under which this row and the next ones stand. */
  section?: string;
  /** Explanation in conf/cairn.conf, in plain sentences. */
  doc?: string;
}

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

const ioThreadsMax = 64;

function notEmpty(value: string): string | undefined {
  return value === '' ? 'must not be empty' : undefined;
}

export const gcModes = ['lazy', 'throttled', 'aggressive'] as const;

export const ownOptions: readonly OptionRow[] = [
  {
    section: 'Network',
    name: 'bind',
    type: addresses,
    default: '127.0.0.1 -::1',
    change: 'immutable',
    doc: 'Addresses or host names to listen on. "*" is every IPv4 address of this machine, "::*" every IPv6 one. A leading "-" means: do not complain if this one is not available. "* -::*" listens on every interface.',
  },
  {
    name: 'port',
    type: integer(0, 65535),
    default: '6379',
    change: 'immutable',
    doc: 'TCP port. 0: no TCP, only the Unix socket.',
  },
  {
    name: 'tcp-backlog',
    type: integer(0, 2147483647),
    default: '511',
    change: 'immutable',
    doc: 'Connections that may wait to be accepted. The kernel caps it (net.core.somaxconn).',
  },
  {
    name: 'unixsocket',
    type: text,
    default: '""',
    change: 'immutable',
    doc: 'Path of a Unix socket to listen on as well.',
  },
  {
    name: 'unixsocketperm',
    type: octalMode,
    default: '0',
    change: 'immutable',
    doc: 'Octal mode of the Unix socket, for instance 700. 0: what the umask gives.',
  },
  {
    name: 'protected-mode',
    type: yesNo,
    default: 'yes',
    change: 'runtime',
    doc: 'Without a password, refuse connections from other machines.',
  },
  {
    name: 'requirepass',
    type: text,
    default: '""',
    change: 'runtime',
    doc: 'Clients must AUTH with this password before anything else. Empty: no password.',
  },
  {
    name: 'timeout',
    type: integer(0, 2147483647),
    default: '0',
    change: 'runtime',
    doc: 'Close a connection after this many idle seconds. 0: never.',
  },
  {
    name: 'tcp-keepalive',
    type: integer(0, 2147483647),
    default: '300',
    change: 'runtime',
    doc: 'Seconds between TCP keep-alive probes; finds dead peers and keeps middleboxes awake. 0: off.',
  },
  {
    section: 'Limits',
    name: 'maxclients',
    type: integer(1, 4294967295n),
    default: '10000',
    change: 'runtime',
    doc: 'Connections at the same time. The next one is told so and closed.',
  },
  {
    name: 'proto-max-bulk-len',
    type: memory(mib),
    default: '512mb',
    change: 'runtime',
    doc: 'Largest single argument of a command, and so the largest value.',
  },
  {
    name: 'client-query-buffer-limit',
    type: memory(mib),
    default: '1gb',
    change: 'runtime',
    doc: 'Bytes of unfinished commands that one connection may have waiting in memory.',
  },
  {
    name: 'client-output-buffer-limit',
    type: bufferLimits,
    default: 'normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60',
    change: 'runtime',
    doc: 'Replies that a slow reader may leave waiting: <class> <hard limit> <soft limit> <seconds above the soft limit>. 0: no limit.',
  },
  {
    section: 'Threads and input/output',
    name: 'io-threads',
    type: integerOrAuto(1, ioThreadsMax, ({ cores }) => Math.min(ioThreadsMax, Math.max(1, Math.floor(cores / 2)))),
    default: 'auto',
    change: 'immutable',
    doc: 'Reactor threads: each accepts, reads, executes and replies. auto: half of the cores, at most 64.',
  },
  {
    name: 'io-backend',
    type: oneOf('auto', 'uring', 'threads'),
    default: 'auto',
    change: 'immutable',
    doc: 'uring: io_uring, or refuse to start. threads: a thread pool for files. auto: io_uring where the kernel allows it.',
  },
  {
    name: 'io-uring-sqpoll',
    type: oneOf('auto', 'yes', 'no'),
    default: 'auto',
    change: 'immutable',
    doc: 'Let a kernel thread poll the submission queue. It costs a core; auto turns it on only where cores are plentiful.',
  },
  {
    name: 'disk-cpu',
    type: oneOf('auto', 'no'),
    default: 'auto',
    change: 'immutable',
    doc: "auto: where all of the disk's completions arrive at one processor (common on virtual machines), the first reactor runs there, as long as nobody else keeps that processor busy: synced writes are answered sooner.",
  },
  {
    section: 'Storage',
    name: 'dir',
    type: text,
    default: './data',
    change: 'protected',
    refuse: notEmpty,
    doc: 'Directory of the data. One server at a time: it is locked.',
  },
  {
    name: 'databases',
    type: integer(1, 16384),
    default: '16',
    change: 'immutable',
    doc: 'Number of databases for SELECT.',
  },
  {
    name: 'appendfsync',
    type: oneOf('everysec', 'always', 'no'),
    default: 'always',
    change: 'runtime',
    doc: 'always: a reply leaves when the write is on disk (group commit makes it cheap). everysec: replies leave at once, a killed process may cost 50 ms of writes, a power cut a second. no: the same, but the system decides when to sync.',
  },
  {
    name: 'cache-size',
    type: memoryOrShare(mib),
    default: '25%',
    change: 'runtime',
    doc: 'Memory for values, with all bookkeeping; keys are always in memory. Bytes, or a share of the machine (or of its control group).',
  },
  {
    name: 'cache-policy',
    type: oneOf('s3fifo', 'lirs', 'lru'),
    default: 's3fifo',
    change: 'immutable',
    doc: 'Which values leave the cache first. s3fifo: those not used again soon after they came; hits are cheapest. lirs: those with the longest time between uses; best for loops a little larger than the cache. lru: the least recently used ones.',
  },
  {
    name: 'cache-small-value-bytes',
    type: memory(0, 512 * mib),
    default: '256',
    change: 'immutable',
    doc: 'Values up to this size that were read more than once stay in the cache longer than larger ones. 0: size does not matter.',
  },
  {
    name: 'lanes',
    type: integerOrAuto(1, 1024),
    default: 'auto',
    change: 'immutable',
    doc: 'Parallel log streams. A directory may be started with another number: new segments then follow the new one. auto: what the directory has; for a new one 1 up to two reactor threads, then one per two.',
  },
  {
    name: 'segment-size',
    type: memory(mib, 16 * gib),
    default: '1gb',
    change: 'immutable',
    doc: 'Size of one value-log file, at most: where little lives, files are smaller (a twelfth of what gc-space-amplification allows to be dead, at least 64 MB).',
  },
  {
    name: 'wal-ring-size',
    type: memory(mib, 4 * gib),
    default: '64mb',
    change: 'immutable',
    doc: 'Memory per lane for records on their way to disk.',
  },
  {
    name: 'commit-delay-us',
    type: integer(0, 1000000),
    default: '0',
    change: 'immutable',
    doc: 'Group commit: microseconds to wait for more writes before a commit is issued. 0 is best nearly everywhere: batches form while the last commit is in flight.',
  },
  {
    name: 'commit-batch-bytes',
    type: memory(64 * kib, 64 * mib),
    default: '1mb',
    change: 'immutable',
    doc: 'Group commit: enough bytes to commit without waiting, and the largest single commit. At most a quarter of wal-ring-size, and 64 MB for all lanes together; the log says when that makes it less.',
  },
  {
    name: 'min-free-bytes',
    type: memory(0),
    default: '64mb',
    change: 'runtime',
    doc: 'Take no more room for writes while the file system has less than this free. When what is reserved is used up, writes are refused; reads, deletes and garbage collection go on, and writes are taken again by themselves when there is room. At least 16 MiB are left alone in any case: garbage collection needs them to make room.',
  },
  {
    name: 'salvage',
    type: yesNo,
    default: 'no',
    change: 'immutable',
    doc: 'Start in spite of damage in the middle of a log: damaged records are lost, each one is reported. Without it the server refuses to start.',
  },
  {
    name: 'active-expire-effort',
    type: integer(1, 10),
    default: '1',
    change: 'runtime',
    doc: 'How hard expired keys are looked for in the background (they are never served, in any case): 1 to 10.',
  },
  {
    section: 'Garbage collection and checkpoints',
    name: 'gc-mode',
    type: oneOf(...gcModes),
    default: 'lazy',
    change: 'runtime',
    doc: 'How the space of overwritten and deleted values is won back when a log has grown beyond gc-space-amplification. lazy: what pays most first, with pauses as long as there is not much too much. throttled: with at most gc-iops reads and writes per second, whatever piles up. aggressive: without pauses. CAIRN GC MODE sets it for one lane.',
  },
  {
    name: 'gc-iops',
    type: integer(1, 10000000),
    default: '1000',
    change: 'runtime',
    doc: 'Reads and writes per second that garbage collection may make in the mode throttled, all lanes together; every 128 kb count as one.',
  },
  {
    name: 'gc-max-parallel',
    type: integer(1, 64),
    default: '1',
    change: 'runtime',
    doc: 'Segments that are collected at the same time, all lanes together.',
  },
  {
    name: 'gc-space-amplification',
    type: decimal(1.05, 10),
    default: '1.4',
    change: 'runtime',
    doc: 'Bytes of log allowed per byte of live records. The smaller, the less disk is used and the more is written: every live record in a collected segment is moved. While writes go on, up to 256 MB per lane (four segments of the smallest size; at most an eighth of the free disk space, all lanes together) may be dead in any case, but for the mode aggressive.',
  },
  {
    name: 'segment-recycle-max',
    type: integerOrAuto(1, 65536),
    default: 'auto',
    change: 'immutable',
    doc: 'Files of collected segments that are kept, to be written again: that is about twice as fast as new files. They take up disk until then. auto: a seventh of the live bytes, or one file.',
  },
  {
    name: 'checkpoint-rate',
    type: memory(64 * kib),
    default: '128mb',
    change: 'immutable',
    doc: 'Bytes per second at which a checkpoint of the index is written. A checkpoint makes the next start short; slower ones disturb clients less.',
  },
  {
    section: 'Observation',
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
    name: 'slowlog-log-slower-than',
    type: integer(-1),
    default: '10000',
    change: 'runtime',
    doc: 'Microseconds from which a command enters the slow log. 0: every command, -1: none.',
  },
  {
    name: 'slowlog-max-len',
    type: integer(0, 1000000),
    default: '128',
    change: 'runtime',
    doc: 'Entries the slow log keeps.',
  },
  {
    name: 'latency-monitor-threshold',
    type: integer(0),
    default: '0',
    change: 'runtime',
    doc: 'Milliseconds from which an event enters LATENCY LATEST and HISTORY. 0: off.',
  },
  {
    name: 'latency-tracking',
    type: yesNo,
    default: 'yes',
    change: 'runtime',
    doc: 'Keep a latency histogram per command.',
  },
  {
    name: 'latency-tracking-info-percentiles',
    type: percentiles,
    default: '50 99 99.9',
    change: 'runtime',
    doc: 'Percentiles that INFO latencystats prints.',
  },
  {
    name: 'enable-debug-command',
    type: oneOf('no', 'yes', 'local'),
    default: 'local',
    change: 'immutable',
    doc: 'Who may use DEBUG: no, yes, or only local connections.',
  },
];

/** Options that the data plane takes over at run time, and how their text becomes its value. */
export const nativeRuntime: ReadonlyMap<string, keyof NativeRuntimeOptions> = new Map([
  ['appendfsync', 'appendfsync'],
  ['commit-delay-us', 'commitDelayUs'],
  ['commit-batch-bytes', 'commitBatchBytes'],
  ['cache-size', 'cacheSize'],
  ['gc-mode', 'gcMode'],
  ['gc-iops', 'gcIops'],
  ['gc-max-parallel', 'gcMaxParallel'],
  ['gc-space-amplification', 'gcSpaceAmplification'],
  ['min-free-bytes', 'minFreeBytes'],
  ['maxclients', 'maxclients'],
  ['proto-max-bulk-len', 'protoMaxBulkLen'],
  ['client-query-buffer-limit', 'clientQueryBufferLimit'],
  ['timeout', 'timeout'],
  ['tcp-keepalive', 'tcpKeepalive'],
  ['protected-mode', 'protectedMode'],
  ['requirepass', 'requirepass'],
  ['slowlog-log-slower-than', 'slowlogLogSlowerThan'],
  ['slowlog-max-len', 'slowlogMaxLen'],
  ['latency-monitor-threshold', 'latencyMonitorThreshold'],
  ['latency-tracking', 'latencyTracking'],
  ['active-expire-effort', 'activeExpireEffort'],
]);
