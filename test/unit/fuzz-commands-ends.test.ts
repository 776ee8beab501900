/** The command fuzzer: how connections, runs and shortening end. */
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { endsAlike } from '../fuzz-commands/masks.js';
import { type Program, type Step } from '../fuzz-commands/program.js';
import { type Difference, type Outcome, Runner } from '../fuzz-commands/runner.js';
import { shorten } from '../fuzz-commands/shorten.js';
import { RawClient } from '../support/raw-client.js';
import { type TestServer } from '../support/server.js';

const context = { redisVersion: 7.2, toleranceMs: 100 };
const largeBytes = 5_000_000;
const get: Step = { kind: 'send', client: 0, commands: [['GET', 'a']] };
const quitAndMore: Step = {
  kind: 'send',
  client: 0,
  commands: [['PING'], ['QUIT'], ['SET', 'a', 'x'.repeat(largeBytes)]],
};

function program(...steps: Step[]): Program {
  return { seed: 1, flags: {}, steps };
}

describe('a server that stands in for both', () => {
  const listeners: net.Server[] = [];
  const clients: RawClient[] = [];

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    for (const listener of listeners.splice(0)) listener.close();
  });

  /** What the runner sends itself gets OK; anything else is left to `answer`. */
  async function standIn(
    kind: 'redis' | 'cairn',
    answer: (socket: net.Socket, first: Buffer) => void,
  ): Promise<TestServer> {
    const listener = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        if (/FLUSHALL|RESETSTAT/.test(data.toString('latin1'))) socket.write('+OK\r\n');
        else answer(socket, data);
      });
    });
    listeners.push(listener);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as net.AddressInfo;
    const server = {
      kind,
      running: true,
      logs: '',
      connect: async (): Promise<RawClient> => {
        const client = await RawClient.connect({ port });
        clients.push(client);
        return client;
      },
      closeClients: (): void => undefined,
    };
    return server as unknown as TestServer;
  }

  const reset = (socket: net.Socket): void => {
    socket.resetAndDestroy();
  };
  const answerAndEnd = (socket: net.Socket, data: Buffer): void => {
    if (data.includes('PING')) socket.end('+PONG\r\n+OK\r\n');
  };
  const end = (socket: net.Socket): void => {
    socket.end();
  };

  test('replies that a reset behind QUIT has cost are no difference', async () => {
    const servers = { redis: await standIn('redis', reset), cairn: await standIn('cairn', answerAndEnd) };
    expect(await new Runner(servers, context).run(program(quitAndMore))).toEqual({ kind: 'same' });
  });

  test('replies that are missing at an orderly end are one', async () => {
    const servers = { redis: await standIn('redis', answerAndEnd), cairn: await standIn('cairn', end) };
    // Until the deadline, it waits whether the server has died of it.
    expect(await new Runner(servers, context, 1, Date.now() + 1000).run(program(quitAndMore))).toMatchObject({
      kind: 'different',
      difference: { step: 0, signature: 'number of replies' },
    });
  });

  test('a run ends at its deadline, whatever it waits for', async () => {
    const silent = (): void => undefined;
    const servers = { redis: await standIn('redis', silent), cairn: await standIn('cairn', silent) };
    const began = Date.now();
    const endMs = began + 200;
    expect(await new Runner(servers, context, 1, endMs).run(program(get, get))).toEqual({ kind: 'late' });
    const window = program({ kind: 'window' }, { kind: 'wait' });
    expect(await new Runner(servers, context, 3 ** 5, began + 400).run(window)).toEqual({ kind: 'late' });
    expect(Date.now() - began).toBeLessThan(5000);
  });
});

describe('the ends of two pipelines', () => {
  const ended = (replies: number, how: 'open' | 'silent' | 'end' | 'reset'): Parameters<typeof endsAlike>[0] => ({
    replies: Array.from({ length: replies }, () => 'x'),
    closed: how === 'end' || how === 'reset',
    broken: how === 'reset',
    failure: how === 'silent' ? 'no reply' : undefined,
  });

  test.each([
    ['fewer, reset', ended(0, 'reset'), ended(7, 'end'), largeBytes, true],
    ['fewer, reset, on our side', ended(7, 'end'), ended(0, 'reset'), largeBytes, true],
    ['fewer, both reset', ended(7, 'reset'), ended(3, 'reset'), largeBytes, true],
    ['fewer, though at an orderly end', ended(7, 'reset'), ended(3, 'end'), largeBytes, false],
    ['fewer, but nothing was left unread', ended(0, 'reset'), ended(7, 'end'), 10_000, false],
    ['fewer, but no QUIT', ended(0, 'reset'), ended(7, 'end'), 0, false],
    ['only one closed', ended(7, 'open'), ended(7, 'end'), largeBytes, false],
    ['the same', ended(7, 'end'), ended(7, 'end'), 0, true],
    ['the same, and both went silent', ended(3, 'silent'), ended(3, 'silent'), 0, false],
    ['the same, one reset', ended(7, 'reset'), ended(7, 'end'), 0, true],
  ])('%s', (_, redis, cairn, bytes, alike) => {
    expect(endsAlike(redis, cairn, bytes)).toBe(alike);
  });
});

describe('shortening', () => {
  const difference: Difference = { step: 2, signature: 'get error/value', text: '' };
  const different: Outcome = { kind: 'different', difference };
  const quiet: Step = {
    kind: 'send',
    client: 0,
    commands: [['CLIENT', 'REPLY', 'SKIP'], ['SET', 'a', '1'], ['PING']],
  };
  const long = program(...Array.from({ length: 40 }, () => quitAndMore));

  test('runs nothing without a budget', async () => {
    let runs = 0;
    const run = (): Promise<Outcome> => {
      runs++;
      return Promise.resolve(different);
    };
    const short = await shorten(long, difference, run, { tries: 400, endMs: Date.now() });
    expect(runs).toBe(0);
    expect(short).toEqual({ program: { ...long, steps: long.steps.slice(0, 3) }, difference: undefined });
  });

  test('hands its end to each run, and begins none behind it', async () => {
    const endMs = Date.now() + 60;
    let late = 0;
    let through = 0;
    const run = async (_: Program, end: number): Promise<Outcome> => {
      expect(end).toBe(endMs);
      if (through >= end) late++;
      await new Promise((resolve) => setTimeout(resolve, 25));
      through = Date.now();
      return { kind: 'same' };
    };
    await shorten(long, difference, run, { tries: 400, endMs });
    expect(late).toBe(0);
    expect(Date.now() - endMs).toBeLessThan(1000);
  });

  test('leaves what is needed, one command a step', async () => {
    const run = ({ steps }: Program): Promise<Outcome> =>
      Promise.resolve(JSON.stringify(steps).includes('"GET"') ? different : { kind: 'same' });
    const start = program(quitAndMore, { ...get, commands: [['PING'], ['GET', 'a']] }, quiet);
    expect(await shorten(start, difference, run, { tries: 400, endMs: Infinity })).toEqual({
      program: program(get),
      difference,
    });
  });

  test('does not tear CLIENT REPLY from the commands whose replies it decides about', async () => {
    const run = ({ steps }: Program): Promise<Outcome> => {
      for (const step of steps) if (JSON.stringify(step).includes('REPLY')) expect(step).toEqual(quiet);
      return Promise.resolve(steps.includes(quiet) && steps.length > 1 ? different : { kind: 'same' });
    };
    const { program: short } = await shorten(program(get, get, quiet), difference, run, {
      tries: 400,
      endMs: Infinity,
    });
    expect(short.steps).toEqual([get, quiet]);
  });
});
