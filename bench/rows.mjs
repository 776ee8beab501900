// The figures to reach: one row each. An experiment (experiments/) measures one or more rows.

/**
 * @typedef {'at least' | 'at most'} Sense
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} experiment
 * @property {string} title
 * @property {string} unit of the figures
 * @property {Sense} sense
 * @property {number} bar
 * @property {'redis' | 'disk' | 'other' | 'none'} against 'none': the figure itself is held against the bar, not a ratio
 * @property {string} [other] what 'other' is
 */

/** @type {Row[]} */
export const rows = [
  throughput('set-always-c50', 'Durable SET, -c 50 -P 1', 1.5),
  throughput('set-always-c200', 'Durable SET, -c 200 -P 1', 1.1),
  throughput('set-always-c50-p16', 'Durable SET, -c 50 -P 16', 2.5),
  {
    id: 'set-always-c1',
    experiment: 'set-always-c1',
    title: 'Durable SET, -c 1 -P 1, median latency',
    unit: 'us',
    sense: 'at most',
    bar: 1.25,
    against: 'disk',
  },
  cpu('set-everysec-p1', 'SET, everysec, -c 50 -P 1', 0.9),
  cpu('set-everysec-p16', 'SET, everysec, -c 50 -P 16', 0.5),
  cpu('set-everysec-p64', 'SET, everysec, -c 50 -P 64', 0.4),
  cpu('get-memory-p1', 'GET from memory, -c 50 -P 1', 0.9),
  cpu('get-memory-p16', 'GET from memory, -c 50 -P 16', 0.7),
  cpu('get-memory-p64', 'GET from memory, -c 50 -P 64', 0.65),
  restricted('acl-get-p16', 'GET by a user with rules, -c 50 -P 16'),
  restricted('acl-set-p16', 'SET by a user with rules, -c 50 -P 16'),
  publishing('publish-1-p1', 'PUBLISH to one subscriber, -P 1', 0.9),
  publishing('publish-1-p16', 'PUBLISH to one subscriber, -P 16', 0.9),
  publishing('publish-100-p1', 'PUBLISH to 100 subscribers, -P 1', 1),
  publishing('publish-100-p16', 'PUBLISH to 100 subscribers, -P 16', 1),
  throughput('lsm-set-always', 'Engine lsm: durable SET, -c 50 -P 1', 1),
  throughput('lsm-set-always-p16', 'Engine lsm: durable SET, -c 50 -P 16', 1),
  cpu('lsm-set-everysec-p16', 'Engine lsm: SET, everysec, -c 50 -P 16', 2.5),
  cpu('lsm-get-memory-p16', 'Engine lsm: GET from memory, -c 50 -P 16', 2.5),
  {
    id: 'lsm-db-bench',
    experiment: 'lsm-db-bench',
    title: 'Engine lsm: durable SET, -c 50 -P 1, beside db_bench',
    unit: 'requests/s',
    sense: 'at least',
    bar: 1.5,
    against: 'other',
    other: 'db_bench',
  },
  {
    id: 'lsm-get-rocksdb',
    experiment: 'lsm-get-rocksdb',
    title: "Engine lsm: GET from memory, -c 50 -P 16, beside RocksDB's own Get",
    unit: 'us CPU/request',
    sense: 'at most',
    bar: 1.3,
    against: 'other',
    other: 'db_bench',
  },
  absolute('lsm-compaction-p99', 'lsm-compaction', 'Engine lsm: p99 at half of the peak, compaction running', 'ms', 50),
  absolute('lsm-compaction-gap', 'lsm-compaction', 'Engine lsm: longest time without any reply meanwhile', 'ms', 50),
  absolute('lsm-ram-50m', 'lsm-ram-50m', 'Engine lsm: RSS, 50 million keys of 16 B with 128 B', 'GB', 1.2),
  {
    id: 'get-disk-iops',
    experiment: 'bulk-1k',
    title: 'GET from disk, 1 KiB values, -c 64, one reactor',
    unit: 'reads/s',
    sense: 'at least',
    bar: 0.8,
    against: 'disk',
  },
  {
    id: 'get-disk-p99',
    experiment: 'bulk-1k',
    title: 'GET from disk, 1 KiB values, -c 64, one reactor, p99',
    unit: 'us',
    sense: 'at most',
    bar: 1.5,
    against: 'disk',
  },
  absolute('ram-per-key', 'bulk-128', 'RAM per key, 16-byte keys, values on disk', 'bytes', 48),
  absolute('ram-per-key-50m', 'ram-50m', 'RAM per key, 50 million 16-byte keys', 'bytes', 48),
  absolute('written-128', 'bulk-128', 'Device bytes per byte of key and value, inserts of 128 B', '', 1.35),
  absolute('written-1k', 'bulk-1k', 'Device bytes per byte of key and value, inserts of 1 KiB', '', 1.06),
  absolute('restart-clean-128', 'restart-128', 'Restart after SHUTDOWN, 128 B values', 's', 2.5),
  absolute('restart-kill-128', 'restart-128', 'Restart after kill -9 under load, 128 B values', 's', 5),
  absolute('restart-clean-1k', 'restart-1k', 'Restart after SHUTDOWN, 1 KiB values', 's', 2.5),
  absolute('restart-kill-1k', 'restart-1k', 'Restart after kill -9 under load, 1 KiB values', 's', 5),
  absolute('overwrite-uniform', 'overwrite-uniform', 'Device bytes per byte, uniform overwrites of 1 KiB', '', 2.1),
  absolute('overwrite-zipf', 'overwrite-zipf', 'Device bytes per byte, Zipf overwrites of 1 KiB', '', 2),
  {
    id: 'gc-tail-p99',
    experiment: 'gc-tail',
    title: 'GET p99 beside overwrites, garbage collection busy',
    unit: 'us',
    sense: 'at most',
    bar: 1.25,
    against: 'other',
    other: 'paused',
  },
  absolute('gc-tail-stall', 'gc-tail', 'Longest time without any reply, garbage collection busy', 'ms', 50),
  {
    id: 'hit-rate',
    experiment: 'hit',
    title: 'Hit rate above LRU, Zipf with a scan, cache of a tenth',
    unit: 'points',
    sense: 'at least',
    bar: 5,
    against: 'none',
  },
  {
    id: 'hit-cpu',
    experiment: 'hit',
    title: 'CPU per cache hit beside LRU',
    unit: 'us CPU/request',
    sense: 'at most',
    bar: 1.1,
    against: 'other',
    other: 'LRU',
  },
  absolute('reclaim', 'reclaim', 'Disk space back after deleting 90 % of 10 GB', 's', 180),
  tail('tail-overwrite', 'Overwrites and reads, p99 of the worst second'),
  tail('tail-churn', 'Inserts, overwrites, deletes, reads, p99 of the worst second'),
  expiring('expire-get', 'GET p99 while a million keys expire in a minute'),
  expiring('expire-set', 'SET p99 while a million keys expire in a minute'),
  {
    id: 'large-commands',
    experiment: 'large-commands',
    title: 'Longest time without a reply, beside commands on 100,000 elements',
    unit: 'ms',
    sense: 'at most',
    bar: 0.5,
    against: 'redis',
  },
  absolute('huge-values', 'huge-values', 'GET p99 beside a client with values of 100 MB, above that without', 'ms', 5),
];

