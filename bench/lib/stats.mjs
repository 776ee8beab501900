// Small statistics over rounds, and how figures are printed.

/**
 * @typedef {{ median: number, min: number, max: number, values: number[] }} Spread
 */

/**
 * @param {number[]} values at least one
 * @returns {Spread}
 */
export function spread(values) {
  if (values.length === 0) throw new Error('no rounds');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (/** @type {number} */ index) => sorted[index] ?? NaN;
  const last = sorted.length - 1;
  const median = (at(Math.floor(last / 2)) + at(Math.ceil(last / 2))) / 2;
  return { median, min: at(0), max: at(last), values };
}

/**
 * Ratio of the medians; its spread comes from the ratios of the rounds that ran side by side.
 * @param {Spread} a
 * @param {Spread} b
 * @returns {Spread}
 */
export function ratioOf(a, b) {
  const rounds = Math.min(a.values.length, b.values.length);
  const pairs = [];
  for (let i = 0; i < rounds; i++) {
    pairs.push((a.values[i] ?? NaN) / (b.values[i] ?? NaN));
  }
  return { ...spread(pairs), median: a.median / b.median };
}

/** @param {number} value */
export function digits(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** @param {Spread} values */
export function withSpread(values) {
  if (values.values.length < 2) return digits(values.median);
  return `${digits(values.median)} (${digits(values.min)} – ${digits(values.max)})`;
}
