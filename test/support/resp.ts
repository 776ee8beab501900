/**
 * RESP2 and RESP3 for tests: an encoder for requests and a decoder that keeps every distinction the wire makes
 * (simple against bulk string, the three kinds of null, map against array), so that tests can compare exactly.
 *
 * Bulk strings are decoded as latin1: one character per byte, nothing is lost. Requests given as text are encoded the
 * same way, so "\xff" in a test is the byte 0xff.
 */

export type Arg = string | number | bigint | Buffer;

export class Simple {
  constructor(readonly text: string) {}
}

export class ErrorReply {
  constructor(
    readonly text: string,
    readonly bulk = false,
  ) {}
}

export class Nil {
  constructor(readonly kind: 'bulk' | 'array' | 'resp3') {}
}

export class Double {
  constructor(readonly text: string) {}
}

export class BigNumber {
  constructor(readonly text: string) {}
}

export class Verbatim {
  constructor(
    readonly format: string,
    readonly text: string,
  ) {}
}

export class MapReply {
  constructor(readonly entries: readonly (readonly [Reply, Reply])[]) {}
}

export class SetReply {
  constructor(readonly items: readonly Reply[]) {}
}

export class Push {
  constructor(readonly items: readonly Reply[]) {}
}

export type Reply =
  | string
  | number
  | bigint
  | boolean
  | Simple
  | ErrorReply
  | Nil
  | Double
  | BigNumber
  | Verbatim
  | MapReply
  | SetReply
  | Push
  | readonly Reply[];

export const OK = new Simple('OK');
export const QUEUED = new Simple('QUEUED');
export const PONG = new Simple('PONG');
export const RESET = new Simple('RESET');
/** `$-1` */
export const nil = new Nil('bulk');
/** `*-1` */
export const nilArray = new Nil('array');
/** `_` */
export const nil3 = new Nil('resp3');

function argBytes(arg: Arg): Buffer {
  return Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg), 'latin1');
}

