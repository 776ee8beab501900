/** io-uring-sqpoll: a kernel thread takes the requests, so a read from disk costs the reactor no system call of io_uring. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { afterEach, beforeAll, expect, type TestContext, test } from 'vitest';
import { Random } from '../support/random.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply } from '../support/resp.js';
import { describeCairn, eventually, type Flags, startServer, type TestServer } from '../support/server.js';

const keys = 50_000;
const reads = 20_000;
const connections = 16;
/** After so long without a request the kernel's thread sleeps, and a system call wakes it: kSqThreadIdleMs. */
const idleMs = 20;

const keyOf = (i: number): string => `key:${i}`;
const valueOf = (i: number): string => `<${i}>`.repeat(200).slice(0, 1024);

/** Next to nothing stays in memory: neither in the cache nor in the ring of what was written last. */
const flags: Flags = {
  'segment-size': '16mb',
  lanes: 1,
  'io-threads': 1,
  'cache-size': '1mb',
  'wal-ring-size': '1mb',
};

async function engine(client: RawClient, name: string): Promise<string> {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec((await client.run('INFO engine')) as string)?.[1] ?? '';
}

async function fill(client: RawClient): Promise<void> {
  const batch = 1000;
  for (let first = 0; first < keys; first += batch) {
    const replies = await client.pipeline(
      Array.from({ length: batch }, (_, i): Arg[] => ['SET', keyOf(first + i), valueOf(first + i)]),
    );
    expect(replies.find((reply) => reply instanceof ErrorReply)).toBeUndefined();
  }
}

/** GETs of random keys, each connection with `depth` at a time. */
async function readAll(server: TestServer, depth: number): Promise<void> {
  const random = new Random(depth);
  const clients = await Promise.all(Array.from({ length: connections }, () => server.connect()));
  const share = reads / connections;
  await Promise.all(
    clients.map(async (client) => {
      for (let done = 0; done < share; done += depth) {
        const picked = Array.from({ length: depth }, () => random.int(0, keys - 1));
        const values = await client.pipeline(picked.map((i): Arg[] => ['GET', keyOf(i)]));
        const wrong = picked.filter((i, at) => values[at] !== valueOf(i));
        expect(wrong).toEqual([]);
      }
    }),
  );
  for (const client of clients) client.close();
}

function reactorOf(server: TestServer): number {
  const tasks = `/proc/${server.pid}/task`;
  const id = fs
    .readdirSync(tasks)
    .find((one) => fs.readFileSync(`${tasks}/${one}/comm`, 'utf8').trim() === 'reactor-0');
  if (id === undefined) throw new Error('no thread reactor-0');
  return Number(id);
}

/** A program that counts the calls of io_uring_enter by one thread, until it is interrupted. */
interface Counter {
  name: string;
  command: (thread: number) => string[];
  attached: (program: ChildProcess, output: string) => boolean;
  count: (output: string) => number | undefined;
}

const event = 'syscalls:sys_enter_io_uring_enter';

