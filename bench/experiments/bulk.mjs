// Many keys: what they cost on the device and in memory, how long a restart takes, and reads that miss the cache.

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { sleep } from '../lib/cleanup.mjs';
import { prepareFile, randomReads } from '../lib/fio.mjs';
import { requestsFor, runLoad } from '../lib/load.mjs';
import { checkSample, fill } from '../lib/loader.mjs';
import { freeBytes } from '../lib/machine.mjs';
import { memory, storageBytes } from '../lib/proc.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread, withSpread } from '../lib/stats.mjs';
import { figures, loadDetails } from './side-by-side.mjs';

/**
 * @typedef {import('../lib/context.mjs').Context} Context
 * @typedef {import('../lib/context.mjs').Server} Server
 * @typedef {import('../lib/loader.mjs').FillSpec} FillSpec
 * @typedef {import('../lib/result.mjs').Detail} Detail
 * @typedef {import('../lib/result.mjs').Outcome} Outcome
 * @typedef {import('../lib/result.mjs').RowResult} RowResult
 * @typedef {import('../rows.mjs').Row} Row
 */

const keyBytes = 16;
/** As many commands in flight as redis-benchmark -c 50 -P 16 has. */
const pressure = { connections: 50, pipeline: 16 };
const readClients = 64;
const cacheFraction = 50;
const startSecondsMax = 600;
const fullSize = 10_000_000;
/** The log line after the replay: `... data directory recovered keys=1 records=2 ... ms=3`. */
const recoveredLine = /recovered\b.*\bms=(\d+)/;
const freeBytesKept = 8e9;

/**
 * 128-byte values: RAM per key, bytes written, recovery.
 * @param {Context} context
 * @param {Row[]} rows
 * @returns {Promise<Outcome>}
 */
export async function bulkSmall(context, rows) {
  const { cacheMin, rounds } = context.options;
  const { spec, notes } = fillSpec(context, 128, 3);
  const dir = context.directory('bulk-128');
  const server = await context.startOurs('always', dir, { cacheBytes: cacheMin });
  const settings = await describe(context, server);
  const empty = await settledMemory(server);
  const loaded = await fillAndCount(context, server, spec);
  const full = await settledMemory(server);
  const ramPerKey = (full.rss - empty.rss) / spec.keys;
  context.log(`    ${digits(ramPerKey)} bytes of RAM per key (RSS ${mega(empty)} -> ${mega(full)})`);
  await server.kill();
  /** @type {Detail[]} */
  const details = [loaded.detail];
  const replay = has(rows, 'recovery') ? await recoverOften(context, dir, spec, rounds) : undefined;
  context.remove(dir);
  if (replay !== undefined) details.push(replay.detail);

  /** @type {RowResult[]} */
  const results = [];
  for (const row of rows) {
    if (row.id === 'ram-per-key') {
      const after = replay === undefined ? [] : [afterRestart(replay.memories, empty, spec)];
      const parts = `RSS ${mega(empty)} empty, ${mega(full)} with ${digits(spec.keys)} keys`;
      results.push(judge(row, spread([ramPerKey]), null, [parts, ...after, ...notes]));
    } else if (row.id === 'written-128') {
      results.push(judge(row, spread([loaded.amplification]), null, [loaded.note, ...notes]));
    } else if (replay !== undefined) {
      results.push(judge(row, spread(replay.seconds), null, [...replay.notes, ...notes]));
    }
  }
  return { results, details, settings };
}

/**
 * 1 KiB values: bytes written, and uniform reads with a cache of a fiftieth of the data.
 * @param {Context} context
 * @param {Row[]} rows
 * @returns {Promise<Outcome>}
 */
