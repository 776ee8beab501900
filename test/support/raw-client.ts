/**
 * A client that is nothing but a socket and a decoder: it sends the bytes it is told to send and hands out replies (or
 * the exact bytes of replies) in order. No reconnects, no handshake, no queue of its own.
 */
import net from 'node:net';
import { patience } from './patience.js';
import { type Arg, decode, encode, type Reply, show, tokenize } from './resp.js';

const replyTimeoutMs = 20_000 * patience;

export interface Address {
  port?: number;
  path?: string;
}

export interface Frame {
  reply: Reply;
  bytes: Buffer;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class RawClient {
  private chunks: Buffer[] = [];
  private buffered = 0;
  private need = 1;
  private waiters: Waiter[] = [];
  private ended = false;
  private failure: Error | undefined;
  private last = '(nothing sent)';
  /** Resolves when the server has closed the connection, whether by FIN or by RST. */
  readonly closed: Promise<void>;

  private constructor(readonly socket: net.Socket) {
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.ended = true;
        resolve();
        this.wake();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.buffered += chunk.length;
      if (this.buffered >= this.need) this.wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.wake();
    });
    socket.on('error', (error) => {
      this.failure = error;
    });
  }

  static connect(address: Address): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket =
        address.path === undefined
          ? net.connect({ port: address.port ?? 0, host: '127.0.0.1', noDelay: true })
          : net.connect({ path: address.path });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  get isClosed(): boolean {
    return this.ended;
  }

  /** Whether the connection ended by an error, as after a reset, and not by the end of what the server had to send. */
  get isBroken(): boolean {
    return this.failure !== undefined;
  }

  /** Bytes received and not yet handed out. */
  get pending(): number {
    return this.buffered;
  }

  private wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  private async more(need: number, what: string, timeoutMs = replyTimeoutMs): Promise<void> {
    this.need = need;
    if (this.buffered >= need) return;
    if (this.ended) throw new Error(`connection closed while waiting for ${what}`, { cause: this.failure });
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      timer = setTimeout(() => {
        reject(new Error(`no reply within ${timeoutMs} ms: ${what}`));
      }, timeoutMs);
    }).finally(() => clearTimeout(timer));
  }

  private gather(): Buffer {
    const first = this.chunks[0];
    const all = this.chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.chunks);
    this.chunks = all.length === 0 ? [] : [all];
    return all;
  }

  private take(end: number): Buffer {
    const all = this.gather();
    this.chunks = end === all.length ? [] : [all.subarray(end)];
    this.buffered = all.length - end;
    return all.subarray(0, end);
  }

  /** The next reply together with the exact bytes that carried it. */
  async frame(timeoutMs = replyTimeoutMs): Promise<Frame> {
    let need = 1;
    for (;;) {
      await this.more(need, this.last, Math.min(timeoutMs, replyTimeoutMs));
      const found = decode(this.gather());
      if ('need' in found) {
        need = Math.max(found.need, this.buffered + 1);
        continue;
      }
      return { reply: found.reply, bytes: this.take(found.end) };
    }
  }

  async read(): Promise<Reply> {
    return (await this.frame()).reply;
  }

  async readMany(count: number): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (let i = 0; i < count; i++) replies.push(await this.read());
    return replies;
  }

  /** Exactly `length` bytes, whatever they mean. */
  async readBytes(length: number): Promise<Buffer> {
    while (this.buffered < length) await this.more(length, `${length} bytes after ${this.last}`);
    return this.take(length);
  }

  /** Everything until the server closes the connection. */
  async readToEnd(): Promise<Buffer> {
    await this.within(this.closed, 'the server to close the connection');
    return this.buffered === 0 ? Buffer.alloc(0) : this.take(this.buffered);
  }

  async expectClosed(): Promise<void> {
    const rest = await this.readToEnd();
    if (rest.length > 0) throw new Error(`unexpected bytes before the close: ${rest.toString('latin1')}`);
  }

  private async within(promise: Promise<void>, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), replyTimeoutMs);
    });
    await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  /** Sends bytes as they are; resolves when they were handed to the kernel. */
  send(bytes: Buffer | string): Promise<void> {
    this.last = JSON.stringify(bytes.slice(0, 60).toString());
    return new Promise((resolve) => {
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }

  /** Sends one command and returns its reply. */
  async cmd(...args: Arg[]): Promise<Reply> {
    void this.send(encode(args));
    return this.read();
  }

  /** As `cmd`, for a command written as one line: `run('SET key "a value"')`. */
  async run(line: string): Promise<Reply> {
    void this.send(encode(tokenize(line)));
    return this.read();
  }

  /** As `run`, as the text that `show` gives. */
  async ask(line: string): Promise<string> {
    return show(await this.run(line));
  }

  /** Sends all commands in one write and returns their replies. */
  async pipeline(commands: readonly (readonly Arg[])[]): Promise<Reply[]> {
    void this.send(Buffer.concat(commands.map(encode)));
    return this.readMany(commands.length);
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
