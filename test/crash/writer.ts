/** A connection of the crash test that keeps changing its own keys, pipelined, and knows what it has sent. */
import { type RawClient } from '../support/raw-client.js';
import { type Random } from '../support/random.js';
import { type Arg, encode, type Reply, show, Simple } from '../support/resp.js';
import { Register, type State } from './register.js';

const singleKeys = 24;
const groups = 3;
const keysPerGroup = 4;
const coldKeysPerRound = 4;
const inFlightMax = 400;
const batchCommandsMax = 48;
const valueBytesMax = 3000;
const appendedBytesMax = 2000;

interface Pending {
  /** Replies that the write takes; the last one tells whether it worked. */
  replies: number;
  accepts(reply: Reply): boolean;
  register: Register;
  index: number;
}

const isOk = (reply: Reply): boolean => reply instanceof Simple && reply.text === 'OK';
const isNumber = (reply: Reply): boolean => typeof reply === 'number';

export class Writer {
  readonly singles: Register[];
  readonly groups: Register[];
  readonly cold: Register[] = [];
  readonly counter: Register;
  readonly pair: Register;
  private version = 0;
  /** Writes that were acknowledged, over all rounds. */
  acknowledged = 0;
  readonly complaints: string[] = [];

  constructor(
    private readonly id: number,
    private readonly random: Random,
  ) {
    this.singles = Array.from({ length: singleKeys }, (_, i) => new Register(`w${id}:k${i}`, [`w${id}:k${i}`]));
    this.groups = Array.from(
      { length: groups },
      (_, g) =>
        new Register(
          `w${id}:group${g}`,
          // Different hash tags: the keys of one group are in different slots.
          Array.from({ length: keysPerGroup }, (_key, i) => `{${id}.${g}.${i}}group`),
        ),
    );
    this.counter = new Register(`w${id}:counter`, [`w${id}:counter`]);
    this.pair = new Register(`w${id}:pair`, [`{${id}.a}pair`, `{${id}.b}pair`]);
  }

  get registers(): Register[] {
    return [...this.singles, ...this.groups, ...this.cold, this.counter, this.pair];
  }

  private value(): string {
    const text = `w${this.id}.${++this.version}.`;
    const length = this.random.chance(0.1) ? this.random.int(0, valueBytesMax) : this.random.int(0, 150);
    return text.padEnd(text.length + length, String.fromCharCode(97 + (this.version % 26)));
  }

  private setOrDelete(register: Register, out: Arg[][]): Pending {
    const [key = ''] = register.keys;
    const [current = null] = register.latest;
    const action = this.random.int(0, 9);
    if (action < 2) {
      out.push([this.random.chance(0.5) ? 'DEL' : 'UNLINK', key]);
      return { replies: 1, accepts: isNumber, register, index: register.push([null]) };
    }
    if (action < 3 && (current ?? '').length < appendedBytesMax) {
      const tail = `+${++this.version}`;
      out.push(['APPEND', key, tail]);
      return { replies: 1, accepts: isNumber, register, index: register.push([(current ?? '') + tail]) };
    }
    const value = this.value();
    out.push(this.random.chance(0.1) ? ['SET', key, value, 'EX', 100_000] : ['SET', key, value]);
    return { replies: 1, accepts: isOk, register, index: register.push([value]) };
  }

  /** All keys of the group get the same version, in one EXEC or one MSET; in an EXEC some may be deleted instead. */
  private changeGroup(register: Register, out: Arg[][]): Pending {
    const value = this.value();
    if (this.random.chance(0.3)) {
      out.push(['MSET', ...register.keys.flatMap((key) => [key, value])]);
      return { replies: 1, accepts: isOk, register, index: register.push(register.keys.map(() => value)) };
    }
    const state: State = register.keys.map((_, i) => (i > 0 && this.random.chance(0.3) ? null : value));
    out.push(['MULTI']);
    register.keys.forEach((key, i) => out.push(state[i] === null ? ['DEL', key] : ['SET', key, value]));
    out.push(['EXEC']);
    const accepts = (reply: Reply): boolean => Array.isArray(reply) && reply.length === register.keys.length;
    return { replies: register.keys.length + 2, accepts, register, index: register.push(state) };
  }

