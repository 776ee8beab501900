// Paced loads over time: p99 of every second, its median and its worst.

/**
 * @typedef {import('./loadgen.mjs').LoadSecond} LoadSecond
 * @typedef {import('./loadgen.mjs').Operation} Operation
 */

/** Half of the writes overwrite, half insert; every insert is balanced by a DEL of the oldest key. One request of four reads. */
export const churnMix = { set: 50, insert: 50, del: 50, get: 50 };
export const churnWrites = { set: 50, insert: 50, del: 50 };
/** Share of churnMix that writes. */
export const churnWriteShare = 150 / 200;

/**
 * @param {LoadSecond[]} seconds
 * @param {'all' | Operation} what
 */
export function p99OfSeconds(seconds, what) {
  return seconds.map((second) => second[what]?.p99_us ?? 0);
}

/** @param {number[]} values */
export function middle(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

/** @param {number[]} values */
export function greatest(values) {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/**
 * Only whole seconds, and not the first: connections are new then.
 * @param {LoadSecond[]} seconds
 */
export function settledSeconds(seconds) {
  return seconds.filter((second) => second.second > 0 && second.all.n > 0);
}
