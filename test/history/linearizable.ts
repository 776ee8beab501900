/**
 * Is the history of one key linearizable? The search of Wing and Gong with Lowe's improvements: pairs of (operations done,
 * state) that led nowhere are remembered (Lowe, "Testing for linearizability", 2017).
 *
 * Operations that failed are left out. Those whose outcome is unknown may happen at any time after they were asked, or
 * never; reads among them say nothing. Time and memory are bounded: beyond that the verdict is `unknown`.
 */
import { type Operation, showOperation, type Verdict } from './events.js';
import { type Model, type State } from './models.js';

export interface Limits {
  readonly milliseconds: number;
  /** Remembered pairs. */
  readonly configurations: number;
}

export const defaultLimits: Limits = { milliseconds: 20_000, configurations: 1_000_000 };

/** A call or a return, in a list that entries are taken out of and put back into. */
interface Entry {
  readonly operation: number;
  /** Of a call: its return. Absent if nobody knows when it was. */
  readonly answer: Entry | undefined;
  readonly isCall: boolean;
  next: Entry | undefined;
  previous: Entry | undefined;
}

function entriesOf(ops: readonly Operation[]): Entry {
  const points: { at: number; entry: Entry }[] = [];
  ops.forEach((op, operation) => {
    const blank = { operation, next: undefined, previous: undefined };
    const answer: Entry | undefined =
      op.completed === Infinity ? undefined : { ...blank, isCall: false, answer: undefined };
    points.push({ at: op.invoked, entry: { ...blank, isCall: true, answer } });
    if (answer !== undefined) points.push({ at: op.completed, entry: answer });
  });
  points.sort((a, b) => a.at - b.at);
  const head: Entry = { operation: -1, isCall: false, answer: undefined, next: undefined, previous: undefined };
  let last = head;
  for (const { entry } of points) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function takeOut(entry: Entry): void {
  if (entry.previous !== undefined) entry.previous.next = entry.next;
  if (entry.next !== undefined) entry.next.previous = entry.previous;
}

function putBack(entry: Entry): void {
  if (entry.previous !== undefined) entry.previous.next = entry;
  if (entry.next !== undefined) entry.next.previous = entry;
}

/** A set of small numbers with a text for it. */
class Bits {
  private readonly words: Uint32Array;
  constructor(count: number) {
    this.words = new Uint32Array((count + 31) >> 5);
  }
  flip(bit: number): void {
    this.words[bit >> 5] = (this.words[bit >> 5] ?? 0) ^ (1 << (bit & 31));
  }
  get text(): string {
    return Buffer.from(this.words.buffer).toString('latin1');
  }
}

interface Search {
  /** `yes`, `no`, or why it is not known. */
  readonly done: string;
  /** The longest order found, and the operation that must but cannot come next. */
  readonly longest: readonly number[];
  readonly stuck: number | undefined;
}

const clockStride = 1024;

function search(model: Model, ops: readonly Operation[], limits: Limits): Search {
  const head = entriesOf(ops);
  const endMs = Date.now() + limits.milliseconds;
  const seen = new Set<string>();
  const bits = new Bits(ops.length);
  const stack: { entry: Entry; before: State }[] = [];
  let state = model.initial;
  let longest: readonly number[] = [];
  let stuck: number | undefined;
  let entry = head.next;
  for (let steps = 0; ; steps++) {
    if (steps % clockStride === 0 && Date.now() > endMs)
      return { done: `${limits.milliseconds} ms are over`, longest, stuck };
    if (seen.size > limits.configurations)
      return { done: `${limits.configurations} configurations were tried`, longest, stuck };
    // Only calls without an end are left: they need not have happened.
    if (entry === undefined) return { done: 'yes', longest, stuck };
    if (entry.isCall) {
      const after = model.step(state, ops[entry.operation] as Operation);
      bits.flip(entry.operation);
      const key = after === undefined ? '' : `${bits.text}|${after}`;
      if (after === undefined || seen.has(key)) {
        bits.flip(entry.operation);
        entry = entry.next;
        continue;
      }
      seen.add(key);
      stack.push({ entry, before: state });
      state = after;
      takeOut(entry);
      if (entry.answer !== undefined) takeOut(entry.answer);
      entry = head.next;
      continue;
    }
    // This one has returned, but cannot be put anywhere before: the last choice was wrong.
    if (stack.length >= longest.length) {
      longest = stack.map((frame) => frame.entry.operation);
      stuck = entry.operation;
    }
    const frame = stack.pop();
    if (frame === undefined) return { done: 'no', longest, stuck };
    state = frame.before;
    bits.flip(frame.entry.operation);
    if (frame.entry.answer !== undefined) putBack(frame.entry.answer);
    putBack(frame.entry);
    entry = frame.entry.next;
  }
}

const shownOrder = 12;

function explain(name: string, ops: readonly Operation[], { longest, stuck }: Search): string {
  const show = (at: number): string => `    ${showOperation(ops[at] as Operation)}`;
  const order = longest.slice(-shownOrder).map(show);
  const blocked = stuck === undefined ? undefined : ops[stuck];
  const beside = ops.filter(
    (op, at) =>
      blocked !== undefined &&
      at !== stuck &&
      !longest.includes(at) &&
      op.invoked < blocked.completed &&
      op.type !== 'fail',
  );
  return [
    `${name} is not linearizable. The longest order that works (its last ${order.length} of ${longest.length}):`,
    ...order,
    '  and then this has returned, but fits nowhere:',
    ...(stuck === undefined ? [] : [show(stuck)]),
    ...(beside.length === 0
      ? []
      : ['  at the same time, not used so far:', ...beside.map((op) => `    ${showOperation(op)}`)]),
  ].join('\n');
}

/** `ops`: all operations of one key. */
export function checkLinearizable(
  name: string,
  model: Model,
  ops: readonly Operation[],
  limits: Limits = defaultLimits,
): Verdict {
  const relevant = ops.filter(({ type, f }) => type !== 'fail' && !(type === 'info' && f === 'read'));
  const found = search(model, relevant, limits);
  if (found.done === 'yes') return { valid: true, reports: [] };
  if (found.done === 'no') return { valid: false, reports: [explain(name, relevant, found)] };
  return {
    valid: 'unknown',
    reports: [`${name}: ${found.done}, and it is not decided (${relevant.length} operations)`],
  };
}
