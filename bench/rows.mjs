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
 * @property {'redis' | 'disk' | 'none'} against 'none': the figure itself is held against the bar, not a ratio
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
  {
    id: 'get-disk-iops',
    experiment: 'bulk-1k',
    title: 'GET from disk, 1 KiB values, -c 64',
    unit: 'reads/s',
    sense: 'at least',
    bar: 0.6,
    against: 'disk',
  },
  {
    id: 'get-disk-p99',
    experiment: 'bulk-1k',
    title: 'GET from disk, 1 KiB values, -c 64, p99',
    unit: 'us',
    sense: 'at most',
    bar: 2,
    against: 'disk',
  },
  absolute('ram-per-key', 'bulk-128', 'RAM per key, 16-byte keys, values on disk', 'bytes', 64),
  absolute('written-128', 'bulk-128', 'Device bytes per byte of key and value, 128 B', '', 1.3),
  absolute('written-1k', 'bulk-1k', 'Device bytes per byte of key and value, 1 KiB', '', 1.06),
  absolute('recovery', 'bulk-128', 'Recovery by log replay, 128 B values', 's', 15),
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
 * @param {string} experiment
 * @param {string} title
 * @param {string} unit
 * @param {number} bar
 * @returns {Row}
 */
function absolute(id, experiment, title, unit, bar) {
  return { id, experiment, title, unit, sense: 'at most', bar, against: 'none' };
}
