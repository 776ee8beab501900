/**
 * A program: what one seed makes of the command set. Steps run one after the other; each waits for its replies, so that
 * both servers see the same order.
 *
 * Time: both servers read the same clock, but not at the same moment. So a key ends either long after the run, or inside
 * a window: all that is sent between `window` and `wait` must be answered before the deadlines (or the run counts as
 * late and is repeated with a longer window), and nothing is sent until they have passed on both.
 */
import { Random } from '../support/random.js';
import { type Flags } from '../support/server.js';
import { type CommandSpec } from './command-set.js';
import { isExcluded, isExcludedForm } from './excluded.js';
import { command, type Material } from './grammar.js';
import { payload } from './payload.js';
import * as values from './values.js';

export type Step =
  | { readonly kind: 'send'; readonly client: number; readonly commands: readonly values.Command[] }
  /** Bytes as they are; the server closes the connection, or answers `replies` times. */
  | { readonly kind: 'raw'; readonly client: number; readonly bytes: string; readonly replies: number }
  | { readonly kind: 'reconnect'; readonly client: number }
  | { readonly kind: 'restart'; readonly how: 'stop' | 'kill'; readonly flags: Flags }
  | { readonly kind: 'window' }
  | { readonly kind: 'wait' }
  /** Compares all keys, values and expiry times. */
  | { readonly kind: 'compare' };

export interface Program {
  readonly seed: number;
  /** Cairn's. */
  readonly flags: Flags;
  readonly steps: readonly Step[];
}

export const clients = 3;
/** Deadlines of a window, before the runner stretches them. */
export const nearMs = 250;
const restartsMax = 2;
const windowsMax = 2;

const groupWeights: Readonly<Record<string, number>> = {
  string: 30,
  hash: 24,
  'sorted-set': 28,
  geo: 8,
  list: 24,
  stream: 30,
  set: 24,
  bitmap: 9,
  hyperloglog: 9,
  generic: 24,
  transactions: 6,
  connection: 4,
  server: 4,
};

/** Commands that would leave little to compare if they came as often as others. */
const rare = /^(flushall|flushdb|quit|reset|discard|unwatch|wait)$/;

function flags(random: Random): Flags {
  return {
    'cache-size': random.pick(['1mb', '1mb', '64mb']),
    'io-threads': random.pick([1, 2]),
    'io-backend': random.pick(['auto', 'auto', 'threads']),
    lanes: random.pick([1, 2, 3]),
    'segment-size': '16mb',
    'disk-cpu': 'no',
  };
}

const broken: readonly (readonly [bytes: string, replies: number])[] = [
  ['*1\r\n$4\r\nPING\r\n*x\r\n', 2],
  ['*2\r\n$3\r\nGET\r\n$-2\r\n', 1],
  ['*1\r\n:4\r\n', 1],
  ['*2147483648\r\n', 1],
  ['*2\r\n$3\r\nGET\r\n$999999999999\r\n', 1],
  ['SET a "unbalanced\r\n', 1],
  ["SET a 'x'y\r\n", 1],
  ['SET inline "a\\x00b"\r\nGET inline\r\n', 2],
  ['\r\n*0\r\n*-1\r\nPING\r\n', 1],
  ['ping\nPING\r\n', 2],
];

class Generator implements Material {
  private readonly steps: Step[] = [];
  private readonly inMulti = new Array<boolean>(clients).fill(false);
  private restarts = 0;
  private windows = 0;
  private readonly common: readonly (readonly [weight: number, specs: readonly CommandSpec[]])[];

  constructor(
    private readonly random: Random,
    specs: readonly CommandSpec[],
    private readonly redisVersion: number,
  ) {
    const mine = specs.filter(({ name }) => !isExcluded(name));
    const groups = [...new Set(mine.map(({ group }) => group))];
    this.common = groups.map((group) => [groupWeights[group] ?? 10, mine.filter((spec) => spec.group === group)]);
  }

  dump(random: Random): string {
    return payload(random);
  }

  private spec(): CommandSpec {
    for (;;) {
      let dice = this.random.int(
        1,
        this.common.reduce((sum, [weight]) => sum + weight, 0),
      );
      const group = this.common.find(([weight]) => (dice -= weight) <= 0);
      const spec = this.random.pick(group?.[1] ?? []);
      if (!rare.test(spec.name) || this.random.chance(0.12)) return spec;
    }
  }

  /** One command, with what must come right before it. */
  private any(): values.Command[] {
    const spec = this.spec();
    const one = command(spec, this.random, this);
    if (isExcludedForm(one, this.redisVersion)) return this.any();
    // Redis counts an expired key until somebody meets it, and a scan meets them all.
    return spec.name === 'dbsize' || spec.name === 'info' ? [['SCAN', '0', 'COUNT', '100000'], one] : [one];
  }

  private send(client: number, commands: readonly values.Command[]): void {
    for (const [name = ''] of commands) {
      const word = typeof name === 'string' ? name.toLowerCase() : '';
      if (word === 'multi') this.inMulti[client] = true;
      if (/^(exec|discard|reset|quit)$/.test(word)) this.inMulti[client] = false;
    }
    this.steps.push({ kind: 'send', client, commands });
  }

  private several(lengthMax: number): values.Command[] {
    return Array.from({ length: this.random.int(1, lengthMax) }, () => this.any()).flat();
  }

