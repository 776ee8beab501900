#!/usr/bin/env node
// `npm run bench:engines`: the engines vlog and lsm under the same load, with the same memory. See docs/benchmarks.md.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { installSignalHandlers, isStopping, runMain, trackedDirectory } from './lib/cleanup.mjs';
import { Context } from './lib/context.mjs';
import { Side, loads } from './lib/engine-side.mjs';
import { describeMachine, memoryFileSystem } from './lib/machine.mjs';
import { MemoryLimit } from './lib/memory-limit.mjs';
import { parseOptions } from './lib/options.mjs';
import { greatest, middle } from './lib/paced.mjs';
import { digits } from './lib/stats.mjs';
import { otherColor, ourColor, timelineChart } from './lib/timeline.mjs';

/**
 * @typedef {import('./lib/engine-side.mjs').Load} Load
 * @typedef {import('./lib/loadgen.mjs').LoadSecond} LoadSecond
 */

/** What a server takes whatever its data: not scaled. */
const baseBytes = 300 << 20;

const help = `Usage: npm run bench:engines -- [options]

  --minutes N     of the paced load (default 10)
  --scale S       keys, as a share of the full number (default 1)
  --loads A,B     of ${Object.keys(loads).join(', ')} (default: all)
  --no-limit      without a memory limit (which needs root)
  --work-dir DIR  where data directories are made and removed (default build/bench-work)
  --out DIR       where the results go (default bench/results)
`;

