// Fills a server with keys `key:000000000000` ... (16 bytes each) through pipelined SETs. Each connection keeps one batch in
// flight; a batch is one buffer that is built once and gets new key digits for every use.

import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';

const keyDigits = 12;
const okReply = Buffer.from('+OK\r\n');

/**
 * @typedef {object} FillSpec
 * @property {number} keys
 * @property {number} valueBytes
 * @property {number} connections
 * @property {number} pipeline
 */

/** @param {number} index */
export function keyOf(index) {
  return `key:${String(index).padStart(keyDigits, '0')}`;
}

/**
 * The value of a key: pseudo-random bytes that depend on its place in the batch, so that a sample can be checked later.
 * @param {FillSpec} spec
 * @param {number} index of the key
 */
export function valueOf(spec, index) {
  const value = Buffer.alloc(spec.valueBytes);
  let state = ((index % spec.pipeline) + 1) * 0x9e3779b1;
  for (let i = 0; i < value.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    value[i] = state & 0xff;
  }
  return value;
}

/**
 * @param {number} port
 * @param {FillSpec} spec
 * @returns {Promise<number>} seconds it took
 */
export async function fill(port, spec) {
  const begin = performance.now();
  const batches = Math.ceil(spec.keys / spec.pipeline);
  const state = { next: 0, batches };
  await Promise.all(Array.from({ length: Math.min(spec.connections, batches) }, () => fillOne(port, spec, state)));
  return (performance.now() - begin) / 1000;
}

/**
 * @param {number} port
 * @param {FillSpec} spec
 * @param {{ next: number, batches: number }} shared which batch comes next
 * @returns {Promise<void>}
 */
function fillOne(port, spec, shared) {
  const { buffer, stride, digitsAt } = buildBatch(spec);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let awaited = 0;
    const sendNext = () => {
      if (shared.next >= shared.batches) {
        socket.off('close', onClose);
        socket.destroy();
        resolve();
        return;
      }
      const first = shared.next++ * spec.pipeline;
      const count = Math.min(spec.pipeline, spec.keys - first);
      for (let i = 0; i < count; i++) writeDigits(buffer, i * stride + digitsAt, first + i);
      awaited = count * okReply.length;
      // All replies came back, so the kernel has taken the previous use of the buffer.
      socket.write(count === spec.pipeline ? buffer : buffer.subarray(0, count * stride));
    };
    const onClose = () => reject(new Error('the server closed a connection while it was filled'));
    socket.on('close', onClose);
    socket.on('error', reject);
    socket.on('connect', sendNext);
    socket.on('data', (chunk) => {
      if (chunk.includes(0x2d)) {
        reject(new Error(`SET was refused: ${chunk.toString('latin1').slice(0, 200)}`));
        socket.destroy();
        return;
      }
      awaited -= chunk.length;
      if (awaited === 0) sendNext();
      else if (awaited < 0) reject(new Error('more replies than commands'));
    });
  });
}

/** @param {FillSpec} spec */
function buildBatch(spec) {
  const commands = [];
  const head = `*3\r\n$3\r\nSET\r\n$${4 + keyDigits}\r\n`;
  for (let i = 0; i < spec.pipeline; i++) {
    commands.push(Buffer.from(`${head}${keyOf(i)}\r\n$${spec.valueBytes}\r\n`));
    commands.push(valueOf(spec, i), Buffer.from('\r\n'));
  }
  const buffer = Buffer.concat(commands);
  return { buffer, stride: buffer.length / spec.pipeline, digitsAt: head.length + 'key:'.length };
}

/**
 * @param {Buffer} buffer
 * @param {number} at
 * @param {number} value
 */
function writeDigits(buffer, at, value) {
  for (let i = at + keyDigits - 1; i >= at; i--) {
    buffer[i] = 0x30 + (value % 10);
    value = Math.floor(value / 10);
  }
}

/**
 * Reads a sample back and compares every byte.
 * @param {import('./servers.mjs').Server} server
 * @param {FillSpec} spec
 * @param {number} samples
 */
export async function checkSample(server, spec, samples) {
  for (let i = 0; i < samples; i++) {
    const index = Math.floor((i * (spec.keys - 1)) / Math.max(1, samples - 1));
    const reply = await server.command('GET', keyOf(index));
    if (reply !== valueOf(spec, index).toString('latin1')) {
      throw new Error(`${keyOf(index)} does not hold the value that was written`);
    }
  }
  const count = await server.command('DBSIZE');
  if (count !== spec.keys) throw new Error(`DBSIZE says ${String(count)}, not ${spec.keys}`);
}
