/** The engine's own figures: `cairn_*`. */
import { checkpointAge, deadBytes, gcModeOf, segmentsByState, writeAmplification } from '../commands/info-engine.js';
import { choicesOf } from '../config/options.js';
import type { Log2Histogram, NativeStats } from '../native-stats.js';
import { cairnVersion } from '../version.js';
import { type Labels, type MetricRow, type Sample, figure, lane, micro } from './rows.js';

const nano = 1e-9;
const milli = 1e-3;

/** One value for each name of a label. */
function labelled(
  name: string,
  kind: 'counter' | 'gauge',
  help: string,
  label: string,
  values: (stats: NativeStats) => object,
): MetricRow {
  const read = ({ stats }: { stats: NativeStats }): Sample[] => {
    return Object.entries(values(stats) as Labels).map(([key, value]) => ({
      labels: { [label]: key },
      value: Number(value),
    }));
  };
  return { name, kind, help, read };
}

/**
 * A histogram by powers of two. Of its buckets those of 2^from .. 2^to are shown, cumulated as Prometheus wants them; what
 * is greater is in `+Inf`.
 */
export function log2Samples(name: string, { counts, sum }: Log2Histogram, from: number, to: number, unit: number) {
  const within = (bits: number): number => counts.slice(0, bits + 1).reduce((total, count) => total + count, 0);
  const all = within(counts.length);
  const bounded = Array.from({ length: to - from + 1 }, (_, index): Sample => {
    const bits = from + index;
    const le = Number((2 ** bits * unit).toPrecision(12));
    return { metricName: `${name}_bucket`, labels: { le }, value: within(bits) };
  });
  return [
    ...bounded,
    { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: all },
    { metricName: `${name}_sum`, labels: {}, value: sum * unit },
    { metricName: `${name}_count`, labels: {}, value: all },
  ] satisfies Sample[];
}

function histogram(
  name: string,
  help: string,
  bits: { from: number; to: number },
  unit: number,
  value: (stats: NativeStats) => Log2Histogram,
): MetricRow {
  return {
    name,
    kind: 'histogram',
    help,
    read: ({ stats }) => log2Samples(name, value(stats), bits.from, bits.to, unit),
  };
}

/** From 1 us to 17 s; from 512 bytes to 1 GB. */
const latencyBits = { from: 10, to: 34 };
const sizeBits = { from: 9, to: 30 };

const deviceRows: MetricRow[] = [
  {
    name: 'cairn_build_info',
    kind: 'gauge',
    help: 'Version and input/output back end in use.',
    read: ({ stats }) => [
      { labels: { version: cairnVersion, io_backend: stats.io.backend, sync_method: stats.io.syncMethod }, value: 1 },
    ],
  },
  figure('cairn_user_bytes_written_total', 'counter', 'Bytes of keys and values accepted.', (s) => s.userBytesWritten),
  figure(
    'cairn_device_bytes_written_total',
    'counter',
    'Bytes written to the data directory.',
    (s) => s.deviceBytesWritten,
  ),
  labelled('cairn_device_bytes_by_cause_total', 'counter', 'The same by what they were written for.', 'cause', (s) => ({
    ...s.deviceBytesByCause,
  })),
  figure(
    'cairn_write_amplification',
    'gauge',
    'Bytes written to the data directory per byte of keys and values.',
    writeAmplification,
  ),
  labelled(
    'cairn_disk_errors_total',
    'counter',
    'Operations that the disk failed, and bad checksums.',
    'kind',
    (s) => ({
      read: s.log.readErrors,
      write: s.log.writeErrors,
      checksum: s.corruptReads,
    }),
  ),
  figure('cairn_corrupt_reads_total', 'counter', 'Records whose checksum did not match.', (s) => s.corruptReads),
];

const spaceRows: MetricRow[] = [
  figure('cairn_log_bytes', 'gauge', 'Bytes of the logs.', (s) => s.log.bytes),
  figure('cairn_live_bytes', 'gauge', 'Bytes of live records in the logs.', (s) => s.log.liveBytes),
  figure('cairn_dead_bytes', 'gauge', 'Bytes in the logs that garbage collection can win back.', deadBytes),
  figure('cairn_free_bytes', 'gauge', 'Bytes free in the file system of the data directory.', (s) => s.log.freeBytes),
  {
    name: 'cairn_min_free_bytes',
    kind: 'gauge',
    help: 'Writes are refused while less is free.',
    read: (from) => from.minFreeBytes,
  },
  labelled('cairn_segments', 'gauge', 'Segment files by state.', 'state', segmentsByState),
  figure('cairn_spare_bytes', 'gauge', 'Bytes of files that wait to be used again.', (s) => s.spareBytes),
  figure(
    'cairn_segments_recycled_total',
    'counter',
    'Segments made from the file of an older one.',
    (s) => s.segmentsRecycled,
  ),
];

