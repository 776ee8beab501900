// The outcome of a row, ready to be printed and stored.

import { ratioOf } from './stats.mjs';

/** Rounds of one server this far apart mean that something else used the machine. */
const noisyFactor = 1.5;

/**
 * @typedef {import('../rows.mjs').Row} Row
 * @typedef {import('./stats.mjs').Spread} Spread
 *
 * @typedef {object} RowResult
 * @property {Row} row
 * @property {Spread} ours
 * @property {Spread | null} reference
 * @property {Spread | null} ratio
 * @property {number} judged what is held against the bar
 * @property {boolean} meets
 * @property {boolean} noisy the rounds differ so much that the verdict says little
 * @property {string[]} notes what a reader needs to know about this figure
 * @property {string} measuredAt
 *
 * @typedef {object} Detail one line of the table of all figures
 * @property {string} experiment
 * @property {string} who
 * @property {Record<string, Spread>} figures
 *
 * @typedef {object} Outcome
 * @property {RowResult[]} results
 * @property {Detail[]} details
 * @property {Record<string, unknown>} settings how the servers were set up
 * @property {Chart[]} [charts]
 *
 * @typedef {{ experiment: string, name: string, title: string, svg?: string }} Chart
 */

/**
 * @param {Row} row
 * @param {Spread} ours
 * @param {Spread | null} reference null: the figure itself is judged
 * @param {string[]} [notes]
 * @returns {RowResult}
 */
export function judge(row, ours, reference, notes = []) {
  const ratio = reference === null ? null : ratioOf(ours, reference);
  const judged = ratio === null ? ours.median : ratio.median;
  const meets = row.sense === 'at least' ? judged >= row.bar : judged <= row.bar;
  const measuredAt = new Date().toISOString();
  const noisy = [ours, ...(reference === null ? [] : [reference])].some(isNoisy);
  return { row, ours, reference, ratio, judged, meets, noisy, notes, measuredAt };
}

/** @param {Spread} figures */
function isNoisy(figures) {
  return figures.max > figures.min * noisyFactor;
}

/**
 * How far beyond the bar (above 1) or short of it (below 1).
 * @param {RowResult} result
 */
export function score(result) {
  const { bar, sense } = result.row;
  return sense === 'at least' ? result.judged / bar : bar / result.judged;
}
