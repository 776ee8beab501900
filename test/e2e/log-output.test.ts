/** A log that cannot be written, or that is moved away: the server answers, and ends, as if it could. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RawClient } from '../support/raw-client.js';
import { Simple } from '../support/resp.js';
import {
  TestServer,
  describeCairn,
  eventually,
  freePort,
  makeTempDir,
  serverCommand,
  sleep,
  smallSegments,
  startServer,
} from '../support/server.js';

const scratch = makeTempDir('cairn-log-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const ok = new Simple('OK');
const debuggable = { ...smallSegments, 'enable-debug-command': 'local' };

/** Logs much, is answered, and ends in good order. */
async function expectUnmoved(port: number, lines: number, end: () => void, exit: Promise<unknown>): Promise<void> {
  const client = await eventually('an answer', () => RawClient.connect({ port }).catch(() => undefined), 60_000);
  const text = 'x'.repeat(1000);
  for (let i = 0; i < lines; i++) expect(await client.cmd('DEBUG', 'LOG', text)).toEqual(ok);
  expect(await client.run('SET k v')).toEqual(ok);
  expect(await client.run('CONFIG GET port')).toEqual(['port', String(port)]);
  client.close();
  end();
  expect(await exit).toEqual([0, null]);
}

async function withStdout(stdout: number | 'pipe'): Promise<{
  child: ReturnType<typeof spawn>;
  port: number;
  exit: Promise<unknown>;
}> {
  const port = await freePort();
  const dir = fs.mkdtempSync(path.join(scratch, 'data-'));
  const [program = '', ...args] = serverCommand('cairn');
  const flags = ['--port', String(port), '--dir', dir, '--metrics-port', '0', '--segment-size', '16mb'];
  const child = spawn(program, [...args, ...flags, '--enable-debug-command', 'local'], {
    stdio: ['ignore', stdout, 'ignore'],
  });
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  return { child, port, exit };
}

describeCairn('standard output', () => {
  test('whose reader goes away once the server is ready', async () => {
    const { child, port, exit } = await withStdout('pipe');
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('ready')) resolve();
      });
    });
    child.stdout?.destroy();
    await expectUnmoved(port, 20, () => child.kill('SIGTERM'), exit);
  });

  test('that nobody reads', async () => {
    const { child, port, exit } = await withStdout('pipe');
    await expectUnmoved(port, 3000, () => child.kill('SIGTERM'), exit);
  });

  test('on a full device', async () => {
    const full = fs.openSync('/dev/full', 'w');
    const { child, port, exit } = await withStdout(full);
    fs.closeSync(full);
    await expectUnmoved(port, 20, () => child.kill('SIGTERM'), exit);
  });

  test('on a terminal that is closed', async () => {
    const port = await freePort();
    const dir = fs.mkdtempSync(path.join(scratch, 'data-'));
    const flags = ['--port', String(port), '--dir', dir, '--metrics-port', '0', '--segment-size', '16mb'];
    const command = [...serverCommand('cairn'), ...flags, '--enable-debug-command', 'local'];
    // Tells the pid of the server, closes its terminal when it is told to, and ends as the server does.
    const script = [
      'import os, pty, sys',
      'pid, terminal = pty.fork()',
      'if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])',
      'print(pid, flush=True)',
      'sys.stdin.readline()',
      'os.close(terminal)',
      'sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
    ].join('\n');
    const child = spawn('python3', ['-c', script, ...command], { stdio: ['pipe', 'pipe', 'ignore'] });
    const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
    const pid = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (line) => resolve(Number(line)));
      void exit.then(() => reject(new Error('no terminal can be opened here')));
    });
    await eventually('an answer', () => RawClient.connect({ port }).catch(() => undefined), 60_000);
    child.stdin.end('close\n');
    await expectUnmoved(port, 20, () => process.kill(pid, 'SIGTERM'), exit);
  });
});

/** Calls of write() by the threads of a server that write its logs. Other threads may end meanwhile. */
function logWrites(pid: number): number {
  const read = (file: string): string => {
    try {
      return fs.readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  const tasks = fs.readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
  const ofLogs = tasks.filter((task) => read(`${task}/comm`) === 'log\n');
  expect(ofLogs.length).toBeGreaterThan(0);
  return ofLogs
    .map((task) => Number(/^syscw: (\d+)$/m.exec(read(`${task}/io`))?.[1]))
    .reduce((sum, calls) => sum + calls, 0);
}

describeCairn('logfile', () => {
  test('on a full disk: lines are lost and counted, nothing else', async () => {
    const logfile = path.join(fs.mkdtempSync(path.join(scratch, 'full-')), 'log');
    fs.symlinkSync('/dev/full', logfile);
    const server = new TestServer({ cairn: { ...debuggable, logfile } });
    await server.launch();
    await eventually('the server is ready', () => server.logs.includes('ready to accept'), 60_000);
    const client = await server.connect();
    const before = await eventually('what the start had to say is behind it', async () => {
      const calls = logWrites(server.pid);
      await sleep(200);
      return logWrites(server.pid) === calls ? calls : undefined;
    });
    expect(await client.cmd('DEBUG', 'LOG', 'lost')).toEqual(ok);
    // The line is written behind the reply; were the file gone by then, it would not be lost.
    await eventually('an attempt to write', () => logWrites(server.pid) > before);
    fs.rmSync(logfile);
    expect(await client.cmd('DEBUG', 'LOG', 'kept')).toEqual(ok);
    await eventually('the line', () => fs.existsSync(logfile) && fs.readFileSync(logfile, 'utf8').includes('kept'));
    const [first = '', second = ''] = fs.readFileSync(logfile, 'utf8').split('\n');
    expect(JSON.parse(first)).toMatchObject({
      level: 40,
      msg: 'the log could not be written (No space left on device): lost',
    });
    expect(JSON.parse(second)).toMatchObject({ msg: 'DEBUG LOG: kept' });
    await server.dispose();
  });

  test('is made anew by SIGHUP, and when it was moved or removed', async () => {
    const logfile = path.join(fs.mkdtempSync(path.join(scratch, 'rotate-')), 'log');
    const server = await startServer({ cairn: { ...debuggable, logfile } });
    const client = await server.connect();
    const put = async (text: string): Promise<void> => {
      await client.cmd('DEBUG', 'LOG', text);
      await eventually(text, () => fs.existsSync(logfile) && fs.readFileSync(logfile, 'utf8').includes(text));
    };
    await put('first');
    fs.renameSync(logfile, `${logfile}.1`);
    server.signal('SIGHUP');
    await eventually('a new file', () => fs.existsSync(logfile));
    await put('second');
    expect(fs.readFileSync(`${logfile}.1`, 'utf8')).not.toContain('second');
    fs.renameSync(logfile, `${logfile}.2`);
    await put('third');
    fs.rmSync(logfile);
    await put('fourth');
    fs.truncateSync(logfile);
    await put('fifth');
    expect(fs.readFileSync(logfile, 'utf8')).not.toContain('\0');
    await server.dispose();
  });
});
