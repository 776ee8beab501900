// Overwrites until the log no longer grows: from there on garbage collection frees what the overwrites make dead.

import { allocatedBytes, infoDelta, infoOf, largestSegment } from './engine.mjs';
import { fillKeys, pressure, runPlan } from './loadgen.mjs';
import { storageBytes } from './proc.mjs';
import { digits } from './stats.mjs';

/**
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {import('./context.mjs').Server} Server
 * @typedef {{ keys: number, valueBytes: number, dist: 'uniform' | 'zipf' }} Data
 */

export const keyBytes = 16;
const theta = 0.99;
const stepsPerCopy = 4;
/** Disk usage over one copy of the data may vary by this much, or by two segments, and count as steady. */
const steadyShare = 0.05;

/** @param {Data} data */
export function dataBytes({ keys, valueBytes }) {
  return keys * (keyBytes + valueBytes);
}

/**
 * @param {Context} context
 * @param {'lazy' | 'aggressive'} mode aggressive keeps the disk usage at what was asked for, whatever is written
 */
export function engineOptions(context, mode) {
  const segmentBytes = context.parameter('overwrite-segment');
  return {
    ...(segmentBytes > 0 ? { 'segment-size': segmentBytes } : {}),
    'gc-space-amplification': context.parameter('overwrite-space'),
    'gc-mode': mode,
  };
}

/**
 * @param {Server} server
 * @param {Data} data
 * @param {number} copies how many times the data is overwritten
 * @param {number} seed
 */
export async function overwrite(server, data, copies, seed) {
  const { total } = await runPlan(server.port, {
    ...pressure,
    mix: { set: 1 },
    last: data.keys,
    valueBytes: data.valueBytes,
    dist: data.dist,
    theta,
    requests: Math.max(1, Math.round(data.keys * copies)),
    seed,
  });
  return total;
}

/**
 * Fills the server, and overwrites until the directory has kept its size while the data was overwritten once.
 * @param {Context} context
 * @param {Server} server
 * @param {Data} data
 */
export async function fillUntilSteady(context, server, data) {
  await fillKeys(server.port, { keys: data.keys, valueBytes: data.valueBytes });
  const least = context.parameter('overwrite-steady');
  const most = context.parameter('overwrite-most');
  /** @type {number[]} */
  const usage = [];
  let copies = 0;
  for (;;) {
    await overwrite(server, data, 1 / stepsPerCopy, 100 + usage.length);
    copies += 1 / stepsPerCopy;
    usage.push(allocatedBytes(server.dir));
    const recent = usage.slice(-stepsPerCopy - 1);
    const slack = Math.max(2 * largestSegment(server.dir), steadyShare * dataBytes(data));
    const steady = recent.length > stepsPerCopy && Math.max(...recent) - Math.min(...recent) <= slack;
    if (copies >= least && steady) break;
    if (copies >= most) {
      const text = usage.map((bytes) => (bytes / dataBytes(data)).toFixed(2)).join(' ');
      const why = `disk usage is not steady after ${digits(copies)} overwrites of the data (times the data: ${text})`;
      if (!context.options.quick) throw new Error(why);
      context.log(`    ${why}`);
      return `${why}: NOT a steady state`;
    }
  }
  const note = `steady after overwriting the data ${digits(copies)} times`;
  context.log(`    ${note}, ${((usage.at(-1) ?? 0) / dataBytes(data)).toFixed(2)} times the data on disk`);
  return note;
}

/**
 * Device bytes and what the engine says about them while `run` runs.
 * @param {Server} server
 * @param {() => Promise<{ requests: number }>} run overwrites
 * @param {Data} data
 */
export async function countingDevice(server, run, data) {
  const before = await infoOf(server);
  const from = storageBytes(server.pid).written;
  const { requests } = await run();
  const written = storageBytes(server.pid).written - from;
  const after = await infoOf(server);
  const user = requests * (keyBytes + data.valueBytes);
  /** @type {Record<string, number>} */
  const parts = {};
  for (const name of ['commit', 'padding', 'prepared', 'gc', 'checkpoint']) {
    const delta = infoDelta(before, after, `device_bytes_${name}`);
    if (delta !== undefined) parts[name] = delta / user;
  }
  return { amplification: written / user, parts };
}
