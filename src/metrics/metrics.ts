/**
 * Prometheus metrics, read from the counters at scrape time. Where the usual Redis exporter has a name for a figure it is
 * used (existing dashboards work); the engine's own figures are `cairn_*`.
 */
import os from 'node:os';
import { Registry } from 'prom-client';
import { textOf } from '../bytes.js';
import type { Services } from '../commands/command.js';
import { memoryAccount, share } from '../memory-account.js';
import { mainThreadCpu } from '../process-figures.js';
import { redisVersion } from '../version.js';
import { commandRows } from './command-latency.js';
import { engineMetrics, engineRows } from './engine-metrics.js';
import { type MetricRow, type Reading, figure, memory, micro, perCommand, perDb } from './rows.js';

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
  figure('redis_pubsub_channels', 'gauge', 'Channels that somebody listens to.', (s) => s.pubsubChannels),
  figure('redis_pubsub_patterns', 'gauge', 'Patterns that somebody listens to.', (s) => s.pubsubPatterns),
  figure(
    'redis_pubsubshard_channels',
    'gauge',
    'Shard channels that somebody listens to.',
    (s) => s.pubsubShardChannels,
  ),
  figure(
    'cairn_pubsub_dropped_messages_total',
    'counter',
    'Messages that found no room on their way to a busy thread.',
    (s) => s.pubsubDropped,
  ),
  { name: 'redis_max_clients', kind: 'gauge', help: 'Limit of connections.', read: (from) => from.maxclients },
  { name: 'redis_config_maxclients', kind: 'gauge', help: 'The option of that name.', read: (from) => from.maxclients },
  {
    name: 'redis_config_maxmemory',
    kind: 'gauge',
    help: 'The option of that name; it limits nothing here.',
    read: (from) => from.maxmemory,
  },
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
    read: ({ stats }) => stats.errors.map(({ code, count }) => ({ labels: { err: textOf(code) }, value: count })),
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
  memory('redis_memory_used_bytes', 'Memory in use: at startup, and by the data plane.', (m) => m.used),
  memory('redis_memory_used_peak_bytes', 'Its peak.', (m) => m.peak),
  memory('redis_memory_used_startup_bytes', 'What was in use before the data were opened.', (m) => m.startup),
  memory('redis_memory_used_overhead_bytes', 'Memory in use for all but values.', (m) => m.overhead),
  memory('redis_memory_used_dataset_bytes', 'Memory in use for values: the cache.', (m) => m.dataset),
  memory('redis_memory_used_rss_bytes', 'Resident memory of the process.', (m) => m.resident),
  memory('redis_allocator_allocated_bytes', 'Memory in use.', (m) => m.used),
  memory('redis_allocator_active_bytes', 'Resident memory but for pages of files.', (m) => m.heap),
  memory('redis_allocator_resident_bytes', 'The same.', (m) => m.heap),
  memory('redis_mem_fragmentation_ratio', 'Resident memory for each byte in use.', (m) => share(m.resident, m.used)),
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
  {
    name: 'redis_cpu_user_main_thread_seconds_total',
    kind: 'counter',
    help: 'CPU time of the control plane in user mode.',
    read: () => mainThreadCpu().user,
  },
  {
    name: 'redis_cpu_sys_main_thread_seconds_total',
    kind: 'counter',
    help: 'CPU time of the control plane in the kernel.',
    read: () => mainThreadCpu().system,
  },
  figure('redis_slowlog_length', 'gauge', 'Entries of the slow log.', (s) => s.slowlogLength),
  figure('redis_loading_dump_file', 'gauge', 'Whether data are being loaded.', () => 0),
  {
    name: 'redis_rdb_last_bgsave_status',
    kind: 'gauge',
    help: 'Whether the last checkpoint succeeded.',
    read: (from) => Number(from.checkpointsOk),
  },
  figure('redis_aof_enabled', 'gauge', 'Whether writes are logged: always.', () => 1),
  figure('redis_aof_last_write_status', 'gauge', 'Whether all streams of the engine take writes.', (s) =>
    Number(s.refusals.every((reason) => reason === '')),
  ),
  figure('redis_connected_slaves', 'gauge', 'Replicas.', () => 0),
  figure('redis_master_repl_offset', 'gauge', 'Replication offset.', () => 0),
];

export const metricRows: readonly MetricRow[] = [...redisRows, ...engineRows, ...commandRows];

export function takeReading({
  native,
  state,
  config,
  checkpoints,
}: Pick<Services, 'native' | 'state' | 'config' | 'checkpoints'>): Reading {
  const stats = native.stats();
  return {
    stats,
    histograms: native.histograms(),
    memory: memoryAccount(stats, state),
    uptimeSeconds: state.uptimeSeconds,
    maxclients: config.number('maxclients'),
    maxmemory: config.number('maxmemory'),
    checkpointsOk: checkpoints.lastOk(stats.checkpoint),
    runId: state.runId,
  };
}

/** A registry whose metrics are computed when it is read. */
export function createRegistry(read: () => Reading): Registry {
  const registry = new Registry();
  let reading: Reading | undefined;
  const add = (row: MetricRow): void => {
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
  };
  metricRows.forEach(add);
  const metrics = registry.metrics.bind(registry);
  registry.metrics = async () => {
    reading = read();
    // The engine tells what it has when it is asked: a metric that is new joins the others.
    for (const row of engineMetrics(reading.stats.figures))
      if (registry.getSingleMetric(row.name) === undefined) add(row);
    return metrics();
  };
  return registry;
}
