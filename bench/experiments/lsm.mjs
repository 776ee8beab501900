// The engine lsm by itself: memory with many keys, latency while compaction runs, and RocksDB's own benchmark beside it.

import { clearInterval, setInterval } from 'node:timers';

import { describe, fillSpec, keyBytes } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { infoDelta, infoOf } from '../lib/engine.mjs';
import { requestsFor, runLoad } from '../lib/load.mjs';
import { checkKeys, fillKeys, peakRate, runPlan } from '../lib/loadgen.mjs';
import { memory } from '../lib/proc.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { runTool } from '../lib/tool.mjs';
import { figures, loadDetails } from './side-by-side.mjs';

/** @typedef {import('../lib/context.mjs').Server} Server */

const startSecondsMax = 600;
const cacheBytes = 512 << 20;
const memtableBytes = 128 << 20;
const memoryReads = 2_000_000;
const memoryEveryMillis = 500;

/**
 * RSS with many keys: the most of it while they are inserted in random order and some are read.
 * @type {import('./index.mjs').Experiment}
 */
export async function lsmMemory(context, rows) {
  context.requireCairn();
  const full = 50_000_000;
  const { spec, notes } = fillSpec(context, context.parameter('ram-keys'), full, 128, 3);
  const { keys, valueBytes } = spec;
  const dir = context.directory('lsm-memory');
  const server = await context.startOurs('always', dir, {
    cacheBytes,
    readySeconds: startSecondsMax,
    options: { engine: 'lsm', 'rocksdb-db-write-buffer-size': memtableBytes },
  });
  const settings = await describe(context, server);
  let most = 0;
  const meter = setInterval(() => (most = Math.max(most, memory(server.pid).rss)), memoryEveryMillis);
  const filled = await fillKeys(server.port, { keys, valueBytes, shuffle: keys });
  const afterFill = memory(server.pid).rss;
  await runPlan(server.port, { mix: { get: 1 }, last: keys, valueBytes, requests: Math.min(memoryReads, keys) });
  await checkKeys(server, spec, 200);
  clearInterval(meter);
  most = Math.max(most, memory(server.pid).rss);
  const info = await infoOf(server);
  await server.stop();
  context.remove(dir);
  const text = [
    `RSS ${digits(afterFill / 1e6)} MB after the inserts (${digits(filled.per_second)}/s, random order), ` +
      `${digits(most / 1e6)} MB at most, ${digits(memoryReads)} random GETs included`,
    `cache-size ${digits(cacheBytes / 2 ** 20)} MiB, memtables ${digits(memtableBytes / 2 ** 20)} MiB`,
    `RocksDB ${info.get('rocksdb_library') ?? info.get('rocksdb') ?? ''}`.trim(),
    ...notes,
  ];
  context.log(`    ${text.join('; ')}`);
  const detail = { 'requests/s': spread([filled.per_second]), 'RSS (MB)': spread([most / 1e6]) };
  return {
    results: rows.map((row) => judge(row, spread([most / 1e9]), null, text)),
    details: [{ experiment: 'lsm-ram-50m', who: `insert ${digits(keys)} keys, engine lsm`, figures: detail }],
    settings,
  };
}

/**
 * A paced load at half of the peak while everything is compacted again and again.
 * @type {import('./index.mjs').Experiment}
 */
export async function lsmCompaction(context, rows) {
  context.requireCairn();
  const keys = context.parameter('overwrite-keys');
  const valueBytes = 1024;
  const dir = context.directory('lsm-compaction');
  const server = await context.startOurs('always', dir, {
    cacheBytes: Math.max(context.options.cacheMin, Math.floor((keys * (keyBytes + valueBytes)) / 4)),
    options: { engine: 'lsm' },
  });
  const settings = await describe(context, server);
  await fillKeys(server.port, { keys, valueBytes, shuffle: keys });
  const plan = { connections: 64, mix: { set: 50, get: 50 }, last: keys, valueBytes };
  const peak = await peakRate(server.port, plan, context.options.quick ? 1 : 10);
  /** @type {{ p99: number[], gaps: number[], alone: number[], rounds: number }} */
  const found = { p99: [], gaps: [], alone: [], rounds: 0 };
  const before = await infoOf(server);
  for (let round = 1; round <= context.options.rounds; round++) {
    const paced = { ...plan, depth: 4, rate: peak / 2, seconds: context.parameter('gc-tail-seconds'), seed: round };
    const alone = await runPlan(server.port, paced);
    found.alone.push(alone.total.all.p99_us / 1000);
    const compactions = compactUntilTold(server);
    const { total } = await runPlan(server.port, paced);
    found.rounds += await compactions.stop();
    found.p99.push(total.all.p99_us / 1000);
    found.gaps.push(total.gap_max_us / 1000);
    context.log(
      `    round ${round} p99 ${digits(found.p99.at(-1) ?? 0)} ms (without ${digits(found.alone.at(-1) ?? 0)} ms), ` +
        `longest gap ${digits(found.gaps.at(-1) ?? 0)} ms`,
    );
  }
  const after = await infoOf(server);
  await server.stop();
  context.remove(dir);
  const written = infoDelta(before, after, 'compaction_bytes_written') ?? NaN;
  const notes = [
    `${digits(keys)} keys of 1 KiB, half GETs half SETs at ${digits(peak / 2)} requests/s, half of the peak`,
    `${found.rounds} times CAIRN COMPACT, ${digits(written / 1e9)} GB written by compactions`,
    `p99 without CAIRN COMPACT ${digits(spread(found.alone).median)} ms`,
  ];
  return {
    results: rows.map((row) =>
      judge(row, row.id === 'lsm-compaction-gap' ? spread(found.gaps) : spread(found.p99), null, notes),
    ),
    details: [
      {
        experiment: 'lsm-compaction',
        who: 'half of the peak, engine lsm',
        figures: {
          'p99 (ms)': spread(found.p99),
          'p99 without (ms)': spread(found.alone),
          'gap (ms)': spread(found.gaps),
        },
      },
    ],
    settings,
  };
}