const collectionRows: MetricRow[] = [
  labelled('cairn_gc_mode', 'gauge', 'The mode in force has the value 1.', 'mode', (s) =>
    Object.fromEntries([...choicesOf('gc-mode'), 'mixed'].map((mode) => [mode, Number(gcModeOf(s) === mode)])),
  ),
  figure('cairn_gc_paused', 'gauge', 'Whether garbage collection is paused.', (s) => Number(s.gc.paused)),
  {
    name: 'cairn_gc_isolation_info',
    kind: 'gauge',
    help: 'What keeps garbage collection out of the way of clients.',
    read: ({ stats }) => [{ labels: { isolation: stats.gc.isolation }, value: 1 }],
  },
  figure('cairn_gc_reads_total', 'counter', 'Reads by garbage collection.', (s) => s.gc.reads),
  figure('cairn_gc_read_bytes_total', 'counter', 'Bytes of them.', (s) => s.gc.readBytes),
  figure('cairn_gc_writes_total', 'counter', 'Writes by garbage collection.', (s) => s.gc.writes),
  figure('cairn_gc_written_bytes_total', 'counter', 'Bytes of them.', (s) => s.gc.writtenBytes),
];

const checkpointRows: MetricRow[] = [
  {
    name: 'cairn_checkpoint_age_seconds',
    kind: 'gauge',
    help: 'Time since the newest good checkpoint; absent while there is none.',
    read: ({ stats }) => {
      const age = checkpointAge(stats);
      return age === undefined ? [] : age;
    },
  },
  figure('cairn_checkpoint_running', 'gauge', 'Whether one is being written.', (s) => Number(s.checkpoint.running)),
  figure('cairn_checkpoint_last_status', 'gauge', 'Whether the latest one succeeded.', (s) =>
    Number(s.checkpoint.lastOk),
  ),
  figure('cairn_checkpoint_last_seconds', 'gauge', 'How long the newest one took.', (s) => s.checkpoint.lastMs * milli),
  figure('cairn_checkpoint_last_bytes', 'gauge', 'Its size.', (s) => s.checkpoint.lastBytes),
  figure('cairn_checkpoint_last_keys', 'gauge', 'Keys in it.', (s) => s.checkpoint.lastKeys),
  figure('cairn_checkpoints_written_total', 'counter', 'Checkpoints since the start.', (s) => s.checkpoint.written),
  figure('cairn_recovery_seconds', 'gauge', 'Duration of the last recovery.', (s) => s.recovery.ms * milli),
  figure('cairn_recovery_keys', 'gauge', 'Keys found by the last recovery.', (s) => s.recovery.keys),
];

const readRows: MetricRow[] = [
  labelled('cairn_value_reads_total', 'counter', 'Value reads by where the value was found.', 'source', (s) => ({
    cache: s.readsFromCache,
    wal_ring: s.readsFromWalRing,
    disk: s.readsFromDisk,
  })),
  figure('cairn_disk_read_bytes_total', 'counter', 'Bytes read from the value log.', (s) => s.diskReadBytes),
  figure(
    'cairn_disk_read_seconds_total',
    'counter',
    'Time of reads from the value log.',
    (s) => s.diskReadUsecTotal * micro,
  ),
  figure('cairn_disk_reads_in_flight', 'gauge', 'Reads under way.', (s) => s.diskReadsInFlight),
  histogram(
    'cairn_disk_read_duration_seconds',
    'Latency of reads from the value log.',
    latencyBits,
    nano,
    (s) => s.readNanos,
  ),
];

