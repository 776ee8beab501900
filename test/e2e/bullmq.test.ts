/** BullMQ, as its users use it: queues, delays, priorities, schedules, flows, limits, workers and servers that die. */
import { FlowProducer, type Job, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { afterEach, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { eventually, sleep, smallSegments, startServer, type TestServer, useServer } from '../support/server.js';

const server = useServer({ cairn: smallSegments });

const count = 200;
const openOnes: { close(): Promise<unknown> }[] = [];

interface Opened {
  close(): Promise<unknown>;
  on(event: 'error', tell: () => void): unknown;
  setMaxListeners(most: number): unknown;
}

function opened<T extends Opened>(one: T): T {
  one.on('error', () => undefined); // of a server that goes away
  one.setMaxListeners(2 * count); // one for each job that is waited for
  openOnes.push(one);
  return one;
}

afterEach(async () => {
  for (const one of openOnes.splice(0).reverse()) await one.close();
});

function connection(to: TestServer): { host: string; port: number; maxRetriesPerRequest: null } {
  return { host: '127.0.0.1', port: to.port, maxRetriesPerRequest: null };
}

interface Parts {
  queue: Queue;
  worker: (work: (job: Job) => Promise<unknown>, options?: object) => Worker;
  events: () => Promise<QueueEvents>;
}

function queueOn(to: TestServer, name: string): Parts {
  const options = { connection: connection(to) };
  return {
    queue: opened(new Queue(name, options)),
    worker: (work, more = {}) => opened(new Worker(name, work, { ...options, ...more })),
    events: async () => {
      const events = opened(new QueueEvents(name, options));
      await events.waitUntilReady();
      return events;
    },
  };
}

test('jobs run once each, by several workers, and their results come back', async () => {
  const { queue, worker, events } = queueOn(server.current, 'plain');
  const told = await events();
  const runs = new Map<number, number>();
  const work = (job: Job<{ n: number }>): Promise<number> => {
    runs.set(job.data.n, (runs.get(job.data.n) ?? 0) + 1);
    return Promise.resolve(job.data.n * 2);
  };
  for (let i = 0; i < 3; i++) worker(work, { concurrency: 10 });
  const jobs = await queue.addBulk(Array.from({ length: count }, (_, n) => ({ name: 'double', data: { n } })));
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(told, 20_000 * patience)));
  expect(results).toEqual(jobs.map((_, n) => n * 2));
  expect([...runs.values()]).toEqual(Array.from({ length: count }, () => 1));
  expect(await queue.getJobCounts('completed', 'wait', 'active', 'failed')).toEqual({
    completed: count,
    wait: 0,
    active: 0,
    failed: 0,
  });
});

test('delays, priorities, retries with a backoff, and jobs that must not be retried', async () => {
  const { queue, worker } = queueOn(server.current, 'orders');
  await queue.pause();
  const order: string[] = [];
  const tries = new Map<string, number>();
  await queue.add('late', {}, { delay: 600 });
  for (const [name, priority] of [
    ['third', 30],
    ['first', 10],
    ['second', 20],
  ] as const) {
    await queue.add(name, {}, { priority });
  }
  await queue.add('flaky', {}, { priority: 40, attempts: 4, backoff: { type: 'fixed', delay: 50 } });
  const hopeless = await queue.add('hopeless', {}, { priority: 50, attempts: 5 });
  worker(async (job) => {
    tries.set(job.name, (tries.get(job.name) ?? 0) + 1);
    if (job.name === 'hopeless') throw new UnrecoverableError('no');
    if (job.name === 'flaky' && job.attemptsMade < 2) throw new Error('not yet');
    order.push(job.name);
    return Promise.resolve();
  });
  await queue.resume();
  await eventually('all have run', () => order.length === 5, 10_000);
  expect(order.slice(0, 3)).toEqual(['first', 'second', 'third']);
  expect(order.at(-1)).toBe('late');
  expect(Object.fromEntries(tries)).toEqual({ first: 1, second: 1, third: 1, flaky: 3, hopeless: 1, late: 1 });
  expect(await hopeless.getState()).toBe('failed');
});

