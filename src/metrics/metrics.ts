/**
 * Prometheus metrics, read from the counters at scrape time. Where the usual Redis exporter has a name for a figure it is
 * used (existing dashboards work); the engine's own figures are `cairn_*`.
 */
import os from 'node:os';
import { Registry } from 'prom-client';
import type { LaneStat, LatencyHistogram, NativeStats } from '../native.js';
import type { Services } from '../commands/command.js';
import { cairnVersion, redisVersion } from '../version.js';

type Kind = 'counter' | 'gauge';
type Labels = Record<string, string | number>;

interface Sample {
  labels: Labels;
  value: number;
  metricName?: string;
}

/** One reading of everything, shared by all metrics of a scrape. */
export interface Reading {
  stats: NativeStats;
  histograms: LatencyHistogram[];
  residentBytes: number;
  uptimeSeconds: number;
  maxclients: number;
  runId: string;
}

export interface MetricRow {
  name: string;
  kind: Kind | 'histogram';
  help: string;
  read: (reading: Reading) => number | Sample[];
}

const micro = 1e-6;

function lane(name: string, kind: Kind, help: string, value: (stat: LaneStat) => number): MetricRow {
  const read = ({ stats }: Reading): Sample[] => {
    return stats.lanes.map((stat) => ({ labels: { lane: stat.lane }, value: value(stat) }));
  };
  return { name: `cairn_lane_${name}`, kind, help, read };
}

function figure(name: string, kind: Kind, help: string, value: (stats: NativeStats) => number): MetricRow {
  return { name, kind, help, read: ({ stats }) => value(stats) };
}

function perCommand(name: string, help: string, value: (stat: NativeStats['commands'][number]) => number): MetricRow {
  const read = ({ stats }: Reading): Sample[] => {
    return stats.commands.map((stat) => ({ labels: { cmd: stat.name }, value: value(stat) }));
  };
  return { name, kind: 'counter', help, read };
}

function perDb(name: string, help: string, value: (stat: NativeStats['dbs'][number]) => number): MetricRow {
  const read = ({ stats }: Reading): Sample[] => {
    return stats.dbs.map((stat) => ({ labels: { db: `db${stat.db}` }, value: value(stat) }));
  };
  return { name, kind: 'gauge', help, read };
}

