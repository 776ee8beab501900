// How long a server with many keys takes from its start to its first answers: after an orderly stop, and after kill -9 under
// load.

import { performance } from 'node:perf_hooks';

import { describe, fillSpec } from '../lib/bulk-data.mjs';
import { exited, sleep } from '../lib/cleanup.mjs';
import { dropPages } from '../lib/engine.mjs';
import { checkKeys, fillKeys, pressure, startLoad } from '../lib/loadgen.mjs';
import { keyOf } from '../lib/loader.mjs';
import { RespClient } from '../lib/resp-client.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread, withSpread } from '../lib/stats.mjs';

/**
 * @typedef {import('../lib/context.mjs').Context} Context
 * @typedef {import('../lib/context.mjs').Server} Server
 */

const fullSize = 10_000_000;
const startSecondsMax = 600;
const shutdownSecondsMax = 120;

/**
 * @param {number} valueBytes
 * @returns {import('./index.mjs').Experiment}
 */
export function restart(valueBytes) {
  return async (context, rows) => {
    context.requireCairn();
    const experiment = rows[0]?.experiment ?? '';
    // Overwrites under load come on top of the data until garbage collection takes them away.
    const { spec, notes } = fillSpec(context, context.options.keys, fullSize, valueBytes, 2.5);
    const dir = context.directory(experiment);
    let server = await context.startOurs('always', dir);
    const settings = await describe(context, server);
    await fillKeys(server.port, { keys: spec.keys, valueBytes });
    /** @type {Record<'clean' | 'kill', number[]>} */
    const seconds = { clean: [], kill: [] };
    /** @type {number[]} */
    const stops = [];
    /** @type {number[]} */
    const overwritten = [];
    for (let round = 1; round <= context.options.rounds; round++) {
      stops.push(await shutDown(server));
      let answered = await startAndAsk(context, dir, spec.keys);
      server = answered.server;
      seconds.clean.push(answered.seconds);
      await checkKeys(server, spec, 100);
      overwritten.push(await killUnderLoad(context, server, spec));
      answered = await startAndAsk(context, dir, spec.keys);
      server = answered.server;
      seconds.kill.push(answered.seconds);
      await checkKeys(server, spec, 100);
      context.log(
        `    round ${round} after SHUTDOWN ${digits(seconds.clean.at(-1) ?? NaN)} s, ` +
          `after kill -9 ${digits(answered.seconds)} s`,
      );
    }
    await server.stop();
    context.remove(dir);
    const common = [
      'from spawn to the answers to PING and GET, page cache of the files dropped; DBSIZE exact, 100 values checked',
      ...notes,
    ];
    return {
      results: rows.map((row) =>
        row.id.startsWith('restart-clean')
          ? judge(row, spread(seconds.clean), null, [`SHUTDOWN took ${withSpread(spread(stops))} s`, ...common])
          : judge(row, spread(seconds.kill), null, [
              `killed while overwriting ${withSpread(spread(overwritten))} keys/s, ` +
                `after ${context.parameter('restart-load-seconds')} s of it`,
              ...common,
            ]),
      ),
      details: [
        {
          experiment,
          who: `restart with ${digits(spec.keys)} keys`,
          figures: { 's after SHUTDOWN': spread(seconds.clean), 's after kill -9': spread(seconds.kill) },
        },
      ],
      settings,
    };
  };
}

/** @param {Server} server */
async function shutDown(server) {
  const begin = performance.now();
  // It answers with nothing but the end of the connection.
  await server.command('SHUTDOWN').catch(() => undefined);
  await Promise.race([exited(server.child), sleep(shutdownSecondsMax * 1000, true)]);
  if (server.child.exitCode !== 0) throw new Error(`SHUTDOWN ended with ${String(server.child.exitCode)}`);
  return (performance.now() - begin) / 1000;
}

/**
 * @param {Context} context
 * @param {string} dir
 * @param {number} keys
 */
async function startAndAsk(context, dir, keys) {
  dropPages(dir);
  const server = await context.startOurs('always', dir, { readySeconds: startSecondsMax });
  const client = await RespClient.open(server.port);
  const pong = await client.command('PING');
  const value = await client.command('GET', keyOf(Math.floor(keys / 2)));
  const seconds = (performance.now() - server.spawnedAt) / 1000;
  client.close();
  if (pong !== 'PONG' || typeof value !== 'string') throw new Error('no proper answers after the restart');
  return { server, seconds };
}

/**
 * @param {Context} context
 * @param {Server} server
 * @param {{ keys: number, valueBytes: number }} spec
 * @returns {Promise<number>} overwrites per second until then
 */
async function killUnderLoad(context, server, { keys, valueBytes }) {
  const seconds = context.parameter('restart-load-seconds');
  let requests = 0;
  let complete = 0;
  const plan = { ...pressure, mix: { set: 1 }, last: keys, valueBytes, seconds: seconds + 60 };
  const load = startLoad(server.port, plan, (second) => {
    requests += second.all.n;
    complete++;
  });
  const failed = load.done.then(
    () => undefined,
    (error) => error,
  );
  const early = await Promise.race([failed, sleep(seconds * 1000)]);
  if (early !== undefined) throw early;
  await server.kill();
  await load.abandon();
  return requests / Math.max(1, complete);
}
