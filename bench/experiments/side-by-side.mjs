// The same redis-benchmark load against this server and against Redis, in turns. Both servers stay up; only one works at a
// time.

import { sleep } from '../lib/cleanup.mjs';
import { requestsFor, runLoad } from '../lib/load.mjs';
import { checkSample, fill } from '../lib/loader.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';

const keys = 100_000;
const valueBytes = 128;
// Overwrites before a durable row, the same on both sides: some 2.7 GB of log. A server that has run for a while writes into
// segment files that it wrote before, a fresh one into new blocks, which is slower. The engine lsm has no such files.
const seasoning = { test: /** @type {const} */ ('set'), clients: 32, pipeline: 64, keys, valueBytes };
const seasoningRequests = 16_000_000;

/**
 * @typedef {import('../lib/context.mjs').Context} Context
 * @typedef {import('../lib/load.mjs').LoadResult} LoadResult
 * @typedef {import('../lib/result.mjs').Outcome} Outcome
 * @typedef {import('../rows.mjs').Row} Row
 *
 * @typedef {object} Pairing
 * @property {'set' | 'get'} test
 * @property {import('../lib/servers.mjs').Fsync} fsync
 * @property {number} clients
 * @property {number} pipeline
 * @property {'perSecond' | 'cpuMicros'} figure
 * @property {'vlog' | 'lsm'} [engine] vlog unless given
 */

/**
 * @param {Pairing} pairing
 * @returns {(context: Context, rows: Row[]) => Promise<Outcome>}
 */
export function sideBySide(pairing) {
  return async (context, rows) => {
    const { rounds, seconds } = context.options;
    const spec = { ...pairing, keys, valueBytes };
    const directories = [context.directory('ours'), context.directory('redis')];
    const [oursDir = '', redisDir = ''] = directories;
    const more = pairing.engine === undefined ? {} : { options: { engine: pairing.engine } };
    const sides = [
      { name: context.options.self, server: await context.startOurs(pairing.fsync, oursDir, more) },
      { name: 'redis', server: await context.startRedis(pairing.fsync, redisDir) },
    ];
    const runs = [];
    for (const { name, server } of sides) {
      const whole = { keys, valueBytes, connections: 16, pipeline: 64 };
      await fill(server.port, whole);
      await checkSample(server, whole, 20);
      if (pairing.test === 'set' && pairing.fsync === 'always' && !context.options.quick && pairing.engine !== 'lsm') {
        await runLoad(server, seasoning, seasoningRequests);
      }
      const requests = await requestsFor(server, spec, seconds);
      runs.push({ name, server, requests, results: /** @type {LoadResult[]} */ ([]) });
    }
    for (let round = 1; round <= rounds; round++) {
      for (const run of runs) {
        await settle(pairing);
        const result = await runLoad(run.server, spec, run.requests);
        run.results.push(result);
        context.log(
          `    round ${round} ${run.name.padEnd(5)} ${digits(result.perSecond).padStart(9)} requests/s ` +
            `${digits(result.cpuMicros)} us CPU, p50 ${digits(result.p50Micros)} us, ` +
            `p99 ${digits(result.p99Micros)} us`,
        );
      }
    }
    /** @type {Record<string, unknown>} */
    const settings = {};
    for (const { name, server } of sides) {
      settings[settings[name] === undefined ? name : `${name} (reference)`] = {
        arguments: server.arguments,
        config: await server.settings(),
      };
      await server.stop();
    }
    directories.forEach((path) => context.remove(path));
    const [ours, redis] = runs;
    if (ours === undefined || redis === undefined) throw new Error('two sides expected');
    const experiment = rows[0]?.experiment ?? '';
    return {
      results: rows.map((row) =>
        judge(row, figures(ours.results, pairing.figure), figures(redis.results, pairing.figure)),
      ),
      details: [
        { experiment, who: ours.name, figures: loadDetails(ours.results) },
        { experiment, who: 'redis', figures: loadDetails(redis.results) },
      ],
      settings,
    };
  };
}

/**
 * The other server's last syncs and write-backs are over before the next load begins.
 * @param {Pairing} pairing
 */
async function settle(pairing) {
  await sleep(pairing.test === 'set' && pairing.fsync === 'everysec' ? 1200 : 250);
}

/**
 * @param {LoadResult[]} results
 * @param {keyof LoadResult} name
 */
export function figures(results, name) {
  return spread(results.map((result) => result[name]));
}

/** @param {LoadResult[]} results */
export function loadDetails(results) {
  return {
    'requests/s': figures(results, 'perSecond'),
    'us CPU/request': figures(results, 'cpuMicros'),
    'p50 us': figures(results, 'p50Micros'),
    'p99 us': figures(results, 'p99Micros'),
  };
}