const redisRows: MetricRow[] = [
  { name: 'redis_up', kind: 'gauge', help: 'Whether the server answers.', read: () => 1 },
  {
    name: 'redis_instance_info',
    kind: 'gauge',
    help: 'Identity of the server.',
    read: ({ runId }) => [
      {
        labels: {
          redis_version: redisVersion,
          redis_mode: 'standalone',
          role: 'master',
          os: `${os.type()} ${os.release()} ${os.machine()}`,
          run_id: runId,
        },
        value: 1,
      },
    ],
  },
  {
    name: 'redis_uptime_in_seconds',
    kind: 'gauge',
    help: 'Seconds since the start.',
    read: (from) => from.uptimeSeconds,
  },
  {
    name: 'redis_start_time_seconds',
    kind: 'gauge',
    help: 'Unix time of the start.',
    read: (from) => Math.floor(Date.now() / 1000) - from.uptimeSeconds,
  },
  figure('redis_connected_clients', 'gauge', 'Connections now.', (s) => s.clients),
  figure('redis_blocked_clients', 'gauge', 'Connections that wait in a blocking command.', (s) => s.blockedClients),
  { name: 'redis_max_clients', kind: 'gauge', help: 'Limit of connections.', read: (from) => from.maxclients },
  figure('redis_connections_received_total', 'counter', 'Connections accepted.', (s) => s.totalConnections),
  figure(
    'redis_rejected_connections_total',
    'counter',
    'Connections refused at the limit.',
    (s) => s.rejectedConnections,
  ),
  figure('redis_commands_processed_total', 'counter', 'Commands processed.', (s) => s.commandsProcessed),
  perCommand('redis_commands_total', 'Calls per command.', (c) => c.calls),
  perCommand('redis_commands_duration_seconds_total', 'Time spent per command.', (c) => c.usec * micro),
  perCommand('redis_commands_rejected_calls_total', 'Calls refused before execution.', (c) => c.rejected),
  perCommand('redis_commands_failed_calls_total', 'Calls that ended in an error.', (c) => c.failed),
  {
    name: 'redis_errors_total',
    kind: 'counter',
    help: 'Error replies by code.',
    read: ({ stats }) => stats.errors.map(({ code, count }) => ({ labels: { err: code }, value: count })),
  },
  figure('redis_net_input_bytes_total', 'counter', 'Bytes received.', (s) => s.netInputBytes),
  figure('redis_net_output_bytes_total', 'counter', 'Bytes sent.', (s) => s.netOutputBytes),
  figure('redis_keyspace_hits_total', 'counter', 'Lookups that found their key.', (s) => s.keyspaceHits),
  figure('redis_keyspace_misses_total', 'counter', 'Lookups that did not.', (s) => s.keyspaceMisses),
  figure('redis_expired_keys_total', 'counter', 'Keys removed because their time was over.', (s) => s.expiredKeys),
  figure('redis_evicted_keys_total', 'counter', 'Keys evicted for lack of memory: never.', () => 0),
  perDb('redis_db_keys', 'Keys per database.', (db) => db.keys),
  perDb('redis_db_keys_expiring', 'Keys with an expiry per database.', (db) => db.expires),
  perDb('redis_db_avg_ttl_seconds', 'Mean remaining time to live.', (db) => db.avgTtlMs / 1000),
  figure('redis_memory_used_bytes', 'gauge', 'Memory in use by the data plane.', (s) => s.memory.usedBytes),
  figure('redis_memory_used_peak_bytes', 'gauge', 'Its peak.', (s) => s.memory.usedBytesPeak),
  {
    name: 'redis_memory_used_rss_bytes',
    kind: 'gauge',
    help: 'Resident memory of the process.',
    read: (from) => from.residentBytes,
  },
  figure('redis_memory_max_bytes', 'gauge', 'Limit of memory for keys: none.', () => 0),
  {
    name: 'redis_cpu_user_seconds_total',
    kind: 'counter',
    help: 'CPU time in user mode.',
    read: () => process.resourceUsage().userCPUTime * micro,
  },
  {
    name: 'redis_cpu_sys_seconds_total',
    kind: 'counter',
    help: 'CPU time in the kernel.',
    read: () => process.resourceUsage().systemCPUTime * micro,
  },
  figure('redis_slowlog_length', 'gauge', 'Entries of the slow log.', (s) => s.slowlogLength),
  figure('redis_loading_dump_file', 'gauge', 'Whether data are being loaded.', () => 0),
  figure('redis_aof_enabled', 'gauge', 'Whether writes are logged: always.', () => 1),
  figure('redis_aof_last_write_status', 'gauge', 'Whether all lanes take writes.', (s) =>
    Number(s.lanes.every((l) => l.readOnlyReason === '')),
  ),
  figure('redis_connected_slaves', 'gauge', 'Replicas.', () => 0),
  figure('redis_master_repl_offset', 'gauge', 'Replication offset.', () => 0),
];

