// One engine under one load of `npm run bench:engines`.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { exited, sleep } from './cleanup.mjs';
import { allocatedBytes, dropPages } from './engine.mjs';
import { fillKeys, peakRate, pressure, runPlan, startLoad } from './loadgen.mjs';
import { keyOf } from './loader.mjs';
import { cpuNanosBetween, cpuSample, deviceBytes, memory, storageBytes } from './proc.mjs';
import { digits } from './stats.mjs';

/**
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {import('./context.mjs').Server} Server
 * @typedef {import('./loadgen.mjs').LoadSecond} LoadSecond
 * @typedef {import('./loadgen.mjs').LoadTotal} LoadTotal
 * @typedef {import('./memory-limit.mjs').MemoryLimit} MemoryLimit
 *
 * @typedef {object} SideSpec
 * @property {string} name
 * @property {Record<string, string>} options
 * @property {boolean} [writesOnly]
 *
 * @typedef {object} Load
 * @property {string} name
 * @property {string} title
 * @property {number} keys
 * @property {number} valueBytes on average
 * @property {string} values in words
 * @property {'uniform' | 'zipf' | 'mixgraph'} dist of the paced load
 * @property {{ set: number, get: number }} mix of the paced load
 * @property {string} mixText
 * @property {boolean} overwrites whether overwriting is measured by itself
 * @property {number} cacheShare cache-size as a share of keys and values
 * @property {number} memoryBytes for the server, page cache included
 * @property {SideSpec[]} sides
 */

const keyBytes = 16;
const memtables = { 'rocksdb-db-write-buffer-size': String(128 << 20) };
/** @type {SideSpec} */
const vlog = { name: 'vlog', options: { engine: 'vlog' } };
/** @type {SideSpec} */
const lsm = { name: 'lsm', options: { engine: 'lsm', ...memtables } };
/** @type {SideSpec} */
const estimating = {
  name: 'lsm, lsm-exact-counts no',
  options: { ...lsm.options, 'lsm-exact-counts': 'no' },
  writesOnly: true,
};

const halves = { mix: { set: 50, get: 50 }, mixText: 'half GETs, half SETs', dist: /** @type {const} */ ('uniform') };

/** @type {Record<string, Load>} */
export const loads = {
  '1k': {
    name: '1k',
    title: 'Values of 1 KiB',
    keys: 2_000_000,
    valueBytes: 1024,
    values: 'random values of 1 KiB',
    ...halves,
    overwrites: true,
    cacheShare: 0.2,
    memoryBytes: 1200 << 20,
    sides: [vlog, lsm],
  },
  128: {
    name: '128',
    title: 'Values of 128 B',
    keys: 8_000_000,
    valueBytes: 128,
    values: 'random values of 128 bytes',
    ...halves,
    overwrites: true,
    cacheShare: 0.2,
    memoryBytes: 900 << 20,
    sides: [vlog, lsm, estimating],
  },
  mixgraph: {
    name: 'mixgraph',
    title: 'mixgraph',
    keys: 10_000_000,
    valueBytes: 36.4,
    values: 'values of 10 to 1,024 bytes, 36 on average (generalized Pareto, k 0.2615, sigma 25.45)',
    mix: { set: 14, get: 83 },
    mixText: '83 GETs to 14 SETs (the 3 seeks have no command)',
    dist: 'mixgraph',
    overwrites: false,
    cacheShare: 0.2,
    memoryBytes: 900 << 20,
    sides: [vlog, lsm],
  },
};

const warmUpSeconds = 20;
const peakSeconds = 15;
const beforeKillSeconds = 10;
const settledFor = 4;
const settleSecondsMax = 240;
const startSecondsMax = 600;

/** What the engine still does on its own (flushes, compactions, garbage collection) belongs to what was written. */
async function settle(/** @type {Server} */ server) {
  let last = storageBytes(server.pid).written;
  for (let quiet = 0, waited = 0; quiet < settledFor && waited < settleSecondsMax; waited++) {
    await sleep(1000);
    const now = storageBytes(server.pid).written;
    quiet = now - last < 1 << 20 ? quiet + 1 : 0;
    last = now;
  }
}

