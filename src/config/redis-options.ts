/**
 * Options that Redis 7.2 knows and that mean nothing here. A configuration made for Redis starts the server: they are
 * accepted, listed in one log line, and answered by CONFIG GET and SET, so that tools which read or set them go on
 * working. A few values are refused, because ignoring them would give the user something other than was asked for.
 */
import type { Changeable, OptionRow } from './options.js';
import {
  type OptionType,
  integer,
  integers,
  memory,
  memoryOrPercent,
  oneOf,
  quoteWord,
  saveRules,
  someOf,
  text,
  yesNo,
} from './option-types.js';

type Row = readonly [name: string, fallback: string, change?: Changeable, alias?: string];

/** Rows that share a type, most of them changeable at run time. */
function rows(type: OptionType, list: readonly Row[]): OptionRow[] {
  return list.map(([name, fallback, change = 'runtime', alias]) => ({
    name,
    type,
    default: type === text || fallback === '' ? quoteWord(fallback) : fallback,
    change,
    ignored: true as const,
    ...(alias === undefined ? {} : { alias }),
  }));
}

const yesNoRows: readonly Row[] = [
  ['activedefrag', 'no'],
  ['activerehashing', 'yes'],
  ['always-show-logo', 'no', 'immutable'],
  ['aof-disable-auto-gc', 'no'],
  ['aof-load-truncated', 'yes'],
  ['aof-rewrite-incremental-fsync', 'yes'],
  ['aof-timestamp-enabled', 'no'],
  ['aof-use-rdb-preamble', 'yes'],
  ['appendonly', 'yes'],
  ['cluster-allow-pubsubshard-when-down', 'yes'],
  ['cluster-allow-reads-when-down', 'no'],
  ['cluster-allow-replica-migration', 'yes'],
  ['cluster-replica-no-failover', 'no', 'runtime', 'cluster-slave-no-failover'],
  ['cluster-require-full-coverage', 'yes'],
  ['crash-log-enabled', 'yes'],
  ['crash-memcheck-enabled', 'yes'],
  ['daemonize', 'no', 'immutable'],
  ['disable-thp', 'yes', 'immutable'],
  ['dynamic-hz', 'yes'],
  ['io-threads-do-reads', 'no', 'immutable'],
  ['jemalloc-bg-thread', 'yes'],
  ['lazyfree-lazy-eviction', 'no'],
  ['lazyfree-lazy-expire', 'no'],
  ['lazyfree-lazy-server-del', 'no'],
  ['lazyfree-lazy-user-del', 'no'],
  ['lazyfree-lazy-user-flush', 'no'],
  ['no-appendfsync-on-rewrite', 'no'],
  ['rdb-del-sync-files', 'no'],
  ['rdb-save-incremental-fsync', 'yes'],
  ['rdbchecksum', 'yes', 'immutable'],
  ['rdbcompression', 'yes'],
  ['repl-disable-tcp-nodelay', 'no'],
  ['repl-diskless-sync', 'yes'],
  ['replica-announced', 'yes'],
  ['replica-ignore-disk-write-errors', 'no'],
  ['replica-ignore-maxmemory', 'yes', 'runtime', 'slave-ignore-maxmemory'],
  ['replica-lazy-flush', 'no', 'runtime', 'slave-lazy-flush'],
  ['replica-read-only', 'yes', 'runtime', 'slave-read-only'],
  ['replica-serve-stale-data', 'yes', 'runtime', 'slave-serve-stale-data'],
  ['set-proc-title', 'yes', 'immutable'],
  ['stop-writes-on-bgsave-error', 'yes'],
  ['syslog-enabled', 'no', 'immutable'],
  ['tls-cluster', 'no'],
  ['tls-prefer-server-ciphers', 'no'],
  ['tls-replication', 'no'],
  ['tls-session-caching', 'yes'],
];

const countRows: readonly Row[] = [
  ['active-defrag-cycle-max', '25'],
  ['active-defrag-cycle-min', '1'],
  ['active-defrag-max-scan-fields', '1000'],
  ['active-defrag-threshold-lower', '10'],
  ['active-defrag-threshold-upper', '100'],
  ['auto-aof-rewrite-percentage', '100'],
  ['cluster-announce-bus-port', '0'],
  ['cluster-announce-port', '0'],
  ['cluster-announce-tls-port', '0'],
  ['cluster-migration-barrier', '1'],
  ['cluster-node-timeout', '15000'],
  ['cluster-port', '0', 'immutable'],
  ['cluster-replica-validity-factor', '10', 'runtime', 'cluster-slave-validity-factor'],
  ['lfu-decay-time', '1'],
  ['lfu-log-factor', '10'],
  ['maxmemory-eviction-tenacity', '10'],
  ['maxmemory-samples', '5'],
  ['min-replicas-max-lag', '10', 'runtime', 'min-slaves-max-lag'],
  ['min-replicas-to-write', '0', 'runtime', 'min-slaves-to-write'],
  ['repl-backlog-ttl', '3600'],
  ['repl-diskless-sync-delay', '5'],
  ['repl-diskless-sync-max-replicas', '0'],
  ['repl-ping-replica-period', '10', 'runtime', 'repl-ping-slave-period'],
  ['repl-timeout', '60'],
  ['replica-announce-port', '0', 'runtime', 'slave-announce-port'],
  ['replica-priority', '100', 'runtime', 'slave-priority'],
  ['shutdown-timeout', '10'],
  ['socket-mark-id', '0', 'immutable'],
  ['tls-session-cache-size', '20480'],
  ['tls-session-cache-timeout', '300'],
];