export function encode(args: readonly Arg[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = argBytes(arg);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** Splits a command line as redis-cli does: spaces separate, double quotes with escapes, single quotes without. */
export function tokenize(line: string): string[] {
  const args: string[] = [];
  let i = 0;
  for (;;) {
    while (line[i] === ' ') i++;
    if (i >= line.length) return args;
    let arg = '';
    const quote = line[i] === '"' || line[i] === "'" ? line[i] : undefined;
    if (quote !== undefined) i++;
    for (;;) {
      const c = line[i];
      if (c === undefined) {
        if (quote !== undefined) throw new Error(`unbalanced quotes: ${line}`);
        break;
      }
      if (quote === undefined ? c === ' ' : c === quote) {
        if (quote !== undefined) i++;
        break;
      }
      if (quote === '"' && c === '\\') {
        const next = line[i + 1] ?? '';
        if (next === 'x') {
          arg += String.fromCharCode(parseInt(line.slice(i + 2, i + 4), 16));
          i += 4;
        } else {
          arg += escapes[next] ?? next;
          i += 2;
        }
        continue;
      }
      arg += c;
      i++;
    }
    args.push(arg);
  }
}

/** What `decode` found: a reply and where it ended, or how many bytes it must have before another try is worth it. */
export type Decoded = { reply: Reply; end: number } | { need: number };

class Incomplete extends Error {
  constructor(readonly need: number) {
    super('incomplete');
  }
}

class Cursor {
  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  line(): string {
    const end = this.bytes.indexOf('\r\n', this.at, 'latin1');
    if (end < 0) throw new Incomplete(this.bytes.length + 1);
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end + 2;
    return text;
  }

  blob(length: number): string {
    const end = this.at + length;
    if (this.bytes.length < end + 2) throw new Incomplete(end + 2);
    const text = this.bytes.toString('latin1', this.at, end);
    if (this.bytes[end] !== 13 || this.bytes[end + 1] !== 10) {
      throw new Error(`bulk of ${length} bytes is not followed by CRLF`);
    }
    this.at = end + 2;
    return text;
  }

  many(count: number): Reply[] {
    const items: Reply[] = [];
    for (let i = 0; i < count; i++) items.push(this.reply());
    return items;
  }

  reply(): Reply {
    if (this.at >= this.bytes.length) throw new Incomplete(this.bytes.length + 1);
    const type = String.fromCharCode(this.bytes[this.at] ?? 0);
    this.at++;
    const head = this.line();
    switch (type) {
      case '+':
        return new Simple(head);
      case '-':
        return new ErrorReply(head);
      case ':':
        return integer(head);
      case '$':
        return head === '-1' ? nil : this.blob(count(head));
      case '*':
        return head === '-1' ? nilArray : this.many(count(head));
      case '_':
        if (head !== '') throw new Error(`null with content: ${head}`);
        return nil3;
      case '#':
        if (head !== 't' && head !== 'f') throw new Error(`bad boolean: ${head}`);
        return head === 't';
      case ',':
        return new Double(head);
      case '(':
        return new BigNumber(head);
      case '!':
        return new ErrorReply(this.blob(count(head)), true);
      case '=': {
        const text = this.blob(count(head));
        return new Verbatim(text.slice(0, 3), text.slice(4));
      }
      case '%': {
        const flat = this.many(2 * count(head));
        const entries: [Reply, Reply][] = [];
        for (let i = 0; i < flat.length; i += 2) entries.push([flat[i] as Reply, flat[i + 1] as Reply]);
        return new MapReply(entries);
      }
      case '~':
        return new SetReply(this.many(count(head)));
      case '>':
        return new Push(this.many(count(head)));
      default:
        throw new Error(`unknown reply type ${JSON.stringify(type + head)}`);
    }
  }
}

function count(head: string): number {
  if (!/^(0|[1-9]\d*)$/.test(head)) throw new Error(`bad length in reply: ${JSON.stringify(head)}`);
  return Number(head);
}

function integer(head: string): number | bigint {
  if (!/^-?(0|[1-9]\d*)$/.test(head)) throw new Error(`bad integer in reply: ${JSON.stringify(head)}`);
  const value = Number(head);
  return Number.isSafeInteger(value) ? value : BigInt(head);
}

/** Decodes one reply that starts at `start`. Throws if the bytes are not RESP. */
export function decode(bytes: Buffer, start = 0): Decoded {
  const cursor = new Cursor(bytes, start);
  try {
    const reply = cursor.reply();
    return { reply, end: cursor.at };
  } catch (error) {
    if (error instanceof Incomplete) return { need: error.need };
    throw error;
  }
}

/** One line of text for a reply; two replies have the same text exactly if they are equal on the wire. */
export function show(reply: Reply): string {
  if (typeof reply === 'string') return JSON.stringify(reply);
  if (typeof reply === 'number' || typeof reply === 'bigint') return `:${reply}`;
  if (typeof reply === 'boolean') return reply ? '#t' : '#f';
  if (reply instanceof Simple) return `+${reply.text}`;
  if (reply instanceof ErrorReply) return `${reply.bulk ? '!' : '-'}${reply.text}`;
  if (reply instanceof Nil) return { bulk: '$nil', array: '*nil', resp3: '_' }[reply.kind];
  if (reply instanceof Double) return `,${reply.text}`;
  if (reply instanceof BigNumber) return `(${reply.text}`;
  if (reply instanceof Verbatim) return `=${reply.format}:${JSON.stringify(reply.text)}`;
  if (reply instanceof MapReply) {
    return `%{${reply.entries.map(([key, value]) => `${show(key)}: ${show(value)}`).join(', ')}}`;
  }
  if (reply instanceof SetReply) return `~[${reply.items.map(show).join(', ')}]`;
  if (reply instanceof Push) return `>[${reply.items.map(show).join(', ')}]`;
  return `[${reply.map(show).join(', ')}]`;
}
