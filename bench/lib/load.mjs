// One redis-benchmark load against one server, with the server's CPU time around it.

import { cpuNanosBetween, cpuSample, storageBytes } from './proc.mjs';
import { runTool } from './tool.mjs';

/**
 * @typedef {object} LoadSpec
 * @property {'set' | 'get'} test
 * @property {number} clients
 * @property {number} pipeline
 * @property {number} keys size of the random key space
 * @property {number} valueBytes
 *
 * @typedef {object} LoadResult
 * @property {number} requests
 * @property {number} seconds
 * @property {number} perSecond
 * @property {number} cpuMicros of the server per request
 * @property {number} readBytes from storage by the server per request
 * @property {number} p50Micros
 * @property {number} p99Micros
 * @property {number} maxMicros
 */

/**
 * @param {import('./servers.mjs').Server} server
 * @param {LoadSpec} spec
 * @param {number} requests
 * @returns {Promise<LoadResult>}
 */
export async function runLoad(server, spec, requests) {
  const args = ['-h', '127.0.0.1', '-p', String(server.port), '-t', spec.test, '--csv'];
  args.push('-c', String(spec.clients), '-P', String(spec.pipeline), '-n', String(requests));
  args.push('-r', String(spec.keys), '-d', String(spec.valueBytes), '--precision', '3');
  const cpuBefore = cpuSample(server.pid);
  const readBefore = storageBytes(server.pid).read;
  const output = await runTool('redis-benchmark', args, 180);
  const cpuNanos = cpuNanosBetween(cpuBefore, cpuSample(server.pid));
  const readBytes = storageBytes(server.pid).read - readBefore;
  const figures = parseCsv(output);
  const perSecond = figure(figures, 'rps');
  return {
    requests,
    seconds: requests / perSecond,
    perSecond,
    cpuMicros: cpuNanos / 1000 / requests,
    readBytes: readBytes / requests,
    p50Micros: figure(figures, 'p50_latency_ms') * 1000,
    p99Micros: figure(figures, 'p99_latency_ms') * 1000,
    maxMicros: figure(figures, 'max_latency_ms') * 1000,
  };
}

/**
 * Finds, while warming up, the number of requests that keeps this server busy for `seconds`.
 * @param {import('./servers.mjs').Server} server
 * @param {LoadSpec} spec
 * @param {number} seconds
 */
export async function requestsFor(server, spec, seconds) {
  const step = spec.clients * spec.pipeline;
  let requests = Math.max(1000, step * 20);
  for (const target of [seconds / 8, seconds]) {
    const { perSecond } = await runLoad(server, spec, requests);
    requests = Math.max(step, Math.ceil((perSecond * target) / step) * step);
  }
  return requests;
}

/**
 * @param {string} output a header line and one line of figures
 * @returns {Map<string, string>}
 */
export function parseCsv(output) {
  const lines = output.split('\n').filter((line) => line.startsWith('"'));
  if (lines.length !== 2) throw new Error(`redis-benchmark printed no figures:\n${output}`);
  const [names, values] = lines.map((line) => line.split(',').map((word) => word.slice(1, -1)));
  return new Map((names ?? []).map((name, i) => [name, values?.[i] ?? '']));
}

/**
 * @param {Map<string, string>} figures
 * @param {string} name
 */
function figure(figures, name) {
  const value = Number(figures.get(name));
  if (!Number.isFinite(value)) throw new Error(`redis-benchmark printed no ${name}`);
  return value;
}
