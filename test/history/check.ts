/** One round: clients work, the nemesis strikes, everything is read once more after a last restart, checkers judge. */
import path from 'node:path';
import { Random } from '../support/random.js';
import { type TestServer } from '../support/server.js';
import { History, type Verdict } from './events.js';
import { anyFlags, type Fault, Nemesis } from './nemesis.js';
import { Worker } from './worker.js';
import { together, type Workload, type WorkloadName, workloads } from './workloads.js';

export interface RoundOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly workloads: readonly WorkloadName[];
  readonly faults: readonly Fault[];
  /** Clients of each workload. */
  readonly concurrency: number;
  /** Where the histories go: one file of JSON lines per workload. */
  readonly directory: string;
}

export interface RoundResult {
  readonly verdict: Verdict;
  readonly operations: number;
  /** Operations whose outcome nobody knows. */
  readonly unknown: number;
  readonly faults: ReadonlyMap<Fault, number>;
  readonly files: readonly string[];
}

interface Part {
  readonly workload: Workload;
  readonly history: History;
}

const attemptsMax = 200;

/** Reads everything, however often a connection is refused before. */
async function readAll(server: TestServer, { workload, history }: Part, concurrency: number): Promise<void> {
  const worker = new Worker(server, history, concurrency, 1_000_000, new Random(0));
  let attempts = 0;
  for (const request of workload.finalReads()) {
    while (!(await worker.once(request))) if (++attempts > attemptsMax) throw new Error('the server lets nobody in');
  }
  worker.close();
}

/** `prefix` keeps the keys of rounds on one directory apart. */
export async function round(server: TestServer, prefix: string, options: RoundOptions): Promise<RoundResult> {
  const random = new Random(options.seed);
  const fork = (): Random => new Random(random.int(0, 2 ** 31));
  const parts = options.workloads.map((name): Part => {
    const history = new History();
    return { workload: workloads[name](prefix, fork(), history), history };
  });
  const nemesis = new Nemesis(
    server,
    fork(),
    parts.map(({ history }) => history),
    options.faults,
  );
  const endMs = Date.now() + options.seconds * 1000;
  let working = true;
  const work = Promise.all(
    parts.flatMap(({ workload, history }) =>
      Array.from({ length: options.concurrency }, (_, process) =>
        new Worker(server, history, options.concurrency, process, fork()).run(workload.next, () => working),
      ),
    ),
  );
  try {
    if (options.faults.length > 0) await nemesis.run(() => Date.now() < endMs);
    else await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
  } finally {
    working = false;
    await work;
  }
  await server.restart('kill', anyFlags(random));
  await Promise.all(parts.map((part) => readAll(server, part, options.concurrency)));

  const files = parts.map(({ workload, history }) => {
    const file = path.join(options.directory, `${workload.name}-${options.seed}.jsonl`);
    history.write(file);
    return file;
  });
  const verdict = together(
    parts.map(({ workload }) => {
      const { valid, reports } = workload.check();
      return { valid, reports: reports.map((report) => `${workload.name}: ${report}`) };
    }),
  );
  const events = parts.flatMap(({ history }) => history.events);
  const unknown = events.filter(({ type, process }) => type === 'info' && process !== 'nemesis').length;
  return {
    verdict,
    operations: events.filter(({ type }) => type === 'invoke').length,
    unknown,
    faults: nemesis.count,
    files,
  };
}
