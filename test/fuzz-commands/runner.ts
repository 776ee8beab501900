/** Runs a program on both servers and says where they first differ. */
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { ErrorReply, type Reply, show, Simple } from '../support/resp.js';
import { eventually, sleep, type TestServer } from '../support/server.js';
import { keyspaceDifference, statisticsDifference } from './keyspace.js';
import { known, knownUncounted } from './known.js';
import { endsAlike, type MaskContext, maskFor, uncounted } from './masks.js';
import { clients as clientCount, nearMs, type Program, type Step } from './program.js';
import { type Command, render, showArg } from './values.js';

export interface Servers {
  readonly redis: TestServer;
  readonly cairn: TestServer;
}

export interface Difference {
  readonly step: number;
  /** Two differences with the same signature are taken for the same fault. */
  readonly signature: string;
  readonly text: string;
}

export type Outcome = { kind: 'same' } | { kind: 'late' } | { kind: 'different'; difference: Difference };

/** One connection to each server. */
interface Link {
  redis: RawClient;
  cairn: RawClient;
  /** Commands that MULTI has queued. */
  queued: Buffer[][];
}

interface Received {
  replies: Reply[];
  bytes: Buffer[];
  closed: boolean;
  /** By an error of the socket: perhaps it has lost replies. */
  broken: boolean;
  failure: string | undefined;
}

const containers =
  /^(client|object|config|command|memory|function|script|cluster|acl|latency|slowlog|module|debug|xgroup|xinfo)$/;
const shownReplyChars = 300;
/** What is left of a window when its last reply comes, at least. */
const windowReserveMs = 30;
/** So long after its connections a process that aborts is gone. */
const deathMs = 2000;

export function commandName(args: readonly Buffer[]): string {
  const [name = '', sub = ''] = args.slice(0, 2).map((arg) => arg.toString('latin1').toLowerCase());
  return containers.test(name) ? `${name}|${sub}` : name;
}

async function receive(client: RawClient, count: number, endMs: number): Promise<Received> {
  const out: Received = { replies: [], bytes: [], closed: false, broken: false, failure: undefined };
  while (out.replies.length < count) {
    try {
      const { reply, bytes } = await client.frame(Math.max(0, endMs - Date.now()));
      out.replies.push(reply);
      out.bytes.push(bytes);
    } catch (error) {
      out.closed = client.isClosed;
      out.broken = client.isBroken;
      if (!out.closed) out.failure = String(error).slice(0, shownReplyChars);
      break;
    }
  }
  return out;
}

/** How many replies a pipeline gets, CLIENT REPLY considered; more than it can get if it ends the connection. */
function expectedReplies(commands: readonly Buffer[][]): number {
  let off = false;
  let skip = false;
  let count = 0;
  for (const args of commands) {
    const name = commandName(args);
    if (name === 'quit') return count + 2;
    if (name === 'client|reply') {
      const mode = args[2]?.toString().toLowerCase();
      off = mode === 'off';
      skip = mode === 'skip';
      if (mode === 'on') count++;
      continue;
    }
    if (!off && !skip) count++;
    skip = false;
  }
  return count;
}

function showCommand(command: Command): string {
  return command.map(showArg).join(' ');
}

function cut(text: string): string {
  return text.length > shownReplyChars ? `${text.slice(0, shownReplyChars)}...` : text;
}

export function showStep(step: Step): string {
  switch (step.kind) {
    case 'send':
      return step.commands.map((command) => `  client ${step.client}: ${showCommand(command)}`).join('\n');
    case 'raw':
      return `  client ${step.client}: bytes ${JSON.stringify(step.bytes)}`;
    case 'restart':
      return `  (restart: ${step.how}, ${JSON.stringify(step.flags)})`;
    case 'reconnect':
      return `  (client ${step.client} connects anew)`;
    default:
      return `  (${step.kind})`;
  }
}

export class Runner {
  private links: Link[] = [];
  private windowStartMs = 0;
  private inWindow = false;
  private slowestMs = 0;

  constructor(
    private readonly servers: Servers,
    private readonly context: MaskContext,
    /** Windows are this many times as long as written. */
    private readonly stretch = 1,
    /** A program that is not through by then is late. */
    private readonly endMs = Infinity,
  ) {}

  private async connect(client: number): Promise<void> {
    this.links[client]?.redis.close();
    this.links[client]?.cairn.close();
    const [redis, cairn] = await Promise.all([this.servers.redis.connect(), this.servers.cairn.connect()]);
    for (const end of [redis, cairn]) end.socket.on('error', () => undefined);
    this.links[client] = { redis, cairn, queued: [] };
  }

  private async connectAll(): Promise<void> {
    for (let client = 0; client < clientCount; client++) await this.connect(client);
  }

