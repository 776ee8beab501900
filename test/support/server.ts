/**
 * Starts the server under test, and always stops it.
 *
 * CAIRN_TEST_SERVER=redis runs the same tests against a real redis-server with an append-only file synced on every
 * write; without it (or with "cairn") the compiled server in dist/ is started. CAIRN_TEST_ENGINE names the engine of
 * servers for which a test names none.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Address, RawClient } from './raw-client.js';
import { patience } from './patience.js';
import { ErrorReply } from './resp.js';

export type ServerKind = 'cairn' | 'redis';
export type FlagValue = string | number | readonly (string | number)[];
export type Flags = Record<string, FlagValue>;

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const mainJs = path.join(root, 'dist', 'main.js');
const testEngine = process.env['CAIRN_TEST_ENGINE'];
export const target: ServerKind = process.env['CAIRN_TEST_SERVER'] === 'redis' ? 'redis' : 'cairn';

/** Made by the set-up of the tests (scripts/setup.mjs). */
const redisLink = path.join(root, 'build', 'tools', 'redis-server');
const redisServer = fs.existsSync(redisLink) ? redisLink : 'redis-server';

/** 7.2 for redis-server 7.2.x. */
export function redisVersion(): number {
  const text = execFileSync(redisServer, ['--version']).toString();
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) + Number(minor) / 10;
}

/** For servers of ours whose payloads the redis-server of this machine is to restore. */
export const dumpsForRedis: Flags = { 'dump-version': redisVersion() >= 7.2 ? 11 : 10 };

/** True where Redis 7.2's additions exist: always in Cairn, in Redis from 7.2. */
export const has72 = target === 'cairn' || redisVersion() >= 7.2;
/** A test of something that Redis has since 7.2. */
export const needs72 = has72 ? test : test.skip;
/** A test of something that only Cairn has. */
export const cairnOnly = target === 'cairn' ? test : test.skip;
export const describeCairn = target === 'cairn' ? describe : describe.skip;

const readyTimeoutMs = 30_000 * patience;
const stopTimeoutMs = 15_000 * patience;
const logCharsMax = 200_000;
const cairnReady = /ready to accept connections/i;

/** Small log segments keep restart and kill tests quick. */
export const smallSegments: Flags = { 'segment-size': '16mb' };

export interface ServerOptions {
  kind?: ServerKind;
  /** Without it the server gets a new directory, removed at `dispose`. */
  dir?: string;
  /** Given to either server. */
  flags?: Flags;
  /** Given to Cairn only. */
  cairn?: Flags;
  /** Given to redis-server only. */
  redis?: Flags;
  /** Path of a configuration file, given before the flags. */
  configFile?: string;
  /** Listen on a Unix socket too. */
  unixSocket?: boolean;
  /** Wrap the command, for instance in `prlimit`. */
  wrapper?: readonly string[];
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** SIGTERM, kill -9 or SHUTDOWN NOSAVE. */
export type End = 'stop' | 'kill' | 'nosave';

const live = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of live) child.kill('SIGKILL');
});

export function makeTempDir(name = 'cairn-test-'): string {
  return fs.mkdtempSync(path.join(process.env['CAIRN_TEST_TMP'] ?? os.tmpdir(), name));
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A free port below the range from which the kernel takes the ports of outgoing connections. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await portIsFree(port)) return port;
  }
  throw new Error('no free port found');
}

export function flagArgs(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [
    `--${name}`,
    ...(typeof value === 'object' ? value.map(String) : [String(value)]),
  ]);
}

/** Lets the kernel kill the server if this process dies without a chance to do so. */
const reaper: readonly string[] =
  spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0 ? ['setpriv', '--pdeathsig', 'KILL'] : [];

export function serverCommand(kind: ServerKind): string[] {
  if (kind === 'redis') return [redisServer];
  if (!fs.existsSync(mainJs)) throw new Error('dist/main.js is missing: build first');
  return [process.execPath, path.join(root, 'bin', 'cairn'), 'serve'];
}

export class TestServer {
  readonly kind: ServerKind;
  readonly dir: string;
  readonly socketPath: string;
  private readonly ownsDir: boolean;
  private child: ChildProcess | undefined;
  private exit: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  private log = '';
  private clients: RawClient[] = [];
  port = 0;

