// Latency of a paced load while very many other keys reach the end of their time to live, against the minute before.

import { describe } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { fillKeys, peakRate, runPlan } from '../lib/loadgen.mjs';
import { greatest, middle, p99OfSeconds, settledSeconds } from '../lib/paced.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { ourColor, probeColor, timelineChart } from '../lib/timeline.mjs';

const valueBytes = 128;
const staying = 200_000;
const stayingQuick = 2_000;
/** The fill may take this long before the first minute has to begin. */
const fillMillis = 60_000;
const fillMillisQuick = 2_000;
const goneSecondsMax = 300;

/** @type {import('./index.mjs').Experiment} */
export async function expire(context, rows) {
  const { quick } = context.options;
  const keys = context.parameter('expire-keys');
  const minute = context.parameter('expire-seconds');
  const last = quick ? stayingQuick : staying;
  const dir = context.directory('expire');
  const server = await context.startOurs('always', dir);
  await fillKeys(server.port, { keys: last, valueBytes });
  const plan = { mix: { set: 50, get: 50 }, connections: 64, depth: 4, last, valueBytes };
  const peak = await peakRate(server.port, { ...plan, depth: 1 }, quick ? 0.5 : 5);
  const rate = context.parameter('expire-rate') || Math.floor(peak / 2);
  const begin = Date.now() + (quick ? fillMillisQuick : fillMillis);
  const expireFrom = begin + minute * 1000;
  const expiring = { keys, valueBytes, prefix: 'exp:', expireFrom, expireOver: minute * 1000 };
  await fillKeys(server.port, expiring);
  if (Date.now() > begin) throw new Error('the fill took too long: fewer keys with --param expire-keys');
  const settings = await describe(context, server);
  await sleep(begin - Date.now());
  const { seconds: all } = await runPlan(server.port, { ...plan, rate, seconds: 2 * minute });
  const goneSeconds = await untilGone(context, server, last);
  await server.stop();
  context.remove(dir);

  // By the clock: the generator may have begun some milliseconds late.
  const seconds = settledSeconds(all);
  const before = seconds.filter((second) => second.epoch_ms + 1000 <= expireFrom);
  const during = seconds.filter((second) => second.epoch_ms >= expireFrom);
  if (before.length === 0 || during.length === 0) throw new Error('too short');
  const of = (/** @type {'get' | 'set'} */ op) => {
    const [quiet, busy] = [p99OfSeconds(before, op), p99OfSeconds(during, op)];
    return {
      quiet,
      busy,
      note: `worst second ${digits(greatest(busy))} us, in the minute before ${digits(greatest(quiet))} us`,
    };
  };
  const figures = { get: of('get'), set: of('set') };
  const title = `p99 of each second while ${digits(keys)} keys expire`;
  return {
    results: rows.map((row) => {
      const { quiet, busy, note } = figures[row.id === 'expire-get' ? 'get' : 'set'];
      return judge(row, spread([middle(busy)]), spread([middle(quiet)]), [
        'p99 of the median second',
        note,
        `${digits(rate)} requests/s, half GET, half SET, on ${digits(last)} keys that stay; ${digits(keys)} keys expire`,
        goneSeconds === undefined
          ? `expired keys were still counted ${goneSecondsMax} s later`
          : `all of them were gone ${digits(goneSeconds)} s after the load`,
      ]);
    }),
    details: [],
    settings,
    charts: [
      {
        experiment: 'expire',
        name: 'expire',
        title,
        svg: timelineChart({
          title,
          xLabel: 'second (shaded: while they expire)',
          yLabel: `us, from the intended time of sending; ${digits(rate)} requests/s`,
          marked: during.map((second) => second.second),
          series: [
            { name: 'SET', color: ourColor, points: pointsOf(seconds, 'set') },
            { name: 'GET', color: probeColor, points: pointsOf(seconds, 'get') },
          ],
        }),
      },
    ],
  };
}

/**
 * @param {import('../lib/loadgen.mjs').LoadSecond[]} seconds
 * @param {'get' | 'set'} op
 */
function pointsOf(seconds, op) {
  return seconds.map((second) => ({ x: second.second, y: second[op]?.p99_us ?? 0 }));
}

/**
 * @param {import('../lib/context.mjs').Context} context
 * @param {import('../lib/context.mjs').Server} server
 * @param {number} left
 * @returns {Promise<number | undefined>} seconds until only those keys are counted
 */
async function untilGone(context, server, left) {
  const begin = Date.now();
  const limit = context.options.quick ? 5 : goneSecondsMax;
  while (Date.now() - begin < limit * 1000) {
    if ((await server.command('DBSIZE')) === left) return (Date.now() - begin) / 1000;
    await sleep(250);
  }
  return undefined;
}
