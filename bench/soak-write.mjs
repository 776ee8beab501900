#!/usr/bin/env node
// `npm run soak:write`: an hour of paced writes at half of the peak rate, and what every second of it was like. See
// docs/benchmarks.md.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { installSignalHandlers, isStopping, runMain, sleep, trackedDirectory } from './lib/cleanup.mjs';
import { Context } from './lib/context.mjs';
import { allocatedBytes, infoOf } from './lib/engine.mjs';
import { fillKeys, pressure, runPlan } from './lib/loadgen.mjs';
import { describeMachine, memoryFileSystem } from './lib/machine.mjs';
import { parseOptions } from './lib/options.mjs';
import { churnMix, churnWriteShare, churnWrites, greatest, middle } from './lib/paced.mjs';
import { probesPerSecond, startProbe } from './lib/probe.mjs';
import { storageBytes } from './lib/proc.mjs';
import { digits } from './lib/stats.mjs';
import { otherColor, ourColor, probeColor, timelineChart } from './lib/timeline.mjs';

/**
 * @typedef {import('./lib/loadgen.mjs').LoadSecond} LoadSecond
 * @typedef {import('./lib/probe.mjs').ProbeSecond} ProbeSecond
 */

const keyBytes = 16;
/** The worst second may have this many times the p99 of the median second. */
const bar = 3;
/** The disk counts as disturbed when the probe's worst write took this many times that of its median second, */
const disturbed = 3;
/** and the processors when one stood still for so long. */
const stoppedMicrosMax = 5000;
/** Another program is one to name from this much CPU time in a second. */
const otherMillisMax = 20;
const sampleSeconds = 10;

const help = `Usage: npm run soak:write -- [options]

  --minutes N        length of the run (default 60)
  --warm-up N        seconds of the same load before it, not counted (default 60)
  --keys N           keys that live at any time (default 2,000,000)
  --value-bytes N    (default 1024)
  --cache-share S    cache-size as a share of keys and values (default 0.25)
  --clients N        connections (default 64)
  --depth N          requests per connection in flight while the peak is measured (default 1); the paced load may have 4 times
                     that many
  --peak-seconds N   for measuring the peak (default 20)
  --rate N           writes per second instead of half of the peak
  --work-dir DIR     where the data directory is made and removed (default build/bench-work)
  --out DIR          where the results go (default bench/results)
  --cairn-arg ARG    passed on to the server; may be repeated
`;

