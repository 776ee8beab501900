/**
 * Replies as values, and their encoding in RESP2 and RESP3. Where RESP2 lacks a type it gets the shape Redis gives it:
 * a map becomes a flat array, a set an array, a double and a verbatim text a bulk string, a boolean an integer.
 */
import { bytesOfText, isByteString } from '../bytes.js';

/** A status line: `+OK`. */
export class Simple {
  constructor(readonly text: string) {}
}

/** Thrown or returned by a handler; the text begins with the error code: `ERR syntax error`. */
export class ReplyError extends Error {}

export class Double {
  constructor(readonly value: number) {}
}

/** Text with a format of three letters; clients of RESP3 may print it as it is. */
export class Verbatim {
  constructor(
    readonly text: string,
    readonly format: 'txt' | 'mkd' = 'txt',
  ) {}
}

export class RespSet {
  constructor(readonly items: readonly Reply[]) {}
}

/** Ordered pairs. */
export class RespMap {
  constructor(readonly pairs: readonly (readonly [Reply, Reply])[]) {}

  /** Of a literal: its names are ours. */
  static of<T extends object>(literal: { readonly [K in keyof T]: Reply }): RespMap {
    return new RespMap(Object.entries<Reply>(literal));
  }
}

/** Strings, one char a byte (bytes.ts), are bulk strings, numbers integers, null the null of the protocol version. */
export type Reply =
  string | number | boolean | null | Simple | ReplyError | Double | Verbatim | RespSet | RespMap | readonly Reply[];

export const ok = new Simple('OK');

export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}

class Encoder {
  private readonly pieces: string[] = [];

  constructor(private readonly resp: 2 | 3) {}

  private text(value: string): void {
    this.pieces.push(value);
  }

  private bulk(value: string): void {
    const bytes = onWire(value);
    this.text(`$${bytes.length}\r\n${bytes}\r\n`);
  }

  private list(sign: string, length: number, items: Iterable<Reply>): void {
    this.text(`${sign}${length}\r\n`);
    for (const item of items) this.add(item);
  }

  add(reply: Reply): void {
    const three = this.resp === 3;
    if (typeof reply === 'string') this.bulk(reply);
    else if (typeof reply === 'number') this.text(`:${reply}\r\n`);
    else if (typeof reply === 'boolean') this.text(three ? `#${reply ? 't' : 'f'}\r\n` : `:${Number(reply)}\r\n`);
    else if (reply === null) this.text(three ? '_\r\n' : '$-1\r\n');
    else if (reply instanceof Simple) this.text(`+${oneLine(reply.text)}\r\n`);
    else if (reply instanceof ReplyError) this.text(`-${oneLine(reply.message)}\r\n`);
    else if (reply instanceof Double) this.double(formatDouble(reply.value));
    else if (reply instanceof Verbatim) this.verbatim(reply);
    else if (reply instanceof RespSet) this.list(three ? '~' : '*', reply.items.length, reply.items);
    else if (reply instanceof RespMap) this.map(reply);
    else this.list('*', reply.length, reply);
  }

  private double(value: string): void {
    if (this.resp === 3) this.text(`,${value}\r\n`);
    else this.bulk(value);
  }

  private verbatim({ text, format }: Verbatim): void {
    const bytes = onWire(text);
    if (this.resp === 3) this.text(`=${bytes.length + 4}\r\n${format}:${bytes}\r\n`);
    else this.bulk(bytes);
  }

  private map({ pairs }: RespMap): void {
    const three = this.resp === 3;
    this.list(three ? '%' : '*', three ? pairs.length : 2 * pairs.length, pairs.flat());
  }

  finish(): string {
    return this.pieces.join('');
  }
}

/** Text that is more than bytes (none of ours is, but a message of the system may be) goes out as UTF-8. */
function onWire(text: string): string {
  return isByteString(text) ? text : bytesOfText(text);
}

/** A status or an error is one line, whatever a client managed to get into it. */
function oneLine(text: string): string {
  return onWire(text).replace(/[\r\n]/g, ' ');
}

/** One char a byte. */
export function encode(reply: Reply, resp: 2 | 3): string {
  const encoder = new Encoder(resp);
  encoder.add(reply);
  return encoder.finish();
}
