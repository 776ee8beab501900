/** What happens to the server while clients work. */
import { type Random } from '../support/random.js';
import { ErrorReply } from '../support/resp.js';
import { type Flags, sleep, type TestServer } from '../support/server.js';
import { type History } from './events.js';

export type Fault = 'kill' | 'stop' | 'pause' | 'fill';
export const faults: readonly Fault[] = ['kill', 'stop', 'pause', 'fill'];

const quietMsMax = 1500;
const pauseMsMax = 2500;
const fillMsMax = 1500;
const fillerBytes = 256 * 1024;
const fillerWritesMax = 400;

/** Options that may differ from start to start on the same directory. */
export function anyFlags(random: Random): Flags {
  return {
    'io-threads': random.pick([1, 2]),
    'io-backend': random.pick(['auto', 'auto', 'threads']),
    'cache-size': random.pick(['1mb', '64mb']),
    lanes: random.pick([1, 2, 3]),
  };
}

export class Nemesis {
  /** Faults so far, by kind. */
  readonly count = new Map<Fault, number>();

  constructor(
    private readonly server: TestServer,
    private readonly random: Random,
    private readonly histories: readonly History[],
    private readonly kinds: readonly Fault[],
  ) {}

  private note(f: string, value: string): void {
    for (const history of this.histories) history.add({ type: 'info', f, value, process: 'nemesis' });
  }

  private async restartAfter(end: 'kill' | 'stop'): Promise<void> {
    if (end === 'kill') {
      // Not TestServer.kill, which waits before anybody learns of it: the clients' connections are to break by themselves.
      this.server.signal('SIGKILL');
      await this.server.waitExit();
    } else {
      await this.server.stop();
    }
    await sleep(this.random.int(0, 100));
    await this.server.start(anyFlags(this.random));
  }

  private async pause(): Promise<void> {
    this.server.signal('SIGSTOP');
    await sleep(this.random.int(50, pauseMsMax));
    this.server.signal('SIGCONT');
  }

  /** Takes all room that a lane has and may not extend. */
  private async fill(): Promise<void> {
    using client = await this.server.connect();
    client.socket.on('error', () => undefined);
    await client.cmd('CONFIG', 'SET', 'min-free-bytes', '1000000gb');
    const value = Buffer.alloc(fillerBytes, 'f');
    let refused = false;
    for (let i = 0; i < fillerWritesMax && !refused; i++)
      refused = (await client.cmd('SET', 'filler', value)) instanceof ErrorReply;
    await sleep(this.random.int(100, fillMsMax));
    await client.cmd('CONFIG', 'SET', 'min-free-bytes', '64mb');
    await client.cmd('DEL', 'filler');
    if (!refused) throw new Error('the server was to be full, but took everything');
  }

  private async strike(fault: Fault): Promise<void> {
    this.note(fault, 'begins');
    if (fault === 'pause') await this.pause();
    else if (fault === 'fill') await this.fill();
    else await this.restartAfter(fault);
    this.note(fault, 'is over');
    this.count.set(fault, (this.count.get(fault) ?? 0) + 1);
  }

  /** Each kind once, then any, until `running` says no. The server runs at the end. */
  async run(running: () => boolean): Promise<void> {
    const first = [...this.kinds];
    while (running()) {
      await sleep(this.random.int(200, quietMsMax));
      await this.strike(first.shift() ?? this.random.pick(this.kinds));
    }
  }
}
