// Starts and stops the servers under test. Every server gets a directory of its own on the disk under test and listens on
// loopback only.

import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

import { redisServer } from '../../scripts/lib.mjs';
import { exited, sleep, spawnTracked } from './cleanup.mjs';
import { RespClient } from './resp-client.mjs';

const entryPoint = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const readyText = /ready to accept connections/i;
const outputLinesMax = 200;

/**
 * @typedef {'cairn' | 'redis'} ServerKind
 * @typedef {'always' | 'everysec' | 'no'} Fsync
 * @typedef {object} StartOptions
 * @property {string} dir
 * @property {number} port 0: any free one
 * @property {Fsync} fsync
 * @property {string[]} extra further command-line arguments
 * @property {number} [readySeconds] how long to wait for the ready line
 * @property {boolean} [aofRewrite] Redis: rewrite the log when it has doubled, as by default
 */

/** A port nobody listens on at the moment. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      probe.close(() => resolve(address.port));
    });
  });
}

/**
 * @param {ServerKind} kind
 * @param {StartOptions & { port: number }} options
 * @returns {{ command: string, args: string[] }}
 */
function commandLine(kind, options) {
  const shared = ['--port', String(options.port), '--bind', '127.0.0.1', '--dir', options.dir];
  shared.push('--appendfsync', options.fsync);
  if (kind === 'cairn') {
    const args = [entryPoint, 'serve', ...shared, '--metrics-port', '0', ...options.extra];
    return { command: process.execPath, args };
  }
  // No snapshots, and unless asked for no log rewrites in the middle of a round: this is Redis at its fastest with a log.
  shared.push('--appendonly', 'yes', '--save', '');
  if (options.aofRewrite !== true) shared.push('--auto-aof-rewrite-percentage', '0');
  return { command: redisServer(), args: [...shared, ...options.extra] };
}

export class Server {
  /**
   * @param {ServerKind} kind
   * @param {import('node:child_process').ChildProcess} child
   * @param {StartOptions & { port: number }} options
   * @param {string[]} arguments_
   */
  constructor(kind, child, options, arguments_) {
    this.kind = kind;
    this.child = child;
    this.port = options.port;
    this.dir = options.dir;
    this.arguments = arguments_;
    /** The last lines it printed. @type {string[]} */
    this.output = [];
    /** From spawn to the ready line. */
    this.readySeconds = 0;
    /** When it was spawned, as performance.now(). */
    this.spawnedAt = 0;
    /** Options it was to get but does not have. @type {string[]} */
    this.missing = [];
  }

  get pid() {
    if (this.child.pid === undefined) throw new Error(`${this.kind} did not start`);
    return this.child.pid;
  }

  /** @param {...string} words */
  async command(...words) {
    const client = await RespClient.open(this.port);
    try {
      return await client.command(...words);
    } finally {
      client.close();
    }
  }

  /** The options that shape the figures, as the server itself reports them. */
  async settings() {
    const names = `appendfsync appendonly io-threads lanes cache-size cache-policy segment-size segment-recycle-max
      io-backend io-uring-sqpoll commit-delay-us commit-batch-bytes wal-ring-size gc-mode gc-iops gc-max-parallel
      gc-space-amplification min-free-bytes auto-aof-rewrite-percentage auto-aof-rewrite-min-size`;
    /** @type {Record<string, string>} */
    const found = {};
    for (const name of names.split(/\s+/)) {
      const reply = await this.command('CONFIG', 'GET', name);
      if (Array.isArray(reply) && reply.length === 2) found[name] = String(reply[1]);
    }
    return found;
  }

  /** An orderly stop; a server that does not end in time is killed. */
  async stop() {
    this.child.kill('SIGTERM');
    await Promise.race([exited(this.child), sleep(120_000, true)]);
    await this.kill();
  }

  async kill() {
    this.child.kill('SIGKILL');
    await exited(this.child);
  }
}

/**
 * @param {ServerKind} kind
 * @param {StartOptions} options
 * @returns {Promise<Server>} resolved when it accepts connections
 */
export async function startServer(kind, options) {
  const port = options.port === 0 ? await freePort() : options.port;
  const { command, args } = commandLine(kind, { ...options, port });
  const begin = performance.now();
  // In its own directory, so that a stray relative path ends up there.
  const child = spawnTracked(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.dir,
  });
  const server = new Server(kind, child, { ...options, port }, args.slice(kind === 'cairn' ? 1 : 0));
  server.spawnedAt = begin;
  await new Promise((resolve, reject) => {
    const limit = options.readySeconds ?? 120;
    const timer = setTimeout(() => fail(`not ready after ${limit} s`), limit * 1000);
    /** @param {string} why */
    const fail = (why) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${kind}: ${why}\n${server.output.slice(-15).join('\n')}`));
    };
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`ended before it was ready (${code ?? signal})`));
    /** @param {string} line */
    const onLine = (line) => {
      server.output.push(line);
      if (server.output.length > outputLinesMax) server.output.shift();
      if (server.readySeconds === 0 && readyText.test(line)) {
        server.readySeconds = (performance.now() - begin) / 1000;
        clearTimeout(timer);
        resolve(undefined);
      }
    };
    eachLine(child.stdout, onLine);
    eachLine(child.stderr, onLine);
  });
  return server;
}

/**
 * @param {import('node:stream').Readable | null} stream
 * @param {(line: string) => void} onLine
 */
export function eachLine(stream, onLine) {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
}