  private transaction(client: number): void {
    const { random } = this;
    const end: values.Command = random.chance(0.9) ? ['EXEC'] : ['DISCARD'];
    if (random.chance(0.3)) this.send(client, [['WATCH', values.key(random), values.key(random)]]);
    if (random.chance(0.5)) {
      this.send(client, [['MULTI'], ...this.several(8), end]);
      return;
    }
    this.send(client, [['MULTI']]);
    for (let i = random.int(1, 5); i > 0; i--) {
      this.send(client, this.several(3));
      if (random.chance(0.3)) this.send((client + 1) % clients, this.several(2));
    }
    this.send(client, [end]);
  }

  private lcs(client: number): void {
    const [a = '', b = ''] = values.lcsKeys;
    const options = ['LEN', 'IDX', 'WITHMATCHLEN', 'MINMATCHLEN'].filter(() => this.random.chance(0.4));
    const args = options.flatMap((option) =>
      option === 'MINMATCHLEN' ? [option, String(this.random.int(-1, 4))] : option,
    );
    this.send(client, [
      ['MSET', a, values.smallText(this.random), b, values.smallText(this.random)],
      ['LCS', a, b, ...args],
    ]);
  }

  /** Commands without replies among others with. */
  private quiet(client: number): void {
    if (this.inMulti[client] === true) return;
    const writes = Array.from({ length: this.random.int(1, 3) }, () => [
      'SET',
      values.key(this.random),
      values.value(this.random),
    ]);
    if (this.random.chance(0.5)) this.send(client, [['CLIENT', 'REPLY', 'SKIP'], writes[0] ?? ['PING'], ['PING']]);
    else this.send(client, [['CLIENT', 'REPLY', 'OFF'], ...writes, ['CLIENT', 'REPLY', 'ON'], ['PING']]);
  }

  private near(): values.Command {
    const { random } = this;
    const key = values.key(random);
    const at: values.TimeArg = { offsetMs: nearMs, unit: 'ms', absolute: true };
    const left: values.TimeArg = { ...at, absolute: false };
    return random.pick<values.Command>([
      ['SET', key, values.value(random), 'PXAT', at],
      ['SET', key, values.value(random), 'PX', left],
      ['PSETEX', key, left, values.value(random)],
      ['PEXPIREAT', key, at],
      ['PEXPIRE', key, left],
      ['GETEX', key, 'PXAT', at],
      ['RESTORE', key, at, payload(random), 'ABSTTL', 'REPLACE'],
    ]);
  }

  private restart(): void {
    this.steps.push({ kind: 'restart', how: this.random.pick(['stop', 'kill']), flags: flags(this.random) });
    this.inMulti.fill(false);
    this.restarts++;
  }

  /** Keys that end, often with a restart in between, and reads of several of them at once afterwards. */
  private window(): void {
    const { random } = this;
    this.windows++;
    const client = random.int(0, clients - 1);
    if (this.inMulti[client] === true) this.send(client, [['EXEC']]);
    this.steps.push({ kind: 'window' });
    for (let i = random.int(1, 5); i > 0; i--)
      this.send(client, [this.near(), ...(random.chance(0.4) ? this.any() : [])]);
    if (random.chance(0.5) && this.restarts < restartsMax) this.restart();
    this.steps.push({ kind: 'wait' });
    for (let i = random.int(1, 3); i > 0; i--) {
      const keys = Array.from({ length: random.int(2, 5) }, () => values.key(random));
      const read = random.pick<values.Command>([
        ['MGET', ...keys],
        ['EXISTS', ...keys],
        ['BITOP', 'OR', ...keys],
        ['DEL', ...keys],
      ]);
      this.send(client, random.chance(0.3) ? [['MULTI'], read, ...this.any(), ['EXEC']] : [read, ...this.any()]);
    }
  }

  private step(): void {
    const { random } = this;
    const client = random.int(0, clients - 1);
    const dice = random.int(0, 999);
    if (this.inMulti[client] === true && dice < 250) this.send(client, [['EXEC']]);
    else if (dice < 70) this.transaction(client);
    else if (dice < 85) this.lcs(client);
    else if (dice < 95) this.quiet(client);
    else if (dice < 105) this.raw(client);
    else if (dice < 112) this.reconnect(client);
    else if (dice < 120) this.send(client, [['HELLO', random.pick(['2', '3'])]]);
    else if (dice < 126 && this.restarts < restartsMax) this.restart();
    else if (dice < 136 && this.windows < windowsMax) this.window();
    else this.send(client, this.several(random.chance(0.4) ? 1 : random.chance(0.9) ? 6 : 40));
  }

  private reconnect(client: number): void {
    this.steps.push({ kind: 'reconnect', client });
    this.inMulti[client] = false;
  }

  private raw(client: number): void {
    const [bytes, replies] = this.random.pick(broken);
    this.steps.push({ kind: 'raw', client, bytes, replies });
  }

  run(length: number): readonly Step[] {
    for (let i = 0; i < length; i++) {
      this.step();
      if (i % 100 === 99) this.steps.push({ kind: 'compare' });
    }
    this.steps.push({ kind: 'compare' });
    if (this.random.chance(0.3)) {
      this.restart();
      this.steps.push({ kind: 'compare' });
    }
    return this.steps;
  }
}

/** `redisVersion`: of the server beside; the forms that an older one takes otherwise are left out. */
export function generate(seed: number, specs: readonly CommandSpec[], length: number, redisVersion: number): Program {
  const random = new Random(seed);
  return { seed, flags: flags(random), steps: new Generator(random, specs, redisVersion).run(length) };
}