const memoryRows: MetricRow[] = [
  figure('cairn_cache_hits_total', 'counter', 'Value reads that the cache answered.', (s) => s.readsFromCache),
  figure(
    'cairn_cache_misses_total',
    'counter',
    'Value reads that it did not.',
    (s) => s.readsFromWalRing + s.readsFromDisk,
  ),
  figure('cairn_cache_bytes', 'gauge', 'Memory of the value cache.', (s) => s.memory.cacheBytes),
  figure('cairn_cache_max_bytes', 'gauge', 'Its limit.', (s) => s.memory.cacheBytesMax),
  figure('cairn_cache_evictions_total', 'counter', 'Values pushed out of the cache.', (s) => s.cacheEvictions),
  figure('cairn_index_keys', 'gauge', 'Keys in the index.', (s) => s.dbs.reduce((keys, db) => keys + db.keys, 0)),
  figure('cairn_index_bytes', 'gauge', 'Memory of the index.', (s) => s.memory.indexBytes),
  figure('cairn_wal_ring_bytes', 'gauge', 'Memory of the WAL rings.', (s) => s.memory.walRingBytes),
  figure(
    'cairn_client_query_buffer_bytes',
    'gauge',
    'Unfinished commands of connections.',
    (s) => s.memory.clientQueryBytes,
  ),
  figure(
    'cairn_client_output_buffer_bytes',
    'gauge',
    'Unsent replies of connections.',
    (s) => s.memory.clientOutputBytes,
  ),
  labelled('cairn_limit_disconnections_total', 'counter', 'Connections closed at a buffer limit.', 'buffer', (s) => ({
    output: s.outputLimitDisconnections,
    query: s.queryLimitDisconnections,
  })),
];

const commitRows: MetricRow[] = [
  histogram('cairn_commit_duration_seconds', 'Latency of group commits.', latencyBits, nano, (s) => s.commitNanos),
  histogram('cairn_commit_size_bytes', 'Size of group commits, padding included.', sizeBits, 1, (s) => s.commitSizes),
  lane('commits_total', 'counter', 'Group commits.', (l) => l.commits),
  lane('commit_bytes_total', 'counter', 'Record bytes in group commits.', (l) => l.commitBytes),
  lane(
    'commit_seconds_total',
    'counter',
    'Time from submission to completion of commits.',
    (l) => l.commitUsecTotal * micro,
  ),
  lane('padding_bytes_total', 'counter', 'Bytes that only filled the last block of a commit.', (l) => l.paddingBytes),
  lane('prepared_bytes_total', 'counter', 'Bytes written ahead to prepare blocks.', (l) => l.preparedBytes),
  lane('syncs_total', 'counter', 'Explicit flushes.', (l) => l.syncs),
  lane('commits_in_flight', 'gauge', 'Commits under way.', (l) => l.commitsInFlight),
  lane('staged_bytes', 'gauge', 'Bytes that wait for a commit.', (l) => l.stagedBytes),
  lane('segments', 'gauge', 'Segment files.', (l) => l.segments),
  lane('disk_bytes', 'gauge', 'Bytes of segment files, with room reserved ahead.', (l) => l.diskBytes),
  lane('log_bytes', 'gauge', 'Bytes of log.', (l) => l.logBytes),
  lane('live_bytes', 'gauge', 'Bytes of live records.', (l) => l.liveBytes),
  lane('gc_collected_segments_total', 'counter', 'Segments that were collected.', (l) => l.gcSegments),
  lane('gc_moved_bytes_total', 'counter', 'Bytes of live records that were moved for it.', (l) => l.gcMovedBytes),
  lane(
    'gc_reclaimed_segments_total',
    'counter',
    'Segments whose files were freed, collected or without that.',
    (l) => l.gcReclaimedSegments,
  ),
  lane('gc_reclaimed_bytes_total', 'counter', 'Bytes of files that it freed.', (l) => l.gcReclaimedBytes),
  lane('read_only', 'gauge', 'Whether the lane refuses writes.', (l) => Number(l.readOnlyReason !== '')),
];

const reactorRows: MetricRow[] = [
  {
    name: 'cairn_reactor_cpu_seconds_total',
    kind: 'counter',
    help: 'CPU time per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.cpuUsec * micro })),
  },
  {
    name: 'cairn_reactor_longest_turn_seconds',
    kind: 'gauge',
    help: 'Longest time since CONFIG RESETSTAT in which a reactor answered nobody else.',
    read: ({ stats }) =>
      stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.longestTurnUsec * micro })),
  },
  {
    name: 'cairn_reactor_clients',
    kind: 'gauge',
    help: 'Connections per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.clients })),
  },
];

export const engineRows: readonly MetricRow[] = [
  ...deviceRows,
  ...spaceRows,
  ...collectionRows,
  ...checkpointRows,
  ...readRows,
  ...memoryRows,
  ...commitRows,
  ...reactorRows,
];
