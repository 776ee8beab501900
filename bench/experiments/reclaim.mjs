// How soon the disk is free again after most of the data was deleted, with default settings.

import { performance } from 'node:perf_hooks';

import { describe } from '../lib/bulk-data.mjs';
import { sleep } from '../lib/cleanup.mjs';
import { allocatedBytes } from '../lib/engine.mjs';
import { fillKeys, pressure, runPlan } from '../lib/loadgen.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { freeBytes } from '../lib/machine.mjs';

const valueBytes = 1024;
const keyBytes = 16;
/** One key of ten stays, spread evenly: no part of the log is dead as a whole. */
const keepEvery = 10;
const enough = 1.5;
const secondsMax = 600;
const secondsMaxQuick = 5;

/** @type {import('./index.mjs').Experiment} */
export async function reclaim(context, rows) {
  context.requireCairn();
  const wanted = context.parameter('reclaim-bytes');
  if (freeBytes(context.workDir) < wanted * 1.6 + 8e9) throw new Error('too little free disk space');
  const keys = Math.floor(wanted / (keyBytes + valueBytes));
  const kept = Math.ceil(keys / keepEvery);
  const live = kept * (keyBytes + valueBytes);
  const dir = context.directory('reclaim');
  const server = await context.startOurs('always', dir);
  const settings = await describe(context, server);
  await fillKeys(server.port, { keys, valueBytes });
  const full = allocatedBytes(dir);
  const begin = performance.now();
  await runPlan(server.port, { ...pressure, mix: { del: 1 }, last: keys, keepEvery, requests: keys, valueBytes });
  const deleted = performance.now();
  const limit = context.options.quick ? secondsMaxQuick : secondsMax;
  let usage = allocatedBytes(dir);
  let seconds = 0;
  while (usage > enough * live && seconds < limit) {
    await sleep(250);
    usage = allocatedBytes(dir);
    seconds = (performance.now() - deleted) / 1000;
  }
  const count = await server.command('DBSIZE');
  if (count !== kept) throw new Error(`DBSIZE says ${String(count)}, not ${kept}`);
  await server.stop();
  context.remove(dir);
  const reached = usage <= enough * live;
  if (!reached && context.options.quick) throw new Error('not reached in the short time of a trial');
  const notes = [
    `${digits(keys)} keys of 1 KiB, of which ${digits(kept)} spread evenly stay`,
    `disk usage ${(full / live).toFixed(2)} times the live bytes before, ${(usage / live).toFixed(2)} times at the end`,
    `from the last DEL; the DELs took ${digits((deleted - begin) / 1000)} s`,
    ...(reached ? [] : [`NOT reached within ${limit} s`]),
  ];
  return {
    results: rows.map((row) => judge(row, spread([seconds]), null, notes)),
    details: [],
    settings,
  };
}
