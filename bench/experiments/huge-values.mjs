// GETs of small values at a steady rate, alone and beside a client that writes and reads huge ones, in turns: how long one
// command holds up the others.

import { connect } from 'node:net';

import { sleep } from '../lib/cleanup.mjs';
import { fillKeys, runPlan } from '../lib/loadgen.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';

const keys = 100_000;
const valueBytes = 128;
const plan = { connections: 10, depth: 1, rate: 1000, mix: { get: 1 }, first: 0, last: keys, valueBytes };
const chunkBytes = 1 << 20;

/** SET and GET of one huge value, in turns, until told to end. Resolves to the number of pairs. */
class HugeClient {
  ended = false;
  pairs = 0;

  /**
   * @param {number} port
   * @param {number} bytes
   */
  async run(port, bytes) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    let received = 0;
    /** @type {() => void} */
    let wake = () => undefined;
    socket.on('data', (/** @type {Buffer} */ chunk) => {
      received += chunk.length;
      wake();
    });
    socket.on('close', () => wake());
    /** @param {number} count */
    const replyOf = async (count) => {
      while (received < count) {
        if (socket.destroyed) throw new Error('the client with huge values was disconnected');
        await new Promise((resolve) => (wake = () => resolve(undefined)));
      }
      received -= count;
    };
    const chunk = Buffer.alloc(chunkBytes, 'h');
    try {
      while (!this.ended) {
        socket.write(`*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$${bytes}\r\n`);
        for (let left = bytes; left > 0; left -= chunkBytes) {
          if (!socket.write(left < chunkBytes ? chunk.subarray(0, left) : chunk))
            await new Promise((resolve) => socket.once('drain', resolve));
        }
        socket.write('\r\n');
        await replyOf('+OK\r\n'.length);
        socket.write('GET huge\r\n');
        await replyOf(`$${bytes}\r\n`.length + bytes + 2);
        this.pairs++;
      }
    } finally {
      socket.destroy();
    }
    return this.pairs;
  }
}

/** @type {import('./index.mjs').Experiment} */
export async function hugeValues(context, rows) {
  const { self } = context.options;
  const bytes = context.parameter('huge-bytes');
  const seconds = context.parameter('huge-seconds');
  const directory = context.directory('ours');
  const server = await context.startOurs('always', directory);
  await fillKeys(server.port, { keys, valueBytes });
  /** @type {{ alone: number[], beside: number[], gaps: number[], pairs: number }} */
  const found = { alone: [], beside: [], gaps: [], pairs: 0 };
  for (let round = 1; round <= context.options.rounds; round++) {
    await sleep(500);
    const quiet = await runPlan(server.port, { ...plan, seconds, seed: round });
    found.alone.push(quiet.total.all.p99_us / 1000);
    const huge = new HugeClient();
    const running = huge.run(server.port, bytes);
    const busy = await runPlan(server.port, { ...plan, seconds, seed: round });
    huge.ended = true;
    found.pairs += await running;
    found.beside.push(busy.total.all.p99_us / 1000);
    found.gaps.push(busy.total.gap_max_us / 1000);
    context.log(
      `    round ${round} p99 ${digits(found.alone.at(-1) ?? 0)} ms alone, ${digits(found.beside.at(-1) ?? 0)} ms beside ` +
        `${huge.pairs} pairs; longest gap ${digits(found.gaps.at(-1) ?? 0)} ms`,
    );
  }
  const settings = { [self]: { arguments: server.arguments, config: await server.settings() } };
  await server.stop();
  context.remove(directory);
  const more = found.beside.map((p99, i) => p99 - (found.alone[i] ?? 0));
  const notes = [
    `${plan.rate} GETs/s on ${plan.connections} connections; the other client had ${found.pairs} pairs of SET and GET of ${digits(bytes / 1e6)} MB`,
    `p99 alone ${digits(spread(found.alone).median)} ms, beside it ${digits(spread(found.beside).median)} ms; longest time without a reply ${digits(spread(found.gaps).max)} ms`,
  ];
  return {
    results: rows.map((row) => judge(row, spread(more), null, notes)),
    details: [
      {
        experiment: rows[0]?.experiment ?? '',
        who: self,
        figures: { 'p99 alone (ms)': spread(found.alone), 'p99 beside (ms)': spread(found.beside) },
      },
    ],
    settings,
  };
}
