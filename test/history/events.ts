/**
 * A history in the form of Jepsen's: an `invoke`, and then `ok`, `fail` (certainly did not happen) or `info` (nobody
 * knows). After an `info` the process counts as crashed, and its client goes on under a new number.
 */
import fs from 'node:fs';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface Event {
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly f: string;
  readonly value: Json;
  readonly process: number | 'nemesis';
  /** Nanoseconds since the test began. */
  readonly time: number;
  readonly index: number;
  readonly error?: string;
}

/** An operation: what was asked, and what came of it. Positions are those of the history, so that they have one order. */
export interface Operation {
  readonly f: string;
  readonly process: number | 'nemesis';
  /** As invoked. */
  readonly asked: Json;
  readonly type: 'ok' | 'fail' | 'info';
  /** As completed; as asked if nobody knows. */
  readonly got: Json;
  readonly invoked: number;
  /** Infinity if nobody knows. */
  readonly completed: number;
  readonly invokedNs: number;
  readonly completedNs: number;
}

const nsPerMs = 1e6;

export class History {
  readonly events: Event[] = [];
  private readonly startMs = performance.now();
  /** Of the system's clock, for what ends at a time of day. */
  readonly startUnixMs = Date.now();

  get nowNs(): number {
    return Math.round((performance.now() - this.startMs) * nsPerMs);
  }

  add(event: Omit<Event, 'time' | 'index'>): Event {
    const whole = { ...event, time: this.nowNs, index: this.events.length };
    this.events.push(whole);
    return whole;
  }

  /** One JSON object per line, as `lein run`'s and elle-cli's readers take it. */
  write(file: string): void {
    fs.writeFileSync(file, this.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }
}

export function readHistory(file: string): Event[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Event);
}

/** Pairs invocations with completions. */
export function operations(events: readonly Event[]): Operation[] {
  const open = new Map<number | 'nemesis', Event>();
  const out: Operation[] = [];
  const close = (invoke: Event, end: Event | undefined): void => {
    const type = end === undefined || end.type === 'invoke' ? 'info' : end.type;
    out.push({
      f: invoke.f,
      process: invoke.process,
      asked: invoke.value,
      type,
      got: end === undefined || type !== 'ok' ? invoke.value : end.value,
      invoked: invoke.index,
      completed: end === undefined || type === 'info' ? Infinity : end.index,
      invokedNs: invoke.time,
      completedNs: end === undefined || type === 'info' ? Infinity : end.time,
    });
  };
  for (const event of events) {
    if (event.process === 'nemesis') continue;
    if (event.type === 'invoke') {
      if (open.has(event.process)) throw new Error(`event ${event.index}: process ${event.process} is busy`);
      open.set(event.process, event);
      continue;
    }
    const invoke = open.get(event.process);
    if (invoke === undefined) throw new Error(`event ${event.index}: process ${event.process} has asked nothing`);
    open.delete(event.process);
    close(invoke, event);
  }
  for (const invoke of open.values()) close(invoke, undefined);
  return out.sort((a, b) => a.invoked - b.invoked);
}

/** What a checker says. */
export interface Verdict {
  readonly valid: true | false | 'unknown';
  /** One paragraph per anomaly, or why nothing is known. */
  readonly reports: readonly string[];
}

export function showOperation(operation: Operation): string {
  const end = operation.completed === Infinity ? '?' : String(operation.completed);
  const result = operation.type === 'ok' ? JSON.stringify(operation.got) : operation.type;
  return `[${operation.invoked}..${end}] process ${operation.process}: ${operation.f} ${JSON.stringify(operation.asked)} -> ${result}`;
}
