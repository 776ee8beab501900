// What the disk itself can do, measured with fio beside the server.

import { runTool } from './tool.mjs';

/**
 * Writes a file full of random bytes, so that later writes overwrite blocks that hold data.
 * @param {string} file
 * @param {number} bytes
 */
export async function prepareFile(file, bytes) {
  const size = Math.ceil(bytes / (1 << 20)) * (1 << 20);
  const args = ['--name=prepare', `--filename=${file}`, `--size=${size}`, '--rw=write', '--bs=1m'];
  args.push('--direct=1', '--ioengine=psync', '--end_fsync=1', '--refill_buffers=1');
  await runTool('fio', args, 60 + size / 20e6);
}

/**
 * 4 KiB data-synced O_DIRECT overwrites, one at a time.
 * @param {string} file prepared
 * @param {number} seconds
 */
export async function syncedOverwrites(file, seconds) {
  const args = ['--rw=write', '--ioengine=psync', '--iodepth=1', '--sync=dsync'];
  return measure(file, seconds, 'write', args);
}

/**
 * 4 KiB random O_DIRECT reads, many in flight.
 * @param {string} file prepared
 * @param {number} seconds
 * @param {number} depth
 * @param {string} engine
 */
export async function randomReads(file, seconds, depth, engine) {
  const args = ['--rw=randread', `--ioengine=${engine}`, `--iodepth=${depth}`];
  args.push('--norandommap', '--randrepeat=0');
  return measure(file, seconds, 'read', args);
}

/**
 * @param {string} file
 * @param {number} seconds
 * @param {'read' | 'write'} side
 * @param {string[]} args
 */
async function measure(file, seconds, side, args) {
  const common = ['--name=measure', `--filename=${file}`, '--bs=4k', '--direct=1', '--time_based'];
  common.push(`--runtime=${Math.max(1, Math.round(seconds))}`, '--output-format=json');
  const output = await runTool('fio', [...common, ...args], 60 + seconds * 3);
  /** @type {unknown} */
  const report = JSON.parse(output.slice(output.indexOf('{')));
  const job = pick(pick(pick(report, 'jobs'), '0'), side);
  const percentiles = pick(pick(job, 'clat_ns'), 'percentile');
  return {
    perSecond: number(pick(job, 'iops')),
    p50Micros: number(pick(percentiles, '50.000000')) / 1000,
    p99Micros: number(pick(percentiles, '99.000000')) / 1000,
  };
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {unknown}
 */
function pick(value, name) {
  if (typeof value !== 'object' || value === null || !(name in value)) {
    throw new Error(`fio printed no ${name}`);
  }
  return /** @type {Record<string, unknown>} */ (value)[name];
}

/** @param {unknown} value */
function number(value) {
  if (typeof value !== 'number') throw new Error('fio printed something that is not a number');
  return value;
}
