/** What the clients do, and who checks it. */
import { type RawClient } from '../support/raw-client.js';
import { type Random } from '../support/random.js';
import { type Arg, Nil, type Reply, show } from '../support/resp.js';
import { type History, type Json, type Operation, operations, type Verdict } from './events.js';
import { checkLinearizable } from './linearizable.js';
import { checkListAppend } from './list-append.js';
import { counter, register } from './models.js';
import { checkTtl } from './ttl.js';
import { accepted, fail, ok, type Outcome, type Request } from './worker.js';

export interface Workload {
  readonly name: string;
  readonly next: () => Request;
  /** Reads of all that was ever written, for the end. */
  readonly finalReads: () => Request[];
  readonly check: () => Verdict;
}

/** Keys that come and go, so that the history of each stays short enough to be checked. */
class Keys {
  readonly all: string[] = [];
  private uses: number[] = [];

  constructor(
    private readonly prefix: string,
    private readonly random: Random,
    private readonly active: number,
    private readonly usesMax: number,
  ) {}

  pick(): string {
    const first = Math.max(0, this.all.length - this.active);
    // Now and then an old one: what was written long ago must still be there.
    const old = first > 0 && this.random.chance(0.03);
    const at = old ? this.random.int(0, first - 1) : first + this.random.int(0, this.active - 1);
    while (this.all.length <= at) this.add();
    this.uses[at] = (this.uses[at] ?? 0) + 1;
    if ((this.uses[at] ?? 0) === this.usesMax) this.add();
    return this.all[at] ?? '';
  }

  private add(): void {
    this.all.push(`${this.prefix}${this.all.length}`);
    this.uses.push(0);
  }
}

const padBytesMax = 3000;

/** A number as a value that is worth reading from disk. */
function padded(value: number, random: Random): string {
  return `${value}:${'x'.repeat(random.chance(0.5) ? 0 : random.int(0, padBytesMax))}`;
}

function numberIn(reply: Reply): number | null {
  if (accepted(reply) instanceof Nil) return null;
  if (typeof reply !== 'string') throw new Error(`a string expected, not ${show(reply)}`);
  return parseInt(reply, 10);
}

function readOf(key: string): Request {
  return {
    f: 'read',
    value: [key, null],
    act: async (client) => ok([key, numberIn(await client.cmd('GET', key))]),
  };
}

/** The operations of each key, their values without it (`[key, value]`, as Jepsen's independent keys). */
export function byKey(all: readonly Operation[]): Map<string, Operation[]> {
  const out = new Map<string, Operation[]>();
  for (const operation of all) {
    const [key, asked] = operation.asked as readonly [string, Json];
    const [, got] = operation.got as readonly [string, Json];
    const list = out.get(key) ?? [];
    list.push({ ...operation, asked, got });
    out.set(key, list);
  }
  return out;
}

/** One verdict of many: false before unknown before true. */
export function together(verdicts: readonly Verdict[]): Verdict {
  const reports = verdicts.flatMap((verdict) => verdict.reports);
  if (verdicts.some(({ valid }) => valid === false)) return { valid: false, reports };
  return { valid: verdicts.some(({ valid }) => valid === 'unknown') ? 'unknown' : true, reports };
}

function checkKeys(history: History, check: (key: string, ops: readonly Operation[]) => Verdict): Verdict {
  return together([...byKey(operations(history.events))].map(([key, ops]) => check(key, ops)));
}

const keysActive = 4;
const usesPerKey = 120;

function registerWorkload(prefix: string, random: Random, history: History): Workload {
  const keys = new Keys(`${prefix}register`, random, keysActive, usesPerKey);
  let last = 0;
  return {
    name: 'register',
    next: () => {
      const key = keys.pick();
      if (random.chance(0.5)) return readOf(key);
      const value = ++last;
      const act = async (client: RawClient): Promise<Outcome> => {
        accepted(await client.cmd('SET', key, padded(value, random)));
        return ok([key, value]);
      };
      return { f: 'write', value: [key, value], act };
    },
    finalReads: () => keys.all.map(readOf),
    check: () => checkKeys(history, (key, ops) => checkLinearizable(key, register, ops)),
  };
}

async function compareAndSet(client: RawClient, key: string, from: number, to: string): Promise<boolean> {
  accepted(await client.cmd('WATCH', key));
  if (numberIn(await client.cmd('GET', key)) !== from) {
    accepted(await client.cmd('UNWATCH'));
    return false;
  }
  const replies = await client.pipeline([['MULTI'], ['SET', key, to], ['EXEC']]);
  replies.forEach(accepted);
  const last = replies.at(-1);
  if (!Array.isArray(last)) return false;
  (last as readonly Reply[]).forEach(accepted);
  return true;
}

const casValues = 5;

