/** Limits on connections, requests, replies and idleness; Unix sockets; slow readers. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { RawClient } from '../support/raw-client.js';
import { encode, show } from '../support/resp.js';
import { eventually, needs72, sleep, startServer, useServer } from '../support/server.js';

const mb = 1 << 20;
const server = useServer({ unixSocket: true });

/** Restores an option at the end of the block. */
async function withConfig(name: string, value: string, body: () => Promise<void>): Promise<void> {
  using admin = await server.current.connect();
  const [, before = ''] = (await admin.cmd('CONFIG', 'GET', name)) as string[];
  expect(show(await admin.cmd('CONFIG', 'SET', name, value))).toBe('+OK');
  try {
    await body();
  } finally {
    using again = await server.current.connect();
    await again.cmd('CONFIG', 'SET', name, before);
  }
}

async function infoField(name: string): Promise<string> {
  using client = await server.current.connect();
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec((await client.run('INFO')) as string)?.[1] ?? 'missing';
}

describe('maxclients', () => {
  test('one connection too many is told so and closed', async () => {
    await using small = await startServer({ flags: { maxclients: 5 } });
    // The connection that saw the server become ready may not be gone yet.
    const clients = await eventually('five connections fit', async () => {
      const tried = await Promise.all(Array.from({ length: 5 }, () => small.connect()));
      const replies = await Promise.all(tried.map((client) => client.ask('PING').catch(() => 'closed')));
      if (replies.every((reply) => reply === '+PONG')) return tried;
      for (const client of tried) client.close();
      return undefined;
    });
    const extra = await small.connect();
    extra.socket.on('error', () => undefined);
    expect((await extra.readToEnd()).toString()).toBe('-ERR max number of clients reached\r\n');
    const info = (await clients[0]?.run('INFO')) as string;
    expect(info).toMatch(/connected_clients:5\r/);
    expect(Number(/rejected_connections:(\d+)/.exec(info)?.[1])).toBeGreaterThanOrEqual(1);
    clients[1]?.close();
    await eventually('there is room again', async () => {
      const next = await small.connect();
      const reply = await next.ask('PING').catch(() => 'closed');
      next.close();
      return reply === '+PONG';
    });
    expect(await clients[0]?.ask('CONFIG SET maxclients 100')).toBe('+OK');
    const more = await Promise.all(Array.from({ length: 50 }, () => small.connect()));
    for (const client of more) expect(await client.ask('PING')).toBe('+PONG');
  });

  test('1,000 connections at once', async () => {
    const clients = await Promise.all(Array.from({ length: 1000 }, () => server.current.connect()));
    const replies = await Promise.all(clients.map((client, i) => client.cmd('ECHO', i)));
    expect(replies).toEqual(clients.map((_, i) => String(i)));
    for (const client of clients) client.close();
    await eventually('all are gone', async () => Number(await infoField('connected_clients')) <= 2);
  });
});

describe('proto-max-bulk-len', () => {
  test('bounds a request and what a command may build', async () => {
    await withConfig('proto-max-bulk-len', '1mb', async () => {
      using client = await server.current.connect();
      expect(await client.cmd('ECHO', Buffer.alloc(mb, 'x'))).toHaveLength(mb);
      const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)';
      expect(await client.ask(`SETRANGE limit ${mb} x`)).toBe(tooLong);
      expect(await client.ask(`SETRANGE limit ${mb - 1} x`)).toBe(`:${mb}`);
      expect(await client.ask('APPEND limit x')).toBe(tooLong);
      expect(await client.ask(`SETBIT bits ${mb * 8} 1`)).toBe('-ERR bit offset is not an integer or out of range');
      expect(await client.run('STRLEN limit')).toBe(mb);
      await client.run('DEL limit');
      await client.send(`*2\r\n$4\r\nECHO\r\n$${mb + 1}\r\n`);
      expect((await client.readToEnd()).toString()).toBe('-ERR Protocol error: invalid bulk length\r\n');
    });
  });
});