  private async both(...line: string[]): Promise<void> {
    for (const server of [this.servers.redis, this.servers.cairn]) {
      using client = await server.connect();
      const reply = await client.cmd(...line);
      if (!(reply instanceof Simple)) throw new Error(`${line.join(' ')} on ${server.kind}: ${show(reply)}`);
    }
  }

  private renderAll(commands: readonly Command[]): Buffer[][] {
    const now = Date.now();
    const start = this.inWindow ? this.windowStartMs : now;
    return commands.map((command) =>
      command.map((arg) => {
        const stretched =
          typeof arg === 'object' && arg.offsetMs === nearMs ? { ...arg, offsetMs: nearMs * this.stretch } : arg;
        return render(stretched, start, now);
      }),
    );
  }

  /** Compares one reply; an EXEC's item by item. */
  private compare(link: Link, args: readonly Buffer[], redis: Reply, cairn: Reply): string | undefined {
    const name = commandName(args);
    if (show(redis) === show(cairn)) return undefined;
    if (name === 'exec' && Array.isArray(redis) && Array.isArray(cairn)) {
      const [ours, theirs] = [cairn as Reply[], redis as Reply[]];
      if (ours.length === theirs.length && ours.length === link.queued.length) {
        const at = link.queued.findIndex(
          (one, i) => this.compare(link, one, theirs[i] ?? '', ours[i] ?? '') !== undefined,
        );
        const [one = []] = at < 0 ? [] : link.queued.slice(at);
        return at < 0 ? undefined : this.compare(link, one, theirs[at] ?? '', ours[at] ?? '')?.concat(` in EXEC`);
      }
    }
    if (maskFor(name, args, redis, cairn, this.context) !== undefined) return undefined;
    if (known.some((mask) => mask.command.test(name) && mask.same(redis, cairn, this.context, args))) return undefined;
    return `${name}`;
  }

  private follow(link: Link, args: readonly Buffer[], reply: Reply): void {
    const name = commandName(args);
    if (reply instanceof Simple && reply.text === 'QUEUED') link.queued.push([...args]);
    else if (/^(exec|discard|reset)$/.test(name)) link.queued = [];
  }

  /** Replies of one pipeline (or of bytes that are no commands). */
  private judge(
    link: Link,
    commands: readonly Buffer[][],
    bytes: number,
    redis: Received,
    cairn: Received,
  ): Omit<Difference, 'step'> | undefined {
    const count = Math.min(redis.replies.length, cairn.replies.length);
    const silent = commands.some((args) => commandName(args) === 'client|reply');
    for (let i = 0; i < count; i++) {
      const args = silent ? [] : (commands[i] ?? []);
      const [theirs = '', ours = ''] = [redis.replies[i], cairn.replies[i]];
      const signature = this.compare(link, args, theirs, ours);
      this.follow(link, args, ours);
      if (signature !== undefined) {
        const errors = [theirs, ours].map((reply) => (reply instanceof ErrorReply ? 'error' : 'value')).join('/');
        const shown = args.map((arg) => showArg(arg.toString('latin1'))).join(' ');
        return {
          signature: `${signature} ${errors}`,
          text: `reply ${i + 1}, to ${cut(shown)}\n  redis: ${cut(show(theirs))}\n  cairn: ${cut(show(ours))}`,
        };
      }
    }
    const readToEnd = commands.slice(0, -1).every((args) => commandName(args) !== 'quit');
    if (endsAlike(redis, cairn, readToEnd ? 0 : bytes)) return undefined;
    const state = (of: Received): string =>
      `${of.replies.length} replies${of.closed ? ', closed' : ''}${of.broken ? ' by a reset' : ''}${of.failure === undefined ? '' : `, ${of.failure}`}`;
    return { signature: 'number of replies', text: `redis: ${state(redis)}\n  cairn: ${state(cairn)}` };
  }

  private async exchange(
    client: number,
    bytes: Buffer,
    commands: readonly Buffer[][],
    count: number,
  ): Promise<Omit<Difference, 'step'> | undefined> {
    const link = this.links[client];
    if (link === undefined) throw new Error(`no client ${client}`);
    const began = Date.now();
    void link.redis.send(bytes);
    void link.cairn.send(bytes);
    const [redis, cairn] = await Promise.all([
      receive(link.redis, count, this.endMs),
      receive(link.cairn, count, this.endMs),
    ]);
    this.slowestMs = Math.max(this.slowestMs, Date.now() - began);
    const difference = this.judge(link, commands, bytes.length, redis, cairn);
    if (redis.closed || cairn.closed) await this.connect(client);
    return difference;
  }

