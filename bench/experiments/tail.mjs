// Latency over time at a steady rate, log maintenance included: this server with its garbage collection, Redis with its log
// rewrites, in turns, the same load.

import { describe } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { fillKeys, peakRate, pressure, runPlan } from '../lib/loadgen.mjs';
import { churnMix, greatest, middle, p99OfSeconds, settledSeconds } from '../lib/paced.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { engineOptions } from '../lib/steady.mjs';
import { otherColor, ourColor, timelineChart } from '../lib/timeline.mjs';

/**
 * @typedef {import('../lib/loadgen.mjs').LoadSecond} LoadSecond
 * @typedef {import('../lib/context.mjs').Server} Server
 * @typedef {object} Side
 * @property {string} name
 * @property {Server} server
 * @property {{ first: number, last: number }} live
 * @property {number} rewrites
 * @property {LoadSecond[][]} rounds
 * @property {number[]} rates
 */

const valueBytes = 1024;
const clients = { connections: 64, depth: 4 };
/** Overwritten before the first round, in copies of the data. */
const copiesBefore = 3;

/**
 * @param {'overwrite' | 'churn'} kind
 * @returns {import('./index.mjs').Experiment}
 */
export function tail(kind) {
  const mix = kind === 'churn' ? churnMix : { set: 50, get: 50 };
  return async (context, rows) => {
    const experiment = rows[0]?.experiment ?? '';
    const { self, quick } = context.options;
    const keys = context.parameter('tail-keys');
    const oursDir = context.directory('ours');
    const redisDir = context.directory('redis');
    const options = engineOptions(context, 'lazy');
    /** @type {Side[]} */
    const sides = [
      sideOf(self, await context.startOurs('always', oursDir, { options }), keys),
      sideOf('redis', await context.startRedis('always', redisDir, { aofRewrite: true }), keys),
    ];
    const peaks = [];
    for (const { server, live } of sides) {
      await fillKeys(server.port, { keys, valueBytes });
      const plan = { ...pressure, mix: { set: 1 }, ...live, valueBytes, requests: Math.max(1, copiesBefore * keys) };
      await runPlan(server.port, plan);
      const peakPlan = { ...clients, depth: 1, mix: { set: 50, get: 50 }, ...live, valueBytes };
      peaks.push(await peakRate(server.port, peakPlan, quick ? 0.5 : 5));
    }
    const rate = context.parameter('tail-rate') || Math.floor(Math.min(...peaks) / 2);
    const seconds = context.parameter('tail-seconds');
    for (let round = 1; round <= context.parameter('tail-rounds'); round++) {
      for (const side of sides) {
        await sleep(1000);
        const before = await rewritesOf(side.server);
        const plan = { ...clients, mix, ...side.live, valueBytes, rate, seconds, seed: round };
        const { seconds: all, total } = await runPlan(side.server.port, plan);
        side.live = { first: total.first, last: total.last };
        side.rewrites += (await rewritesOf(side.server)) - before;
        side.rounds.push(settledSeconds(all));
        side.rates.push(total.per_second);
        const figures = p99OfSeconds(all, 'all');
        context.log(
          `    round ${round} ${side.name.padEnd(5)} p99 of a second: median ${digits(middle(figures))} us, ` +
            `worst ${digits(greatest(figures))} us; longest gap ${digits(total.gap_max_us / 1000)} ms, ` +
            `${total.misses} misses`,
        );
      }
    }
    /** @type {Record<string, unknown>} */
    const settings = {};
    for (const { name, server } of sides) {
      settings[settings[name] === undefined ? name : `${name} (reference)`] = await describe(context, server);
      await server.stop();
    }
    [oursDir, redisDir].forEach((path) => context.remove(path));
    const [ours, redis] = sides;
    if (ours === undefined || redis === undefined) throw new Error('two sides expected');
    const notes = [
      `${digits(rate)} requests/s (half of the smaller peak: ${peaks.map(digits).join(' and ')}), ${seconds} s per round`,
      `Redis rewrote its log ${redis.rewrites} times in its rounds`,
      `median second: ${digits(middle(p99s(ours).flat()))} us, Redis ${digits(middle(p99s(redis).flat()))} us`,
    ];
    const title = `p99 of each second, ${kind === 'churn' ? 'inserts, overwrites, deletes and reads' : 'overwrites and reads'}`;
    return {
      results: rows.map((row) => judge(row, worsts(ours), worsts(redis), notes)),
      details: sides.map((side) => ({ experiment, who: side.name, figures: detailsOf(side) })),
      settings,
      charts: [{ experiment, name: experiment, title, svg: chartOf(title, ours, redis, rate) }],
    };
  };
}

/**
 * @param {string} name
 * @param {Server} server
 * @param {number} keys
 * @returns {Side}
 */
function sideOf(name, server, keys) {
  return { name, server, live: { first: 0, last: keys }, rewrites: 0, rounds: [], rates: [] };
}

/** @param {Side} side */
function p99s(side) {
  return side.rounds.map((round) => p99OfSeconds(round, 'all'));
}

/** @param {Side} side */
function worsts(side) {
  return spread(p99s(side).map(greatest));
}

/** @param {Side} side */
function detailsOf(side) {
  return {
    'requests/s': spread(side.rates),
    'p50 us': spread(side.rounds.map((round) => middle(round.map((second) => second.all.p50_us)))),
    'p99 us': spread(p99s(side).map(middle)),
    'p99 of the worst second, us': worsts(side),
    'longest gap, ms': spread(side.rounds.map((round) => greatest(round.map((second) => second.gap_max_us)) / 1000)),
  };
}

/** @param {Server} server Cairn has no rewrites: 0 */
async function rewritesOf(server) {
  const match = /aof_rewrites:(\d+)/.exec(String(await server.command('INFO', 'persistence')));
  return Number(match?.[1] ?? 0);
}

/**
 * @param {string} title
 * @param {Side} ours
 * @param {Side} redis
 * @param {number} rate
 */
function chartOf(title, ours, redis, rate) {
  const lines = (/** @type {Side} */ side, /** @type {string} */ name, /** @type {string} */ color) =>
    side.rounds.map((round, i) => ({
      name: i === 0 ? name : '',
      color,
      points: round.map((second) => ({ x: second.second, y: second.all.p99_us })),
    }));
  return timelineChart({
    title,
    xLabel: 'second of the round',
    yLabel: `us, from the intended time of sending; ${digits(rate)} requests/s, appendfsync always`,
    series: [...lines(ours, 'Cairn', ourColor), ...lines(redis, 'Redis', otherColor)],
    footnote: 'One line per round; the servers take turns.',
  });
}
