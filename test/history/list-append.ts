/**
 * Transactions that append to lists and read them, checked for strict serializability in the manner of Elle (Kingsbury
 * and Alvaro, "Elle: inferring isolation anomalies from experimental observations", 2020).
 *
 * Every value is appended once, so the longest list read of a key is the order of its versions, and dependencies follow:
 *   ww  the next version of a key was written     wr  a version was read     rw  a version was read, the next one written
 *   rt  one transaction was over before the other was asked (real time)
 * A cycle is an anomaly; its name tells which edges it needs.
 */
import { type Json, type Operation, showOperation, type Verdict } from './events.js';
import { type Edge, Graph } from './graph.js';

type Kind = 'ww' | 'wr' | 'rw' | 'rt';

interface Append {
  readonly kind: 'append';
  readonly key: string;
  readonly value: number;
}

interface Read {
  readonly kind: 'r';
  readonly key: string;
  /** Undefined if nobody knows. */
  readonly list: readonly number[] | undefined;
}

type Step = Append | Read;

interface Transaction {
  readonly operation: Operation;
  readonly steps: readonly Step[];
}

function step(json: Json): Step {
  const [f, key, value] = json as readonly [string, string, Json];
  if (f === 'append') return { kind: 'append', key, value: Number(value) };
  if (f !== 'r') throw new Error(`a transaction cannot ${f}`);
  return { kind: 'r', key, list: Array.isArray(value) ? (value as readonly number[]) : undefined };
}

const shownValues = 8;

function showList(list: readonly number[]): string {
  return list.length <= shownValues ? `[${list.join(' ')}]` : `[... ${list.slice(-shownValues).join(' ')}]`;
}

class Checker {
  readonly reports: string[] = [];
  private readonly transactions: readonly Transaction[];
  /** By key and value: the transaction that appended it. */
  private readonly writers = new Map<string, number>();
  /** By key: the longest list read, and who read it. */
  private readonly longest = new Map<string, { list: readonly number[]; reader: number }>();
  private readonly graph: Graph<Kind>;

  constructor(operations: readonly Operation[]) {
    this.transactions = operations.map((operation) => ({
      operation,
      steps: (operation.got as readonly Json[]).map(step),
    }));
    this.graph = new Graph(operations.length);
  }

  private show(at: number): string {
    const transaction = this.transactions[at];
    return transaction === undefined ? '?' : showOperation(transaction.operation);
  }

  private report(name: string, text: string, ...at: readonly number[]): void {
    this.reports.push([`${name}: ${text}`, ...at.map((i) => `    ${this.show(i)}`)].join('\n'));
  }

  private type(at: number): Operation['type'] | undefined {
    return this.transactions[at]?.operation.type;
  }

  private writerOf(key: string, value: number | undefined): number | undefined {
    return value === undefined ? undefined : this.writers.get(`${key} ${value}`);
  }

  private collectAppends(): void {
    this.transactions.forEach(({ steps }, at) => {
      for (const one of steps) {
        if (one.kind !== 'append') continue;
        const id = `${one.key} ${one.value}`;
        if (this.writers.has(id)) throw new Error(`${id} is appended twice: the history is not one of unique appends`);
        this.writers.set(id, at);
      }
    });
  }

  /** Calls `visit` for each read of a transaction that happened. */
  private eachRead(visit: (list: readonly number[], key: string, at: number, index: number) => void): void {
    this.transactions.forEach(({ steps, operation }, at) => {
      if (operation.type !== 'ok') return;
      steps.forEach((one, index) => {
        if (one.kind === 'r' && one.list !== undefined) visit(one.list, one.key, at, index);
      });
    });
  }

  private appendsBefore(at: number, index: number, key: string): number[] {
    const steps = this.transactions[at]?.steps.slice(0, index) ?? [];
    return steps.flatMap((one) => (one.kind === 'append' && one.key === key ? [one.value] : []));
  }

  /** What a read saw of others: its own appends must be the end of the list, and are taken off. */
  private foreignPart(list: readonly number[], key: string, at: number, index: number): readonly number[] | undefined {
    const own = this.appendsBefore(at, index, key);
    const tail = list.slice(list.length - own.length);
    return own.length <= list.length && own.every((value, i) => tail[i] === value)
      ? list.slice(0, list.length - own.length)
      : undefined;
  }

  private checkReads(): void {
    this.eachRead((list, key, at, index) => {
      if (new Set(list).size !== list.length)
        this.report('duplicate', `a value of ${key} is there twice in ${showList(list)}`, at);
      if (this.foreignPart(list, key, at, index) === undefined)
        this.report('internal', `a read of ${key} does not end with what its own transaction appended`, at);
      for (const value of list) {
        const writer = this.writerOf(key, value);
        if (writer === undefined) this.report('garbage', `${value} of ${key} was never appended`, at);
        else if (this.type(writer) === 'fail')
          this.report('G1a', `${value} of ${key} is of a transaction that failed`, at, writer);
      }
      this.checkIntermediate(list, key, at);
      const best = this.longest.get(key);
      if (best === undefined || list.length > best.list.length) this.longest.set(key, { list, reader: at });
    });
    this.eachRead((list, key, at) => {
      const best = this.longest.get(key);
      if (best !== undefined && list.some((value, i) => best.list[i] !== value))
        this.report(
          'incompatible-order',
          `${showList(list)} of ${key} is no beginning of ${showList(best.list)}`,
          at,
          best.reader,
        );
    });
  }

