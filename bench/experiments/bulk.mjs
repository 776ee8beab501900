// Many keys: what they cost on the device and in memory, and reads that miss the cache.

import { join } from 'node:path';

import { describe, fillAndCount, fillSpec, has, keyBytes, mega, settledMemory } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { allocatedBytes, dropPages } from '../lib/engine.mjs';
import { prepareFile, randomReads } from '../lib/fio.mjs';
import { requestsFor, runLoad } from '../lib/load.mjs';
import { checkSample } from '../lib/loader.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { figures, loadDetails } from './side-by-side.mjs';

/**
 * @typedef {import('../lib/context.mjs').Context} Context
 * @typedef {import('../lib/loader.mjs').FillSpec} FillSpec
 * @typedef {import('../lib/result.mjs').Detail} Detail
 * @typedef {import('../lib/result.mjs').Outcome} Outcome
 * @typedef {import('../lib/result.mjs').RowResult} RowResult
 * @typedef {import('../rows.mjs').Row} Row
 */

const readClients = 64;
const oneReactor = { 'io-threads': 1 };
const cacheFraction = 50;
const startSecondsMax = 600;
const fullSize = 10_000_000;
const fullSizeRam = 50_000_000;

/**
 * 128-byte values: RAM per key, bytes written.
 * @param {Context} context
 * @param {Row[]} rows
 * @returns {Promise<Outcome>}
 */
export async function bulkSmall(context, rows) {
  return inserts(context, rows, 'bulk-128', context.options.keys, fullSize);
}

/**
 * The same with more keys, for the RAM they take.
 * @param {Context} context
 * @param {Row[]} rows
 * @returns {Promise<Outcome>}
 */
export async function bulkRam(context, rows) {
  return inserts(context, rows, 'ram-50m', context.parameter('ram-keys'), fullSizeRam);
}

/**
 * @param {Context} context
 * @param {Row[]} rows
 * @param {string} experiment
 * @param {number} wanted
 * @param {number} full
 * @returns {Promise<Outcome>}
 */
async function inserts(context, rows, experiment, wanted, full) {
  const { cacheMin } = context.options;
  const { spec, notes } = fillSpec(context, wanted, full, 128, 1.6);
  const dir = context.directory(experiment);
  const start = () => context.startOurs('always', dir, { cacheBytes: cacheMin, readySeconds: startSecondsMax });
  const server = await start();
  const settings = await describe(context, server);
  const empty = await settledMemory(server);
  const loaded = await fillAndCount(context, experiment, server, spec);
  const filled = await settledMemory(server);
  await server.stop();
  const restarted = await start();
  await checkSample(restarted, spec, 100);
  const again = await settledMemory(restarted);
  await restarted.stop();
  context.remove(dir);
  const perKey = (/** @type {{ rss: number }} */ sample) => (sample.rss - empty.rss) / spec.keys;
  context.log(`    ${digits(perKey(filled))} bytes of RAM per key (RSS ${mega(empty)} -> ${mega(filled)})`);
  const ramNotes = [
    `RSS ${mega(empty)} empty, ${mega(filled)} with ${digits(spec.keys)} keys`,
    `after a restart ${digits(perKey(again))} bytes per key`,
  ];
  return {
    results: rows.map((row) =>
      row.unit === 'bytes'
        ? judge(row, spread([perKey(filled)]), null, [...ramNotes, ...notes])
        : judge(row, spread([loaded.amplification]), null, [loaded.note, ...notes]),
    ),
    details: [loaded.detail],
    settings,
  };
}

/**
 * 1 KiB values: bytes written, and uniform reads with a cache of a fiftieth of the data.
 * @param {Context} context
 * @param {Row[]} rows
 * @returns {Promise<Outcome>}
 */
export async function bulkLarge(context, rows) {
  const wantsReads = has(rows, 'get-disk');
  const { spec, notes } = fillSpec(context, context.options.keys, fullSize, 1024, wantsReads ? 2.6 : 1.5);
  const dir = context.directory('bulk-1k');
  const cacheBytes = Math.floor((spec.keys * (keyBytes + spec.valueBytes)) / cacheFraction);
  const server = await context.startOurs('always', dir, { cacheBytes, options: oneReactor });
  const settings = await describe(context, server);
  const loaded = await fillAndCount(context, 'bulk-1k', server, spec);
  await server.stop();
  /** @type {Detail[]} */
  const details = [loaded.detail];
  const reads = wantsReads ? await readUniformly(context, dir, spec, cacheBytes) : undefined;
  context.remove(dir);
  if (reads !== undefined) details.push(...reads.details);

  /** @type {RowResult[]} */
  const results = [];
  for (const row of rows) {
    if (row.id === 'written-1k') {
      results.push(judge(row, spread([loaded.amplification]), null, [loaded.note, ...notes]));
    } else if (reads !== undefined) {
      const name = row.id === 'get-disk-p99' ? 'p99Micros' : 'perSecond';
      const disk = spread(reads.disk.map((figure) => figure[name]));
      results.push(judge(row, figures(reads.ours, name), disk, [reads.note, ...notes]));
    }
  }
  return { results, details, settings };
}

/**
 * @param {Context} context
 * @param {string} dir filled
 * @param {FillSpec} spec
 * @param {number} cacheBytes
 */
async function readUniformly(context, dir, spec, cacheBytes) {
  const { rounds, seconds, fioEngine, self } = context.options;
  const base = context.directory('fio');
  const file = join(base, 'fio.dat');
  await prepareFile(file, allocatedBytes(dir));
  dropPages(dir);
  const more = { cacheBytes, readySeconds: startSecondsMax, options: oneReactor };
  const server = await context.startOurs('always', dir, more);
  const load = /** @type {const} */ ({
    test: 'get',
    clients: readClients,
    pipeline: 1,
    keys: spec.keys,
    valueBytes: spec.valueBytes,
  });
  const requests = await requestsFor(server, load, seconds);
  const ours = [];
  const disk = [];
  for (let round = 1; round <= rounds; round++) {
    await sleep(250);
    const result = await runLoad(server, load, requests);
    ours.push(result);
    await sleep(250);
    const figure = await randomReads(file, seconds, readClients, fioEngine);
    disk.push(figure);
    context.log(
      `    round ${round} ${self} ${digits(result.perSecond)}/s p99 ${digits(result.p99Micros)} us ` +
        `(${digits(result.readBytes)} bytes read per GET), ` +
        `fio ${digits(figure.perSecond)}/s p99 ${digits(figure.p99Micros)} us`,
    );
  }
  await server.stop();
  context.remove(base);
  const experiment = 'bulk-1k';
  const readBytes = figures(ours, 'readBytes');
  return {
    ours,
    disk,
    note: `${digits(readBytes.median)} bytes read from the device per GET; cache ${digits(cacheBytes)} bytes`,
    details: [
      { experiment, who: `${self} GET`, figures: { ...loadDetails(ours), 'bytes read/GET': readBytes } },
      {
        experiment,
        who: `fio 4 KiB random reads, ${fioEngine}, depth ${readClients}`,
        figures: {
          'requests/s': spread(disk.map((figure) => figure.perSecond)),
          'p50 us': spread(disk.map((figure) => figure.p50Micros)),
          'p99 us': spread(disk.map((figure) => figure.p99Micros)),
        },
      },
    ],
  };
}
