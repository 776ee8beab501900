/** Signals in every phase of the server's life (src/life.ts): the end, the log file, and Node's debugger. */
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Phase, phases } from '../../src/life.js';
import { patience } from '../support/patience.js';
import {
  TestServer,
  describeCairn,
  eventually,
  freePort,
  makeTempDir,
  sleep,
  smallSegments,
  startServer,
} from '../support/server.js';

const scratch = makeTempDir('cairn-signals-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const ended = { code: 0, signal: null };
const keys = 200_000;
const perCommand = 1000;
const attemptsMax = 50;
const stepMs = 4;

/** A server that is not running, on a directory whose log takes a while to read. */
async function filled(): Promise<TestServer> {
  const server = await startServer({ cairn: { ...smallSegments, 'enable-debug-command': 'local' } });
  const client = await server.connect();
  for (let from = 0; from < keys; from += perCommand) {
    const words = Array.from({ length: perCommand }, (_, i) => [`key:${from + i}`, 'value']).flat();
    await client.cmd('MSET', ...words);
  }
  await server.end('nosave');
  return server;
}

async function expectWhole(server: TestServer): Promise<void> {
  await server.start();
  const client = await server.connect();
  expect(await client.run('DBSIZE')).toBe(keys);
  await server.dispose();
}

const saw = (server: TestServer, text: string): Promise<unknown> =>
  eventually(text, () => server.logs.includes(text) || !server.running, 60_000);

/** A server that reads its configuration from a pipe: it waits there until `go` is called. */
async function configuring(flags: Record<string, string> = {}): Promise<{ server: TestServer; go: () => void }> {
  const fifo = path.join(fs.mkdtempSync(path.join(scratch, 'fifo-')), 'cairn.conf');
  spawnSync('mkfifo', [fifo]);
  const wrapper = ['env', ...Object.entries(flags).map(([name, value]) => `${name}=${value}`)];
  const server = new TestServer({ configFile: fifo, cairn: smallSegments, wrapper });
  await server.launch();
  const opened = await fs.promises.open(fifo, 'w'); // when the server has opened it, too
  const go = (): void => {
    fs.writeSync(opened.fd, '# nothing\n');
    void opened.close();
  };
  return { server, go };
}

const cases: Record<Phase, () => Promise<void>> = {
  configuring: async () => {
    const { server, go } = await configuring();
    server.signal('SIGTERM');
    go();
    expect(await server.waitExit()).toEqual(ended);
    expect(server.logs).toContain('SIGTERM while configuring: stopping');
    expect(fs.readdirSync(server.dir)).toEqual([]);
    server.removeDir();
  },
  recovering: async () => {
    const server = await filled();
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      await server.launch();
      await saw(server, 'Cairn ');
      await sleep(attempt * stepMs); // how long it configures, and recovers, is the machine's to say
      server.signal('SIGTERM');
      expect(await server.waitExit()).toEqual(ended);
      if (server.logs.includes('SIGTERM while recovering: stopping')) break;
    }
    expect(server.logs).toContain('SIGTERM while recovering: stopping');
    expect(server.logs).not.toContain('data directory recovered');
    await expectWhole(server);
  },
  // What comes between two steps of it is in test/unit/life.test.ts: here it is over too soon to be met for certain.
  opening: async () => {
    const server = new TestServer({ cairn: { ...smallSegments, 'metrics-port': await freePort() } });
    for (let attempt = 0; attempt < 5; attempt++) {
      await server.launch();
      await saw(server, 'data directory recovered');
      server.signal('SIGTERM');
      expect(await server.waitExit()).toEqual(ended);
      expect(server.logs).toContain('everything is on disk, bye');
    }
    server.removeDir();
  },
  ready: async () => {
    const server = await startServer({ cairn: smallSegments });
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual(ended);
    expect(server.logs).toContain('SIGTERM: stopping');
    server.removeDir();
  },
  stopping: async () => {
    const server = await startServer({ cairn: { ...smallSegments, 'enable-debug-command': 'local' } });
    const client = await server.connect();
    await client.run('SET k v');
    await client.send('DEBUG SLEEP 600\r\n'); // longer than any time limit here: the stop waits for it
    await sleep(50 * patience); // until it has begun, which nobody can be asked
    server.signal('SIGTERM');
    await saw(server, 'SIGTERM: stopping');
    await sleep(700); // less is the same signal, twice
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual({ code: 1, signal: null });
    expect(server.logs).toContain('SIGTERM again: leaving at once');
    await server.start();
    expect(await (await server.connect()).run('GET k')).toBe('v');
    await server.dispose();
  },
};

describeCairn('SIGTERM', () => {
  test.each(phases)('while %s', async (phase) => cases[phase]());

  test('while the name of an address is asked for', async (context) => {
    const asked = dgram.createSocket('udp4'); // a server of names that never answers
    try {
      await new Promise<void>((resolve, reject) => {
        asked.once('error', reject);
        asked.bind(53, '127.0.0.77', resolve);
      });
    } catch (error) {
      context.skip(true, `no server of names here: ${String(error)}`);
    }
    const refused = spawnSync('unshare', ['--mount', 'true']).stderr.toString();
    context.skip(refused !== '', `no mounts of one's own here: ${refused}`);
    const conf = path.join(scratch, 'resolv.conf');
    fs.writeFileSync(conf, 'nameserver 127.0.0.77\noptions timeout:30 attempts:5\n');
    const script = `mount --bind ${conf} /etc/resolv.conf && exec "$0" "$@"`;
    const wrapper = ['unshare', '--mount', 'sh', '-c', script];
    const server = new TestServer({ cairn: smallSegments, flags: { bind: 'name.example' }, wrapper });
    const question = new Promise((resolve) => asked.once('message', resolve));
    await server.launch();
    await question;
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual(ended);
    asked.close();
    server.removeDir();
  });

  test('while DEBUG RELOAD runs', async () => {
    const server = await filled();
    await server.start();
    const client = await server.connect();
    await client.send('DEBUG RELOAD\r\n');
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual(ended);
    expect(server.logs).toContain('everything is on disk, bye');
    await expectWhole(server);
  });
});

describeCairn('SIGUSR1', () => {
  const connects = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });

  /** Whether the process has a handler for it: Node's own is the first. */
  const isCaught = (pid: number): boolean => {
    const mask = /SigCgt:\s*([0-9a-f]+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    return (BigInt(`0x${mask}`) & (1n << 9n)) !== 0n;
  };

  test('opens no debugger, from the first moment on', async () => {
    const port = await freePort();
    const server = new TestServer({
      cairn: smallSegments,
      wrapper: ['env', `NODE_OPTIONS=--inspect-port=${port}`],
    });
    await server.launch();
    await eventually('Node has started', () => isCaught(server.pid), 60_000);
    let opened = 0;
    while (!server.logs.includes('ready to accept')) {
      server.signal('SIGUSR1');
      if (!server.running) break;
      await sleep(5);
    }
    await server.waitReady();
    for (let i = 0; i < 5; i++) {
      server.signal('SIGUSR1');
      await sleep(20);
      if (await connects(port)) opened += 1;
    }
    expect(opened).toBe(0);
    await server.dispose();
  });

  test('opens no debugger while the configuration is read', async () => {
    const port = await freePort();
    const { server, go } = await configuring({ NODE_OPTIONS: `--inspect-port=${port}` });
    server.signal('SIGUSR1');
    await sleep(50);
    expect(await connects(port)).toBe(false);
    go();
    await server.waitReady();
    expect(await connects(port)).toBe(false);
    await server.dispose();
  });
});
