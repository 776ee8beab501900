// What garbage collection does to the latency of reads: the same paced load with it busy and with it paused, in turns.

import { describe } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { garbageCollection, infoDelta, infoOf } from '../lib/engine.mjs';
import { peakRate, runPlan } from '../lib/loadgen.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { dataBytes, engineOptions, fillUntilSteady } from '../lib/steady.mjs';
import { otherColor, ourColor, timelineChart } from '../lib/timeline.mjs';

/**
 * @typedef {import('../lib/loadgen.mjs').LoadSecond} LoadSecond
 * @typedef {import('../lib/loadgen.mjs').LoadTotal} LoadTotal
 * @typedef {{ seconds: LoadSecond[], total: LoadTotal, moved: number | undefined }} Round
 */

const valueBytes = 1024;
const cacheShare = 0.25;

/** @type {import('./index.mjs').Experiment} */
export async function gcTail(context, rows) {
  context.requireCairn();
  const { rounds, quick } = context.options;
  const keys = context.parameter('overwrite-keys');
  const data = { keys, valueBytes, dist: /** @type {const} */ ('uniform') };
  const dir = context.directory('gc-tail');
  const cacheBytes = Math.max(context.options.cacheMin, Math.floor(dataBytes(data) * cacheShare));
  const server = await context.startOurs('always', dir, { cacheBytes, options: engineOptions(context, 'lazy') });
  const steadyNote = await fillUntilSteady(context, server, data);
  const plan = { mix: { set: 50, get: 50 }, connections: 64, depth: 4, last: keys, valueBytes };
  const peak = await peakRate(server.port, { ...plan, depth: 1 }, quick ? 0.5 : 5);
  const rate = context.parameter('gc-tail-rate') || Math.floor(peak / 2);
  const seconds = context.parameter('gc-tail-seconds');
  /** @type {Record<'busy' | 'paused', Round[]>} */
  const runs = { busy: [], paused: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const [turn, side] of /** @type {const} */ (['busy', 'paused']).entries()) {
      if (!(await garbageCollection(server, side === 'busy' ? 'RESUME' : 'PAUSE')) && !quick) {
        throw new Error('this build has no CAIRN GC');
      }
      await sleep(500);
      const before = await infoOf(server);
      const seed = 2 * round + turn; // what one round has read, the next one would find in the cache
      const { seconds: perSecond, total } = await runPlan(server.port, { ...plan, rate, seconds, seed });
      const moved = infoDelta(before, await infoOf(server), 'gc_moved_bytes');
      runs[side].push({ seconds: perSecond, total, moved });
      context.log(
        `    round ${round} ${side.padEnd(6)} GET p99 ${digits(total.get?.p99_us ?? NaN)} us, ` +
          `longest gap ${digits(total.gap_max_us / 1000)} ms, ${moved === undefined ? '?' : digits(moved)} bytes moved`,
      );
    }
  }
  await garbageCollection(server, 'RESUME');
  const settings = await describe(context, server);
  await server.stop();
  context.remove(dir);

  const p99 = (/** @type {Round[]} */ list) => spread(list.map(({ total }) => total.get?.p99_us ?? NaN));
  const everySecond = runs.busy.flatMap((run) => run.seconds);
  const worst = everySecond.reduce((most, second) => (second.gap_max_us > most.gap_max_us ? second : most));
  const common = [
    `${digits(rate)} requests/s, half GET, half SET (closed-loop peak ${digits(peak)}/s)`,
    `${digits(keys)} keys of 1 KiB, cache of a quarter`,
    steadyNote,
    movedNote(runs.busy),
  ];
  return {
    results: rows.map((row) =>
      row.id === 'gc-tail-p99'
        ? judge(row, p99(runs.busy), p99(runs.paused), common)
        : judge(row, spread([worst.gap_max_us / 1000]), null, [
            `with collection paused ${digits(Math.max(...runs.paused.map(({ total }) => total.gap_max_us)) / 1000)} ms`,
            `in that second the generator itself was late by up to ${digits(worst.lag_max_us / 1000)} ms`,
            `at ${digits(rate)} requests/s a reply is due every ${digits(1e6 / rate)} us`,
          ]),
    ),
    details: /** @type {const} */ (['busy', 'paused']).map((side) => ({
      experiment: 'gc-tail',
      who: `garbage collection ${side}`,
      figures: {
        'requests/s': spread(runs[side].map(({ total }) => total.per_second)),
        'p50 us': spread(runs[side].map(({ total }) => total.get?.p50_us ?? NaN)),
        'p99 us': p99(runs[side]),
        'SET p99 us': spread(runs[side].map(({ total }) => total.set?.p99_us ?? NaN)),
        'longest gap, ms': spread(runs[side].map(({ total }) => total.gap_max_us / 1000)),
      },
    })),
    settings,
    charts: [
      { experiment: 'gc-tail', name: 'gc-tail', title: 'GET p99 beside garbage collection', svg: chartOf(runs) },
    ],
  };
}

/** @param {Round[]} busy */
function movedNote(busy) {
  const moved = busy.map((run) => run.moved).filter((bytes) => bytes !== undefined);
  if (moved.length === 0) return 'this build does not say what its garbage collection moves';
  return `bytes moved per busy round: at least ${digits(Math.min(...moved))}`;
}

/** @param {Record<'busy' | 'paused', Round[]>} runs */
function chartOf(runs) {
  const lines = (/** @type {Round[]} */ list, /** @type {string} */ name, /** @type {string} */ color) =>
    list.map((run, i) => ({
      name: i === 0 ? name : '',
      color,
      points: run.seconds.map((second) => ({ x: second.second, y: second.get?.p99_us ?? 0 })),
    }));
  return timelineChart({
    title: 'GET p99 of each second, paced load',
    xLabel: 'second of the round',
    yLabel: 'us, from the intended time of sending',
    series: [...lines(runs.busy, 'collection busy', ourColor), ...lines(runs.paused, 'collection paused', otherColor)],
  });
}
