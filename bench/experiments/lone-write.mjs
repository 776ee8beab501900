// One client, one durable SET at a time, against the least any durable write can take on this disk: one 4 KiB
// data-synced O_DIRECT overwrite. Redis is measured too, for orientation.

import { sleep } from '../lib/cleanup.mjs';
import { prepareFile, syncedOverwrites } from '../lib/fio.mjs';
import { requestsFor, runLoad } from '../lib/load.mjs';
import { fill } from '../lib/loader.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { figures, loadDetails } from './side-by-side.mjs';

const keys = 100_000;
const valueBytes = 128;
const overwrittenBytes = 256 << 20;

/**
 * @param {import('../lib/context.mjs').Context} context
 * @param {import('../rows.mjs').Row[]} rows
 * @returns {Promise<import('../lib/result.mjs').Outcome>}
 */
export async function loneWrite(context, rows) {
  const { rounds, seconds, self } = context.options;
  const spec = /** @type {const} */ ({ test: 'set', clients: 1, pipeline: 1, keys, valueBytes });
  const base = context.directory('lone-write');
  const file = `${base}/fio.dat`;
  await prepareFile(file, overwrittenBytes);
  const oursDir = context.directory('ours');
  const redisDir = context.directory('redis');
  const ours = await context.startOurs('always', oursDir);
  const redis = await context.startRedis('always', redisDir);
  const runs = [];
  for (const [name, server] of /** @type {const} */ ([
    [self, ours],
    ['redis', redis],
  ])) {
    await fill(server.port, { keys, valueBytes, connections: 16, pipeline: 64 });
    const requests = await requestsFor(server, spec, seconds);
    /** @type {import('../lib/load.mjs').LoadResult[]} */
    const results = [];
    runs.push({ name, server, requests, results });
  }
  const disk = [];
  for (let round = 1; round <= rounds; round++) {
    for (const run of runs) {
      await sleep(250);
      const result = await runLoad(run.server, spec, run.requests);
      run.results.push(result);
      context.log(`    round ${round} ${run.name.padEnd(5)} p50 ${digits(result.p50Micros)} us`);
    }
    await sleep(250);
    const figure = await syncedOverwrites(file, seconds);
    disk.push(figure);
    context.log(`    round ${round} fio   p50 ${digits(figure.p50Micros)} us`);
  }
  // The same client reading from memory: what the network, the client and the parsing take without the disk.
  const getSpec = /** @type {const} */ ({ ...spec, test: 'get' });
  const floor = await runLoad(ours, getSpec, await requestsFor(ours, getSpec, seconds / 4));
  const settings = { [self]: { arguments: ours.arguments, config: await ours.settings() } };
  await ours.stop();
  await redis.stop();
  [base, oursDir, redisDir].forEach((path) => context.remove(path));

  const oursResults = runs[0]?.results ?? [];
  const redisResults = runs[1]?.results ?? [];
  const diskP50 = spread(disk.map((figure) => figure.p50Micros));
  const redisP50 = figures(redisResults, 'p50Micros');
  const cycle = 1e6 / figures(oursResults, 'perSecond').median;
  const notes = [
    `Redis (always) beside it: ${digits(redisP50.median)} us`,
    `redis-benchmark counts latency in steps of 8 us and reports the upper end; from one request to the next it took ` +
      `${digits(cycle)} us`,
    `a GET from memory, without any disk, takes the same client ${digits(floor.p50Micros)} us`,
  ];
  const experiment = rows[0]?.experiment ?? '';
  return {
    results: rows.map((row) => judge(row, figures(oursResults, 'p50Micros'), diskP50, notes)),
    details: [
      { experiment, who: self, figures: loadDetails(oursResults) },
      { experiment, who: 'redis', figures: loadDetails(redisResults) },
      {
        experiment,
        who: 'fio 4 KiB synced overwrite',
        figures: {
          'requests/s': spread(disk.map((figure) => figure.perSecond)),
          'p50 us': diskP50,
          'p99 us': spread(disk.map((figure) => figure.p99Micros)),
        },
      },
    ],
    settings,
  };
}
