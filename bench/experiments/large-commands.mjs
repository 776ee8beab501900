// GETs of small values at a steady rate, beside a client that sends commands on very many elements of one collection: how long
// one command holds up the others. Redis beside it, in turns.

import { connect } from 'node:net';

import RedisParser from 'redis-parser';

import { fillKeys, runPlan } from '../lib/loadgen.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';

/** @typedef {import('../lib/context.mjs').Server} Server */

const keys = 100_000;
const valueBytes = 128;
const plan = { connections: 10, depth: 1, rate: 1000, mix: { get: 1 }, first: 0, last: keys, valueBytes };

/** @param {(string | Buffer | number)[]} words */
function frame(words) {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** One connection that asks one thing at a time. */
class Client {
  /** @param {number} port */
  static async open(port) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    return new Client(socket);
  }

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket;
    /** @type {((reply: unknown) => void) | undefined} */
    this.waiting = undefined;
    const take = (/** @type {unknown} */ reply) => this.waiting?.(reply);
    const parser = new RedisParser({
      returnBuffers: true,
      returnReply: take,
      returnError: take,
      returnFatalError: take,
    });
    socket.on('data', (chunk) => parser.execute(chunk));
    socket.on('close', () => this.waiting?.(new Error('disconnected')));
  }

  /** @param {Buffer} request */
  async ask(request) {
    const reply = await new Promise((resolve) => {
      this.waiting = resolve;
      this.socket.write(request);
    });
    this.waiting = undefined;
    if (reply instanceof Error) throw reply;
    return reply;
  }
}

/**
 * What is sent, in this order, again and again. Those with a name are measured.
 * @param {number} n elements
 * @returns {{ name?: string, request: (last: unknown) => Buffer }[]}
 */
function commands(n) {
  const members = Array.from({ length: n }, (_, i) => `member:${i}`);
  const pairs = members.flatMap((member, i) => [member, `value ${i}`]);
  const scores = members.flatMap((member, i) => [(i * 7919) % n, member]);
  const half = members.filter((_, i) => i % 2 === 0);
  const made = (/** @type {(string | number)[]} */ words) => {
    const request = frame(words);
    return () => request;
  };
  return [
    { name: 'SADD', request: made(['SADD', 'set', ...members]) },
    { name: 'SREM', request: made(['SREM', 'set', ...half]) },
    { name: 'HSET', request: made(['HSET', 'hash', ...pairs]) },
    { name: 'HDEL', request: made(['HDEL', 'hash', ...half]) },
    { name: 'ZADD', request: made(['ZADD', 'zset', ...scores]) },
    { name: 'ZREMRANGEBYSCORE', request: made(['ZREMRANGEBYSCORE', 'zset', 0, n / 2]) },
    { name: 'LPUSH', request: made(['LPUSH', 'list', ...members]) },
    { name: 'COPY', request: made(['COPY', 'zset', 'copy']) },
    { name: 'DUMP', request: made(['DUMP', 'zset']) },
    { name: 'RESTORE', request: (payload) => frame(['RESTORE', 'restored', 0, /** @type {Buffer} */ (payload)]) },
    { name: 'SUNIONSTORE', request: made(['SUNIONSTORE', 'union', 'set', 'set']) },
    { name: 'DEL', request: made(['DEL', 'set', 'hash', 'zset', 'list', 'copy', 'restored', 'union']) },
  ];
}

/**
 * All commands, again and again until told to end. Resolves to the milliseconds that each took, the median of its own.
 * @param {Client} client
 * @param {ReturnType<typeof commands>} list
 * @param {{ ended: boolean }} state
 */
async function runCommands(client, list, state) {
  /** @type {Map<string, number[]>} */
  const took = new Map();
  let last;
  while (!state.ended) {
    for (const { name, request } of list) {
      const bytes = request(last);
      const begin = performance.now();
      last = await client.ask(bytes);
      const times = took.get(name ?? '') ?? [];
      times.push(performance.now() - begin);
      took.set(name ?? '', times);
    }
  }
  return took;
}

/** @type {import('./index.mjs').Experiment} */
export async function largeCommands(context, rows) {
  const { self } = context.options;
  const elements = context.parameter('large-elements');
  const seconds = context.parameter('large-seconds');
  const list = commands(elements);
  const directories = [context.directory('ours'), context.directory('redis')];
  /** @type {{ name: string, server: Server, p99: number[], p999: number[], gaps: number[], took: Map<string, number[]> }[]} */
  const sides = [];
  for (const [i, name] of [self, 'redis'].entries()) {
    const directory = directories[i] ?? '';
    const server =
      i === 0 ? await context.startOurs('always', directory) : await context.startRedis('always', directory);
    await fillKeys(server.port, { keys, valueBytes });
    sides.push({ name, server, p99: [], p999: [], gaps: [], took: new Map() });
  }
  for (let round = 1; round <= context.options.rounds; round++) {
    for (const side of sides) {
      const state = { ended: false };
      const client = await Client.open(side.server.port);
      const running = runCommands(client, list, state);
      const busy = await runPlan(side.server.port, { ...plan, seconds, seed: round });
      state.ended = true;
      for (const [name, times] of await running) side.took.set(name, [...(side.took.get(name) ?? []), ...times]);
      client.socket.destroy();
      side.p99.push(busy.total.all.p99_us / 1000);
      side.p999.push(busy.total.all.p999_us / 1000);
      side.gaps.push(busy.total.gap_max_us / 1000);
      context.log(
        `    round ${round} ${side.name}: GET p99 ${digits(side.p99.at(-1) ?? 0)} ms, p99.9 ${digits(side.p999.at(-1) ?? 0)} ms, ` +
          `longest gap ${digits(side.gaps.at(-1) ?? 0)} ms`,
      );
    }
  }
  /** @type {Record<string, unknown>} */
  const settings = {};
  for (const { name, server } of sides) {
    settings[name] = { arguments: server.arguments, config: await server.settings() };
    await server.stop();
  }
  for (const directory of directories) context.remove(directory);
  const [ours, redis] = sides;
  if (ours === undefined || redis === undefined) throw new Error('no servers');
  const times = [...ours.took].map(([name, took]) => {
    const other = redis.took.get(name) ?? [];
    return `${name} ${digits(spread(took).median)} and ${digits(spread(other).median)}`;
  });
  const notes = [
    `${plan.rate} GETs/s on ${plan.connections} connections, beside one client with commands on ${elements} elements; GET p99.9 ` +
      `${digits(spread(ours.p999).median)} ms, Redis ${digits(spread(redis.p999).median)} ms; longest time without a reply ` +
      `${digits(spread(ours.gaps).max)} ms, Redis ${digits(spread(redis.gaps).max)} ms`,
    `milliseconds of each command, here and in Redis: ${times.join('; ')}`,
  ];
  return {
    results: rows.map((row) => judge(row, spread(ours.gaps), spread(redis.gaps), notes)),
    details: sides.map((side) => ({
      experiment: rows[0]?.experiment ?? '',
      who: side.name,
      figures: {
        'GET p99 (ms)': spread(side.p99),
        'GET p99.9 (ms)': spread(side.p999),
        'longest gap (ms)': spread(side.gaps),
      },
    })),
    settings,
  };
}
