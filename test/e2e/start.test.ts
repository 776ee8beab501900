/** What a start, a failed start and an end look like to the person (or the supervisor) who runs the server. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import {
  describeCairn,
  eventually,
  expectLogged,
  freePort,
  mainJs,
  makeTempDir,
  root,
  smallSegments,
  startServer,
} from '../support/server.js';

const scratch = makeTempDir('cairn-start-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function cairn(...args: string[]): Outcome {
  const result = spawnSync(process.execPath, [mainJs, ...args], { timeout: 20_000 * patience, killSignal: 'SIGKILL' });
  return { code: result.status, stdout: result.stdout.toString(), stderr: result.stderr.toString() };
}

const node = (...args: string[]): Outcome => {
  const result = spawnSync(process.execPath, args, { timeout: 20_000 * patience, killSignal: 'SIGKILL' });
  return { code: result.status, stdout: result.stdout.toString(), stderr: result.stderr.toString() };
};

describeCairn('signals', () => {
  test('npm passes SIGTERM on to the server, and ends with it', async () => {
    // The project's own `start`, without set-up and build: they would build under the other tests.
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const dir = fs.mkdtempSync(path.join(scratch, 'npm-'));
    fs.mkdirSync(path.join(dir, 'scripts'));
    fs.writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ scripts: { start: manifest.scripts['start'] } }));
    const main = JSON.stringify(mainJs);
    const script = `process.argv.splice(1, 1, ${main}, 'serve');\nawait import(${main});\n`;
    fs.writeFileSync(path.join(dir, 'scripts', 'start.mjs'), script);
    const flags = ['--port', String(await freePort()), '--dir', path.join(dir, 'data'), '--metrics-port', '0'];
    const npm = spawn('npm', ['start', '--', ...flags, '--segment-size', '16mb'], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => npm.once('close', resolve));
    let log = '';
    npm.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    npm.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      await eventually('the server is ready', () => log.includes('ready to accept connections'), 20_000);
      npm.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(log).toContain('SIGTERM: stopping');
      expect(log).toContain('everything is on disk, bye');
    } finally {
      try {
        process.kill(-(npm.pid ?? 0), 'SIGKILL'); // what a failure leaves behind
      } catch {
        // all of them have ended
      }
    }
  });

  test('a signal that comes twice at once (terminal and npm) is one', async () => {
    await using server = await startServer({ cairn: smallSegments });
    server.signal('SIGINT');
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual({ code: 0, signal: null });
    expect(server.logs).toContain('everything is on disk, bye');
  });
});

describeCairn('refused starts', () => {
  test.each([
    [['--port', '0'], 'configured to not listen anywhere: port is 0 and unixsocket is not set'],
    [['--bind', ''], 'configured to not listen anywhere: bind is empty and unixsocket is not set'],
    [['--dir', ''], "option '--dir': must not be empty"],
    [['-p', '21004'], "unexpected argument '-p'; options are written --name value"],
    [['--maxclient', '5'], "option '--maxclient': unknown option; did you mean 'maxclients'?"],
    [['--cache-size', '500%'], "option '--cache-size': argument must be 1% to 100% of the machine's memory"],
  ])('%j', (flags, reason) => {
    const dir = path.join(scratch, 'never-made');
    const { code, stderr } = cairn('serve', ...(flags[0] === '-p' ? [] : ['--dir', dir]), ...flags);
    expect(code).toBe(1);
    expect(stderr).toContain(reason);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(fs.existsSync(dir)).toBe(false);
  });

  test('the reason is said once, and where somebody looks', async () => {
    await using server = await startServer({ cairn: smallSegments });
    const flags = ['--port', String(await freePort()), '--dir', server.dir, '--metrics-port', '0'];
    const heard = ({ stdout, stderr }: Outcome): number[] =>
      [stdout, stderr].map((text) => text.split('\n').filter((line) => line.includes('LOCK')).length);
    const plain = cairn('serve', ...flags);
    expect(plain.code).toBe(1);
    expect(heard(plain)).toEqual([1, 0]);
    expect(heard(cairn('serve', ...flags, '--loglevel', 'nothing'))).toEqual([0, 1]);
    const logfile = path.join(scratch, 'log');
    expect(heard(cairn('serve', ...flags, '--logfile', logfile))).toEqual([0, 1]);
    expect(fs.readFileSync(logfile, 'utf8')).toContain('the start failed');
  });
});

describeCairn('the log of a start', () => {
  test('names the fsync policy', async () => {
    await using server = await startServer({ cairn: smallSegments });
    await expectLogged(server, /notice appendfsync always: /);
    await server.restart('stop', { appendfsync: 'everysec' });
    await expectLogged(server, /warning appendfsync everysec: .*may lose/);
    await server.restart('stop', { appendfsync: 'no', maxmemory: '1gb', hz: 20 });
    await expectLogged(server, /warning appendfsync no: .*may lose/);
    await expectLogged(server, /warning maxmemory 1073741824 has no effect: there is no eviction/);
    await expectLogged(server, /without meaning here: hz\n/);
  });
});

describeCairn('check', () => {
  test('of a directory without data: exit 2, and nothing is written', () => {
    const dir = fs.mkdtempSync(path.join(scratch, 'empty-'));
    expect(cairn('check', dir)).toMatchObject({ code: 2, stdout: '' });
    expect(fs.readdirSync(dir)).toEqual([]);
  });
});

describeCairn('salvage', () => {
  test('refused with a hint, started with --salvage yes, copied to a clean directory', async () => {
    await using server = await startServer({ cairn: { ...smallSegments, lanes: 1 } });
    const client = await server.connect();
    for (let i = 0; i < 50; i++) await client.cmd('SET', `k:${i}`, `<value ${i}>`.repeat(20));
    await client.cmd('SET', 'mortal', 'x', 'EX', 1000);
    await client.cmd('SET', Buffer.from([0xff, 0, 10]), Buffer.from([0, 10, 0xfe]));
    await client.run('SELECT 3');
    await client.run('SET other database');
    await server.end('nosave'); // so that the next start reads the log

    const [segment = ''] = fs.readdirSync(server.dir).filter((name) => name.endsWith('.vlog'));
    const file = path.join(server.dir, segment);
    const handle = fs.openSync(file, 'r+');
    fs.writeSync(handle, 'X', fs.readFileSync(file).indexOf('<value 20>') + 3);
    fs.closeSync(handle);

    expect(cairn('check', server.dir).code).toBe(1);
    const refusal = `cairn check ${server.dir} lists all damage; --salvage yes starts without what is damaged`;
    await expect(server.start()).rejects.toThrow(refusal);
    await server.start({ salvage: 'yes' });
    await using target = await startServer({ cairn: smallSegments });
    const copy = path.join(root, 'scripts', 'copy-keys.mjs');
    const url = (port: number): string => `redis://127.0.0.1:${port}`;
    const copied = node(copy, url(server.port), url(target.port));
    expect(copied).toMatchObject({ code: 0, stderr: '' });
    expect(copied.stdout).toBe('database 0: 51 keys copied\ndatabase 3: 1 keys copied\n');
    expect(node(copy, url(server.port)).code).toBe(1);

    // The damaged bytes are still there.
    await server.end('nosave');
    expect(cairn('check', server.dir).code).toBe(1);
    await expect(server.start()).rejects.toThrow('lists all damage');

    using reader = await target.connect();
    expect(await reader.run('DBSIZE')).toBe(51);
    expect(await reader.run('EXISTS k:20')).toBe(0);
    expect(await reader.run('GET k:21')).toBe('<value 21>'.repeat(20));
    expect(Number(await reader.run('TTL mortal'))).toBeGreaterThan(900);
    expect(await reader.run('TTL k:1')).toBe(-1);
    expect(await reader.cmd('STRLEN', Buffer.from([0xff, 0, 10]))).toBe(3);
    await reader.run('SELECT 3');
    expect(await reader.run('GET other')).toBe('database');
    await target.stop();
    expect(cairn('check', target.dir).code).toBe(0);
  });
});
