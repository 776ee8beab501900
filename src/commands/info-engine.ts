/** INFO's section about the engine: what Redis has no field for. */
import type { LaneStat, Log2Histogram, NativeStats } from '../native-stats.js';
import type { Services } from './command.js';
import { type Field, percentileNs } from './info-format.js';

interface Source extends Pick<Services, 'config'> {
  stats: NativeStats;
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

export function firstReadOnlyReason(stats: NativeStats): string {
  return stats.lanes.find((lane) => lane.readOnlyReason !== '')?.readOnlyReason ?? '';
}

/** Bytes on the device per byte of keys and values, everything included. */
export function writeAmplification(stats: NativeStats): number {
  return stats.userBytesWritten === 0 ? 0 : stats.deviceBytesWritten / stats.userBytesWritten;
}

export function deadBytes({ log }: NativeStats): number {
  return Math.max(0, log.bytes - log.liveBytes);
}

/** States that exclude each other. */
export function segmentsByState({ log, spareSegments }: NativeStats) {
  return {
    active: log.segmentsActive,
    sealed: Math.max(0, log.segmentsSealed - log.segmentsSurvivors),
    survivors: log.segmentsSurvivors,
    spare: spareSegments,
  };
}

/** The mode of all lanes, or `mixed`. */
export function gcModeOf({ lanes }: NativeStats): string {
  const [first, ...others] = new Set(lanes.map((lane) => lane.gcMode));
  return others.length > 0 ? 'mixed' : (first ?? '');
}

/** Seconds since the newest good checkpoint; undefined: there is none. */
export function checkpointAge({ checkpoint }: NativeStats): number | undefined {
  return checkpoint.lastTimeMs === 0 ? undefined : Math.max(0, (Date.now() - checkpoint.lastTimeMs) / 1000);
}

const percentiles = [50, 99, 99.9] as const;

/** `p50=..,p99=..,p99.9=..`: upper bounds, exact to a factor of two. */
function percentilesOf(histogram: Log2Histogram, scale: number): string {
  const buckets = histogram.counts.map((count, bits) => ({ upperNs: 2 ** bits, count }));
  return percentiles.map((wanted) => `p${wanted}=${Math.round(percentileNs(buckets, wanted) * scale)}`).join(',');
}

const microsecond = 1e-3;

function mean(total: number, count: number): string {
  return (count === 0 ? 0 : total / count).toFixed(1);
}

function space({ stats, config }: Source): Field[] {
  const { bytes, liveBytes, freeBytes } = stats.log;
  const segments = segmentsByState(stats);
  return [
    ['log_bytes', bytes],
    ['live_bytes', liveBytes],
    ['dead_bytes', deadBytes(stats)],
    ['space_amplification', (liveBytes === 0 ? 0 : bytes / liveBytes).toFixed(3)],
    ['disk_bytes', sum(stats.lanes, (lane) => lane.diskBytes)],
    ['free_bytes', freeBytes],
    ['min_free_bytes', config.number('min-free-bytes')],
    ['segments', sum(stats.lanes, (lane) => lane.segments)],
    ...Object.entries(segments).map(([state, count]): Field => [`segments_${state}`, count]),
    ['segments_recycled', stats.segmentsRecycled],
    ['spare_bytes', stats.spareBytes],
  ];
}

function written({ stats }: Source): Field[] {
  const { commit, padding, prepared, gc, checkpoint } = stats.deviceBytesByCause;
  return [
    ['user_bytes_written', stats.userBytesWritten],
    ['device_bytes_written', stats.deviceBytesWritten],
    ['device_bytes_commit', commit],
    ['device_bytes_padding', padding],
    ['device_bytes_prepared', prepared],
    ['device_bytes_gc', gc],
    ['device_bytes_checkpoint', checkpoint],
    ['write_amplification', writeAmplification(stats).toFixed(3)],
  ];
}

function commits({ stats }: Source): Field[] {
  const total = (value: (lane: LaneStat) => number): number => sum(stats.lanes, value);
  const count = total((lane) => lane.commits);
  const recordBytes = total((lane) => lane.commitBytes);
  return [
    ['commits', count],
    ['commit_bytes', recordBytes],
    ['commit_bytes_mean', mean(recordBytes, count)],
    ['commit_bytes_percentiles', percentilesOf(stats.commitSizes, 1)],
    [
      'commit_usec_mean',
      mean(
        total((lane) => lane.commitUsecTotal),
        count,
      ),
    ],
    ['commit_usec_percentiles', percentilesOf(stats.commitNanos, microsecond)],
    ['commits_in_flight', total((lane) => lane.commitsInFlight)],
    ['staged_bytes', total((lane) => lane.stagedBytes)],
    ['padding_bytes', stats.deviceBytesByCause.padding],
    ['prepared_bytes', stats.deviceBytesByCause.prepared],
    ['syncs', total((lane) => lane.syncs)],
  ];
}

function collection({ stats }: Source): Field[] {
  const total = (value: (lane: LaneStat) => number): number => sum(stats.lanes, value);
  return [
    ['gc_mode', gcModeOf(stats)],
    ['gc_paused', Number(stats.gc.paused)],
    ['gc_isolation', stats.gc.isolation],
    ['gc_collected_segments', total((lane) => lane.gcSegments)],
    ['gc_moved_bytes', total((lane) => lane.gcMovedBytes)],
    ['gc_reclaimed_segments', total((lane) => lane.gcReclaimedSegments)],
    ['gc_reclaimed_bytes', total((lane) => lane.gcReclaimedBytes)],
    ['gc_reads', stats.gc.reads],
    ['gc_read_bytes', stats.gc.readBytes],
    ['gc_writes', stats.gc.writes],
    ['gc_written_bytes', stats.gc.writtenBytes],
  ];
}

function checkpoints({ stats }: Source): Field[] {
  const { checkpoint } = stats;
  return [
    ['checkpoint_running', Number(checkpoint.running)],
    ['checkpoint_age_sec', Math.floor(checkpointAge(stats) ?? -1)],
    ['checkpoint_last_status', checkpoint.lastOk ? 'ok' : 'err'],
    ['checkpoint_last_error', checkpoint.lastError],
    ['checkpoint_last_ms', checkpoint.lastMs],
    ['checkpoint_last_bytes', checkpoint.lastBytes],
    ['checkpoint_last_keys', checkpoint.lastKeys],
    ['checkpoints_written', checkpoint.written],
  ];
}

function reads({ stats, config }: Source): Field[] {
  return [
    ['reads_from_cache', stats.readsFromCache],
    ['reads_from_wal_ring', stats.readsFromWalRing],
    ['reads_from_disk', stats.readsFromDisk],
    ['disk_read_bytes', stats.diskReadBytes],
    ['disk_read_usec_mean', mean(stats.diskReadUsecTotal, stats.readsFromDisk)],
    ['disk_read_usec_percentiles', percentilesOf(stats.readNanos, microsecond)],
    ['disk_reads_in_flight', stats.diskReadsInFlight],
    ['cache_hits', stats.readsFromCache],
    ['cache_misses', stats.readsFromWalRing + stats.readsFromDisk],
    ['cache_bytes', stats.memory.cacheBytes],
    ['cache_bytes_max', stats.memory.cacheBytesMax],
    ['cache_ghost_bytes', stats.memory.cacheGhostBytes],
    ['cache_policy', config.get('cache-policy')],
    ['cache_evictions', stats.cacheEvictions],
    ['index_keys', sum(stats.dbs, (db) => db.keys)],
    ['index_bytes', stats.memory.indexBytes],
  ];
}

export function engineFields(source: Source): Field[] {
  const { stats, config } = source;
  const { lanes, io, recovery, log } = stats;
  return [
    ['io_backend', io.backend],
    ['io_backend_reason', io.reason],
    ['io_sqpoll', Number(io.sqpoll)],
    ['io_sync_method', io.syncMethod],
    ['io_block_size', io.blockSize],
    ['io_threads', stats.reactors.length],
    ['reactor_longest_turn_us', Math.max(0, ...stats.reactors.map((reactor) => reactor.longestTurnUsec))],
    ['appendfsync', config.get('appendfsync')],
    ['lanes', lanes.length],
    ...space(source),
    ...written(source),
    ...commits(source),
    ...collection(source),
    ...checkpoints(source),
    ...reads(source),
    ['recovery_keys', recovery.keys],
    ['recovery_checkpoint_keys', recovery.checkpointKeys],
    ['recovery_records', recovery.records],
    ['recovery_ms', Math.round(recovery.ms)],
    ['disk_write_errors', log.writeErrors],
    ['disk_read_errors', log.readErrors],
    ['corrupt_reads', stats.corruptReads],
    ['read_only_lanes', lanes.filter((lane) => lane.readOnlyReason !== '').length],
    ['read_only_reason', firstReadOnlyReason(stats)],
  ];
}
