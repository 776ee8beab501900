/**
 * Clients that go away in the middle of something: while they wait, are paused, do not read, or are served. The server
 * notices in every state, whether by a FIN, an RST, or the end of one direction only, and keeps nothing of them.
 */
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { RawClient } from '../support/raw-client.js';
import { encode } from '../support/resp.js';
import { cairnOnly, eventually, useServer } from '../support/server.js';

const mb = 1 << 20;
const longMs = 1_000_000;
const server = useServer({ unixSocket: true, cairn: { 'cache-size': '1mb' } });

type Admin = Awaited<ReturnType<typeof server.current.connect>>;

async function field(admin: Admin, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(.*)\r$`, 'm').exec((await admin.run('INFO clients')) as string)?.[1] ?? NaN);
}

/** A socket that can half close; what it receives is kept. */
class Leaver {
  received = '';
  ended = false;
  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.ended = true));
    socket.on('error', () => undefined);
  }
  static connect(): Promise<Leaver> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port: server.current.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Leaver(socket)));
    });
  }
  send(...commands: (string | Buffer | number)[][]): void {
    this.socket.write(Buffer.concat(commands.map((command) => encode(command))));
  }
}

const ways: Record<string, (leaver: Leaver) => void> = {
  'it closes': (leaver) => leaver.socket.destroy(),
  'it resets': (leaver) => leaver.socket.resetAndDestroy(),
  'it shuts down its sending half': (leaver) => leaver.socket.end(),
};

/** Brings the connection into a state and returns when it is there. */
const states: Record<
  string,
  { enter(admin: Admin, leaver: Leaver): Promise<void>; leave?(admin: Admin): Promise<void> }
> = {
  'nothing to do': {
    async enter(_admin, leaver) {
      leaver.send(['PING']);
      await eventually('it is served', async () => leaver.received === '+PONG\r\n');
    },
  },
  'WAIT without a limit': {
    async enter(admin, leaver) {
      leaver.send(['WAIT', 1, 0], ['SET', 'gone', 'ran']);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
    },
  },
  'WAIT with a limit': {
    async enter(admin, leaver) {
      leaver.send(['WAIT', 1, longMs], ['SET', 'gone', 'ran']);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
    },
  },
  'WAIT with more input behind it than is read': {
    async enter(admin, leaver) {
      leaver.send(['WAIT', 1, 0], ['SET', 'gone', Buffer.alloc(8 * mb)]);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
    },
  },
  'WAIT without a limit, while it monitors': {
    async enter(admin, leaver) {
      leaver.send(['MONITOR'], ['WAIT', 1, 0]);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
      await admin.run('PING'); // is shown behind the wait
    },
  },
  'BLPOP without a limit': {
    async enter(admin, leaver) {
      leaver.send(['BLPOP', 'none', 0], ['SET', 'gone', 'ran']);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
    },
  },
  'BLMOVE with a limit, and more input behind it than is read': {
    async enter(admin, leaver) {
      leaver.send(['BLMOVE', 'none', 'other', 'LEFT', 'LEFT', 1000], ['SET', 'gone', Buffer.alloc(8 * mb)]);
      await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
    },
  },
  'paused with a write': {
    async enter(admin, leaver) {
      await admin.cmd('CLIENT', 'PAUSE', longMs, 'WRITE');
      leaver.send(['PING'], ['SET', 'gone', 'ran']);
      await eventually('the reply before it is there', async () => leaver.received === '+PONG\r\n');
    },
    async leave(admin) {
      await admin.cmd('CLIENT', 'UNPAUSE');
    },
  },
  'paused with a transaction': {
    async enter(admin, leaver) {
      await admin.cmd('CLIENT', 'PAUSE', longMs, 'WRITE');
      leaver.send(['MULTI'], ['SET', 'gone', 'ran'], ['EXEC'], ['SET', 'gone', 'ran']);
      await eventually('it is queued', async () => leaver.received === '+OK\r\n+QUEUED\r\n');
    },
    async leave(admin) {
      await admin.cmd('CLIENT', 'UNPAUSE');
    },
  },
  'replies that it does not read': {
    async enter(admin, leaver) {
      leaver.socket.pause();
      leaver.send(...Array.from({ length: 64 }, () => ['GET', 'big']));
      await eventually('its replies wait', async () => {
        const line = (await admin.run('CLIENT LIST')) as string;
        return line.split('\n').some((one) => Number(/ omem=(\d+)/.exec(one)?.[1]) > mb);
      });
    },
  },
  'reads from disk': {
    async enter(_admin, leaver) {
      leaver.send(...Array.from({ length: 8 }, () => ['MGET', 'big', 'big2']));
    },
  },
  'writes of large values': {
    async enter(_admin, leaver) {
      leaver.send(...Array.from({ length: 8 }, (_, i) => ['SET', `large:${i}`, Buffer.alloc(2 * mb)]));
    },
  },
};

describe.each(Object.keys(states))('a client with %s', (state) => {
  test.each(Object.keys(ways))('is gone when %s', async (way) => {
    using admin = await server.current.connect();
    await admin.cmd('DEL', 'gone');
    await admin.cmd('SET', 'big', Buffer.alloc(2 * mb, 'b'));
    await admin.cmd('SET', 'big2', Buffer.alloc(2 * mb, 'c'));
    await eventually('only this client is left', async () => (await field(admin, 'connected_clients')) === 1);
    const leaver = await Leaver.connect();
    await states[state]?.enter(admin, leaver);
    ways[way]?.(leaver);
    if (leaver.socket.isPaused()) leaver.socket.resume();
    await eventually(
      'the server has closed the connection',
      async () => (await field(admin, 'connected_clients')) === 1,
    );
    expect(await field(admin, 'blocked_clients')).toBe(0);
    await eventually('the client has heard of it', async () => leaver.ended);
    await states[state]?.leave?.(admin);
    expect(await admin.run('EXISTS gone')).toBe(0);
  });
});

cairnOnly('half closed: everything that ends by itself is answered in full', async () => {
  using admin = await server.current.connect();
  const value = 'v'.repeat(3 * mb);
  await admin.cmd('SET', 'whole', value);
  const leaver = await Leaver.connect();
  const reads = 24;
  leaver.socket.pause();
  leaver.send(['SET', 'a', 1], ['WAITAOF', 1, 0, 0], ...Array.from({ length: reads }, () => ['GET', 'whole']), [
    'MULTI',
  ]);
  leaver.send(['INCR', 'a'], ['CONFIG', 'GET', 'port'], ['EXEC'], ['CONFIG', 'GET', 'port']);
  leaver.socket.end();
  await eventually('the server is held up', async () =>
    ((await admin.run('CLIENT LIST')) as string)
      .split('\n')
      .some((one) => Number(/ omem=(\d+)/.exec(one)?.[1]) > 16 * mb),
  );
  leaver.socket.resume();
  await eventually('it is closed', async () => leaver.ended);
  const port = `*2\r\n$4\r\nport\r\n$5\r\n${server.current.port}\r\n`;
  const one = `$${value.length}\r\n${value}\r\n`;
  const expected = `+OK\r\n*2\r\n:1\r\n:0\r\n${one.repeat(reads)}+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:2\r\n${port}${port}`;
  expect(leaver.received.length).toBe(expected.length);
  expect(leaver.received === expected).toBe(true);
});

test('a blocked client that leaves still gets the replies before', async () => {
  for (const wait of [
    ['WAIT', 1, 0],
    ['WAIT', 1, longMs],
    ['BLPOP', 'none', 0],
  ]) {
    const leaver = await Leaver.connect();
    leaver.send(['SET', 'a', 1], ['GET', 'a'], wait);
    leaver.socket.end();
    await eventually('it is closed', async () => leaver.ended);
    // Redis frees the client as soon as it sees the end, whatever is left to send.
    expect('+OK\r\n$1\r\n1\r\n'.startsWith(leaver.received)).toBe(true);
  }
});

test('a Unix socket that is closed is noticed, too', async () => {
  using admin = await server.current.connect();
  await eventually('only this client is left', async () => (await field(admin, 'connected_clients')) === 1);
  const client = await RawClient.connect({ path: server.current.socketPath });
  await client.send(encode(['WAIT', 1, 0]));
  await eventually('it is blocked', async () => (await field(admin, 'blocked_clients')) === 1);
  client.close();
  await eventually('it is gone', async () => (await field(admin, 'blocked_clients')) === 0);
  expect(await field(admin, 'connected_clients')).toBe(1);
});

describe('timeout', () => {
  test('spares who waits for the server, and who is being sent something', async () => {
    using admin = await server.current.connect();
    await admin.cmd('SET', 'big', Buffer.alloc(32 * mb, 'b'));
    await admin.cmd('CONFIG', 'SET', 'timeout', 1);
    const idle = await Leaver.connect();
    const blocked = await Leaver.connect();
    const paused = await Leaver.connect();
    const reader = await Leaver.connect();
    await admin.cmd('CLIENT', 'PAUSE', longMs, 'WRITE');
    blocked.send(['WAIT', 1, 4000]);
    paused.send(['SET', 'a', 1]);
    reader.socket.pause();
    reader.send(['GET', 'big']);
    const begin = Date.now();
    while (!idle.ended || Date.now() - begin < 3000) {
      if (Date.now() - begin > 20_000 * patience) throw new Error('the idle client was not closed');
      expect(await admin.ask('PING')).toBe('+PONG');
      for (let chunk = 0; chunk < 4; chunk++) reader.socket.read(64 * 1024);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect([blocked.ended, paused.ended, reader.ended]).toEqual([false, false, false]);
    await admin.cmd('CLIENT', 'UNPAUSE');
    reader.socket.resume();
    await eventually('all are answered', async () => blocked.received === ':0\r\n' && paused.received === '+OK\r\n');
    await eventually('the value has come', async () => reader.received.length === 32 * mb + 13);
    await admin.cmd('CONFIG', 'SET', 'timeout', 0);
    for (const leaver of [blocked, paused, reader]) leaver.socket.destroy();
  });
});