  private movePair(out: Arg[][]): Pending {
    const register = this.pair;
    const [a = '', b = ''] = register.keys;
    const [inA = null, inB = null] = register.latest;
    if (inA === null && inB === null) {
      const value = this.value();
      out.push(['SET', a, value]);
      return { replies: 1, accepts: isOk, register, index: register.push([value, null]) };
    }
    out.push(inA !== null ? ['RENAME', a, b] : ['RENAME', b, a]);
    return { replies: 1, accepts: isOk, register, index: register.push([inB, inA]) };
  }

  private increment(out: Arg[][]): Pending {
    const [current = null] = this.counter.latest;
    const next = Number(current ?? '0') + 1;
    out.push(['INCR', this.counter.keys[0] ?? '']);
    const index = this.counter.push([String(next)]);
    return { replies: 1, accepts: (reply) => reply === next, register: this.counter, index };
  }

  private anyWrite(out: Arg[][]): Pending {
    const dice = this.random.int(0, 99);
    if (dice < 70) return this.setOrDelete(this.random.pick(this.singles), out);
    if (dice < 85) return this.changeGroup(this.random.pick(this.groups), out);
    if (dice < 95) return this.increment(out);
    return this.movePair(out);
  }

  /** Keys that are written now and never again: later rounds must find them unchanged. */
  private coldWrites(round: number, out: Arg[][]): Pending[] {
    return Array.from({ length: coldKeysPerRound }, (_, i) => {
      const register = new Register(`w${this.id}:cold${round}.${i}`, [`w${this.id}:cold${round}.${i}`]);
      this.cold.push(register);
      const value = this.value();
      out.push(['SET', register.keys[0] ?? '', value]);
      return { replies: 1, accepts: isOk, register, index: register.push([value]) };
    });
  }

  /** Writes until the connection breaks or `running` says no; then waits for the replies that are due. */
  async run(client: RawClient, round: number, running: () => boolean): Promise<void> {
    client.socket.on('error', () => undefined);
    const pending: Pending[] = [];
    let wakeSender: (() => void) | undefined;
    let broken = false;
    const receive = async (): Promise<void> => {
      for (;;) {
        const write = pending[0];
        if (write === undefined) {
          if (!running()) return;
          await new Promise<void>((resolve) => {
            wakeSender?.();
            setImmediate(resolve);
          });
          continue;
        }
        let reply: Reply = '';
        for (let i = 0; i < write.replies; i++) reply = await client.read();
        pending.shift();
        if (write.accepts(reply)) {
          write.register.acknowledge(write.index);
          this.acknowledged++;
        } else {
          this.complaints.push(`${write.register.name}: unexpected reply ${show(reply)}`);
        }
        if (pending.length < inFlightMax) wakeSender?.();
      }
    };
    const send = async (): Promise<void> => {
      let first = true;
      while (running() && !broken) {
        const out: Arg[][] = [];
        if (first) pending.push(...this.coldWrites(round, out));
        first = false;
        const count = this.random.chance(0.3) ? 1 : this.random.int(1, batchCommandsMax);
        for (let i = 0; i < count; i++) pending.push(this.anyWrite(out));
        void client.send(Buffer.concat(out.map(encode)));
        if (pending.length >= inFlightMax || this.random.chance(0.2)) {
          await new Promise<void>((resolve) => (wakeSender = resolve));
        } else {
          await new Promise(setImmediate);
        }
      }
    };
    const receiving = receive()
      .catch(() => undefined)
      .finally(() => {
        broken = true;
        wakeSender?.();
      });
    await Promise.all([send(), receiving]);
  }
}

/** Reads other connections' registers all the time: what it saw must not be taken back. */
export async function observe(
  client: RawClient,
  registers: readonly Register[],
  random: Random,
  running: () => boolean,
  complaints: string[],
): Promise<void> {
  client.socket.on('error', () => undefined);
  try {
    while (running()) {
      const picks = Array.from({ length: 20 }, () => random.pick(registers));
      const floors = picks.map((register) => register.currentFloor);
      const replies = await client.pipeline(picks.map((register) => ['MGET', ...register.keys]));
      replies.forEach((reply, i) => {
        const complaint = picks[i]?.observe(stateOf(reply), floors[i] ?? 0);
        if (complaint !== undefined) complaints.push(complaint);
      });
    }
  } catch {
    // The server was killed: that is what this is about.
  }
}

/** The state in a reply to MGET. */
export function stateOf(reply: Reply): State {
  if (!Array.isArray(reply)) throw new Error(`MGET gave ${show(reply)}`);
  return (reply as readonly Reply[]).map((value) => (typeof value === 'string' ? value : null));
}