  private async send(step: Extract<Step, { kind: 'send' }>): Promise<Omit<Difference, 'step'> | undefined> {
    const commands = this.renderAll(step.commands);
    const bytes = Buffer.concat(
      commands.flatMap((args) => [
        Buffer.from(`*${args.length}\r\n`),
        ...args.flatMap((arg) => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]),
      ]),
    );
    return this.exchange(step.client, bytes, commands, expectedReplies(commands));
  }

  private async restart(step: Extract<Step, { kind: 'restart' }>): Promise<void> {
    for (const { redis, cairn } of this.links) {
      redis.close();
      cairn.close();
    }
    await this.servers.cairn.restart(step.how, step.flags);
    await this.both('CONFIG', 'RESETSTAT');
    await this.connectAll();
  }

  /** Whether hits and misses must not be compared over this step. */
  private isUncounted(step: Extract<Step, { kind: 'send' }>): boolean {
    const now = step.commands.map((command) =>
      command.map((arg) => Buffer.from(typeof arg === 'string' ? arg : '', 'latin1')),
    );
    const runsQueue = now.some((args) => commandName(args) === 'exec');
    const all = runsQueue ? [...now, ...(this.links[step.client]?.queued ?? [])] : now;
    return [...uncounted, ...knownUncounted].some(
      ({ command, option, since = 0 }) =>
        this.context.redisVersion >= since &&
        all.some(
          (args) =>
            command.test(commandName(args)) &&
            (option === undefined || args.some((arg) => arg.toString('latin1').toLowerCase() === option)),
        ),
    );
  }

  private async statistics(): Promise<Omit<Difference, 'step'> | undefined> {
    const text = await statisticsDifference(this.servers.redis, this.servers.cairn);
    return text === undefined ? undefined : { signature: text.split(':')[0] ?? '', text };
  }

  /** Undefined: the same; 'late': the deadlines of a window may have passed within it. */
  private async step(step: Step): Promise<Omit<Difference, 'step'> | 'late' | undefined> {
    switch (step.kind) {
      case 'send': {
        const apart = this.isUncounted(step);
        const wrong = apart ? await this.statistics() : undefined;
        if (wrong !== undefined) return wrong;
        const difference = await this.send(step);
        if (apart) await this.both('CONFIG', 'RESETSTAT');
        const late = this.inWindow && Date.now() > this.windowStartMs + nearMs * this.stretch - windowReserveMs;
        return late ? 'late' : difference;
      }
      case 'raw':
        return this.exchange(step.client, Buffer.from(step.bytes, 'latin1'), [], step.replies);
      case 'reconnect':
        await this.connect(step.client);
        return undefined;
      case 'restart':
        await this.restart(step);
        return undefined;
      case 'window':
        this.windowStartMs = Date.now();
        this.slowestMs = 0;
        this.inWindow = true;
        return undefined;
      case 'wait':
        // A relative deadline begins when the command arrives: at most the slowest reply later than it was meant.
        await sleep(
          Math.max(
            0,
            Math.min(this.endMs, this.windowStartMs + nearMs * this.stretch + this.slowestMs + windowReserveMs) -
              Date.now(),
          ),
        );
        this.inWindow = false;
        return undefined;
      case 'compare': {
        const { redis, cairn } = this.servers;
        const wrong = await this.statistics();
        if (wrong !== undefined) return wrong;
        const text = await keyspaceDifference(redis, cairn, this.context);
        await this.both('CONFIG', 'RESETSTAT');
        return text === undefined ? undefined : { signature: 'keyspace', text };
      }
    }
  }

  /** Whether the server has ended, which it may be about to: an abort closes the connections first. */
  private async died(step: number): Promise<Outcome | undefined> {
    const { cairn } = this.servers;
    await eventually('an end', () => !cairn.running, Math.min(deathMs, (this.endMs - Date.now()) / patience)).catch(
      () => undefined,
    );
    if (cairn.running) return undefined;
    const text = `the server has ended:\n${cairn.logs.slice(-2000)}`;
    return { kind: 'different', difference: { step, signature: 'death', text } };
  }

  /** Starts from empty databases and fresh connections. */
  async run(program: Program): Promise<Outcome> {
    let at = 0;
    try {
      await this.both('FLUSHALL');
      await this.both('CONFIG', 'RESETSTAT');
      await this.connectAll();
      for (const [i, step] of program.steps.entries()) {
        at = i;
        const found = await this.step(step);
        if (found === 'late' || Date.now() >= this.endMs) return { kind: 'late' };
        if (found === undefined) continue;
        const end = /closed/.test(found.text) ? await this.died(i) : undefined;
        return end ?? { kind: 'different', difference: { step: i, ...found } };
      }
      return { kind: 'same' };
    } catch (error) {
      const failed: Difference = { step: at, signature: 'failure', text: String(error) };
      return (await this.died(at)) ?? { kind: 'different', difference: failed };
    } finally {
      for (const server of [this.servers.redis, this.servers.cairn]) server.closeClients();
    }
  }
}