const cairnRows: MetricRow[] = [
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
  {
    name: 'cairn_value_reads_total',
    kind: 'counter',
    help: 'Value reads by where the value was found.',
    read: ({ stats }) => [
      { labels: { source: 'cache' }, value: stats.readsFromCache },
      { labels: { source: 'wal_ring' }, value: stats.readsFromWalRing },
      { labels: { source: 'disk' }, value: stats.readsFromDisk },
    ],
  },
  figure('cairn_disk_read_bytes_total', 'counter', 'Bytes read from the value log.', (s) => s.diskReadBytes),
  figure(
    'cairn_disk_read_seconds_total',
    'counter',
    'Time of reads from the value log.',
    (s) => s.diskReadUsecTotal * micro,
  ),
  figure('cairn_disk_reads_in_flight', 'gauge', 'Reads under way.', (s) => s.diskReadsInFlight),
  figure('cairn_corrupt_reads_total', 'counter', 'Records whose checksum did not match.', (s) => s.corruptReads),
  figure('cairn_cache_bytes', 'gauge', 'Memory of the value cache.', (s) => s.memory.cacheBytes),
  figure('cairn_cache_max_bytes', 'gauge', 'Its limit.', (s) => s.memory.cacheBytesMax),
  figure('cairn_cache_evictions_total', 'counter', 'Values pushed out of the cache.', (s) => s.cacheEvictions),
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
  {
    name: 'cairn_limit_disconnections_total',
    kind: 'counter',
    help: 'Connections closed at a buffer limit.',
    read: ({ stats }) => [
      { labels: { buffer: 'output' }, value: stats.outputLimitDisconnections },
      { labels: { buffer: 'query' }, value: stats.queryLimitDisconnections },
    ],
  },
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
  lane('staged_bytes', 'gauge', 'Bytes that wait for a commit.', (l) => l.stagedBytes),
  lane('segments', 'gauge', 'Segment files.', (l) => l.segments),
  lane('disk_bytes', 'gauge', 'Bytes of segment files.', (l) => l.diskBytes),
  lane('live_bytes', 'gauge', 'Bytes of live records.', (l) => l.liveBytes),
  lane('read_only', 'gauge', 'Whether the lane refuses writes.', (l) => Number(l.readOnlyReason !== '')),
  {
    name: 'cairn_reactor_cpu_seconds_total',
    kind: 'counter',
    help: 'CPU time per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.cpuUsec * micro })),
  },
  {
    name: 'cairn_reactor_clients',
    kind: 'gauge',
    help: 'Connections per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.clients })),
  },
  figure('cairn_recovery_seconds', 'gauge', 'Duration of the last recovery.', (s) => s.recovery.ms / 1000),
  figure('cairn_recovery_keys', 'gauge', 'Keys found by the last recovery.', (s) => s.recovery.keys),
  {
    name: 'cairn_command_duration_seconds',
    kind: 'histogram',
    help: 'Latency of commands.',
    read: ({ stats, histograms }) => histogramSamples(stats, histograms),
  },
];

export const metricRows: readonly MetricRow[] = [...redisRows, ...cairnRows];

/** 1 us, 4 us, ... 4.2 s: coarse on purpose, there is one series per command and bucket. */
const boundsUsec = Array.from({ length: 12 }, (_, index) => 4 ** index);

export function histogramSamples(stats: NativeStats, histograms: readonly LatencyHistogram[]): Sample[] {
  const usec = new Map(stats.commands.map((command) => [command.name, command.usec]));
  return histograms.flatMap(({ name, calls, buckets }) => {
    const base = 'cairn_command_duration_seconds';
    const within = (bound: number): number => {
      return buckets.reduce((sum, { upperNs, count }) => sum + (upperNs <= bound * 1000 ? count : 0), 0);
    };
    const bounded = boundsUsec.map((bound): Sample => {
      return { metricName: `${base}_bucket`, labels: { cmd: name, le: bound * micro }, value: within(bound) };
    });
    return [
      ...bounded,
      { metricName: `${base}_bucket`, labels: { cmd: name, le: '+Inf' }, value: calls },
      { metricName: `${base}_sum`, labels: { cmd: name }, value: (usec.get(name) ?? 0) * micro },
      { metricName: `${base}_count`, labels: { cmd: name }, value: calls },
    ];
  });
}

export function takeReading({ native, state, config }: Pick<Services, 'native' | 'state' | 'config'>): Reading {
  return {
    stats: native.stats(),
    histograms: native.histograms(),
    residentBytes: state.residentBytes(),
    uptimeSeconds: state.uptimeSeconds,
    maxclients: config.number('maxclients'),
    runId: state.runId,
  };
}

/** A registry whose metrics are computed when it is read. */
export function createRegistry(read: () => Reading): Registry {
  const registry = new Registry();
  let reading: Reading | undefined;
  for (const row of metricRows) {
    const metric = {
      name: row.name,
      help: row.help,
      type: row.kind,
      aggregator: 'sum',
      get: async () => {
        reading ??= read();
        const value = row.read(reading);
        const values = typeof value === 'number' ? [{ labels: {}, value }] : value;
        return { name: row.name, help: row.help, type: row.kind, aggregator: 'sum', values };
      },
      reset: () => undefined,
    };
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }
  const metrics = registry.metrics.bind(registry);
  registry.metrics = async () => {
    reading = undefined;
    return metrics();
  };
  return registry;
}
