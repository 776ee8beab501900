// A bar chart as SVG: how far each figure is beyond its bar (right of the line) or short of it.

import { score } from './result.mjs';
import { digits } from './stats.mjs';

const labelWidth = 400;
const barWidth = 420;
const textWidth = 250;
const lineHeight = 26;
const top = 58;
/** Bars end here; the figure beside them says how much it really is. */
const scoreMax = 3;

/**
 * @param {import('./result.mjs').RowResult[]} results
 * @param {string} title
 */
export function chart(results, title) {
  const width = labelWidth + barWidth + textWidth;
  const height = top + results.length * lineHeight + 30;
  const xOf = (/** @type {number} */ value) => labelWidth + (Math.min(value, scoreMax) / scoreMax) * barWidth;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 26, title, 'font-size="16" font-weight="600"'),
    text(xOf(1), top - 10, 'bar to reach', 'text-anchor="middle" fill="#555555"'),
  ];
  results.forEach((result, i) => {
    const y = top + i * lineHeight;
    const value = score(result);
    const color = result.meets ? '#2f7d5b' : '#c2543c';
    const length = Math.max(1, xOf(value) - labelWidth);
    parts.push(
      text(labelWidth - 10, y + 16, result.row.title, 'text-anchor="end"'),
      `<rect x="${labelWidth}" y="${y + 3}" width="${length.toFixed(1)}" height="17" rx="2" fill="${color}"/>`,
      text(labelWidth + length + 8, y + 16, figureText(result), 'fill="#333333"'),
    );
  });
  const bottom = top + results.length * lineHeight;
  parts.push(
    `<line x1="${xOf(1)}" y1="${top - 4}" x2="${xOf(1)}" y2="${bottom + 4}" stroke="#222222" stroke-dasharray="4 3"/>`,
    text(16, bottom + 22, 'Longer is better in every row.', 'fill="#555555" font-size="12"'),
    '</svg>',
    '',
  );
  return parts.join('\n');
}

/** @param {import('./result.mjs').RowResult} result */
function figureText({ row, judged }) {
  const unit = row.against !== 'none' ? 'x' : row.unit === '' ? '' : ` ${row.unit}`;
  return `${digits(judged)}${unit} (bar: ${row.sense} ${row.bar}${unit})`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {string} [attributes]
 */
function text(x, y, content, attributes = '') {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${safe}</text>`;
}
