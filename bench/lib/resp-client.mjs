// A connection for the few commands the benchmarks send themselves: one command at a time, RESP2.

import { connect } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';

/** @typedef {string | number | null | Error | ReplyList} Reply */
/** @typedef {{ [index: number]: Reply, length: number } & Iterable<unknown>} ReplyList */

const waitMillis = 60_000;

export class RespClient {
  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket;
  }

  /**
   * @param {number} port
   * @returns {Promise<RespClient>}
   */
  static open(port) {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RespClient(socket));
      });
    });
  }

  /**
   * @param {...string} words
   * @returns {Promise<Reply>} bulk strings as latin1, so that one character is one byte
   */
  command(...words) {
    const frame = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = this.socket;
      const timer = setTimeout(() => finish(new Error(`no reply to ${words[0]}`)), waitMillis);
      /** @param {Buffer} chunk */
      const onData = (chunk) => {
        text += chunk.toString('latin1');
        const parsed = parse(text, 0);
        if (parsed !== undefined) finish(undefined, parsed.value);
      };
      const onClose = () => finish(new Error(`connection closed in ${words[0]}`));
      /** @param {Error | undefined} error @param {Reply} [value] */
      const finish = (error, value = null) => {
        clearTimeout(timer);
        socket.off('data', onData);
        socket.off('close', onClose);
        socket.off('error', onClose);
        if (error === undefined) resolve(value);
        else reject(error);
      };
      socket.on('data', onData);
      socket.on('close', onClose);
      socket.on('error', onClose);
      socket.write(`*${words.length}\r\n${frame}`);
    });
  }

  close() {
    this.socket.destroy();
  }
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {{ value: Reply, end: number } | undefined} undefined: not complete yet
 */
function parse(text, at) {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const kind = text[at];
  const line = text.slice(at + 1, lineEnd);
  const end = lineEnd + 2;
  if (kind === '+') return { value: line, end };
  if (kind === '-') return { value: new Error(line), end };
  if (kind === ':') return { value: Number(line), end };
  const count = Number(line);
  if (count < 0) return { value: null, end };
  if (kind === '$') {
    if (text.length < end + count + 2) return undefined;
    return { value: text.slice(end, end + count), end: end + count + 2 };
  }
  if (kind !== '*') throw new Error(`unexpected reply type ${JSON.stringify(kind)}`);
  /** @type {Reply[]} */
  const items = [];
  let position = end;
  for (let i = 0; i < count; i++) {
    const item = parse(text, position);
    if (item === undefined) return undefined;
    items.push(item.value);
    position = item.end;
  }
  return { value: items, end: position };
}