function hasPerfEvent(pid: number): boolean {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`).includes('perf_event');
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

/** perf first: it does not slow down what it counts. */
const counters: readonly Counter[] = [
  {
    name: 'perf',
    command: (thread) => ['perf', 'stat', '-x', ',', '-e', event, '-t', String(thread)],
    attached: ({ pid }) => hasPerfEvent(pid ?? 0),
    count: (output) => {
      const found = new RegExp(`^(\\d+),[^,]*,${event}`, 'm').exec(output)?.[1];
      return found === undefined ? undefined : Number(found);
    },
  },
  {
    name: 'strace',
    command: (thread) => ['strace', '-c', '-e', 'trace=io_uring_enter', '-p', String(thread)],
    attached: (_, output) => /attached/.test(output),
    // Nothing is listed if there was none.
    count: (output) => Number(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*io_uring_enter$/m.exec(output)?.[1] ?? 0),
  },
];

function works({ name, command, count }: Counter): boolean {
  if (name === 'perf') {
    const { status, stderr } = spawnSync('perf', ['stat', '-x', ',', '-e', event, 'true']);
    return status === 0 && count(stderr.toString()) !== undefined;
  }
  const [program = ''] = command(0);
  return spawnSync(program, ['-c', 'true']).status === 0;
}

let tracer: ChildProcess | undefined;
afterEach(() => {
  tracer?.kill('SIGKILL');
  tracer = undefined;
});

async function countEnters(counter: Counter, thread: number, work: () => Promise<void>): Promise<number> {
  const [program = '', ...args] = counter.command(thread);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  tracer = child;
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await eventually(`${counter.name} has attached`, () => {
    if (child.exitCode !== null) throw new Error(`${counter.name} ended: ${output}`);
    return counter.attached(child, output);
  });
  await work();
  child.kill('SIGINT');
  await ended;
  tracer = undefined;
  const count = counter.count(output);
  if (count === undefined) throw new Error(`${counter.name} counted nothing: ${output}`);
  return count;
}

describeCairn('io-uring-sqpoll', () => {
  let uring = false;
  let counter: Counter | undefined;

  beforeAll(async () => {
    counter = counters.find(works);
    await using server = await startServer({ cairn: flags });
    using client = await server.connect();
    uring = (await engine(client, 'io_backend')) === 'uring';
  });

  const needsUring = (context: TestContext): void => context.skip(!uring, 'the kernel allows no io_uring here');

  test('yes: serves reads and writes, and what was written is there after kill -9', async (context) => {
    needsUring(context);
    await using server = await startServer({ cairn: { ...flags, 'io-uring-sqpoll': 'yes' } });
    {
      using client = await server.connect();
      expect(await engine(client, 'io_sqpoll')).toBe('1');
      await fill(client);
      await readAll(server, 1);
      await readAll(server, 25);
      expect(Number(await engine(client, 'reads_from_disk'))).toBeGreaterThan(reads);
      expect(await engine(client, 'corrupt_reads')).toBe('0');
    }
    await server.restart('kill');
    using client = await server.connect();
    expect(await engine(client, 'io_sqpoll')).toBe('1');
    expect(await client.run('DBSIZE')).toBe(keys);
    await readAll(server, 25);
  });

  // One at a time, a read has a system call to itself; many at a time share one.
  test.for([
    { depth: 1, without: 0.1, withIt: 0.05 },
    { depth: 25, without: 0.01, withIt: 0.005 },
  ])('system calls per GET from disk, $depth at a time', async ({ depth, without, withIt }, context) => {
    needsUring(context);
    const found = counter;
    if (found === undefined) return context.skip('neither perf nor strace can count system calls here');
    const count = async (sqpoll: 'no' | 'yes'): Promise<{ enters: number; fromDisk: number; elapsedMs: number }> => {
      await using server = await startServer({ cairn: { ...flags, 'io-uring-sqpoll': sqpoll } });
      using client = await server.connect();
      expect(await engine(client, 'io_sqpoll')).toBe(sqpoll === 'yes' ? '1' : '0');
      await fill(client);
      const before = Number(await engine(client, 'reads_from_disk'));
      const started = performance.now();
      const enters = await countEnters(found, reactorOf(server), () => readAll(server, depth));
      const elapsedMs = performance.now() - started;
      const fromDisk = Number(await engine(client, 'reads_from_disk')) - before;
      expect(fromDisk).toBeGreaterThan(0.8 * reads);
      return { enters, fromDisk, elapsedMs };
    };
    // That the count is right at all: without the polling thread there are many.
    const no = await count('no');
    expect(no.enters).toBeGreaterThan(without * no.fromDisk);
    // On a slow machine clients leave pauses in which the thread falls asleep.
    const yes = await count('yes');
    expect(yes.enters).toBeLessThan(Math.max(withIt * yes.fromDisk, yes.elapsedMs / idleMs));
  });
});
