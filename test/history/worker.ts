/** A client of a history: one operation at a time, recorded; after a lost connection it goes on as another process. */
import { RawClient } from '../support/raw-client.js';
import { type Random } from '../support/random.js';
import { ErrorReply, type Reply } from '../support/resp.js';
import { sleep, type TestServer } from '../support/server.js';
import { type History, type Json } from './events.js';

/** What came of an operation that was answered. */
export type Outcome = { readonly type: 'ok'; readonly value: Json } | { readonly type: 'fail'; readonly error: string };

export const ok = (value: Json): Outcome => ({ type: 'ok', value });
export const fail = (error: string): Outcome => ({ type: 'fail', error });

/** The server has refused: certainly nothing happened. */
export class Refused extends Error {}

export interface Request {
  readonly f: string;
  readonly value: Json;
  /** Sends the commands and understands the replies; rejects when the connection is lost. */
  readonly act: (client: RawClient) => Promise<Outcome>;
}

/** Throws if it is an error. */
export function accepted(reply: Reply): Reply {
  if (reply instanceof ErrorReply) throw new Refused(reply.text);
  return reply;
}

const patienceMs = 1500;
const pauseMsMax = 6;

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no reply in time')), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Worker {
  private client: RawClient | undefined;

  constructor(
    private readonly server: TestServer,
    private readonly history: History,
    /** Process numbers of one history go up by this when a process crashes. */
    private readonly concurrency: number,
    private process: number,
    private readonly random: Random,
  ) {}

  private async connected(): Promise<RawClient | undefined> {
    if (this.client !== undefined && !this.client.isClosed) return this.client;
    try {
      this.client = await within(RawClient.connect(this.server.address));
      this.client.socket.on('error', () => undefined);
      return this.client;
    } catch {
      await sleep(20);
      return undefined;
    }
  }

  private crash(): void {
    this.client?.close();
    this.client = undefined;
    this.process += this.concurrency;
  }

  private async perform(client: RawClient, { f, value, act }: Request): Promise<void> {
    const { history, process } = this;
    history.add({ type: 'invoke', f, value, process });
    try {
      const outcome = await within(act(client));
      if (outcome.type === 'ok') history.add({ type: 'ok', f, value: outcome.value, process });
      else history.add({ type: 'fail', f, value, process, error: outcome.error });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (error instanceof Refused) {
        history.add({ type: 'fail', f, value, process, error: text });
        // There may be more replies to come; a connection with fewer is the simplest answer.
        client.close();
        return;
      }
      history.add({ type: 'info', f, value, process, error: text.slice(0, 100) });
      this.crash();
    }
  }

  /** One operation, if the server lets us in. */
  async once(request: Request): Promise<boolean> {
    const client = await this.connected();
    if (client === undefined) return false;
    await this.perform(client, request);
    return true;
  }

  async run(next: () => Request, running: () => boolean): Promise<void> {
    while (running()) {
      await this.once(next());
      await sleep(this.random.int(0, pauseMsMax));
    }
    this.close();
  }

  close(): void {
    this.client?.close();
    this.client = undefined;
  }
}