/** @param {ReturnType<typeof runPlan>} run */
async function totalOf(run) {
  return (await run).total;
}

export class Side {
  /**
   * @param {Context} context
   * @param {Load} load
   * @param {SideSpec} spec
   * @param {MemoryLimit} [limit]
   */
  constructor(context, load, spec, limit) {
    this.context = context;
    this.load = load;
    this.name = spec.name;
    this.options = spec.options;
    this.wantsPaced = spec.writesOnly !== true;
    this.limit = limit;
    this.dir = context.directory(`${load.name}-${spec.options['engine'] ?? ''}`);
    this.dataBytes = load.keys * (keyBytes + load.valueBytes);
    /** By title, in the order of the table. @type {Record<string, number>} */
    this.figures = {};
    /** Requests per second that it answers to the paced load's mix. */
    this.peak = 0;
    /** @type {string[]} */
    this.arguments = [];
    /** Of the paced load. @type {LoadTotal | undefined} */
    this.total = undefined;
    /** @type {LoadSecond[]} */
    this.seconds = [];
  }

  /** @returns {Promise<Server>} */
  async #start() {
    const cacheBytes = Math.max(1 << 20, Math.floor(this.dataBytes * this.load.cacheShare));
    const more = { cacheBytes, readySeconds: startSecondsMax, options: this.options };
    const server = await this.context.startOurs('always', this.dir, more);
    this.limit?.add(server.pid);
    this.arguments = server.arguments;
    return server;
  }

  /**
   * @param {Server} server
   * @param {string} title
   * @param {number} bytes of keys and values that `run` writes
   * @param {() => Promise<LoadTotal>} run
   */
  async #writing(server, title, bytes, run) {
    const [written, cpu] = [deviceBytes(server.dir).written, cpuSample(server.pid)];
    const total = await run();
    await settle(server);
    this.figures[`${title}: device bytes per byte`] = (deviceBytes(server.dir).written - written) / bytes;
    this.figures[`${title}: requests/s`] = total.per_second;
    const nanos = cpuNanosBetween(cpu, cpuSample(server.pid));
    this.figures[`${title}: us of CPU per request, all that follows included`] = nanos / 1000 / total.requests;
  }

  /** @param {Server} server */
  #space(server, /** @type {string} */ when) {
    const archive = join(server.dir, 'rocksdb', 'archive');
    const archived = existsSync(archive) ? allocatedBytes(archive) : 0;
    this.figures[`disk space per byte of data, ${when}`] = (allocatedBytes(server.dir) - archived) / this.dataBytes;
    // What rocksdb-wal-ttl keeps of logs that nothing needs any more: by time, not by size.
    if (archived > 0) this.figures[`and of logs that have done their service, ${when}`] = archived / this.dataBytes;
  }

  /** Inserts and overwrites: what they cost; and the peak. Ends with an orderly stop. */
  async write() {
    const { keys, valueBytes, dist, mix, overwrites } = this.load;
    const values = { valueBytes: Math.ceil(valueBytes), ...(dist === 'mixgraph' ? { dist } : {}) };
    const server = await this.#start();
    await this.#writing(server, 'inserts in random order', this.dataBytes, () =>
      fillKeys(server.port, { keys, shuffle: keys, ...values }),
    );
    this.#space(server, 'after the inserts');
    if (overwrites) {
      const again = { ...pressure, mix: { set: 1 }, last: keys, valueBytes, requests: keys };
      // Once before it counts: garbage collection and levels are at work then.
      await runPlan(server.port, again);
      await this.#writing(server, 'uniform overwrites', this.dataBytes, () =>
        totalOf(runPlan(server.port, { ...again, seed: 2 })),
      );
      this.#space(server, 'after the overwrites');
      await this.#writing(server, 'Zipf overwrites (0.99)', this.dataBytes, () =>
        totalOf(runPlan(server.port, { ...again, dist: 'zipf', seed: 3 })),
      );
    }
    await this.#check(server);
    this.figures['RSS (MB)'] = memory(server.pid).rss / 1e6;
    if (this.wantsPaced) {
      this.peak = await peakRate(server.port, { connections: 64, mix, last: keys, ...values, dist }, peakSeconds);
      this.figures["peak of the paced load's mix, 64 clients: requests/s"] = this.peak;
    }
    await this.#stop(server);
    if (!this.wantsPaced) this.context.remove(this.dir);
  }

  /** @param {Server} server */
  async #stop(server) {
    const begin = performance.now();
    await server.stop();
    if (server.child.exitCode !== 0)
      throw new Error(`${this.name}: the stop ended with ${String(server.child.exitCode)}`);
    return (performance.now() - begin) / 1000;
  }

  /** @param {Server} server */
  async #check(server) {
    const count = await server.command('DBSIZE');
    const exact = this.options['lsm-exact-counts'] !== 'no';
    if (exact && count !== this.load.keys) throw new Error(`${this.name}: DBSIZE says ${String(count)}`);
    const value = await server.command('GET', keyOf(Math.floor(this.load.keys / 2)));
    if (typeof value !== 'string') throw new Error(`${this.name}: a key is missing`);
  }

  /** From spawn to the answer to a GET, with the files out of the page cache. */
  async #restart(/** @type {string} */ title) {
    dropPages(this.dir);
    const server = await this.#start();
    await this.#check(server);
    this.figures[title] = (performance.now() - server.spawnedAt) / 1000;
    return server;
  }

  /**
   * @param {number} rate requests per second
   * @param {number} seconds
   */
  async paced(rate, seconds) {
    const { keys, valueBytes, dist, mix } = this.load;
    const plan = { connections: 64, depth: 4, mix, last: keys, valueBytes: Math.ceil(valueBytes), dist, rate };
    let server = await this.#restart('restart after an orderly stop (s)');
    await runPlan(server.port, { ...plan, seconds: warmUpSeconds, seed: 4 });
    const [cpu, written] = [cpuSample(server.pid), deviceBytes(server.dir)];
    const run = await runPlan(server.port, { ...plan, seconds, seed: 5 });
    this.total = run.total;
    this.seconds = run.seconds;
    const now = deviceBytes(server.dir);
    const { requests, gap_max_us } = run.total;
    this.figures['paced: us of CPU per request'] = cpuNanosBetween(cpu, cpuSample(server.pid)) / 1000 / requests;
    this.figures['paced: bytes read from the device per GET'] = (now.read - written.read) / (run.total.get?.n ?? 1);
    this.figures['paced: device bytes written per byte set'] =
      (now.written - written.written) / ((run.total.set?.n ?? 1) * (keyBytes + valueBytes));
    this.figures['paced: longest time without a reply (ms)'] = gap_max_us / 1000;
    this.figures['RSS at the end (MB)'] = memory(server.pid).rss / 1e6;
    this.#space(server, 'at the end');
    const load = startLoad(server.port, { ...plan, mix: { set: 1 }, rate: 0, seconds: beforeKillSeconds * 2, seed: 6 });
    await sleep(beforeKillSeconds * 1000);
    server.child.kill('SIGKILL');
    await load.abandon();
    await exited(server.child);
    server = await this.#restart('restart after kill -9 under load (s)');
    await this.#stop(server);
  }

  writeText() {
    return Object.entries(this.figures)
      .map(([title, value]) => `${title} ${digits(value)}`)
      .join('; ');
  }

  pacedText() {
    const { total } = this;
    if (total === undefined) return 'not run';
    const of = (/** @type {import('./loadgen.mjs').Latencies | undefined} */ found) =>
      found === undefined
        ? ''
        : `p50 ${digits(found.p50_us)} p99 ${digits(found.p99_us)} p99.9 ${digits(found.p999_us)} us`;
    return `GET ${of(total.get)}; SET ${of(total.set)}; gap ${digits(total.gap_max_us / 1000)} ms`;
  }

  remove() {
    this.context.remove(this.dir);
  }

  toJSON() {
    const { name, options, figures, peak, total, seconds, arguments: words } = this;
    return { name, options, arguments: words, figures, peak, total, seconds };
  }
}
