/** What INFO says, section by section. Names and order are those of Redis 7.2; `# Engine` is ours. */
import os from 'node:os';
import path from 'node:path';
import { bytesOfText } from '../bytes.js';
import { memoryAccount, share } from '../memory-account.js';
import type { NativeStats } from '../native-stats.js';
import { mainThreadCpu } from '../process-figures.js';
import { cairnVersion, redisVersion } from '../version.js';
import { type CommandContext, type Services, statsFor } from './command.js';
import { engineFields, firstRefusal } from './info-engine.js';
import { type Field, type Section, formatBytes, formatPercent, percentileNs } from './info-format.js';

interface Source extends Pick<Services, 'config' | 'native' | 'state' | 'checkpoints'> {
  stats: NativeStats;
}

const configuredHz = 10;

function listeners({ config }: Source): Field[] {
  const port = config.number('port');
  const addresses = config.words('bind').map((address) => `bind=${address}`);
  const unix = config.get('unixsocket');
  const lines = [
    ...(port === 0 ? [] : [`name=tcp,${addresses.join(',')},port=${port}`]),
    ...(unix === '' ? [] : [`name=unix,bind=${unix}`]),
  ];
  return lines.map((line, index) => [`listener${index}`, line]);
}

function server(source: Source): Field[] {
  const { config, state, stats } = source;
  const nowUsec = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  return [
    ['redis_version', redisVersion],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', '0'],
    ['redis_mode', 'standalone'],
    ['cairn_version', cairnVersion],
    ['os', `${os.type()} ${os.release()} ${os.machine()}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', 'epoll'],
    ['node_version', process.versions.node],
    ['process_id', process.pid],
    ['process_supervised', 'no'],
    ['run_id', state.runId],
    ['tcp_port', config.number('port')],
    ['server_time_usec', nowUsec],
    ['uptime_in_seconds', state.uptimeSeconds],
    ['uptime_in_days', Math.floor(state.uptimeSeconds / 86400)],
    ['hz', configuredHz],
    ['configured_hz', configuredHz],
    ['lru_clock', Math.floor(Date.now() / 1000) & 0xffffff],
    ['executable', bytesOfText(path.resolve(process.argv[1] ?? ''))],
    ['config_file', config.file ?? ''],
    ['io_threads_active', Number(stats.reactors.length > 1)],
    ...listeners(source),
  ];
}

function clients({ config, stats }: Source): Field[] {
  return [
    ['connected_clients', stats.clients],
    ['cluster_connections', 0],
    ['maxclients', config.number('maxclients')],
    ['client_recent_max_input_buffer', stats.maxInputBuffer],
    ['client_recent_max_output_buffer', stats.maxOutputBuffer],
    ['blocked_clients', stats.blockedClients],
    ['tracking_clients', stats.trackingClients],
    ['clients_in_timeout_table', 0],
    ['total_blocking_keys', 0],
    ['total_blocking_keys_on_nokey', 0],
  ];
}

function bytes(name: string, value: number): Field[] {
  return [
    [name, Math.floor(value)],
    [`${name}_human`, formatBytes(value)],
  ];
}

/** `a` compared with `b`, in which it should be contained. */
function excess(name: string, a: number, b: number): Field[] {
  return [
    [`${name}_ratio`, share(a, b).toFixed(2)],
    [`${name}_bytes`, a - b],
  ];
}

function memory({ stats, state }: Source): Field[] {
  const { indexBytes, cacheBytes, bufferBytes, clientQueryBytes, clientOutputBytes } = stats.memory;
  const { used, peak, startup, overhead, dataset, datasetShare, heap, resident } = memoryAccount(stats, state);
  return [
    ...bytes('used_memory', used),
    ...bytes('used_memory_rss', resident),
    ...bytes('used_memory_peak', peak),
    ['used_memory_peak_perc', formatPercent(used, peak)],
    ['used_memory_overhead', overhead],
    ['used_memory_startup', startup],
    ['used_memory_dataset', dataset],
    ['used_memory_dataset_perc', formatPercent(datasetShare, 1)],
    ['used_memory_index', indexBytes],
    ['used_memory_cache', cacheBytes],
    ['used_memory_wal_rings', bufferBytes],
    // As in a Redis that was built with the allocator of the C library, which tells no more.
    ['allocator_allocated', used],
    ['allocator_active', heap],
    ['allocator_resident', heap],
    ...bytes('total_system_memory', os.totalmem()),
    // Scripts and functions share their machines.
    ['used_memory_lua', stats.scriptMachineBytes],
    ['used_memory_vm_eval', stats.scriptMachineBytes],
    ['used_memory_lua_human', formatBytes(stats.scriptMachineBytes)],
    ['used_memory_scripts_eval', stats.scriptsBytes],
    ['number_of_cached_scripts', stats.scripts],
    ['number_of_functions', stats.functions],
    ['number_of_libraries', stats.libraries],
    ['used_memory_vm_functions', 0],
    ...bytes('used_memory_vm_total', stats.scriptMachineBytes),
    ['used_memory_functions', stats.functionsBytes],
    ...bytes('used_memory_scripts', stats.scriptsBytes + stats.functionsBytes),
    // Values live on disk: nothing is ever evicted, and there is no limit to set.
    ...bytes('maxmemory', 0),
    ['maxmemory_policy', 'noeviction'],
    ...excess('allocator_frag', heap, used),
    ...excess('allocator_rss', heap, heap),
    ...excess('rss_overhead', resident, heap),
    ...excess('mem_fragmentation', resident, used),
    ['mem_not_counted_for_evict', 0],
    ['mem_replication_backlog', 0],
    ['mem_total_replication_buffers', 0],
    ['mem_clients_slaves', 0],
    ['mem_clients_normal', clientQueryBytes + clientOutputBytes],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', bufferBytes],
    ['mem_allocator', 'libc'],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', 0],
    ['lazyfreed_objects', 0],
  ];
}

/** What Redis tells about its snapshots is here about checkpoints. */
function persistence({ stats, checkpoints }: Source): Field[] {
  const { recovery, checkpoint } = stats;
  const everTimed = checkpoint.lastMs > 0 || checkpoint.lastBytes > 0;
  return [
    ['loading', 0],
    ['async_loading', 0],
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', '0.00'],
    ['current_save_keys_processed', 0],
    ['current_save_keys_total', 0],
    ['rdb_changes_since_last_save', checkpoints.changesSince(stats.changes, checkpoint)],
    ['rdb_bgsave_in_progress', Number(checkpoints.inProgress(checkpoint))],
    ['rdb_last_save_time', checkpoints.lastTime(checkpoint)],
    ['rdb_last_bgsave_status', checkpoints.lastOk(checkpoint) ? 'ok' : 'err'],
    ['rdb_last_bgsave_time_sec', everTimed ? Math.floor(checkpoint.lastMs / 1000) : -1],
    ['rdb_current_bgsave_time_sec', checkpoints.runningSeconds(checkpoint)],
    ['rdb_saves', checkpoint.written],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', 0],
    ['rdb_last_load_keys_loaded', recovery.keys],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
    ['aof_last_rewrite_time_sec', -1],
    ['aof_current_rewrite_time_sec', -1],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_rewrites', 0],
    ['aof_rewrites_consecutive_failures', 0],
    ['aof_last_write_status', firstRefusal(stats) === '' ? 'ok' : 'err'],
    ['aof_last_cow_size', 0],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
    ['aof_current_size', stats.dataBytes],
    ['aof_base_size', 0],
    ['aof_pending_rewrite', 0],
    ['aof_buffer_length', stats.pendingBytes],
    ['aof_pending_bio_fsync', 0],
    ['aof_delayed_fsync', 0],
  ];
}

function kbps(perSecond: number): string {
  return (perSecond / 1024).toFixed(2);
}

function stats({ stats, state }: Source): Field[] {
  return [
    ['total_connections_received', stats.totalConnections],
    ['total_commands_processed', stats.commandsProcessed],
    ['instantaneous_ops_per_sec', Math.round(state.rate('commandsProcessed'))],
    ['total_net_input_bytes', stats.netInputBytes],
    ['total_net_output_bytes', stats.netOutputBytes],
    ['total_net_repl_input_bytes', 0],
    ['total_net_repl_output_bytes', 0],
    ['instantaneous_input_kbps', kbps(state.rate('netInputBytes'))],
    ['instantaneous_output_kbps', kbps(state.rate('netOutputBytes'))],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', stats.rejectedConnections],
    ['sync_full', 0],
    ['sync_partial_ok', 0],
    ['sync_partial_err', 0],
    ['expired_keys', stats.expiredKeys],
    ['expired_stale_perc', '0.00'],
    ['expired_time_cap_reached_count', 0],
    ['expire_cycle_cpu_milliseconds', 0],
    ['evicted_keys', 0],
    ['evicted_clients', 0],
    ['total_eviction_exceeded_time', 0],
    ['current_eviction_exceeded_time', 0],
    ['keyspace_hits', stats.keyspaceHits],
    ['keyspace_misses', stats.keyspaceMisses],
    ['pubsub_channels', stats.pubsubChannels],
    ['pubsub_patterns', stats.pubsubPatterns],
    ['pubsubshard_channels', stats.pubsubShardChannels],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', 0],
    ['slave_expires_tracked_keys', 0],
    ['active_defrag_hits', 0],
    ['active_defrag_misses', 0],
    ['active_defrag_key_hits', 0],
    ['active_defrag_key_misses', 0],
    ['total_active_defrag_time', 0],
    ['current_active_defrag_time', 0],
    ['tracking_total_keys', stats.trackingKeys],
    ['tracking_total_items', stats.trackingItems],
    ['tracking_total_prefixes', stats.trackingPrefixes],
    ['unexpected_error_replies', stats.unexpectedErrorReplies],
    ['total_error_replies', stats.totalErrorReplies],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', stats.readsProcessed],
    ['total_writes_processed', stats.writesProcessed],
    ['io_threaded_reads_processed', 0],
    ['io_threaded_writes_processed', 0],
    ['reply_buffer_shrinks', 0],
    ['reply_buffer_expands', 0],
    ['acl_access_denied_auth', stats.authFailures],
    ['acl_access_denied_cmd', 0],
    ['acl_access_denied_key', 0],
    ['acl_access_denied_channel', 0],
  ];
}

function replication({ config, state }: Source): Field[] {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', state.replicationId],
    ['master_replid2', '0'.repeat(40)],
    ['master_repl_offset', 0],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
    ['repl_backlog_size', config.number('repl-backlog-size')],
    ['repl_backlog_first_byte_offset', 0],
    ['repl_backlog_histlen', 0],
  ];
}

function cpu(): Field[] {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const main = mainThreadCpu();
  return [
    ['used_cpu_sys', (systemCPUTime / 1e6).toFixed(6)],
    ['used_cpu_user', (userCPUTime / 1e6).toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ['used_cpu_sys_main_thread', main.system.toFixed(6)],
    ['used_cpu_user_main_thread', main.user.toFixed(6)],
  ];
}

function commandStats({ stats }: Source): Field[] {
  return stats.commands.map(({ name, calls, usec, rejected, failed }) => {
    const mean = (calls === 0 ? 0 : usec / calls).toFixed(2);
    const counts = `calls=${calls},usec=${Math.floor(usec)},usec_per_call=${mean}`;
    return [`cmdstat_${name}`, `${counts},rejected_calls=${rejected},failed_calls=${failed}`];
  });
}

function latencyStats({ native, config }: Source): Field[] {
  const wanted = config.words('latency-tracking-info-percentiles');
  return native.histograms().map(({ name, buckets }) => {
    const parts = wanted.map((text) => `p${text}=${(percentileNs(buckets, Number(text)) / 1000).toFixed(3)}`);
    return [`latency_percentiles_usec_${name}`, parts.join(',')];
  });
}

function keyspace({ stats }: Source): Field[] {
  return stats.dbs
    .filter(({ keys }) => keys > 0)
    .sort((a, b) => a.db - b.db)
    .map(({ db, keys, expires, avgTtlMs }) => [
      `db${db}`,
      `keys=${keys},expires=${expires},avg_ttl=${Math.floor(avgTtlMs)}`,
    ]);
}

/** All sections, over one reading of the counters. */
export function infoSections(
  services: Pick<CommandContext, 'config' | 'native' | 'state' | 'checkpoints' | 'keyspace'>,
): Section[] {
  const source: Source = { ...services, stats: statsFor(services) };
  const section = (title: string, fields: (from: Source) => Field[], more: Partial<Section> = {}): Section => ({
    title,
    fields: () => fields(source),
    inDefault: true,
    inAll: true,
    ...more,
  });
  const errors = ({ stats }: Source): Field[] =>
    stats.errors.map(({ code, count }) => [`errorstat_${code}`, `count=${count}`]);
  return [
    section('Server', server),
    section('Clients', clients),
    section('Memory', memory),
    section('Persistence', persistence),
    section('Stats', stats),
    section('Replication', replication),
    section('CPU', cpu),
    section('Modules', () => [], { inAll: false }),
    section('Commandstats', commandStats, { inDefault: false }),
    section('Errorstats', errors),
    section('Latencystats', latencyStats, { inDefault: false }),
    section('Cluster', () => [['cluster_enabled', 0]]),
    section('Engine', engineFields, { alias: 'cairn' }),
    section('Keyspace', keyspace),
  ];
}