describe('client-query-buffer-limit', () => {
  test('a request that grows beyond it ends the connection', async () => {
    await withConfig('client-query-buffer-limit', '1mb', async () => {
      using client = await server.current.connect();
      client.socket.on('error', () => undefined);
      void client.send(
        Buffer.concat([Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${4 * mb}\r\n`), Buffer.alloc(3 * mb, 'x')]),
      );
      await client.closed;
      using other = await server.current.connect();
      expect(await other.cmd('ECHO', Buffer.alloc(mb / 2, 'x'))).toHaveLength(mb / 2);
    });
  });

  needs72('a long transaction counts too', async () => {
    await withConfig('client-query-buffer-limit', '1mb', async () => {
      using client = await server.current.connect();
      client.socket.on('error', () => undefined);
      await client.run('MULTI');
      const command = encode(['SET', 'k', Buffer.alloc(mb / 4, 'x')]);
      for (let i = 0; i < 20; i++) void client.send(command);
      await client.closed;
    });
  });
});

describe('output', () => {
  test('client-output-buffer-limit cuts off who does not read', async () => {
    await withConfig('client-output-buffer-limit', 'normal 1mb 0 0', async () => {
      using admin = await server.current.connect();
      await admin.run(`SETRANGE big ${32 * mb - 1} x`);
      using lazy = await server.current.connect();
      lazy.socket.on('error', () => undefined);
      const id = (await lazy.cmd('CLIENT', 'ID')) as number;
      lazy.socket.pause();
      await lazy.send(encode(['GET', 'big']));
      await eventually(
        'the server drops the connection',
        async () => (await admin.cmd('CLIENT', 'LIST', 'ID', id)) === '',
      );
      await admin.run('DEL big');
    });
  });

  test('soft limit: only after its time', async () => {
    await withConfig('client-output-buffer-limit', 'normal 0 1mb 1', async () => {
      using admin = await server.current.connect();
      await admin.run(`SETRANGE big ${32 * mb - 1} x`);
      using lazy = await server.current.connect();
      lazy.socket.on('error', () => undefined);
      const id = (await lazy.cmd('CLIENT', 'ID')) as number;
      lazy.socket.pause();
      const start = Date.now();
      await lazy.send(encode(['GET', 'big']));
      await eventually('the server drops the connection', async () => {
        void lazy.send(encode(['PING']));
        await sleep(50);
        return (await admin.cmd('CLIENT', 'LIST', 'ID', id)) === '';
      });
      expect(Date.now() - start).toBeGreaterThan(900);
      await admin.run('DEL big');
    });
  });

  test('slow readers do not slow others down', async () => {
    using admin = await server.current.connect();
    await admin.run(`SETRANGE big ${mb - 1} x`);
    const lazy = await Promise.all(Array.from({ length: 20 }, () => server.current.connect()));
    for (const client of lazy) {
      client.socket.pause();
      void client.send(Buffer.concat(Array.from({ length: 20 }, () => encode(['GET', 'big']))));
    }
    await sleep(100);
    const times: number[] = [];
    for (let i = 0; i < 300; i++) {
      const start = performance.now();
      await admin.cmd('SET', `quick:${i}`, i);
      expect(await admin.cmd('GET', `quick:${i}`)).toBe(String(i));
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    expect(times[150]).toBeLessThan(50 * patience);
    for (const client of lazy) client.close();
    await admin.run('DEL big');
  });

  test('a trickling reader gets every byte', async () => {
    using admin = await server.current.connect();
    await admin.cmd('SET', 'big', Buffer.alloc(8 * mb, 'y'));
    using client = await server.current.connect();
    client.socket.pause();
    void client.send(Buffer.concat(Array.from({ length: 4 }, () => encode(['GET', 'big']))));
    const drip = setInterval(() => {
      client.socket.resume();
      setTimeout(() => client.socket.pause(), 2);
    }, 10);
    for (let i = 0; i < 4; i++) expect((await client.frame()).bytes.length).toBe('$8388608\r\n'.length + 8 * mb + 2);
    clearInterval(drip);
    await admin.run('DEL big');
  });
});

test('a length that is only announced takes no room for it', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => server.current.connect()));
  for (const [i, client] of clients.entries()) {
    await client.cmd('CLIENT', 'SETNAME', `announces${i}`);
    void client.send(`*2\r\n$3\r\nGET\r\n$${512 * mb}\r\nbegins`);
  }
  using admin = await server.current.connect();
  await eventually('what they sent has arrived', async () => {
    const lines = ((await admin.run('CLIENT LIST')) as string).split('\n').filter((line) => line.includes('announces'));
    const sizes = lines.map(
      (line) => Number(/ qbuf=(\d+)/.exec(line)?.[1]) + Number(/ qbuf-free=(\d+)/.exec(line)?.[1]),
    );
    expect(Math.max(...sizes)).toBeLessThan(64 * mb);
    return lines.length === clients.length && lines.every((line) => Number(/ qbuf=(\d+)/.exec(line)?.[1]) > 0);
  });
  for (const client of clients) client.close();
});

describe('large replies', () => {
  test.each([300 << 10, 5 * mb])('of %i bytes keep their place among small ones', async (bytes) => {
    using client = await server.current.connect();
    await client.cmd('SET', 'big', Buffer.alloc(bytes, 'z'));
    const rounds = Math.ceil((40 * mb) / bytes);
    client.socket.pause();
    for (let i = 0; i < rounds; i++) {
      const commands = [['PING'], ['GET', 'big'], ['SET', 'small', i], ['GET', 'big'], ['GET', 'small'], ['ECHO', i]];
      void client.send(Buffer.concat(commands.map((command) => encode(command))));
      if (i % 3 === 0) await sleep(1);
    }
    await sleep(100);
    client.socket.resume();
    const big = `$${bytes}\r\n${'z'.repeat(bytes)}\r\n`;
    for (let i = 0; i < rounds; i++) {
      const bulk = `$${String(i).length}\r\n${i}\r\n`;
      const expected = Buffer.from(`+PONG\r\n${big}+OK\r\n${big}${bulk}${bulk}`);
      expect((await client.readBytes(expected.length)).equals(expected)).toBe(true);
    }
    await client.run('DEL big');
  });
});

describe('timeout', () => {
  test('idle connections are closed, busy ones are not', async () => {
    await withConfig('timeout', '1', async () => {
      using idle = await server.current.connect();
      using busy = await server.current.connect();
      await idle.cmd('PING');
      let closed = false;
      void idle.closed.then(() => (closed = true));
      const start = Date.now();
      while (!closed && Date.now() - start < 8000 * patience) {
        expect(await busy.ask('PING')).toBe('+PONG');
        await sleep(50);
      }
      expect(closed).toBe(true);
      expect(Date.now() - start).toBeGreaterThan(800);
    });
  });
});

describe('sockets', () => {
  const ss = (...args: string[]): string => {
    try {
      return execFileSync('ss', args).toString();
    } catch {
      return '';
    }
  };

  test('tcp-keepalive is set on accepted connections', async ({ skip }) => {
    if (ss('-V') === '') skip('ss is not installed');
    await using other = await startServer({ flags: { 'tcp-keepalive': 123 } });
    using client = await other.connect();
    expect(await client.ask('CONFIG GET tcp-keepalive')).toBe('["tcp-keepalive", "123"]');
    const line = ss('-tnoH', 'state', 'established', 'sport', '=', `:${other.port}`)
      .split('\n')
      .find((text) => text.includes(`:${client.socket.localPort}`));
    expect(line).toMatch(/timer:\(keepalive,(2min|1min)/);
  });

  test('tcp-backlog is given to listen', async ({ skip }) => {
    if (ss('-V') === '') skip('ss is not installed');
    await using other = await startServer({ flags: { 'tcp-backlog': 77 } });
    const lines = ss('-tlnH', 'sport', '=', `:${other.port}`).trim().split('\n');
    for (const line of lines) expect(line.trim().split(/\s+/)[2]).toBe('77');
  });

  test('a Unix socket serves the same', async () => {
    using client = await RawClient.connect({ path: server.current.socketPath });
    expect(await client.ask('SET unix 1')).toBe('+OK');
    using tcp = await server.current.connect();
    expect(await tcp.run('GET unix')).toBe('1');
    expect(await client.run('CLIENT INFO')).toContain(` addr=${server.current.socketPath}:0 `);
    const replies = await client.pipeline(Array.from({ length: 10_000 }, (_, i) => ['ECHO', i]));
    expect(replies[9999]).toBe('9999');
  });

  test('unixsocketperm, port 0, and a socket file left over from a crash', async () => {
    await using other = await startServer({ unixSocket: true, flags: { unixsocketperm: '700' } });
    expect(fs.statSync(other.socketPath).mode & 0o777).toBe(0o700);
    await other.kill();
    expect(fs.existsSync(other.socketPath)).toBe(true);
    await other.start();
    using client = await RawClient.connect({ path: other.socketPath });
    expect(await client.ask('PING')).toBe('+PONG');
    client.close();
    await other.stop();
    expect(fs.existsSync(other.socketPath)).toBe(false);
  });

  test('protected mode refuses strangers while there is no password', async ({ skip }) => {
    const outside = Object.values(os.networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
    if (outside === undefined) return skip('this machine has only the loopback interface');
    await using open = await startServer({ flags: { bind: '0.0.0.0', 'protected-mode': 'yes' } });
    const net = await import('node:net');
    const answer = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = net.connect(open.port, outside, () => socket.write('PING\r\n'));
        socket.once('data', (chunk: Buffer) => {
          resolve(chunk.toString());
          socket.destroy();
        });
        socket.once('error', reject);
      });
    expect(await answer()).toMatch(/^-DENIED Redis is running in protected mode because protected mode is enabled/);
    using local = await open.connect();
    expect(await local.ask('PING')).toBe('+PONG');
    expect(await local.ask('CONFIG SET requirepass secret')).toBe('+OK');
    expect(await answer()).toBe('-NOAUTH Authentication required.\r\n');
    expect(await local.ask('CONFIG SET requirepass ""')).toBe('+OK');
    expect(await local.ask('CONFIG SET protected-mode no')).toBe('+OK');
    expect(await answer()).toBe('+PONG\r\n');
  });
});
