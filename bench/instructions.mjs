#!/usr/bin/env node
// `npm run bench:instructions`: what a request costs in instructions of the reactor, counted by callgrind. Unlike times and
// rates they come out nearly the same on a busy machine, so that a change of a few percent can be told. The kernel's part
// (system calls, loopback, disk), more than half of a request's time at depth 1, is not in them.
// valgrind is a Debian package of that name; nothing else here needs it.

import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { cleanUp, exited, installSignalHandlers, spawnTracked, trackedDirectory } from './lib/cleanup.mjs';
import { eachLine, freePort } from './lib/servers.mjs';
import { runTool } from './lib/tool.mjs';

const entryPoint = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const keys = 10_000;
const valueBytes = 3;
const startSecondsMax = 300;
const loadSecondsMax = 300;
const loads = [
  { test: 'set', clients: 1, pipeline: 1, requests: 3000 },
  { test: 'set', clients: 50, pipeline: 1, requests: 20_000 },
  { test: 'set', clients: 50, pipeline: 16, requests: 100_000 },
  { test: 'get', clients: 50, pipeline: 1, requests: 20_000 },
  { test: 'get', clients: 50, pipeline: 16, requests: 100_000 },
];

/** @param {number} port @param {typeof loads[number]} load */
function run(port, { test, clients, pipeline, requests }) {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-t', test, '-q', '-r', String(keys), '-d', String(valueBytes)];
  args.push('-c', String(clients), '-P', String(pipeline), '-n', String(requests));
  return runTool('redis-benchmark', args, loadSecondsMax);
}

/**
 * Instructions of the reactor in the dump with this name: it is the busiest thread but for Node's own, the first.
 * @param {string} dir
 * @param {string} name
 */
function reactorInstructions(dir, name) {
  let most = 0;
  for (const file of readdirSync(dir).filter((one) => /^callgrind\.out\.\d+-\d+$/.test(one) && !one.endsWith('-01'))) {
    const text = readFileSync(join(dir, file), 'latin1');
    if (!text.includes(`desc: Trigger: dump ${name}\n`)) continue;
    most = Math.max(most, Number(/^totals: (\d+)/m.exec(text)?.[1] ?? 0));
  }
  if (most === 0) throw new Error(`callgrind left no counts for ${name}`);
  return most;
}

async function main() {
  const { values } = parseArgs({ options: { 'work-dir': { type: 'string' } } });
  const dir = trackedDirectory(resolve(values['work-dir'] ?? join(tmpdir(), `cairn-instructions-${process.pid}`)));
  const data = trackedDirectory(join(dir, 'data'));
  const port = await freePort();
  const server = ['serve', '--port', String(port), '--bind', '127.0.0.1', '--dir', data, '--metrics-port', '0'];
  const counting = ['--tool=callgrind', '--instr-atstart=no', '--separate-threads=yes', '--smc-check=all-non-file'];
  counting.push(`--callgrind-out-file=${join(dir, 'callgrind.out')}`);
  const child = spawnTracked('valgrind', [...counting, process.execPath, entryPoint, ...server, '--io-threads', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  /** @type {string[]} */
  const output = [];
  await new Promise((ready, fail) => {
    const timer = setTimeout(() => fail(new Error('the server was not ready in time')), startSecondsMax * 1000);
    child.once('error', (error) => fail(new Error(`valgrind: ${error.message}`)));
    child.once('exit', () => fail(new Error(`the server ended\n${output.slice(-15).join('\n')}`)));
    const onLine = (/** @type {string} */ line) => {
      output.push(line);
      if (!/ready to accept connections/.test(line)) return;
      clearTimeout(timer);
      ready(undefined);
    };
    eachLine(child.stdout, onLine);
    eachLine(child.stderr, onLine);
  });
  child.removeAllListeners('exit');
  const pid = String(child.pid);
  await run(port, { test: 'set', clients: 50, pipeline: 16, requests: 20_000 });
  console.log('load                     instructions per request (user space, the reactor alone)');
  for (const load of loads) {
    const name = `${load.test}-${load.clients}-${load.pipeline}`;
    await runTool('callgrind_control', ['--zero', pid], 60);
    await runTool('callgrind_control', ['--instr=on', pid], 60);
    await run(port, load);
    await runTool('callgrind_control', ['--instr=off', pid], 60);
    await runTool('callgrind_control', [`--dump=${name}`, pid], 60);
    const each = reactorInstructions(dir, name) / load.requests;
    const label = `${load.test.toUpperCase()}, -c ${load.clients} -P ${load.pipeline}`;
    console.log(`${label.padEnd(24)} ${Math.round(each).toLocaleString('en')}`);
  }
  child.kill('SIGTERM');
  await exited(child);
}

installSignalHandlers();
try {
  await main();
} finally {
  await cleanUp();
}
