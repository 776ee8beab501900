// PUBLISH to many subscribers, beside Redis: CPU time of the server per message, until every subscriber has every byte.

import { connect } from 'node:net';

import { sleep } from '../lib/cleanup.mjs';
import { cpuNanosBetween, cpuSample } from '../lib/proc.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';

/**
 * @typedef {import('../lib/context.mjs').Server} Server
 * @typedef {import('node:net').Socket} Socket
 * @typedef {{ name: string, server: Server, cpu: number[], rate: number[] }} Side
 */

const channel = 'news';
const payloadBytes = 64;
const trialMessages = 20_000;

/** @param {string[]} words */
function frame(...words) {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/**
 * A socket that counts what comes.
 * @param {number} port
 * @returns {Promise<{ socket: Socket, got: number, until: (bytes: number) => Promise<void> }>}
 */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    /** @type {{ bytes: number, done: () => void } | undefined} */
    let waiter;
    const counting = {
      socket,
      got: 0,
      /** @param {number} bytes */
      until: (bytes) =>
        new Promise((/** @type {(value: void) => void} */ done) => {
          if (counting.got >= bytes) done();
          else waiter = { bytes, done };
        }),
    };
    socket.on('data', (chunk) => {
      counting.got += chunk.length;
      if (waiter !== undefined && counting.got >= waiter.bytes) waiter.done();
    });
    socket.once('error', reject);
    socket.once('connect', () => resolve(counting));
  });
}

/**
 * So many messages, `pipeline` at a time, and all of them received.
 * @param {Server} server
 * @param {{ subscribers: number, pipeline: number, messages: number }} plan
 */
async function publish(server, { subscribers, pipeline, messages }) {
  const listeners = await Promise.all(Array.from({ length: subscribers }, () => open(server.port)));
  const confirmation = frame('subscribe', channel).replace('*2', '*3').length + ':1\r\n'.length;
  for (const { socket } of listeners) socket.write(frame('SUBSCRIBE', channel));
  await Promise.all(listeners.map((listener) => listener.until(confirmation)));
  const publisher = await open(server.port);
  const payload = 'x'.repeat(payloadBytes);
  const batch = Buffer.from(frame('PUBLISH', channel, payload).repeat(pipeline));
  const replyBytes = `:${subscribers}\r\n`.length;
  const messageBytes = frame('message', channel, payload).length;
  const before = cpuSample(server.pid);
  const begin = performance.now();
  for (let sent = 0; sent < messages; sent += pipeline) {
    publisher.socket.write(batch);
    await publisher.until((sent + pipeline) * replyBytes);
  }
  await Promise.all(listeners.map((listener) => listener.until(confirmation + messages * messageBytes)));
  const seconds = (performance.now() - begin) / 1000;
  const cpuMicros = cpuNanosBetween(before, cpuSample(server.pid)) / 1000 / messages;
  for (const { socket } of [...listeners, publisher]) socket.destroy();
  return { cpuMicros, perSecond: messages / seconds };
}

/**
 * @param {number} subscribers
 * @param {number} pipeline
 * @returns {import('./index.mjs').Experiment}
 */
export function fanOut(subscribers, pipeline) {
  return async (context, rows) => {
    const { rounds, seconds, self } = context.options;
    const directories = [context.directory('ours'), context.directory('redis')];
    const ours = await context.startOurs('everysec', directories[0] ?? '');
    const redis = await context.startRedis('everysec', directories[1] ?? '');
    /** @type {Side[]} */
    const sides = [
      { name: self, server: ours, cpu: [], rate: [] },
      { name: 'redis', server: redis, cpu: [], rate: [] },
    ];
    const step = pipeline * 100;
    /** @param {number} wanted whole batches */
    const whole = (wanted) => Math.max(step, Math.round(wanted / step) * step);
    for (const side of sides) {
      const trial = await publish(side.server, { subscribers, pipeline, messages: whole(trialMessages / subscribers) });
      side.rate.push(trial.perSecond);
    }
    // Both get as many: what the slower one can do in that time.
    const messages = whole(Math.min(...sides.map(({ rate }) => rate[0] ?? 0)) * seconds);
    for (const side of sides) side.rate = [];
    for (let round = 1; round <= rounds; round++) {
      for (const side of sides) {
        await sleep(250);
        const { cpuMicros, perSecond } = await publish(side.server, { subscribers, pipeline, messages });
        side.cpu.push(cpuMicros);
        side.rate.push(perSecond);
        context.log(
          `    round ${round} ${side.name.padEnd(5)} ${cpuMicros.toFixed(2)} us CPU per message, ${digits(perSecond)}/s`,
        );
      }
    }
    const settings = { [self]: { arguments: ours.arguments, config: await ours.settings() } };
    await ours.stop();
    await redis.stop();
    for (const directory of directories) context.remove(directory);
    const [mine, theirs] = sides;
    if (mine === undefined || theirs === undefined) throw new Error('two sides expected');
    const notes = [`messages of ${payloadBytes} bytes, ${digits(messages)} in each round, one publisher`];
    return {
      results: rows.map((row) => judge(row, spread(mine.cpu), spread(theirs.cpu), notes)),
      details: sides.map((side) => ({
        experiment: `publish-${subscribers}-p${pipeline}`,
        who: side.name,
        figures: { 'us CPU/message': spread(side.cpu), 'messages/s': spread(side.rate) },
      })),
      settings,
    };
  };
}
