/** Publish and subscribe with real clients, with many of them, and with some that do not read. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { encode, OK } from '../support/resp.js';
import { cairnOnly, eventually, expectLogged, needs72, useServer } from '../support/server.js';
import { Wire } from '../support/wires.js';

const server = useServer({ cairn: { 'io-threads': 3 } });

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const message = (channel: string, payload: string): string =>
  `*3\r\n${bulk('message')}${bulk(channel)}${bulk(payload)}`;

async function subscriber(...words: string[]): Promise<Wire> {
  const wire = await Wire.connect(server.current.port);
  wire.send(encode(words));
  await wire.until((text) => text.includes(`:${words.length - 1}\r\n`), 'the confirmation');
  wire.clear();
  return wire;
}

describe('ioredis', () => {
  const connect = (): Redis => new Redis({ port: server.current.port, host: '127.0.0.1', lazyConnect: true });

  test('messages, patterns, buffers, subscriptions again after a reconnect', async () => {
    const [sub, pub] = [connect(), connect()];
    await Promise.all([sub.connect(), pub.connect()]);
    try {
      const got: string[] = [];
      sub.on('message', (channel, text) => got.push(`${channel}=${text}`));
      sub.on('pmessage', (pattern, channel, text) => got.push(`${pattern}:${channel}=${text}`));
      expect(await sub.subscribe('a', 'b')).toBe(2);
      expect(await sub.psubscribe('a*')).toBe(3);
      expect(await pub.publish('a', 'one')).toBe(2);
      expect(await pub.publish('b', 'two')).toBe(1);
      expect(await pub.publish('c', 'three')).toBe(0);
      await eventually('three messages', () => got.length === 3);
      expect(got).toEqual(['a=one', 'a*:a=one', 'b=two']);
      expect(await sub.unsubscribe('b')).toBe(2);
      expect(await pub.pubsub('NUMSUB', 'a', 'b')).toEqual(['a', 1, 'b', 0]);
      expect(await pub.pubsub('NUMPAT')).toBe(1);
      // Killed from outside, it comes back and listens again.
      const again = once(sub, 'ready');
      expect(await pub.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(1);
      await again;
      await eventually(
        'it listens again',
        async () => String(await pub.pubsub('NUMSUB', 'a')) === 'a,1' && String(await pub.pubsub('NUMPAT')) === '1',
      );
      expect(await pub.publish('a', 'four')).toBe(2);
      await eventually('two more', () => got.length === 5);
    } finally {
      sub.disconnect();
      pub.disconnect();
    }
  });
});

describe('node-redis', () => {
  for (const RESP of [2, 3] as const) {
    test(`RESP${RESP}`, async () => {
      const sub = await createClient({ url: `redis://127.0.0.1:${server.current.port}`, RESP }).connect();
      const pub = await createClient({ url: `redis://127.0.0.1:${server.current.port}`, RESP }).connect();
      try {
        const got: string[] = [];
        await sub.subscribe('c1', (text, channel) => got.push(`${channel}=${text}`));
        await sub.pSubscribe('c?', (text, channel) => got.push(`p:${channel}=${text}`));
        await sub.sSubscribe('sh', (text, channel) => got.push(`s:${channel}=${text}`));
        expect(await pub.publish('c1', 'x')).toBe(2);
        expect(await pub.sPublish('sh', 'y')).toBe(1);
        await eventually('all of them', () => got.length === 3);
        expect(got).toEqual(['c1=x', 'p:c1=x', 's:sh=y']);
        if (RESP === 3) expect(await sub.set('beside', 'messages')).toBe('OK');
        await sub.unsubscribe();
        await sub.pUnsubscribe();
        await sub.sUnsubscribe();
        expect(String(await sub.ping())).toBe('PONG');
        expect(await pub.publish('c1', 'x')).toBe(0);
      } finally {
        sub.destroy();
        pub.destroy();
      }
    });
  }
});

test('redis-cli', async () => {
  const child = spawn('redis-cli', ['-p', String(server.current.port), 'SUBSCRIBE', 'cli'], { stdio: 'pipe' });
  try {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await eventually('it listens', () => out.includes('subscribe'));
    const said = await new Promise<string>((resolve, reject) => {
      execFile('redis-cli', ['-p', String(server.current.port), 'PUBLISH', 'cli', 'hello'], (error, stdout) =>
        error === null ? resolve(stdout) : reject(new Error(error.message)),
      );
    });
    expect(said.trim()).toBe('1');
    await eventually('it shows the message', () => out.includes('hello'));
    expect(out).toMatch(/message\n(?:.*\n)*?.*cli\n.*hello/);
  } finally {
    child.kill();
  }
});

describe('many', () => {
  test('messages of several publishers come to all subscribers, in one order', async () => {
    const count = 120;
    const each = 60;
    const all: string[][] = [];
    const subscribers = await Promise.all(Array.from({ length: count }, () => subscriber('SUBSCRIBE', 'many')));
    const publishers = await Promise.all(Array.from({ length: 6 }, () => server.current.connect()));
    try {
      const receivers = await Promise.all(
        publishers.map((publisher, who) =>
          Promise.all(Array.from({ length: each }, (_, n) => publisher.cmd('PUBLISH', 'many', `${who}:${n}`))),
        ),
      );
      expect(new Set(receivers.flat())).toEqual(new Set([count]));
      for (const wire of subscribers) {
        const text = await wire.until((text) => text.split('\r\nmany\r\n').length > 6 * each, 'all messages');
        all.push([...text.matchAll(/\r\n(\d+:\d+)\r\n/g)].map(([, payload]) => payload ?? ''));
      }
      for (const got of all) expect(got).toEqual(all[0]);
      for (let who = 0; who < 6; who++) {
        const own = (all[0] ?? []).filter((payload) => payload.startsWith(`${who}:`));
        expect(own).toEqual(Array.from({ length: each }, (_, n) => `${who}:${n}`));
      }
    } finally {
      for (const wire of subscribers) wire[Symbol.dispose]();
      for (const publisher of publishers) publisher[Symbol.dispose]();
    }
  });

  test('a hundred thousand channels of one client come and go', async () => {
    const count = 100_000;
    using admin = await server.current.connect();
    const wire = await Wire.connect(server.current.port);
    for (let from = 0; from < count; from += 10_000)
      wire.send(encode(['SUBSCRIBE', ...Array.from({ length: 10_000 }, (_, i) => `wide:${from + i}`)]));
    await wire.until((text) => text.endsWith(`:${count}\r\n`), 'all confirmations');
    expect(await admin.cmd('PUBSUB', 'CHANNELS', 'wide:7777?')).toHaveLength(10);
    expect(await admin.cmd('PUBLISH', 'wide:99999', 'm')).toBe(1);
    expect(await admin.run('INFO stats')).toContain(`pubsub_channels:${count}\r\n`);
    wire[Symbol.dispose]();
    await eventually('none is left', async () =>
      ((await admin.run('INFO stats')) as string).includes('pubsub_channels:0\r\n'),
    );
  });
});

describe('who listens is seen', () => {
  test('CLIENT LIST, CLIENT KILL TYPE, INFO', async () => {
    using admin = await server.current.connect();
    using a = await subscriber('SUBSCRIBE', 'x', 'y');
    using b = await subscriber('PSUBSCRIBE', 'x*');
    using c = await subscriber('SSUBSCRIBE', 'z');
    const lines = ((await admin.run('CLIENT LIST TYPE pubsub')) as string).trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/ flags=P .*sub=2 psub=0 .*cmd=subscribe /);
    expect(lines[1]).toMatch(/ flags=P .*sub=0 psub=1 .*cmd=psubscribe /);
    expect(lines[2]).toMatch(/ flags=P .*sub=0 psub=0 .*cmd=ssubscribe /);
    expect(await admin.run('CLIENT LIST TYPE normal')).not.toContain('flags=P');
    const info = (await admin.run('INFO stats')) as string;
    expect(info).toContain('pubsub_channels:2\r\n');
    expect(info).toContain('pubsub_patterns:1\r\n');
    expect(await admin.run('CLIENT KILL TYPE pubsub')).toBe(3);
    for (const wire of [a, b, c]) await eventually('it is closed', () => wire.ended);
    await eventually('nobody listens', async () => (await admin.cmd('PUBLISH', 'x', '')) === 0);
  });

  needs72('shard subscriptions have figures', async () => {
    using admin = await server.current.connect();
    using a = await subscriber('SSUBSCRIBE', 'p', 'q');
    expect(a.ended).toBe(false);
    expect(await admin.run('CLIENT LIST TYPE pubsub')).toMatch(/ ssub=2 /);
    expect((await admin.run('INFO stats')) as string).toContain('pubsubshard_channels:2\r\n');
  });
});

describe('slow subscribers', () => {
  const payload = Buffer.alloc(100_000, 'x');
  const listeners = async (admin: RawClient): Promise<string> =>
    ((await admin.cmd('PUBSUB', 'NUMSUB', 'slow')) as unknown[]).join(',');

  async function withLimit(limit: string, body: (admin: RawClient, slow: Wire) => Promise<void>): Promise<void> {
    using admin = await server.current.connect();
    expect(await admin.cmd('CONFIG', 'SET', 'client-output-buffer-limit', `pubsub ${limit}`)).toEqual(OK);
    using slow = await subscriber('SUBSCRIBE', 'slow');
    slow.socket.pause();
    try {
      await body(admin, slow);
    } finally {
      await admin.cmd('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    }
  }

  test('beyond the hard limit they are closed; others lose nothing', async () => {
    await withLimit('1mb 0 0', async (admin) => {
      using quick = await subscriber('SUBSCRIBE', 'slow');
      for (let i = 0; (await listeners(admin)) !== 'slow,1'; i++) {
        expect(i).toBeLessThan(1000);
        await admin.cmd('PUBLISH', 'slow', payload);
        await quick.until((text) => text.length >= payload.length, 'the message'); // it reads, as long as it is asked to
        quick.clear();
      }
      expect(quick.ended).toBe(false);
    });
  });

  cairnOnly('which is logged and counted', async () => {
    await expectLogged(server.current, /closing client .*client-output-buffer-limit/);
  });

  test('beyond the soft limit after its time', async () => {
    await withLimit('0 1mb 1', async (admin) => {
      const begin = Date.now();
      for (let i = 0; i < 150; i++) await admin.cmd('PUBLISH', 'slow', payload);
      await eventually('it is closed', async () => {
        await admin.cmd('PUBLISH', 'slow', 'x');
        return (await listeners(admin)) === 'slow,0';
      });
      expect(Date.now() - begin).toBeGreaterThan(900);
    });
  });
});

test('a message to oneself (RESP3) stands behind the reply, and before what follows a change of subscriptions', async () => {
  using wire = await Wire.connect(server.current.port);
  wire.send('HELLO 3');
  await wire.until((text) => text.includes('modules'), 'the reply');
  wire.clear();
  wire.send(Buffer.from('SUBSCRIBE me\r\nPUBLISH me 1\r\nPUBLISH me 2\r\nUNSUBSCRIBE me\r\nPUBLISH me 3\r\n'));
  const text = await wire.until((text) => text.endsWith(':0\r\n:0\r\n'), 'all of it');
  const frames = [
    `>3\r\n${bulk('message')}${bulk('me')}${bulk('1')}`,
    `>3\r\n${bulk('message')}${bulk('me')}${bulk('2')}`,
  ];
  const [first, second] = frames.map((frame) => text.indexOf(frame));
  const leaves = text.indexOf('unsubscribe');
  expect(first).toBeGreaterThan(0);
  expect(second).toBeGreaterThan(first ?? 0);
  expect(leaves).toBeGreaterThan(second ?? 0);
});

test('replies that wait for the disk, confirmations and messages keep their order', async () => {
  using wire = await Wire.connect(server.current.port);
  using publisher = await server.current.connect();
  for (let round = 0; round < 20; round++) {
    wire.clear();
    wire.send(Buffer.from(`SET order ${round}\r\nSUBSCRIBE order\r\n`));
    await wire.until(
      (text) => text === `+OK\r\n*3\r\n${bulk('subscribe')}${bulk('order')}:1\r\n`,
      'reply, confirmation',
    );
    await publisher.run('MULTI');
    await publisher.run(`SET order x${round}`);
    await publisher.run('PUBLISH order m');
    expect(await publisher.run('EXEC')).toEqual([OK, 1]);
    wire.send(Buffer.from('UNSUBSCRIBE\r\nGET order\r\n'));
    await wire.until((text) => text.endsWith(bulk(`x${round}`)), 'the value');
    expect(wire.received.toString()).toContain(message('order', 'm'));
  }
});
