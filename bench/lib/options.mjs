// The command line of the benchmark.

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { chosenParameters, parameterHelp } from './parameters.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export const help = `Usage: npm run bench -- [options]

Measures this server beside redis-server and fio and writes a report (Markdown, JSON, SVG).

  --only NAME,...      only these rows or experiments (a name may be a beginning, as in "get-")
  --list               print the rows and their bars, measure nothing
  --rounds N           rounds per load, interleaved (default 5)
  --seconds N          length of a round (default 4)
  --quick              short rounds and few keys: a smoke test, not a measurement
  --keys N             at most this many keys in the bulk experiments (default 10 million)
  --port P             P for this server, P + 1 for Redis (default: any free ones)
  --work-dir DIR       where data directories are made and removed (default build/bench-work)
  --out DIR            where reports go (default bench/results; with --quick or --self build/bench-out)
  --merge FILE         a report (JSON) whose rows are kept where this run measures none
  --update-docs        put the table into docs/benchmarks.md and README.md
  --splice FILE        only do that, from a finished report (JSON)
  --self cairn|redis   what to measure; redis checks the benchmark itself: ratios near 1
  --cache-min BYTES    smallest cache-size this server takes (default 1 MiB)
  --fio-engine NAME    engine for fio's random reads (default io_uring)
  --cairn-arg ARG      passed on to this server; may be repeated: --cairn-arg=--io-threads=1
  --redis-arg ARG      passed on to Redis; may be repeated
  --param NAME=VALUE   a size or time of one experiment, see below; may be repeated

${parameterHelp()}`;

/** @param {string[]} argv */
export function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      keys: { type: 'string' },
      port: { type: 'string', default: '0' },
      'work-dir': { type: 'string' },
      out: { type: 'string' },
      merge: { type: 'string' },
      'update-docs': { type: 'boolean', default: false },
      splice: { type: 'string' },
      self: { type: 'string', default: 'cairn' },
      'cache-min': { type: 'string', default: '1048576' },
      'fio-engine': { type: 'string', default: 'io_uring' },
      'cairn-arg': { type: 'string', multiple: true, default: [] },
      'redis-arg': { type: 'string', multiple: true, default: [] },
      param: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const quick = values.quick;
  const self = values.self;
  if (self !== 'cairn' && self !== 'redis') throw new Error('--self takes cairn or redis');
  const trial = quick || self === 'redis';
  return {
    only: values.only.split(',').filter((name) => name !== ''),
    list: values.list,
    help: values.help,
    rounds: count('rounds', values.rounds ?? (quick ? '3' : '5'), 1),
    seconds: amount('seconds', values.seconds ?? (quick ? '0.5' : '4')),
    quick,
    keys: count('keys', values.keys ?? (quick ? '200000' : '10000000'), 1000),
    port: count('port', values.port, 0),
    workDir: resolve(values['work-dir'] ?? join(repository, 'build', 'bench-work')),
    out: resolve(values.out ?? join(repository, trial ? 'build/bench-out' : 'bench/results')),
    merge: values.merge,
    updateDocs: values['update-docs'],
    splice: values.splice,
    self: /** @type {import('./servers.mjs').ServerKind} */ (self),
    cacheMin: count('cache-min', values['cache-min'], 0),
    fioEngine: values['fio-engine'],
    cairnArgs: values['cairn-arg'],
    redisArgs: values['redis-arg'],
    parameters: chosenParameters(values.param, quick),
  };
}

/** @typedef {ReturnType<typeof parseOptions>} Options */

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 */
function count(name, text, least) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`--${name} takes a number of at least ${least}, not ${JSON.stringify(text)}`);
  }
  return value;
}

/**
 * @param {string} name
 * @param {string} text
 */
function amount(name, text) {
  const value = Number(text);
  if (!(value > 0 && value <= 600)) throw new Error(`--${name} takes seconds, not "${text}"`);
  return value;
}
