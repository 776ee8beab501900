#!/usr/bin/env node
// `npm run bench`: measures every row of rows.mjs and writes a report. See docs/benchmarks.md.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { experiments } from './experiments/index.mjs';
import { chart } from './lib/chart.mjs';
import { installSignalHandlers, isStopping, runMain, trackedDirectory } from './lib/cleanup.mjs';
import { Context } from './lib/context.mjs';
import { describeMachine, isInstalled, memoryFileSystem } from './lib/machine.mjs';
import { help, parseOptions } from './lib/options.mjs';
import { markdown, resultLine, updateDocuments } from './lib/report.mjs';
import { redisServer } from '../scripts/lib.mjs';
import { rows } from './rows.mjs';

/**
 * @typedef {import('./lib/report.mjs').Report} Report
 * @typedef {import('./lib/options.mjs').Options} Options
 * @typedef {import('./rows.mjs').Row} Row
 */

const busyLoadAverage = 0.7;

/** @param {Options} options */
function chosenRows(options) {
  if (options.only.length === 0) return rows;
  const exact = options.only.every((name) => rows.some((row) => row.id === name || row.experiment === name));
  const chosen = rows.filter((row) =>
    options.only.some((name) =>
      exact ? row.id === name || row.experiment === name : row.id.startsWith(name) || row.experiment.startsWith(name),
    ),
  );
  if (chosen.length === 0) throw new Error(`no row is called ${options.only.join(', ')}`);
  return chosen;
}

/**
 * @param {Options} options
 * @param {Row[]} chosen
 * @returns {Promise<Report>}
 */
async function measure(options, chosen) {
  const workDir = trackedDirectory(join(options.workDir, String(process.pid)));
  const memoryType = memoryFileSystem(workDir);
  if (memoryType !== undefined) throw new Error(`${workDir} is on ${memoryType}: use --work-dir`);
  const machine = describeMachine(workDir);
  const context = new Context(options, workDir);
  if (machine.loadAverage > busyLoadAverage) {
    context.log(`load average ${machine.loadAverage.toFixed(2)}: something else is running here`);
  }
  const { rounds, seconds, quick, keys, self } = options;
  const parameters = Object.fromEntries(options.parameters);
  /** @type {Report} */
  const report = {
    date: new Date().toISOString(),
    subject: self === 'cairn' ? 'Cairn' : 'Redis (a check of the benchmark)',
    plan: { rounds, seconds, quick, keys, parameters },
    machine,
    settings: {},
    results: [],
    details: [],
    charts: [],
    failures: [],
  };
  for (const [name, run] of experiments) {
    const wanted = chosen.filter((row) => row.experiment === name);
    if (wanted.length === 0) continue;
    context.log(name);
    try {
      const outcome = await run(context, wanted);
      report.results.push(...outcome.results);
      report.details.push(...outcome.details);
      report.charts.push(...(outcome.charts ?? []));
      report.settings[name] = outcome.settings;
      for (const result of outcome.results) context.log(`  ${resultLine(result)}`);
    } catch (error) {
      if (isStopping()) break;
      const why = error instanceof Error ? error.message : String(error);
      report.failures.push(`${name}: ${why}`);
      context.log(`  could not be measured: ${why}`);
      await context.stopAll();
    }
  }
  return report;
}

/**
 * Keeps from an earlier report what this run did not measure.
 * @param {Report} report
 * @param {string} file
 */
function mergeEarlier(report, file) {
  const earlier = readReport(file);
  const measured = new Set(report.results.map((result) => result.row.experiment));
  const kept = earlier.results.filter((result) => !measured.has(result.row.experiment));
  report.results.push(...kept);
  report.details.push(...earlier.details.filter((detail) => !measured.has(detail.experiment)));
  report.settings = { ...earlier.settings, ...report.settings };
  for (const chart of earlier.charts ?? []) {
    if (measured.has(chart.experiment)) continue;
    const base = file.replace(/\.json$/, '');
    report.charts.push({ ...chart, svg: readFileSync(`${base}-${chart.name}.svg`, 'utf8') });
  }
  const order = new Map(rows.map((row, i) => [row.id, i]));
  report.results.sort((a, b) => (order.get(a.row.id) ?? 0) - (order.get(b.row.id) ?? 0));
}

/**
 * @param {string} file
 * @returns {Report}
 */
function readReport(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * @param {Report} report
 * @param {string} directory
 */
function write(report, directory) {
  mkdirSync(directory, { recursive: true });
  const name = report.date.slice(0, 16).replace('T', '-').replace(':', '');
  const base = join(directory, name);
  const root = fileURLToPath(new URL('..', import.meta.url));
  for (const { name: chartName, svg } of report.charts) {
    if (svg !== undefined) writeFileSync(`${base}-${chartName}.svg`, svg);
  }
  report.charts = report.charts.map(({ experiment, name: chartName, title }) => ({
    experiment,
    name: chartName,
    title,
  }));
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 1)}\n`.replaceAll(root, './'));
  writeFileSync(`${base}.md`, markdown(report, `${name}.svg`));
  writeFileSync(`${base}.svg`, chart(report.results, `${report.subject}: each figure and its bar`));
  return base;
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(help);
  if (options.list) {
    for (const row of rows) console.log(`${row.id.padEnd(20)} ${row.title}, ${row.sense} ${row.bar}`);
    return;
  }
  if (options.splice !== undefined) {
    return updateDocuments(readReport(options.splice), basename(options.splice, '.json'));
  }
  const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  if (options.self === 'cairn' && !existsSync(built)) {
    throw new Error(`${built} is missing: run "npm run build"`);
  }
  const chosen = chosenRows(options);
  for (const tool of [redisServer(), 'redis-benchmark', 'fio']) {
    if (!isInstalled(tool)) throw new Error(`${tool} is missing: install redis-tools and fio, then npm run bench`);
  }
  installSignalHandlers();
  const report = await measure(options, chosen);
  if (isStopping()) return;
  if (options.merge !== undefined) mergeEarlier(report, options.merge);
  if (report.results.length > 0) {
    const base = write(report, options.out);
    process.stdout.write(`${report.results.map(resultLine).join('\n')}\n\n${base}.md\n`);
    if (options.updateDocs) updateDocuments(report, basename(base));
  }
  if (report.failures.length > 0) process.exitCode = 1;
}

await runMain(main);