/** @param {Server} server */
function compactUntilTold(server) {
  let ended = false;
  const done = (async () => {
    let rounds = 0;
    while (!ended) {
      const reply = await server.command('CAIRN', 'COMPACT');
      if (reply instanceof Error) throw reply;
      rounds++;
      await sleep(50);
    }
    return rounds;
  })();
  done.catch(() => undefined);
  return {
    /** Waits for the last one; how many there were. */
    stop: () => {
      ended = true;
      return done;
    },
  };
}

const data = { keys: 100_000, valueBytes: 128 };
const set = /** @type {const} */ ({ test: 'set', clients: 50, pipeline: 1, ...data });
const get = /** @type {const} */ ({ test: 'get', clients: 50, pipeline: 16, ...data });

/**
 * @typedef {object} DbBenchPairing
 * @property {typeof set | typeof get} load
 * @property {'perSecond' | 'cpuMicros'} figure of ours
 * @property {string} benchmark of db_bench, whose figure stands beside it
 * @property {string} unit of that
 * @property {string[]} [before] benchmarks that make its database
 * @property {string[]} options of db_bench
 * @property {RegExp} found that figure, in what db_bench prints
 * @property {string[]} notes
 */

/**
 * A load on this server, and one of db_bench of as many keys of the same size, in turns.
 * @param {DbBenchPairing} pairing
 * @returns {import('./index.mjs').Experiment}
 */
function besideDbBench(pairing) {
  const { load, figure, benchmark, unit, before = [], options, found, notes } = pairing;
  return async (context, rows) => {
    context.requireCairn();
    const dir = context.directory('lsm');
    const other = context.directory('db-bench');
    const server = await context.startOurs('always', dir, { options: { engine: 'lsm' } });
    const settings = await describe(context, server);
    await fillKeys(server.port, data);
    const { rounds, seconds } = context.options;
    const requests = await requestsFor(server, load, seconds);
    /** @type {import('../lib/load.mjs').LoadResult[]} */
    const ours = [];
    /** @type {number[]} */
    const theirs = [];
    if (before.length > 0) await dbBench(other, before, options, 1);
    for (let round = 1; round <= rounds; round++) {
      await sleep(250);
      const result = await runLoad(server, load, requests);
      await sleep(250);
      const again = before.length > 0 ? ['--use_existing_db=1'] : [];
      const output = await dbBench(other, [benchmark], [...options, ...again], seconds);
      const value = Number(found.exec(output)?.[1]);
      if (!(value > 0)) throw new Error(`db_bench printed no figure:\n${output}`);
      ours.push(result);
      theirs.push(value);
      context.log(`    round ${round} cairn ${digits(result[figure])}, db_bench ${digits(value)} ${unit}`);
    }
    await server.stop();
    context.remove(dir);
    context.remove(other);
    const experiment = rows[0]?.experiment ?? '';
    return {
      results: rows.map((row) => judge(row, figures(ours, figure), spread(theirs), notes)),
      details: [
        { experiment, who: 'cairn, engine lsm', figures: loadDetails(ours) },
        { experiment, who: `db_bench ${benchmark}`, figures: { [unit]: spread(theirs) } },
      ],
      settings,
    };
  };
}

/**
 * What it prints.
 * @param {string} dir
 * @param {string[]} benchmarks
 * @param {string[]} options
 * @param {number} seconds
 */
function dbBench(dir, benchmarks, options, seconds) {
  const args = [`--benchmarks=${benchmarks.join(',')}`, `--db=${dir}`, `--num=${data.keys}`];
  args.push(
    `--value_size=${data.valueBytes}`,
    `--key_size=${keyBytes}`,
    `--duration=${Math.ceil(seconds)}`,
    ...options,
  );
  return runTool('db_bench', args, 120);
}

/** Durable SETs of 50 clients beside db_bench: fillrandom with a sync per write, 50 threads, no network. */
export const lsmBesideRocksdb = besideDbBench({
  load: set,
  figure: 'perSecond',
  benchmark: 'fillrandom',
  unit: 'requests/s',
  options: ['--sync=1', `--threads=${set.clients}`],
  found: /^fillrandom\s*:.*?(\d+) ops\/sec/m,
  notes: ['db_bench of the distribution: the library with asserts; its clients are threads, without a network'],
});

/**
 * GETs from memory, CPU per request, beside RocksDB's own look-up: readrandom, one thread, all keys in one file and in its
 * block cache.
 */
export const lsmGetsBesideRocksdb = besideDbBench({
  load: get,
  figure: 'cpuMicros',
  benchmark: 'readrandom',
  unit: 'us per Get',
  before: ['fillseq', 'compact'],
  options: ['--threads=1', `--cache_size=${2 ** 30}`, '--bloom_bits=10'],
  found: /^readrandom\s*:\s*([\d.]+) micros\/op/m,
  notes: [
    'all of a GET, network included, against one RocksDB Get without any',
    'db_bench of the distribution: the library with asserts, which take about half of its time',
  ],
});
