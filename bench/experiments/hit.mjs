// The cache policy: what it keeps of a Zipf load that a scan runs through, and what a hit costs, against plain LRU.

import { describe } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { infoDelta, infoOf } from '../lib/engine.mjs';
import { fillKeys, pressure, runPlan } from '../lib/loadgen.mjs';
import { cpuNanosBetween, cpuSample } from '../lib/proc.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread, withSpread } from '../lib/stats.mjs';

/**
 * @typedef {import('../lib/context.mjs').Server} Server
 * @typedef {{ name: string, server: Server, hitRates: number[], cpu: number[], hotShare: number[] }} Side
 */

const valueBytes = 1024;
const keyBytes = 16;
const cacheShare = 0.1;
/** Keys of the CPU rounds: their values take a fifth of the cache. */
const hotShare = 0.02;

/** @type {import('./index.mjs').Experiment} */
export async function hits(context, rows) {
  context.requireCairn();
  const { rounds, seconds } = context.options;
  const keys = context.parameter('hit-keys');
  const requests = context.parameter('hit-requests');
  const cacheBytes = Math.max(context.options.cacheMin, Math.floor(keys * (keyBytes + valueBytes) * cacheShare));
  /** @type {Side[]} */
  const sides = [];
  for (const name of ['default', 'lru']) {
    const options = name === 'lru' ? { 'cache-policy': 'lru' } : {};
    const dir = context.directory(name);
    const server = await context.startOurs('always', dir, { cacheBytes, options });
    await fillKeys(server.port, { keys, valueBytes });
    sides.push({ name, server, hitRates: [], cpu: [], hotShare: [] });
  }
  const zipf = { ...pressure, mix: { get: 90, scan: 10 }, dist: /** @type {const} */ ('zipf'), theta: 0.99 };
  // Both get the same requests in every round; round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const side of sides) {
      const plan = { ...zipf, last: keys, valueBytes, requests, seed: 10 + round };
      const rate = await hitRate(side.server, () => runPlan(side.server.port, plan));
      if (round === 0) continue;
      side.hitRates.push(rate * 100);
      context.log(`    round ${round} ${side.name.padEnd(7)} hit rate ${(rate * 100).toFixed(2)} %`);
    }
  }
  const hot = { ...pressure, mix: { get: 1 }, last: Math.max(1, Math.floor(keys * hotShare)), valueBytes };
  for (const side of sides) await runPlan(side.server.port, { ...hot, seconds: Math.max(0.5, seconds / 2) });
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides) {
      await sleep(250);
      let cpu = NaN;
      const rate = await hitRate(side.server, async () => {
        const before = cpuSample(side.server.pid);
        const { total } = await runPlan(side.server.port, { ...hot, seconds, seed: round });
        cpu = cpuNanosBetween(before, cpuSample(side.server.pid)) / 1000 / total.requests;
      });
      side.cpu.push(cpu);
      side.hotShare.push(rate * 100);
      context.log(
        `    round ${round} ${side.name.padEnd(7)} ${cpu.toFixed(3)} us CPU per hit (${digits(rate * 100)} % hits)`,
      );
    }
  }
  /** @type {Record<string, unknown>} */
  const settings = {};
  for (const { name, server } of sides) {
    settings[name] = await describe(context, server);
    await server.stop();
    context.remove(server.dir);
  }
  const [ours, lru] = sides;
  if (ours === undefined || lru === undefined) throw new Error('two sides expected');
  const above = ours.hitRates.map((rate, i) => rate - (lru.hitRates[i] ?? NaN));
  const notes = [
    `${withSpread(spread(ours.hitRates))} % against ${withSpread(spread(lru.hitRates))} % of LRU, ` +
      `cache-size ${digits(cacheBytes)} bytes for both, the tenth of the requests that scan included`,
    ...(ours.server.missing.concat(lru.server.missing).length > 0 ? ['this build has no cache-policy'] : []),
  ];
  const cpuNotes = [`hits in these rounds: at least ${digits(Math.min(...ours.hotShare, ...lru.hotShare))} %`];
  return {
    results: rows.map((row) =>
      row.id === 'hit-rate'
        ? judge(row, spread(above), null, notes)
        : judge(row, spread(ours.cpu), spread(lru.cpu), cpuNotes),
    ),
    details: sides.map((side) => ({
      experiment: 'hit',
      who: `cache-policy ${side.name}`,
      figures: { 'us CPU/request': spread(side.cpu), 'hit rate %': spread(side.hitRates) },
    })),
    settings,
  };
}

/**
 * @param {Server} server
 * @param {() => Promise<unknown>} run
 */
async function hitRate(server, run) {
  const before = await infoOf(server);
  await run();
  const after = await infoOf(server);
  const found = infoDelta(before, after, 'cache_hits');
  const missed = infoDelta(before, after, 'cache_misses');
  if (found === undefined || missed === undefined) throw new Error('INFO has no cache_hits or cache_misses');
  return found / Math.max(1, found + missed);
}
