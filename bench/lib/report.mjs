// Reports: JSON for programs, Markdown for people, and the table inside the documents.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { digits, withSpread } from './stats.mjs';

/**
 * @typedef {import('./result.mjs').RowResult} RowResult
 * @typedef {import('./result.mjs').Detail} Detail
 *
 * @typedef {object} Report
 * @property {string} date
 * @property {string} subject what was measured
 * @property {{ rounds: number, seconds: number, quick: boolean, keys: number, parameters?: Record<string, number> }} plan
 * @property {ReturnType<typeof import('./machine.mjs').describeMachine>} machine
 * @property {Record<string, unknown>} settings by experiment
 * @property {RowResult[]} results
 * @property {Detail[]} details
 * @property {import('./result.mjs').Chart[]} charts (older reports have none) beyond the one of all rows; each is a file of its own
 * @property {string[]} failures experiments that could not be measured, and why
 */

const beginMark = '<!-- bench:begin -->';
const endMark = '<!-- bench:end -->';
const repository = new URL('../../', import.meta.url);

/** Why a row falls short, written by people: row id -> text. */
function reasons() {
  const text = readFileSync(new URL('../notes.json', import.meta.url), 'utf8');
  return /** @type {Record<string, string>} */ (JSON.parse(text));
}

/** @param {RowResult} result */
export function resultLine(result) {
  const { row, ours, reference, ratio } = result;
  const unit = row.unit === '' ? '' : ` ${row.unit}`;
  const other = row.against === 'redis' ? 'Redis' : otherName(row);
  const against = reference === null ? '' : `, ${other} ${digits(reference.median)}${unit}`;
  const factor = ratio === null ? '' : `, ratio ${ratio.median.toFixed(2)}`;
  return (
    `${row.title}: ${digits(ours.median)}${unit}${against}${factor}, ` + `bar ${barText(result)}: ${verdict(result)}`
  );
}

/**
 * Who the reference is, where it is not Redis.
 * @param {RowResult['row']} row
 */
function otherName(row) {
  return row.against === 'disk' ? 'fio' : (row.other ?? '');
}

/** @param {RowResult} result */
function barText({ row }) {
  const unit = row.against !== 'none' ? 'x' : row.unit === '' ? '' : ` ${row.unit}`;
  return `${row.sense} ${row.bar}${unit}`;
}

/** @param {RowResult} result */
function verdict(result) {
  return `${result.meets ? 'pass' : 'falls short'}${result.noisy ? ' (noisy)' : ''}`;
}

/** @param {Report} report */
export function mainTable(report) {
  const lines = [
    '| figure | Cairn | Redis, disk or other | ratio (of rounds) | bar | |',
    '| --- | ---: | ---: | ---: | --- | --- |',
  ];
  for (const result of report.results) {
    const { row, ours, reference, ratio } = result;
    const unit = row.unit === '' ? '' : ` ${row.unit}`;
    const other = row.against === 'redis' || row.against === 'none' ? '' : `${otherName(row)} `;
    const cells = [
      row.title,
      `${digits(ours.median)}${unit}`,
      reference === null ? '' : `${other}${digits(reference.median)}${unit}`,
      ratio === null ? '' : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} – ${ratio.max.toFixed(2)})`,
      barText(result),
      result.meets ? verdict(result) : `**${verdict(result)}**`,
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** @param {Report} report */
function machineText(report) {
  const { machine, plan } = report;
  return [
    `${report.date.slice(0, 10)}, commit ${machine.commit}. ${machine.cores} cores of ${machine.cpu}, ` +
      `${digits(machine.memoryBytes / 2 ** 30)} GiB of memory, ${machine.disk}, ${machine.fileSystem} ` +
      `(${machine.mountOptions}), ${machine.kernel}, Node ${machine.node.slice(1)}, ` +
      `Redis ${machine.redis}, ${machine.fio}.`,
    `Medians of ${plan.rounds} rounds of about ${plan.seconds} s, in turns; in parentheses the ` +
      'smallest and the largest. Load average at the start: ' +
      `${machine.loadAverage.toFixed(2)}.`,
    ...(plan.quick ? ['**A quick trial run, not a measurement.**'] : []),
  ].join('\n\n');
}

/** @param {Report} report */
function notesText(report) {
  const why = reasons();
  const lines = [];
  for (const result of report.results) {
    const { row, notes, meets } = result;
    const all = [...notes];
    const reason = why[row.id];
    if (!meets && reason !== undefined) all.unshift(`falls short: ${reason}`);
    if (result.noisy) all.push('the rounds lie far apart: measure again on an idle machine');
    if (all.length > 0) lines.push(`- ${row.title}: ${all.join('; ')}.`);
  }
  for (const failure of report.failures) lines.push(`- Not measured: ${failure}`);
  return lines.join('\n');
}

/**
 * @param {Report} report
 * @param {string} base of the names of the chart files
 */
function chartsText(report, base) {
  return (report.charts ?? []).map(({ name, title }) => `![${title}](${base}-${name}.svg)`);
}

/** @param {Report} report */
function detailsTable(report) {
  const columns = ['requests/s', 'us CPU/request', 'p50 us', 'p99 us'];
  const lines = [`| load | server | ${columns.join(' | ')} |`, `| --- | --- |${' ---: |'.repeat(columns.length)}`];
  for (const { experiment, who, figures } of report.details) {
    const known = columns.map((name) => {
      const figure = figures[name];
      return figure === undefined ? '' : withSpread(figure);
    });
    const others = Object.entries(figures).filter(([name]) => !columns.includes(name));
    const extra = others.map(([name, figure]) => `, ${name}: ${withSpread(figure)}`).join('');
    lines.push(`| ${experiment} | ${who}${extra} | ${known.join(' | ')} |`);
  }
  return lines.join('\n');
}

/**
 * @param {Report} report
 * @param {string} chart file name of the chart, beside the report
 */
export function markdown(report, chart) {
  return [
    `# ${report.subject} beside Redis and the disk`,
    machineText(report),
    mainTable(report),
    `![Each figure relative to its bar](${chart})`,
    ...chartsText(report, chart.replace(/\.svg$/, '')),
    notesText(report),
    '## All figures',
    detailsTable(report),
    'Server settings and every round are in the JSON file of the same name.',
    '',
  ].join('\n\n');
}

/**
 * Replaces what is between the marks in docs/benchmarks.md and README.md.
 * @param {Report} report
 * @param {string} name file name of the report without its ending
 */
export function updateDocuments(report, name) {
  const full = [
    machineText(report),
    mainTable(report),
    `![Each figure relative to its bar](../bench/results/${name}.svg)`,
    ...chartsText(report, `../bench/results/${name}`),
    notesText(report),
    '### All figures',
    detailsTable(report),
    `Every round and the settings: [${name}.json](../bench/results/${name}.json).`,
  ];
  const short = [mainTable(report), `Machine, method and spread: [docs/benchmarks.md](docs/benchmarks.md).`];
  splice(new URL('docs/benchmarks.md', repository), full.join('\n\n'));
  splice(new URL('README.md', repository), short.join('\n\n'));
}

/**
 * @param {URL} file
 * @param {string} text
 */
function splice(file, text) {
  const path = fileURLToPath(file);
  const old = readFileSync(path, 'utf8');
  const begin = old.indexOf(beginMark);
  const end = old.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`${path} has no ${beginMark} ... ${endMark}`);
  const head = old.slice(0, begin + beginMark.length);
  writeFileSync(path, `${head}\n\n${text}\n\n${old.slice(end)}`);
}
