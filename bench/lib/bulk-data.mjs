// Filling a server with many keys: how many fit, what it cost on the device and in memory.

import { sleep } from './cleanup.mjs';
import { checkSample, fill } from './loader.mjs';
import { freeBytes } from './machine.mjs';
import { memory, storageBytes } from './proc.mjs';
import { digits, spread } from './stats.mjs';

/**
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {import('./context.mjs').Server} Server
 * @typedef {import('./loader.mjs').FillSpec} FillSpec
 * @typedef {import('../rows.mjs').Row} Row
 */

export const keyBytes = 16;
/** As many commands in flight as redis-benchmark -c 50 -P 16 has. */
const pressure = { connections: 50, pipeline: 16 };
const freeBytesKept = 8e9;

/**
 * The number of keys asked for, or as many as the disk has room for.
 * @param {Context} context
 * @param {number} wanted
 * @param {number} full what the row is about
 * @param {number} valueBytes
 * @param {number} copies bytes on disk per byte of data, everything counted
 * @returns {{ spec: FillSpec, notes: string[] }}
 */
export function fillSpec(context, wanted, full, valueBytes, copies) {
  const room = Math.max(0, freeBytes(context.workDir) - freeBytesKept);
  const fits = Math.floor(room / ((keyBytes + valueBytes + 40) * copies) / 1000) * 1000;
  const keys = Math.min(wanted, fits);
  if (keys < 1000) throw new Error(`too little free space in ${context.workDir}`);
  const notes = [];
  if (keys < full) {
    const why = keys < wanted ? `the disk has no room for ${digits(full)}` : 'as asked for';
    notes.push(`${digits(keys)} keys, ${why}`);
  }
  return { spec: { keys, valueBytes, ...pressure }, notes };
}

/**
 * Inserts all keys and counts what reached the device since the server started.
 * @param {Context} context
 * @param {string} experiment
 * @param {Server} server
 * @param {FillSpec} spec
 */
export async function fillAndCount(context, experiment, server, spec) {
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
      experiment,
      who: `insert ${digits(spec.keys)} keys (${spec.connections} connections, pipeline ${spec.pipeline})`,
      figures: { 'requests/s': spread([rate]) },
    },
  };
}

/**
 * Resident memory once it has stopped changing.
 * @param {Server} server
 */
export async function settledMemory(server) {
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
 * @param {Context} context
 * @param {Server} server
 */
export async function describe(context, server) {
  const config = await server.settings();
  return { [context.options.self]: { arguments: server.arguments, config } };
}

/**
 * @param {Row[]} rows
 * @param {string} prefix
 */
export function has(rows, prefix) {
  return rows.some((row) => row.id.startsWith(prefix));
}

/** @param {{ rss: number }} sample */
export function mega(sample) {
  return `${digits(sample.rss / 1e6)} MB`;
}