/**
 * @param {string} id
 * @param {string} title
 * @param {number} bar
 * @returns {Row}
 */
function throughput(id, title, bar) {
  const unit = 'requests/s';
  return { id, experiment: id, title, unit, sense: 'at least', bar, against: 'redis' };
}

/**
 * @param {string} id
 * @param {string} title
 * @param {number} bar
 * @returns {Row}
 */
function cpu(id, title, bar) {
  const unit = 'us CPU/request';
  return { id, experiment: id, title, unit, sense: 'at most', bar, against: 'redis' };
}

/**
 * @param {string} id
 * @param {string} title
 * @returns {Row}
 */
function restricted(id, title) {
  const other = 'the default user';
  return { id, experiment: id, title, unit: 'us CPU/request', sense: 'at most', bar: 1.03, against: 'other', other };
}

/**
 * @param {string} id
 * @param {string} title
 * @param {number} bar
 * @returns {Row}
 */
function publishing(id, title, bar) {
  const unit = 'us CPU/message';
  return { id, experiment: id, title, unit, sense: 'at most', bar, against: 'redis' };
}

/**
 * @param {string} id
 * @param {string} experiment
 * @param {string} title
 * @param {string} unit
 * @param {number} bar
 * @returns {Row}
 */
function absolute(id, experiment, title, unit, bar) {
  return { id, experiment, title, unit, sense: 'at most', bar, against: 'none' };
}

/**
 * @param {string} id
 * @param {string} title
 * @returns {Row}
 */
function tail(id, title) {
  return { id, experiment: id, title, unit: 'us', sense: 'at most', bar: 1, against: 'redis' };
}

/**
 * @param {string} id
 * @param {string} title
 * @returns {Row}
 */
function expiring(id, title) {
  const other = 'the minute before';
  return { id, experiment: 'expire', title, unit: 'us', sense: 'at most', bar: 2, against: 'other', other };
}