function options() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      scale: { type: 'string', default: '1' },
      loads: { type: 'string', default: Object.keys(loads).join(',') },
      'no-limit': { type: 'boolean', default: false },
      'work-dir': { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const positive = (/** @type {'minutes' | 'scale'} */ name) => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not ${values[name]}`);
    return value;
  };
  const root = fileURLToPath(new URL('..', import.meta.url));
  return {
    help: values.help,
    root,
    minutes: positive('minutes'),
    scale: positive('scale'),
    loads: values.loads.split(',').map((name) => {
      const load = loads[name];
      if (load === undefined) throw new Error(`--loads knows no ${name}`);
      return load;
    }),
    limited: !values['no-limit'],
    workDir: resolve(values['work-dir'] ?? join(root, 'build', 'bench-work')),
    out: resolve(values.out ?? join(root, 'bench', 'results')),
  };
}

/** @typedef {ReturnType<typeof options>} Options */

/**
 * One load on each of its sides: first what writing costs, then the paced run at a rate that all of them sustain.
 * @param {Options} o
 * @param {Context} context
 * @param {Load} load
 */
async function measure(o, context, load) {
  const keys = Math.round(load.keys * o.scale);
  const memoryBytes = Math.round(baseBytes + (load.memoryBytes - baseBytes) * o.scale);
  const limit = o.limited ? new MemoryLimit(memoryBytes) : undefined;
  const sides = load.sides.map((side) => new Side(context, { ...load, keys }, side, limit));
  context.log(`${load.title}: ${digits(keys)} keys`);
  for (const side of sides) {
    await side.write();
    context.log(`  ${side.name}: ${side.writeText()}`);
    if (isStopping()) break;
  }
  const paced = sides.filter((side) => side.wantsPaced);
  const rate = Math.floor(Math.min(...paced.map((side) => side.peak)) / 2);
  for (const side of paced) {
    if (isStopping()) break;
    await side.paced(rate, o.minutes * 60);
    context.log(`  ${side.name} at ${digits(rate)}/s: ${side.pacedText()}`);
  }
  for (const side of sides) side.remove();
  limit?.remove();
  return { load: { ...load, keys, memoryBytes: o.limited ? memoryBytes : null, sides: undefined }, rate, sides };
}

/** @typedef {Awaited<ReturnType<typeof measure>>} Measured */

/** @param {Measured} measured */
function table({ sides }) {
  const paced = sides.filter((side) => side.wantsPaced);
  /** @type {[string, (side: Side) => string][]} */
  const rows = sides
    .flatMap((side) => Object.keys(side.figures))
    .reduce(
      (all, name) => (all.some(([known]) => known === name) ? all : [...all, row(name)]),
      /** @type {[string, (side: Side) => string][]} */ ([]),
    );
  return [
    `| | ${sides.map((side) => side.name).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(sides.length)}`,
    ...rows.map(([name, of]) => `| ${name} | ${sides.map(of).join(' | ')} |`),
    ...(paced.length > 0 ? latencyRows(sides) : []),
  ].join('\n');
}

/**
 * @param {string} name
 * @returns {[string, (side: Side) => string]}
 */
function row(name) {
  return [name, (side) => (side.figures[name] === undefined ? '' : digits(side.figures[name] ?? NaN))];
}

/** @param {Side[]} sides */
function latencyRows(sides) {
  const lines = [];
  for (const what of /** @type {const} */ (['get', 'set'])) {
    const cells = sides.map(({ total, seconds }) => {
      const found = total?.[what];
      if (found === undefined) return '';
      const perSecond = seconds.map((second) => second[what]?.p99_us ?? 0);
      return (
        [found.p50_us, found.p99_us, found.p999_us].map((micros) => digits(micros / 1000)).join(' / ') +
        `; ${digits(middle(perSecond) / 1000)}, ${digits(greatest(perSecond) / 1000)}`
      );
    });
    lines.push(
      `| ${what.toUpperCase()} at the same rate: p50 / p99 / p99.9; p99 of the median second, of the worst (ms) | ${cells.join(' | ')} |`,
    );
  }
  return lines;
}

/**
 * @param {Measured} measured
 * @param {'get' | 'set'} what
 */
function chartOf({ load, rate, sides }, what) {
  const colors = [ourColor, otherColor];
  const shown = sides.filter((side) => side.seconds.length > 0);
  return timelineChart({
    title: `${load.title}: p99 of the ${what.toUpperCase()}s of each second, both engines at the same rate`,
    xLabel: 'second',
    yLabel: `us, from the intended time of sending; ${digits(rate)} requests/s`,
    series: shown.map((side, i) => ({
      name: side.name,
      color: colors[i] ?? '#555555',
      points: side.seconds.map((second) => ({ x: second.second, y: second[what]?.p99_us ?? 0 })),
    })),
  });
}

/**
 * @param {ReturnType<typeof describeMachine>} machine
 * @param {Options} o
 * @param {Measured[]} all
 * @param {string} name
 */
function report(machine, o, all, name) {
  const parts = [
    '# The two engines beside each other',
    `commit ${machine.commit}, ${machine.cores} cores of ${machine.cpu}, ${machine.disk}, ${machine.fileSystem}, ${machine.kernel}.`,
  ];
  for (const measured of all) {
    const { load, rate } = measured;
    const limit = load.memoryBytes === null ? 'not limited' : `limited to ${digits(load.memoryBytes / 2 ** 20)} MiB`;
    parts.push(
      `## ${load.title}`,
      `${digits(load.keys)} keys of 16 bytes, ${load.values}; appendfsync always; cache-size ${digits(load.cacheShare * 100)} % of ` +
        `keys and values; memory with page cache ${limit}. Paced: ${load.mixText}, ${load.dist} keys, ${digits(rate)} requests/s, ` +
        `${o.minutes} minutes, 64 connections.`,
      table(measured),
      ...['get', 'set'].map((what) => `![${load.title}](${name}-${load.name}-${what}.svg)`),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

async function main() {
  const o = options();
  if (o.help) return void process.stdout.write(help);
  installSignalHandlers();
  const workDir = trackedDirectory(join(o.workDir, String(process.pid)));
  const memoryType = memoryFileSystem(workDir);
  if (memoryType !== undefined) throw new Error(`${workDir} is on ${memoryType}: use --work-dir`);
  const machine = describeMachine(workDir);
  const context = new Context(parseOptions([]), workDir);
  const date = new Date().toISOString();
  const name = `engines-${date.slice(0, 16).replace('T', '-').replace(':', '')}`;
  const base = join(o.out, name);
  mkdirSync(o.out, { recursive: true });
  /** @type {Measured[]} */
  const all = [];
  for (const load of o.loads) {
    const measured = await measure(o, context, load);
    if (isStopping()) return;
    all.push(measured);
    // After each: what was measured is not lost to what comes later.
    for (const what of /** @type {const} */ (['get', 'set'])) {
      writeFileSync(`${base}-${load.name}-${what}.svg`, chartOf(measured, what));
    }
    const settings = { ...o, root: undefined, workDir: undefined, out: undefined, loads: undefined };
    const results = all.map((one) => ({ ...one, sides: one.sides.map((side) => side.toJSON()) }));
    const json = JSON.stringify({ date, machine, settings, results }, null, 1);
    writeFileSync(`${base}.json`, `${json}\n`.replaceAll(o.root, './'));
    writeFileSync(`${base}.md`, report(machine, o, all, name));
  }
  process.stdout.write(report(machine, o, all, name));
  process.stdout.write(`${base}.md\n`);
}

await runMain(main);