test('a schedule repeats its job, and ends', async () => {
  const { queue, worker } = queueOn(server.current, 'schedule');
  let runs = 0;
  worker(() => Promise.resolve(++runs));
  await queue.upsertJobScheduler('tick', { every: 100 }, { name: 'tick' });
  await eventually('it has run', () => runs >= 4, 10_000);
  expect(await queue.removeJobScheduler('tick')).toBe(true);
  await sleep(250);
  const then = runs;
  await sleep(400);
  expect(runs).toBe(then);
});

test('flows: a parent runs when all of its children have', async () => {
  const { worker, events } = queueOn(server.current, 'flow');
  const told = await events();
  const flows = opened(new FlowProducer({ connection: connection(server.current) }));
  const done: string[] = [];
  worker(
    async (job) => {
      const children = Object.values(await job.getChildrenValues<number>());
      done.push(job.name);
      return children.reduce((sum, n) => sum + n, (job.data as { n: number }).n);
    },
    { concurrency: 5 },
  );
  const leaf = (n: number): { name: string; queueName: string; data: { n: number } } => ({
    name: `leaf ${n}`,
    queueName: 'flow',
    data: { n },
  });
  const branch = (n: number): object => ({ ...leaf(0), name: `branch ${n}`, children: [leaf(n), leaf(n + 1)] });
  const { job } = await flows.add({ ...leaf(1000), name: 'root', children: [branch(1), branch(10)] as never });
  expect(await job.waitUntilFinished(told, 20_000 * patience)).toBe(1000 + 1 + 2 + 10 + 11);
  expect(done.at(-1)).toBe('root');
  expect(done).toHaveLength(7);
});

test('a rate limit holds', async () => {
  const { queue, worker } = queueOn(server.current, 'limited');
  const times: number[] = [];
  worker(() => Promise.resolve(times.push(Date.now())), { limiter: { max: 5, duration: 300 } });
  await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'one', data: { n } })));
  await eventually('all have run', () => times.length === 20, 20_000);
  times.forEach((time, i) => {
    // Of six in a row, one is in the next interval; a timer may be early by a millisecond or two.
    if (i >= 5) expect(time - (times[i - 5] ?? 0)).toBeGreaterThan(250);
  });
});

test('a job whose worker has died is taken by another one', async () => {
  const { queue, worker } = queueOn(server.current, 'stalled');
  const terms = { lockDuration: 500, stalledInterval: 300, skipLockRenewal: true };
  let begun = 0;
  // It never ends, and does not renew its lock.
  const dead = worker(() => new Promise(() => begun++), terms);
  await queue.add('work', {});
  await eventually('it has begun', () => begun === 1);
  await dead.pause(true);
  const finished: string[] = [];
  worker((job) => Promise.resolve(finished.push(String(job.id))), { ...terms, skipLockRenewal: false });
  await eventually('another one has done it', () => finished.length === 1, 20_000);
  openOnes.splice(openOnes.indexOf(dead), 1);
  await dead.close(true);
});

test(
  'nothing is lost when the server is killed under load',
  async () => {
    await using own = await startServer({ cairn: smallSegments });
    const { queue, worker } = queueOn(own, 'killed');
    const runs = new Map<string, number>();
    const added: string[] = [];
    const terms = { concurrency: 8, lockDuration: 2000, stalledInterval: 1000, maxStalledCount: 10 };
    for (let i = 0; i < 2; i++) {
      worker(async (job) => {
        await sleep(2);
        runs.set(String(job.id), (runs.get(String(job.id)) ?? 0) + 1);
      }, terms);
    }
    let stopped = false;
    const adding = (async () => {
      for (let n = 0; !stopped; n++) {
        // Acknowledged, or unknown: a job that the server may or may not have is not counted.
        const job = await queue.add('work', { n }).catch(() => undefined);
        if (job?.id !== undefined) added.push(job.id);
      }
    })();
    await eventually('some are done', () => runs.size > 100, 20_000);
    await own.restart('kill');
    await eventually('more are done', () => runs.size > 300, 30_000);
    stopped = true;
    await adding;
    await eventually('all are done', () => added.every((id) => runs.has(id)), 30_000);
    expect(await queue.getJobCountByTypes('failed')).toBe(0);
    for (const one of openOnes.splice(0).reverse()) await one.close();
  },
  120_000 * patience,
);