export async function bulkLarge(context, rows) {
  const wantsReads = has(rows, 'get-disk');
  const { spec, notes } = fillSpec(context, 1024, wantsReads ? 2.6 : 1.5);
  const dir = context.directory('bulk-1k');
  const cacheBytes = Math.floor((spec.keys * (keyBytes + spec.valueBytes)) / cacheFraction);
  const server = await context.startOurs('always', dir, { cacheBytes });
  const settings = await describe(context, server);
  const loaded = await fillAndCount(context, server, spec);
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
 * The number of keys asked for, or as many as the disk has room for.
 * @param {Context} context
 * @param {number} valueBytes
 * @param {number} copies bytes on disk per byte of data, everything counted
 * @returns {{ spec: FillSpec, notes: string[] }}
 */
function fillSpec(context, valueBytes, copies) {
  const wanted = context.options.keys;
  const room = Math.max(0, freeBytes(context.workDir) - freeBytesKept);
  const fits = Math.floor(room / ((keyBytes + valueBytes + 40) * copies) / 1000) * 1000;
  const keys = Math.min(wanted, fits);
  if (keys < 1000) throw new Error(`too little free space in ${context.workDir}`);
  const notes = [];
  if (keys < fullSize) {
    const why = keys < wanted ? 'the disk has no room for 10 million' : 'as asked for by --keys';
    notes.push(`${digits(keys)} keys, ${why}`);
  }
  return { spec: { keys, valueBytes, ...pressure }, notes };
}

/**
 * Inserts all keys and counts what reached the device since the server started.
 * @param {Context} context
 * @param {Server} server
 * @param {FillSpec} spec
 */
async function fillAndCount(context, server, spec) {
  const atStart = storageBytes(server.pid).written;
  const seconds = await fill(server.port, spec);
  await sleep(1500); // what the server still does on its own belongs to the figure
  const written = storageBytes(server.pid).written;
  const amplification = written / (spec.keys * (keyBytes + spec.valueBytes));
  await checkSample(server, spec, 500);
  const rate = spec.keys / seconds;
  context.log(
    `    ${digits(spec.keys)} keys in ${digits(seconds)} s, ${digits(rate)}/s, ` +
      `${amplification.toFixed(3)} device bytes per byte`,
  );
  return {
    amplification,
    note: `write_bytes ${digits(written)}, ${digits(atStart)} of them before the first insert`,
    detail: {
      experiment: `bulk-${spec.valueBytes === 128 ? '128' : '1k'}`,
      who: `insert ${digits(spec.keys)} keys (${spec.connections} connections, pipeline ${spec.pipeline})`,
      figures: { 'requests/s': spread([rate]) },
    },
  };
}

/**
 * Kills the server and starts it again, several times. The files' pages are dropped first, so that the log is read from the
 * disk however the server reads it.
 * @param {Context} context
 * @param {string} dir
 * @param {FillSpec} spec
 * @param {number} rounds
 */
async function recoverOften(context, dir, spec, rounds) {
  const seconds = [];
  const memories = [];
  /** What the server itself says the replay took. @type {number[]} */
  const replaySeconds = [];
  for (let round = 1; round <= rounds; round++) {
    dropPages(dir);
    const more = { cacheBytes: context.options.cacheMin, readySeconds: startSecondsMax };
    const server = await context.startOurs('always', dir, more);
    seconds.push(server.readySeconds);
    const millis = server.output.map((line) => recoveredLine.exec(line)?.[1]).find((text) => text !== undefined);
    if (millis !== undefined) replaySeconds.push(Number(millis) / 1000);
    memories.push(await settledMemory(server));
    await checkSample(server, spec, 100);
    await server.kill();
    context.log(`    round ${round} ready after ${digits(server.readySeconds)} s`);
  }
  const notes = ['after kill -9, from spawn to the ready line, page cache of the files dropped'];
  if (replaySeconds.length > 0)
    notes.push(`of that, replay by the server's own log: ${withSpread(spread(replaySeconds))} s`);
  const detail = {
    experiment: 'bulk-128',
    who: `restart with ${digits(spec.keys)} keys`,
    figures: { 's to ready': spread(seconds) },
  };
  return { seconds, memories, notes, detail };
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
  await prepareFile(file, directoryBytes(dir));
  dropPages(dir);
  const server = await context.startOurs('always', dir, { cacheBytes, readySeconds: startSecondsMax });
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

/**
 * Resident memory once it has stopped changing.
 * @param {Server} server
 */
async function settledMemory(server) {
  let last = memory(server.pid);
  for (let tries = 0; tries < 15; tries++) {
    await sleep(1000);
    const now = memory(server.pid);
    if (Math.abs(now.rss - last.rss) < 1 << 20) return now;
    last = now;
  }
  return last;
}

/**
 * @param {{ rss: number }[]} memories
 * @param {{ rss: number }} empty
 * @param {FillSpec} spec
 */
function afterRestart(memories, empty, spec) {
  const perKey = spread(memories.map(({ rss }) => (rss - empty.rss) / spec.keys));
  return `after a restart ${digits(perKey.median)} bytes per key`;
}

/** @param {string} dir */
function dropPages(dir) {
  for (const path of filesIn(dir)) {
    execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  }
}

/** @param {string} dir */
function directoryBytes(dir) {
  return filesIn(dir).reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
}

/** @param {string} dir */
function filesIn(dir) {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name));
}

/**
 * @param {Context} context
 * @param {Server} server
 */
async function describe(context, server) {
  const config = await server.settings();
  return { [context.options.self]: { arguments: server.arguments, config } };
}

/**
 * @param {Row[]} rows
 * @param {string} prefix
 */
function has(rows, prefix) {
  return rows.some((row) => row.id.startsWith(prefix));
}

/** @param {{ rss: number }} sample */
function mega(sample) {
  return `${digits(sample.rss / 1e6)} MB`;
}