  constructor(private readonly options: ServerOptions = {}) {
    this.kind = options.kind ?? target;
    this.ownsDir = options.dir === undefined;
    this.dir = options.dir ?? makeTempDir();
    this.socketPath = path.join(this.dir, 'test.sock');
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** What the server has printed since its last start. */
  get logs(): string {
    return this.log;
  }

  get address(): Address {
    return { port: this.port };
  }

  commandLine(extra: Flags = {}): string[] {
    const base: Flags = { port: this.port, dir: this.dir, bind: '127.0.0.1' };
    const own: Flags =
      this.kind === 'redis'
        ? { appendonly: 'yes', appendfsync: 'always', save: '' }
        : { 'metrics-port': 0, ...(testEngine === undefined ? {} : { engine: testEngine }) };
    const mine = this.kind === 'redis' ? this.options.redis : this.options.cairn;
    const socket: Flags = this.options.unixSocket === true ? { unixsocket: this.socketPath } : {};
    const config = this.options.configFile === undefined ? [] : [this.options.configFile];
    const flags = { ...base, ...own, ...socket, ...this.options.flags, ...mine, ...extra };
    return [...serverCommand(this.kind), ...config, ...flagArgs(flags)];
  }

  /** Spawns without waiting for the server to be ready. */
  async launch(extra: Flags = {}): Promise<void> {
    if (this.child !== undefined) throw new Error('the server runs already');
    if (this.port === 0) this.port = await freePort();
    const [program = '', ...args] = [...reaper, ...(this.options.wrapper ?? []), ...this.commandLine(extra)];
    this.log = '';
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString()).slice(-logCharsMax);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    live.add(child);
    this.child = child;
    this.exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        live.delete(child);
        if (this.child === child) this.child = undefined;
        resolve({ code, signal });
      });
    });
    this.exit.catch(() => undefined);
  }

  async start(extra: Flags = {}): Promise<this> {
    await this.launch(extra);
    await this.waitReady();
    return this;
  }

  async waitReady(): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      if (this.child === undefined) throw new Error(`the server did not start:\n${this.log.slice(-4000)}`);
      if (this.kind === 'redis' || cairnReady.test(this.log)) {
        if (await this.answers()) return;
      }
      if (Date.now() > deadline) {
        await this.kill();
        throw new Error(`the server was not ready in ${readyTimeoutMs} ms:\n${this.log.slice(-4000)}`);
      }
      await sleep(10);
    }
  }

  /** Any answer to PING but -LOADING counts: it may well be -NOAUTH. */
  private async answers(): Promise<boolean> {
    try {
      using client = await RawClient.connect(this.port === 0 ? { path: this.socketPath } : this.address);
      const reply = await client.cmd('PING');
      return !(reply instanceof ErrorReply && reply.text.startsWith('LOADING'));
    } catch {
      return this.kind === 'redis' && this.isListening();
    }
  }

  private isListening(): boolean {
    return /Ready to accept connections/.test(this.log);
  }

  /** A connection that is closed by `closeClients` at the latest. */
  async connect(address: Address = this.address): Promise<RawClient> {
    const client = await RawClient.connect(address);
    this.clients.push(client);
    return client;
  }

  closeClients(): void {
    for (const client of this.clients) client.close();
    this.clients = [];
  }

  waitExit(): Promise<Exit> {
    return this.exit;
  }

  get running(): boolean {
    return this.child !== undefined;
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exit.catch(() => undefined);
    this.closeClients();
  }

  /** SIGTERM; fails unless the server then exits with code 0. */
  async stop(): Promise<void> {
    const { child } = this;
    child?.kill('SIGTERM');
    await this.expectEnd('SIGTERM', child);
  }

  /** Stops it without a checkpoint: a start then replays the log. */
  async shutdownNosave(): Promise<void> {
    const { child } = this;
    const client = await this.connect();
    await client.send('SHUTDOWN NOSAVE\r\n');
    await this.expectEnd('SHUTDOWN NOSAVE', child);
  }

  /** Ends in one of the ways there are; but for a kill, in good order. */
  async end(how: End): Promise<void> {
    if (how === 'kill') await this.kill();
    else await (how === 'stop' ? this.stop() : this.shutdownNosave());
  }

  private async expectEnd(cause: string, child: ChildProcess | undefined): Promise<void> {
    if (child === undefined) return;
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    const { code, signal } = await this.exit.finally(() => clearTimeout(timer));
    this.closeClients();
    if (code !== 0) {
      throw new Error(`${cause} ended the server with code ${code}, signal ${signal}:\n${this.log.slice(-4000)}`);
    }
  }

  /** Ends the server and starts it again on the same directory and port. */
  async restart(how: End = 'stop', extra: Flags = {}): Promise<void> {
    await this.end(how);
    await this.start(extra);
  }

  removeDir(): void {
    if (this.ownsDir) fs.rmSync(this.dir, { recursive: true, force: true });
  }

  /** Stops the server and removes its directory, whatever happened before. */
  async dispose(): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.kill();
      this.removeDir();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until `probe` gives something other than undefined or false. The limit is that of an idle machine. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs * patience;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`did not happen in ${timeoutMs * patience} ms: ${what}`);
    await sleep(10);
  }
}

/** A running server's lines come by another way than its replies. */
export async function expectLogged(server: TestServer, text: string | RegExp): Promise<void> {
  await eventually(`the log has ${String(text)}`, () =>
    typeof text === 'string' ? server.logs.includes(text) : text.test(server.logs),
  );
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const server = new TestServer(options);
  try {
    return await server.start();
  } catch (error) {
    await server.kill();
    server.removeDir();
    throw error;
  }
}

/** One server for all tests of the enclosing describe (or file). */
export function useServer(options: ServerOptions = {}): { readonly current: TestServer } {
  let server: TestServer | undefined;
  beforeAll(async () => {
    server = await startServer(options);
  });
  afterAll(async () => {
    await server?.dispose();
  });
  return {
    get current(): TestServer {
      if (server === undefined) throw new Error('the server is not running');
      return server;
    },
  };
}
