/**
 * Conversations of several clients with a server, byte by byte: each line is sent by one of them, and what all of them get until
 * it is quiet belongs to it. The same conversation with redis-server tells what to expect.
 */
import net from 'node:net';
import { patience } from './patience.js';
import { encode, tokenize } from './resp.js';
import { sleep } from './server.js';

/** `[client, command line]`, the line as redis-cli takes it; or a pause in milliseconds. Bytes are sent as they are. */
export type Line = readonly [client: string, command: string | Buffer] | number;

export class Wire {
  private chunks: Buffer[] = [];
  ended = false;

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
    });
    socket.on('close', () => {
      this.ended = true;
    });
    socket.on('error', () => undefined);
  }

  static connect(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
      socket.once('error', reject);
    });
  }

  /** What has come and was not cleared. */
  get received(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }

  clear(): void {
    this.chunks = [];
  }

  send(command: string | Buffer): void {
    this.socket.write(typeof command === 'string' ? encode(tokenize(command)) : command);
  }

  async until(done: (text: string) => boolean, what: string): Promise<string> {
    const deadline = Date.now() + 20_000 * patience;
    for (;;) {
      const text = this.received.toString('latin1');
      if (done(text)) return text;
      if (Date.now() > deadline) throw new Error(`${what} did not come; so far: ${text.slice(-500)}`);
      await sleep(2);
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** What changes from run to run. */
function masked(text: string): string {
  return text.replaceAll(/(\$2\r\nid\r\n):\d+/g, '$1:#').replaceAll(/(\$7\r\nversion\r\n)\$\d+\r\n[\d.]+/g, '$1#');
}

/** What all have got, taken or not. */
function heardOf(wires: ReadonlyMap<string, Wire>, line: Line, take: boolean): string {
  if (typeof line === 'number') return '';
  const got = [...wires].map(([name, wire]) => {
    const text = wire.received.toString('latin1') + (wire.ended ? '(closed)' : '');
    if (take) wire.clear();
    return text === '' ? '' : `${name}< ${masked(text)}`;
  });
  return [`${line[0]}> ${line[1].toString('latin1')}`, ...got.filter((text) => text !== '')].join('\n');
}

async function converse(
  port: number,
  lines: readonly Line[],
  settle: (heard: () => string, line: number) => Promise<void>,
): Promise<string[]> {
  const wires = new Map<string, Wire>();
  const all: string[] = [];
  try {
    for (const [index, line] of lines.entries()) {
      if (typeof line === 'number') {
        await sleep(line);
      } else {
        const [name, command] = line;
        const wire = wires.get(name) ?? (await Wire.connect(port));
        wires.set(name, wire);
        wire.send(command);
        await settle(() => heardOf(wires, line, false), index);
      }
      all.push(heardOf(wires, line, true));
    }
  } finally {
    for (const wire of wires.values()) wire.socket.destroy();
  }
  return all;
}

const quietMs = 30 * patience;
const answerMsMax = 5000 * patience;

/** What a server says: each line is given time until nothing more has come for a while. */
export function listen(port: number, lines: readonly Line[]): Promise<string[]> {
  return converse(port, lines, async (heard) => {
    for (let before = ''; before !== heard();) {
      before = heard();
      await sleep(quietMs);
    }
  });
}

/** The same, each line waited for until it is answered as expected, or that has taken too long. */
export function listenFor(port: number, lines: readonly Line[], expected: readonly string[]): Promise<string[]> {
  let differs = false; // then the rest need not be waited for long
  return converse(port, lines, async (heard, line) => {
    const deadline = Date.now() + (differs ? quietMs : answerMsMax);
    // Of a line that is not answered (a client that blocks) nobody tells when it has arrived.
    if (!expected[line]?.includes('\n')) await sleep(quietMs);
    while (heard() !== expected[line] && Date.now() < deadline) await sleep(1);
    differs ||= heard() !== expected[line];
  });
}
