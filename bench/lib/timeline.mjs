// A chart of figures over time as SVG: one line per series, the vertical axis logarithmic.

const width = 1000;
const height = 420;
const left = 80;
const right = 24;
const top = 62;
const bottom = 64;

/**
 * @typedef {object} Series
 * @property {string} name '': not in the legend (a further part of the series before)
 * @property {string} color
 * @property {{ x: number, y: number }[]} points in order of x; figures of 0 are left out
 *
 * @typedef {object} Timeline
 * @property {string} title
 * @property {string} xLabel
 * @property {string} yLabel
 * @property {Series[]} series
 * @property {number[]} [marked] seconds that are shaded
 * @property {string} [footnote]
 */

export const ourColor = '#2f7d5b';
export const otherColor = '#c2543c';
export const probeColor = '#8a8f98';

/** @param {Timeline} timeline */
export function timelineChart({ title, xLabel, yLabel, series, marked = [], footnote = '' }) {
  const points = series.flatMap((one) => one.points.filter(({ y }) => y > 0));
  // A second is as wide as the one before it.
  const xMax = points.reduce((most, { x }) => Math.max(most, x), 0) + 1;
  const yMax = points.reduce((most, { y }) => Math.max(most, y), 10);
  const yMin = points.reduce((least, { y }) => Math.min(least, y), yMax);
  const [low, high] = [Math.floor(Math.log10(yMin)), Math.ceil(Math.log10(yMax))];
  const decades = Math.max(1, high - low);
  const xOf = (/** @type {number} */ x) => left + (x / xMax) * (width - left - right);
  const yOf = (/** @type {number} */ y) =>
    height - bottom - ((Math.log10(y) - low) / decades) * (height - top - bottom);

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      'font-family="system-ui, sans-serif" font-size="12">',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 24, title, 'font-size="16" font-weight="600"'),
    text(16, 46, yLabel, 'fill="#555555"'),
  ];
  for (const x of marked) {
    const wide = Math.max(1, xOf(1) - xOf(0));
    parts.push(
      `<rect x="${xOf(x).toFixed(1)}" y="${top}" width="${wide.toFixed(1)}" height="${height - top - bottom}" ` +
        'fill="#f3e3b5"/>',
    );
  }
  for (let decade = low; decade < low + decades; decade++) {
    for (const factor of [2, 5]) {
      const y = yOf(factor * 10 ** decade);
      parts.push(line(left, y, width - right, y, '#f0f0f0'));
    }
  }
  for (let decade = low; decade <= low + decades; decade++) {
    const y = yOf(10 ** decade);
    parts.push(
      line(left, y, width - right, y, '#dddddd'),
      text(left - 8, y + 4, axisText(10 ** decade), 'text-anchor="end"'),
    );
  }
  const step = niceStep(xMax);
  for (let x = 0; x <= xMax; x += step) {
    parts.push(line(xOf(x), height - bottom, xOf(x), height - bottom + 5, '#777777'));
    parts.push(text(xOf(x), height - bottom + 19, String(x), 'text-anchor="middle"'));
  }
  parts.push(text((left + width - right) / 2, height - 26, xLabel, 'text-anchor="middle" fill="#555555"'));
  let legendAt = width - right;
  for (const one of series) {
    const path = one.points
      .filter(({ y }) => y > 0)
      .map(({ x, y }) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`)
      .join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${one.color}" stroke-width="1.2" opacity="0.85"/>`);
    if (one.name === '') continue;
    parts.push(text(legendAt, 46, one.name, `text-anchor="end" fill="${one.color}" font-weight="600"`));
    legendAt -= one.name.length * 7 + 24;
  }
  parts.push(text(16, height - 8, footnote, 'fill="#555555"'), '</svg>', '');
  return parts.join('\n');
}

/** @param {number} most */
function niceStep(most) {
  const rough = most / 8;
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((step) => step >= rough) ?? unit * 10;
}

/** @param {number} value */
function axisText(value) {
  return value >= 1 ? value.toLocaleString('en-US') : String(value);
}

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {string} color
 */
function line(x1, y1, x2, y2, color) {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${color}"/>`;
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
