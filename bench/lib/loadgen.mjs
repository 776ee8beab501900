// The load generator (native/loadgen.cc): builds it, runs it against a server, reads what it prints.

import { execFileSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

import { exited, spawnTracked } from './cleanup.mjs';
import { keyOf } from './loader.mjs';
import { eachLine } from './servers.mjs';

const benchDirectory = fileURLToPath(new URL('..', import.meta.url));
const program = fileURLToPath(new URL('../../build/bench/loadgen', import.meta.url));
let built = false;

/**
 * @typedef {{ n: number, p50_us: number, p99_us: number, p999_us: number, max_us: number }} Latencies
 *
 * @typedef {'set' | 'get' | 'insert' | 'del' | 'scan'} Operation
 *
 * @typedef {object} LoadFigures
 * @property {number} epoch_ms
 * @property {number} misses
 * @property {number} gap_max_us longest time without any reply while one was due
 * @property {number} lag_max_us longest delay of the generator itself in sending a due request
 * @property {Latencies} all
 * @property {Latencies} [set]
 * @property {Latencies} [get]
 * @property {Latencies} [insert]
 * @property {Latencies} [del]
 * @property {Latencies} [scan]
 *
 * @typedef {LoadFigures & { second: number }} LoadSecond
 *
 * @typedef {LoadFigures & {
 *   requests: number, seconds: number, per_second: number, cpu_seconds: number, first: number, last: number,
 *   lag_p99_us: number,
 * }} LoadTotal
 *
 * @typedef {object} LoadPlan the options of `loadgen --help`
 * @property {Partial<Record<Operation, number>>} mix weights
 * @property {number} [connections]
 * @property {number} [depth]
 * @property {number} [rate] 0: closed loop
 * @property {number} [seconds]
 * @property {number} [requests]
 * @property {number} [first]
 * @property {number} [last]
 * @property {string} [prefix]
 * @property {number} [valueBytes]
 * @property {'uniform' | 'zipf' | 'mixgraph'} [dist]
 * @property {number} [shuffle]
 * @property {number} [theta]
 * @property {number} [keepEvery]
 * @property {number} [expireFrom]
 * @property {number} [expireOver]
 * @property {number} [seed]
 */

/** As many commands in flight as redis-benchmark -c 50 -P 16 has. */
export const pressure = { connections: 50, depth: 16 };

function build() {
  if (!built) execFileSync('make', ['--silent', '--no-print-directory', '-C', benchDirectory], { stdio: 'inherit' });
  built = true;
}

/**
 * @param {number} port
 * @param {LoadPlan} plan
 * @param {(second: LoadSecond) => void} [onSecond]
 */
export function startLoad(port, plan, onSecond) {
  build();
  const args = ['--port', String(port)];
  for (const [name, value] of Object.entries(plan)) {
    const text = typeof value === 'object' ? Object.entries(value).map(([op, weight]) => `${op}=${weight}`) : value;
    args.push(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, String(text));
  }
  const child = spawnTracked(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {LoadSecond[]} */
  const seconds = [];
  /** @type {LoadTotal | undefined} */
  let total;
  let errors = '';
  eachLine(child.stdout, (line) => {
    const figures = JSON.parse(line);
    if (figures.done === true) total = figures;
    else {
      seconds.push(figures);
      onSecond?.(figures);
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
  /** @type {Promise<{ seconds: LoadSecond[], total: LoadTotal }>} */
  const done = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0 && total !== undefined) resolve({ seconds, total });
      else reject(new Error(`the load generator ended with ${code ?? signal}: ${errors.trim()}`));
    });
  });
  return {
    done,
    /** For a load whose server is about to be killed. */
    abandon: async () => {
      done.catch(() => undefined);
      child.kill('SIGKILL');
      await exited(child);
    },
  };
}

/**
 * @param {number} port
 * @param {LoadPlan} plan
 * @param {(second: LoadSecond) => void} [onSecond]
 */
export function runPlan(port, plan, onSecond) {
  return startLoad(port, plan, onSecond).done;
}

/**
 * SETs of keys 0 .. keys - 1, each once.
 * @param {number} port
 * @param {{ keys: number } & Pick<
 *   LoadPlan, 'valueBytes' | 'prefix' | 'expireFrom' | 'expireOver' | 'shuffle' | 'dist'
 * >} spec
 */
export async function fillKeys(port, spec) {
  const { keys, ...rest } = spec;
  const { total } = await runPlan(port, { ...pressure, ...rest, mix: { insert: 1 }, requests: keys });
  return total;
}

/**
 * What the server sustains with this mix in a closed loop.
 * @param {number} port
 * @param {LoadPlan} plan
 * @param {number} seconds
 */
export async function peakRate(port, plan, seconds) {
  const { total } = await runPlan(port, { ...plan, rate: 0, seconds });
  return total.per_second;
}

/**
 * DBSIZE must be exact, and each of a sample of keys must hold a value that was written for it.
 * @param {import('./servers.mjs').Server} server
 * @param {{ keys: number, valueBytes: number }} spec
 * @param {number} samples
 */
export async function checkKeys(server, { keys, valueBytes }, samples) {
  const begin = performance.now();
  for (let i = 0; i < samples; i++) {
    const key = keyOf(Math.floor((i * (keys - 1)) / Math.max(1, samples - 1)));
    const reply = await server.command('GET', key);
    if (typeof reply !== 'string' || reply.length !== valueBytes || !reply.startsWith(key)) {
      throw new Error(`${key} does not hold what was written`);
    }
  }
  const count = await server.command('DBSIZE');
  if (count !== keys) throw new Error(`DBSIZE says ${String(count)}, not ${keys}`);
  return (performance.now() - begin) / 1000;
}