const memoryRows: readonly Row[] = [
  ['active-defrag-ignore-bytes', '100mb'],
  ['auto-aof-rewrite-min-size', '64mb'],
  ['cluster-link-sendbuf-limit', '0'],
  ['maxmemory', '0'],
  ['repl-backlog-size', '1mb'],
];

const textRows: readonly Row[] = [
  ['aof_rewrite_cpulist', '', 'immutable'],
  ['appenddirname', 'appendonlydir', 'immutable'],
  ['appendfilename', 'appendonly.aof', 'immutable'],
  ['bgsave_cpulist', '', 'immutable'],
  ['bind-source-addr', ''],
  ['bio_cpulist', '', 'immutable'],
  ['cluster-announce-hostname', ''],
  ['cluster-announce-human-nodename', ''],
  ['cluster-announce-ip', ''],
  ['cluster-config-file', 'nodes.conf', 'immutable'],
  ['dbfilename', 'dump.rdb', 'protected'],
  ['ignore-warnings', ''],
  ['locale-collate', ''],
  ['masterauth', ''],
  ['masteruser', ''],
  ['proc-title-template', '{title} {listen-addr} {server-mode}'],
  ['replica-announce-ip', '', 'runtime', 'slave-announce-ip'],
  ['server_cpulist', '', 'immutable'],
  ['syslog-ident', 'redis', 'immutable'],
  ['tls-ca-cert-dir', ''],
  ['tls-ca-cert-file', ''],
  ['tls-cert-file', ''],
  ['tls-ciphers', ''],
  ['tls-ciphersuites', ''],
  ['tls-client-cert-file', ''],
  ['tls-client-key-file', ''],
  ['tls-client-key-file-pass', ''],
  ['tls-dh-params-file', ''],
  ['tls-key-file', ''],
  ['tls-key-file-pass', ''],
  ['tls-protocols', ''],
];

function enumRow(name: string, fallback: string, values: string[], change: Changeable = 'runtime'): OptionRow {
  return { name, type: oneOf(...values), default: fallback, change, ignored: true };
}

const syslogFacilities = ['user', ...Array.from({ length: 8 }, (_, index) => `local${index}`)];
const evictionPolicies = [
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
];

const enumRows: OptionRow[] = [
  enumRow('cluster-preferred-endpoint-type', 'ip', ['ip', 'hostname', 'unknown-endpoint']),
  enumRow('enable-module-command', 'no', ['no', 'yes', 'local'], 'immutable'),
  enumRow('enable-protected-configs', 'no', ['no', 'yes', 'local'], 'immutable'),
  enumRow('maxmemory-policy', 'noeviction', evictionPolicies),
  enumRow('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute']),
  enumRow('propagation-error-behavior', 'ignore', ['ignore', 'panic', 'panic-on-replicas']),
  enumRow('repl-diskless-load', 'disabled', ['disabled', 'on-empty-db', 'swapdb']),
  enumRow('sanitize-dump-payload', 'no', ['no', 'yes', 'clients']),
  enumRow('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], 'immutable'),
  enumRow('syslog-facility', 'local0', syslogFacilities, 'immutable'),
  enumRow('tls-auth-clients', 'yes', ['no', 'yes', 'optional']),
];

const shutdownModes = someOf('default', 'save', 'nosave', 'now', 'force');

const otherRows: OptionRow[] = [
  ...rows(integer(1, 500), [['hz', '10']]),
  ...rows(memoryOrPercent, [['maxmemory-clients', '0']]),
  ...rows(integers(3, -2000, 2000), [['oom-score-adj-values', '0 200 800']]),
  ...rows(saveRules, [['save', '']]),
  ...rows(shutdownModes, [
    ['shutdown-on-sigint', 'default'],
    ['shutdown-on-sigterm', 'default'],
  ]),
];

function only(allowed: string, reason: string): (value: string) => string | undefined {
  return (value) => (value === allowed ? undefined : reason);
}

const severalWords: OptionType = {
  several: true,
  normalize: (words) => words.join(' '),
  lines: (value) => [value || '""'],
};

/** Known to Redis, but only the value that asks for nothing is accepted. */
const refusedRows: OptionRow[] = [
  {
    name: 'cluster-enabled',
    type: yesNo,
    default: 'no',
    change: 'immutable',
    ignored: true,
    refuse: only('no', 'cluster mode is not supported'),
  },
  {
    name: 'replicaof',
    alias: 'slaveof',
    type: severalWords,
    default: '""',
    change: 'immutable',
    ignored: true,
    refuse: (value) => (value === '' || value === 'no one' ? undefined : 'replication is not supported'),
  },
  {
    name: 'tls-port',
    type: integer(0, 65535),
    default: '0',
    change: 'runtime',
    ignored: true,
    refuse: only('0', 'TLS is not supported'),
  },
];

export const redisOptions: readonly OptionRow[] = [
  ...rows(yesNo, yesNoRows),
  ...rows(integer(0), countRows),
  ...rows(memory(), memoryRows),
  ...rows(text, textRows),
  ...enumRows,
  ...otherRows,
  ...refusedRows,
];

/** Directives of a configuration file that are not options, and why they are refused. */
export const refusedDirectives: ReadonlyMap<string, string> = new Map([
  ['rename-command', 'renaming commands is not supported'],
  ['loadmodule', 'modules are not supported'],
]);