function casWorkload(prefix: string, random: Random, history: History): Workload {
  const keys = new Keys(`${prefix}cas`, random, keysActive, usesPerKey);
  const any = (): number => random.int(1, casValues);
  return {
    name: 'cas',
    next: () => {
      const key = keys.pick();
      const dice = random.int(0, 9);
      if (dice < 3) return readOf(key);
      if (dice < 5) {
        const value = any();
        const act = async (client: RawClient): Promise<Outcome> => {
          accepted(await client.cmd('SET', key, padded(value, random)));
          return ok([key, value]);
        };
        return { f: 'write', value: [key, value], act };
      }
      const [from, to] = [any(), any()];
      const act = async (client: RawClient): Promise<Outcome> =>
        (await compareAndSet(client, key, from, padded(to, random))) ? ok([key, [from, to]]) : fail('not swapped');
      return { f: 'cas', value: [key, [from, to]], act };
    },
    finalReads: () => keys.all.map(readOf),
    check: () => checkKeys(history, (key, ops) => checkLinearizable(key, register, ops)),
  };
}

function counterWorkload(prefix: string, random: Random, history: History): Workload {
  const keys = new Keys(`${prefix}counter`, random, keysActive, usesPerKey);
  return {
    name: 'counter',
    next: () => {
      const key = keys.pick();
      if (random.chance(0.3)) return readOf(key);
      const by = random.int(1, 3);
      // The whole operation is asked for; what it answers is the sum.
      const act = async (client: RawClient): Promise<Outcome> => {
        const sum = accepted(await client.cmd(...(by === 1 ? ['INCR', key] : ['INCRBY', key, by])));
        return ok([key, Number(sum)]);
      };
      return { f: 'add', value: [key, by], act };
    },
    finalReads: () => keys.all.map(readOf),
    check: () => checkKeys(history, (key, ops) => checkLinearizable(key, counter, ops)),
  };
}

type ListStep = readonly ['append', string, number] | readonly ['r', string, readonly number[] | null];

function listIn(reply: Reply): readonly number[] {
  if (accepted(reply) instanceof Nil) return [];
  if (typeof reply !== 'string') throw new Error(`a string expected, not ${show(reply)}`);
  return reply.split(',').slice(0, -1).map(Number);
}

async function transact(client: RawClient, steps: readonly ListStep[]): Promise<Outcome> {
  const commands = steps.map((step): Arg[] =>
    step[0] === 'append' ? ['APPEND', step[1], `${step[2]},`] : ['GET', step[1]],
  );
  const readsOnly = steps.every(([f]) => f === 'r');
  let replies: readonly Reply[];
  if (readsOnly && steps.length > 1) {
    replies = accepted(await client.cmd('MGET', ...steps.map(([, key]) => key))) as readonly Reply[];
  } else if (steps.length === 1) {
    replies = await client.pipeline(commands);
  } else {
    const all = await client.pipeline([['MULTI'], ...commands, ['EXEC']]);
    all.forEach(accepted);
    replies = all.at(-1) as readonly Reply[];
  }
  replies.forEach(accepted);
  return ok(steps.map((step, i): Json => (step[0] === 'r' ? ['r', step[1], listIn(replies[i] ?? '')] : step)));
}

const listKeysActive = 4;
const listUses = 100;
const stepsMax = 4;

function listWorkload(prefix: string, random: Random, history: History): Workload {
  const keys = new Keys(`${prefix}list`, random, listKeysActive, listUses);
  let last = 0;
  const request = (steps: readonly ListStep[]): Request => ({
    f: 'txn',
    value: steps,
    act: (client) => transact(client, steps),
  });
  const step = (): ListStep => (random.chance(0.5) ? ['append', keys.pick(), ++last] : ['r', keys.pick(), null]);
  return {
    name: 'list-append',
    next: () => request(Array.from({ length: random.int(1, stepsMax) }, step)),
    // Twice: half of a transaction of unknown outcome is only wrong if the other half is missing afterwards, too.
    finalReads: () => [...keys.all, ...keys.all].map((key) => request([['r', key, null]])),
    check: () => checkListAppend(operations(history.events)),
  };
}

const ttlKeysRecent = 25;

function ttlWorkload(prefix: string, random: Random, history: History): Workload {
  const keys: string[] = [];
  return {
    name: 'ttl',
    next: () => {
      if (keys.length > 0 && random.chance(0.75))
        return readOf(keys[random.int(Math.max(0, keys.length - ttlKeysRecent), keys.length - 1)] ?? '');
      const value = keys.length + 1;
      const key = `${prefix}ttl${value}`;
      keys.push(key);
      const text = padded(value, random);
      const ttlMs = random.chance(0.2) ? random.int(2000, 6000) : random.int(1, 700);
      const atUnixMs = Date.now() + ttlMs;
      const relative = random.chance(0.5);
      const asked: Json = relative ? { value, ttlMs } : { value, endsAtMs: atUnixMs - history.startUnixMs };
      const act = async (client: RawClient): Promise<Outcome> => {
        if (relative) accepted(await client.cmd('SET', key, text, 'PX', ttlMs));
        else
          (await client.pipeline([['MULTI'], ['SET', key, text], ['PEXPIREAT', key, atUnixMs], ['EXEC']])).forEach(
            accepted,
          );
        return ok([key, asked]);
      };
      return { f: 'write', value: [key, asked], act };
    },
    finalReads: () => keys.map(readOf),
    check: () => checkKeys(history, checkTtl),
  };
}

export const workloads = {
  register: registerWorkload,
  cas: casWorkload,
  counter: counterWorkload,
  'list-append': listWorkload,
  ttl: ttlWorkload,
} as const;

export type WorkloadName = keyof typeof workloads;