  private checkIntermediate(list: readonly number[], key: string, at: number): void {
    const writer = this.writerOf(key, list.at(-1));
    if (writer === undefined || writer === at) return;
    const appended = this.appendsBefore(writer, Infinity, key);
    if (appended.at(-1) !== list.at(-1))
      this.report('G1b', `a read of ${key} ends with ${list.at(-1)}, in the middle of a transaction`, at, writer);
  }

  private addEdge(from: number | undefined, to: number | undefined, kind: Kind, why: string): void {
    if (from !== undefined && to !== undefined) this.graph.add({ from, to, kind, why });
  }

  private versionEdges(): void {
    for (const [key, { list, reader }] of this.longest) {
      list.forEach((value, i) => {
        const next = list[i + 1];
        if (next !== undefined)
          this.addEdge(
            this.writerOf(key, value),
            this.writerOf(key, next),
            'ww',
            `${key}: ${next} comes after ${value}`,
          );
      });
      this.unseenEdges(key, list, reader);
    }
    this.eachRead((list, key, at, index) => {
      const seen = this.foreignPart(list, key, at, index) ?? list;
      const last = seen.at(-1);
      const next = this.longest.get(key)?.list[seen.length];
      this.addEdge(this.writerOf(key, last), at, 'wr', `${key}: ${last} was read`);
      this.addEdge(at, this.writerOf(key, next), 'rw', `${key}: read without ${next}, which comes next`);
    });
  }

  /** What happened, but is in no list, must come after the longest one. */
  private unseenEdges(key: string, list: readonly number[], reader: number): void {
    const seen = new Set(list);
    for (const [id, writer] of this.writers) {
      const space = id.lastIndexOf(' ');
      const value = Number(id.slice(space + 1));
      if (id.slice(0, space) !== key || seen.has(value) || !this.happened(writer)) continue;
      this.addEdge(reader, writer, 'rw', `${key}: read without ${value}, which nobody ever saw`);
    }
  }

  /** From each transaction to those asked after it was over, without what follows from others of these edges. */
  private timeEdges(): void {
    const points = this.transactions.flatMap(({ operation }, at) => [
      { when: operation.invoked, at, ends: false },
      ...(operation.type === 'ok' ? [{ when: operation.completed, at, ends: true }] : []),
    ]);
    points.sort((a, b) => a.when - b.when);
    const before = new Map<number, readonly number[]>();
    let over: readonly number[] = [];
    for (const { at, ends } of points) {
      if (!ends) {
        before.set(at, over);
        if (this.happened(at)) for (const one of over) this.addEdge(one, at, 'rt', 'was over before this was asked');
        continue;
      }
      const implied = new Set(before.get(at));
      over = [...over.filter((one) => !implied.has(one)), at];
    }
  }

  /** Certainly: it was acknowledged, or somebody saw what it appended. */
  private happened(at: number): boolean {
    const transaction = this.transactions[at];
    if (transaction === undefined || transaction.operation.type === 'fail') return false;
    if (transaction.operation.type === 'ok') return true;
    return transaction.steps.some(
      (one) => one.kind === 'append' && this.longest.get(one.key)?.list.includes(one.value) === true,
    );
  }

  private explainCycle(name: string, cycle: readonly Edge<Kind>[]): void {
    const lines = cycle.flatMap((edge) => [`    ${this.show(edge.from)}`, `      ${edge.kind}: ${edge.why}`]);
    const [first] = cycle;
    this.reports.push(
      [`${name}: each of these must come before the next, and the last before the first`, ...lines]
        .concat(first === undefined ? [] : [`    ${this.show(first.from)}`])
        .join('\n'),
    );
  }

  /** One cycle per component, over `base`; with `rw`: with exactly one of these, or with two and more. */
  private cycles(name: string, base: readonly Kind[], rw: 'none' | 'one' | 'many'): void {
    const path = new Set<Kind>(rw === 'many' ? [...base, 'rw'] : base);
    const all = new Set<Kind>(rw === 'none' ? base : [...base, 'rw']);
    for (const component of this.graph.components(all)) {
      const within = new Set(component);
      const edges = this.graph.edges.filter(
        (edge) =>
          within.has(edge.from) && within.has(edge.to) && (rw === 'none' ? all.has(edge.kind) : edge.kind === 'rw'),
      );
      let best: Edge<Kind>[] | undefined;
      for (const edge of edges) {
        const back = this.graph.path(edge.to, edge.from, within, path);
        if (back !== undefined && (best === undefined || back.length + 1 < best.length)) best = [edge, ...back];
        if (best?.length === 2) break;
      }
      if (best !== undefined) this.explainCycle(name, best);
    }
  }

  run(): readonly string[] {
    this.collectAppends();
    this.checkReads();
    this.versionEdges();
    // Weakest first: a cycle with fewer kinds of edges is the worse anomaly, and explains the later ones.
    const levels: readonly (readonly [string, readonly Kind[], 'none' | 'one' | 'many'])[] = [
      ['G0', ['ww'], 'none'],
      ['G1c', ['ww', 'wr'], 'none'],
      ['G-single', ['ww', 'wr'], 'one'],
      ['G2', ['ww', 'wr'], 'many'],
    ];
    for (const withTime of [false, true]) {
      if (withTime) this.timeEdges();
      for (const [name, kinds, rw] of levels) {
        const before = this.reports.length;
        if (withTime) this.cycles(`${name}-realtime`, [...kinds, 'rt'], rw);
        else this.cycles(name, kinds, rw);
        if (this.reports.length > before) return this.reports;
      }
    }
    return this.reports;
  }
}

/** `operations`: of f `txn`; values as `[["append", "x", 1], ["r", "x", [1]]]`. */
export function checkListAppend(operations: readonly Operation[]): Verdict {
  const reports = new Checker(operations).run();
  return { valid: reports.length === 0, reports };
}