function options() {
  const text = /** @type {const} */ ({ type: 'string' });
  const { values } = parseArgs({
    options: {
      minutes: text,
      'warm-up': text,
      keys: text,
      'value-bytes': text,
      'cache-share': text,
      clients: text,
      depth: text,
      'peak-seconds': text,
      rate: text,
      'work-dir': text,
      out: text,
      'cairn-arg': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const amount = (/** @type {string | undefined} */ given, /** @type {number} */ otherwise) => {
    const value = given === undefined ? otherwise : Number(given);
    if (!Number.isFinite(value) || value < 0) throw new Error(`not a number: ${String(given)}`);
    return value;
  };
  const root = fileURLToPath(new URL('..', import.meta.url));
  return {
    help: values.help,
    root,
    minutes: amount(values.minutes, 60),
    warmUp: amount(values['warm-up'], 60),
    keys: amount(values.keys, 2_000_000),
    valueBytes: amount(values['value-bytes'], 1024),
    cacheShare: amount(values['cache-share'], 0.25),
    clients: amount(values.clients, 64),
    depth: amount(values.depth, 1),
    peakSeconds: amount(values['peak-seconds'], 20),
    rate: amount(values.rate, 0),
    workDir: resolve(values['work-dir'] ?? join(root, 'build', 'bench-work')),
    out: resolve(values.out ?? join(root, 'bench', 'results')),
    cairnArgs: values['cairn-arg'],
  };
}

/** @typedef {ReturnType<typeof options>} SoakOptions */

/** @param {SoakOptions} o */
async function run(o) {
  const workDir = trackedDirectory(join(o.workDir, String(process.pid)));
  const memoryType = memoryFileSystem(workDir);
  if (memoryType !== undefined) throw new Error(`${workDir} is on ${memoryType}: use --work-dir`);
  const machine = describeMachine(workDir);
  const context = new Context(parseOptions(o.cairnArgs.map((arg) => `--cairn-arg=${arg}`)), workDir);
  const dataBytes = o.keys * (keyBytes + o.valueBytes);
  const cacheBytes = Math.max(1 << 20, Math.floor(dataBytes * o.cacheShare));
  const dir = context.directory('data');
  const server = await context.startOurs('always', dir, { cacheBytes });
  const { keys, valueBytes } = o;
  context.log(`filling ${digits(keys)} keys`);
  await fillKeys(server.port, { keys, valueBytes });
  // Once over everything, so that the log is not fresh.
  await runPlan(server.port, { ...pressure, mix: { set: 1 }, last: keys, valueBytes, requests: keys });
  const live = { first: 0, last: keys };
  const plan = { connections: o.clients, valueBytes };
  let peak = 0;
  if (o.rate === 0) {
    // Overwrites and as many inserts as DELs move the window of live keys; the generator says where it is.
    const { total } = await runPlan(server.port, {
      ...plan,
      ...live,
      depth: o.depth,
      mix: churnWrites,
      seconds: o.peakSeconds,
    });
    Object.assign(live, { first: total.first, last: total.last });
    peak = total.per_second;
    context.log(`peak: ${digits(peak)} writes/s`);
  }
  const writes = o.rate === 0 ? peak / 2 : o.rate;
  const rate = writes / churnWriteShare;
  const paced = { ...plan, mix: churnMix, rate, depth: o.depth * 4 };
  if (o.warmUp > 0) {
    const { total } = await runPlan(server.port, { ...paced, ...live, seconds: o.warmUp, seed: 2 });
    Object.assign(live, { first: total.first, last: total.last });
  }
  const length = o.minutes * 60;
  context.log(`${digits(writes)} writes/s and ${digits(rate - writes)} reads/s for ${o.minutes} minutes`);
  const probe = await startProbe(context.directory('probe'), length + 60);
  await sleep(1000);
  /** @type {Record<string, number>[]} */
  const samples = [];
  const writtenBefore = storageBytes(server.pid).written;
  let sampling = true;
  const sampler = (async () => {
    while (sampling) {
      samples.push(await sampleOf(server, dir));
      await sleep(sampleSeconds * 1000, true);
    }
  })();
  let lastLog = 0;
  const { seconds, total } = await runPlan(server.port, { ...paced, ...live, seconds: length, seed: 3 }, (second) => {
    if (second.second < lastLog + 60) return;
    lastLog = second.second;
    context.log(`  minute ${Math.round(second.second / 60)}: p99 ${digits(second.all.p99_us)} us in its last second`);
  });
  sampling = false;
  const written = storageBytes(server.pid).written - writtenBefore;
  const probed = await probe.stop();
  samples.push(await sampleOf(server, dir));
  await Promise.race([sampler, sleep(0)]);
  const config = { arguments: server.arguments, config: await server.settings(), missing: server.missing };
  await server.stop();
  const sets = (total.set?.n ?? 0) + (total.insert?.n ?? 0);
  const observed = seconds.map((second) => ({ ...second, ...probeDuring(second, probed) }));
  return {
    date: new Date().toISOString(),
    machine,
    options: { ...o, workDir: undefined, out: undefined, root: undefined },
    settings: config,
    peakWrites: peak,
    writesPerSecond: writes,
    requestsPerSecond: rate,
    deviceBytesPerByte: written / (sets * (keyBytes + valueBytes)),
    total,
    samples,
    metered: probe.hasMeter(),
    summary: summaryOf(observed, middle([...probed.values()].map(({ worstMicros }) => worstMicros))),
    seconds: observed,
  };
}

/**
 * @param {import('./lib/servers.mjs').Server} server
 * @param {string} dir
 */
async function sampleOf(server, dir) {
  const info = await infoOf(server);
  /** @type {Record<string, number>} */
  const sample = { epoch_ms: Date.now(), disk_bytes: allocatedBytes(dir) };
  const names = `used_memory_rss write_amplification live_bytes dead_bytes log_bytes gc_moved_bytes gc_reclaimed_bytes
    checkpoints_written checkpoint_last_ms checkpoint_last_bytes cache_hits cache_misses`;
  for (const name of names.split(/\s+/)) {
    const value = Number(info.get(name));
    if (info.has(name) && Number.isFinite(value)) sample[name] = value;
  }
  return sample;
}

/**
 * The generator's seconds begin anywhere, the probe's are those of the clock: both that a second touches count.
 * @param {LoadSecond} second
 * @param {Map<number, ProbeSecond>} probed
 * @returns {ProbeSecond}
 */
function probeDuring(second, probed) {
  const at = Math.floor(second.epoch_ms / 1000);
  const both = [probed.get(at), probed.get(at + 1)];
  const most = (/** @type {Exclude<keyof ProbeSecond, 'otherName'>} */ name) =>
    greatest(both.map((one) => one?.[name] ?? 0));
  const otherMillis = most('otherMillis');
  return {
    worstMicros: most('worstMicros'),
    stoppedMicros: most('stoppedMicros'),
    stolenMillis: most('stolenMillis'),
    otherMillis,
    otherName: both.find((one) => one?.otherMillis === otherMillis)?.otherName ?? '',
  };
}

/**
 * @param {ProbeSecond} second
 * @param {number} usual
 */
function isDisturbed(second, usual) {
  return second.worstMicros > disturbed * usual || isStopped(second);
}

/** @param {ProbeSecond} second */
function isStopped(second) {
  return second.stoppedMicros > stoppedMicrosMax;
}

/**
 * @param {(LoadSecond & ProbeSecond)[]} seconds
 * @param {number} usual what the probe's worst write takes in its median second
 */
function summaryOf(seconds, usual) {
  const running = seconds.filter((second) => !isStopped(second));
  const quiet = seconds.filter((second) => !isDisturbed(second, usual));
  const alone = quiet.filter((second) => second.otherMillis <= otherMillisMax);
  return {
    probeUsualMicros: usual,
    secondsStopped: seconds.length - running.length,
    secondsDisturbed: seconds.length - quiet.length,
    secondsShared: seconds.length - alone.length,
    others: othersOf(seconds),
    everySecond: figuresOf(seconds),
    withoutStopped: figuresOf(running),
    withoutDisturbed: figuresOf(quiet),
    withoutOthers: figuresOf(alone),
  };
}

/** @param {ProbeSecond[]} seconds */
function othersOf(seconds) {
  /** @type {Record<string, number>} */
  const found = Object.create(null);
  for (const { otherMillis, otherName } of seconds) {
    if (otherMillis > otherMillisMax) found[otherName] = (found[otherName] ?? 0) + 1;
  }
  return found;
}

/** @param {LoadSecond[]} seconds */
function figuresOf(seconds) {
  const figures = seconds.map((second) => second.all.p99_us);
  const [median, worst] = [middle(figures), greatest(figures)];
  const worstSecond = seconds.find((second) => second.all.p99_us === worst);
  return {
    seconds: seconds.length,
    medianP99: median,
    worstP99: worst,
    ratio: worst / median,
    meets: worst / median <= bar,
    above: figures.filter((p99) => p99 > bar * median).length,
    worstAt: worstSecond?.second ?? -1,
    generatorLagInWorst: worstSecond?.lag_max_us ?? 0,
    longestGapMillis: greatest(seconds.map((second) => second.gap_max_us)) / 1000,
  };
}

/** @typedef {Awaited<ReturnType<typeof run>>} SoakResult */

/**
 * @param {SoakResult} result
 * @param {string} name
 */
function summaryText(result, name) {
  const { summary, options: o, total, machine } = result;
  const line = (/** @type {string} */ title, /** @type {ReturnType<typeof figuresOf>} */ f) =>
    `| ${title} | ${f.seconds} | ${digits(f.medianP99)} us | ${digits(f.worstP99)} us | ${f.ratio.toFixed(2)} | ` +
    `${f.above} | ${digits(f.longestGapMillis)} ms | ${f.meets ? 'pass' : '**falls short**'} |`;
  const worst = summary.everySecond;
  return [
    '# Writes at half of the peak rate',
    `${result.date.slice(0, 10)}, commit ${machine.commit}, ${machine.cores} cores of ${machine.cpu}, ${machine.disk}, ` +
      `${machine.fileSystem}. ${o.minutes} minutes, ${digits(result.writesPerSecond)} writes/s ` +
      `(peak ${result.peakWrites === 0 ? 'not measured' : `${digits(result.peakWrites)}/s`}; a third each overwrites, ` +
      `inserts and deletes of the oldest keys) and ${digits(result.requestsPerSecond - result.writesPerSecond)} reads/s, ` +
      `open loop, latency from the intended time of sending. ${digits(o.keys)} keys of ${digits(o.valueBytes)} bytes, ` +
      `cache ${o.cacheShare} of that.`,
    [
      `| seconds | number | median p99 | worst p99 | ratio (bar ${bar}) | seconds above the bar | longest gap | |`,
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
      line('all', summary.everySecond),
      ...(result.metered ? [line('processors not stopped', summary.withoutStopped)] : []),
      line('host undisturbed', summary.withoutDisturbed),
      line('and no other program busy', summary.withoutOthers),
    ].join('\n'),
    result.metered
      ? `Left out of "processors not stopped": ${summary.secondsStopped} seconds in which the host stopped a processor for more than ` +
        `${stoppedMicrosMax / 1000} ms (a thread per processor with a real-time priority woke up that late).`
      : 'Whether the host stopped the processors is not known: the system does not allow a real-time priority.',
    `Left out of "host undisturbed": ${summary.secondsDisturbed} seconds, those and the ones in which the slowest of ` +
      `${disturbedText(summary)}. The probe shares the disk with the server, so a burst of the server itself can also be ` +
      'the cause.',
    `Left out of "and no other program busy": ${summary.secondsShared} seconds, those and the ones in which a program other than the ` +
      `benchmark's own used more than ${otherMillisMax} ms of CPU time${othersText(summary)}.`,
    `The generator used ${(total.cpu_seconds / total.seconds).toFixed(2)} of a core; its own delays: p99 ` +
      `${digits(total.lag_p99_us)} us, at most ${digits(total.lag_max_us)} us (${digits(worst.generatorLagInWorst)} us in ` +
      `the worst second). ${digits(result.deviceBytesPerByte)} device bytes per byte of key and value written; ` +
      `${total.misses} reads or deletes found no key.`,
    `![Latency of every second](${name}.svg)`,
    '',
  ].join('\n\n');
}

/** @param {SoakResult['summary']} summary */
function disturbedText(summary) {
  return (
    `fio's ${probesPerSecond} synced 4 KiB overwrites beside the server took more than ${disturbed} times what it takes in the median ` +
    `second (${digits(summary.probeUsualMicros)} us)`
  );
}

/** @param {SoakResult['summary']} summary */
function othersText({ others }) {
  const names = Object.entries(others).sort(([, a], [, b]) => b - a);
  return names.length === 0 ? '' : ` (${names.map(([name, seconds]) => `${name} in ${seconds}`).join(', ')})`;
}

/** @param {SoakResult} result */
function csv(result) {
  const lines = [
    'second,p50_us,p99_us,p999_us,max_us,set_p99_us,get_p99_us,gap_us,lag_us,probe_us,stopped_us,stolen_ms,others_ms',
  ];
  for (const second of result.seconds) {
    const { all } = second;
    const rest = [second.set?.p99_us, second.get?.p99_us, second.gap_max_us, second.lag_max_us];
    const probe = [
      second.worstMicros.toFixed(1),
      second.stoppedMicros.toFixed(0),
      second.stolenMillis,
      second.otherMillis,
    ];
    const cells = [second.second, all.p50_us, all.p99_us, all.p999_us, all.max_us, ...rest, ...probe];
    lines.push(cells.map((cell) => String(cell ?? '')).join(','));
  }
  return `${lines.join('\n')}\n`;
}

/** @param {SoakResult} result */
function chartOf(result) {
  const points = (/** @type {(second: SoakResult['seconds'][number]) => number | undefined} */ of) =>
    result.seconds.map((second) => ({ x: second.second, y: of(second) ?? 0 }));
  return timelineChart({
    title: 'Latency of every second at half of the peak write rate',
    xLabel: 'second (shaded: the host was disturbed, by the probes)',
    marked: result.seconds
      .filter((second) => isDisturbed(second, result.summary.probeUsualMicros))
      .map((second) => second.second),
    yLabel: `us, from the intended time of sending; ${digits(result.writesPerSecond)} writes/s`,
    series: [
      { name: 'p99.9', color: '#d9a441', points: points((second) => second.all.p999_us) },
      { name: 'p99', color: otherColor, points: points((second) => second.all.p99_us) },
      { name: 'p50', color: ourColor, points: points((second) => second.all.p50_us) },
      { name: 'fio probe, worst', color: probeColor, points: points((second) => second.worstMicros) },
    ],
  });
}

async function main() {
  const o = options();
  if (o.help) return void process.stdout.write(help);
  installSignalHandlers();
  const result = await run(o);
  if (isStopping()) return;
  mkdirSync(o.out, { recursive: true });
  const name = `soak-write-${result.date.slice(0, 16).replace('T', '-').replace(':', '')}`;
  const base = join(o.out, name);
  writeFileSync(
    `${base}.json`,
    `${JSON.stringify({ ...result, seconds: undefined }, null, 1)}\n`.replaceAll(o.root, './'),
  );
  writeFileSync(`${base}.csv`, csv(result));
  writeFileSync(`${base}.svg`, chartOf(result));
  writeFileSync(`${base}.md`, summaryText(result, name));
  process.stdout.write(summaryText(result, name));
  process.stdout.write(`${base}.md\n`);
}

await runMain(main);
