/** Starting and stopping: configuration files, flags, refusals, locks, signals. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import {
  cairnOnly,
  describeCairn,
  eventually,
  expectLogged,
  freePort,
  mainJs,
  makeTempDir,
  serverCommand,
  smallSegments,
  startServer,
  target,
  TestServer,
} from '../support/server.js';

const stockConf = fileURLToPath(new URL('fixtures/stock-redis.conf', import.meta.url));
const deny = fileURLToPath(new URL('../support/deny.py', import.meta.url));
const scratch = makeTempDir('cairn-config-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let files = 0;
function confFile(text: string): string {
  const file = path.join(scratch, `test${files++}.conf`);
  fs.writeFileSync(file, text);
  return file;
}

interface Outcome {
  code: number | null;
  output: string;
}

/** Runs the server with these arguments until it ends by itself. */
function runToEnd(args: readonly string[]): Outcome {
  const [program = '', ...before] = serverCommand(target);
  const result = spawnSync(program, [...before, ...args], { timeout: 20_000 * patience, killSignal: 'SIGKILL' });
  return { code: result.status, output: `${result.stdout.toString()}${result.stderr.toString()}` };
}

async function configOf(server: TestServer, ...names: string[]): Promise<Record<string, string>> {
  using client = await server.connect();
  const flat = (await client.cmd('CONFIG', 'GET', ...names)) as string[];
  const found: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) found[flat[i] ?? ''] = flat[i + 1] ?? '';
  return found;
}

describe('configuration files', () => {
  test('a stock redis.conf starts the server', async () => {
    await using server = await startServer({ configFile: stockConf });
    using client = await server.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
    expect(
      await configOf(server, 'hash-max-listpack-value', 'databases', 'replica-priority', 'slowlog-max-len'),
    ).toEqual({
      'hash-max-listpack-value': '64',
      databases: '16',
      'replica-priority': '100',
      'slowlog-max-len': '128',
    });
    const [, maxmemory] = (await client.cmd('CONFIG', 'GET', 'list-compress-depth')) as string[];
    expect(maxmemory).toBe('0');
  });

  test('every directive of it is answered by CONFIG GET', async () => {
    await using server = await startServer({ configFile: stockConf });
    const names = fs
      .readFileSync(stockConf, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(' ')[0] ?? '');
    const known = await configOf(server, '*');
    expect(names.filter((name) => !(name in known))).toEqual([]);
  });

  test('units, quotes, comments, case and repeated directives', async () => {
    const file = confFile(
      [
        '# a comment',
        '   # another',
        '',
        'SLOWLOG-MAX-LEN 55',
        'maxclients 123',
        'client-query-buffer-limit 2mb',
        'proto-max-bulk-len "4mb"',
        "requirepass 'with space'",
        'timeout 10',
        'timeout 20',
        'client-output-buffer-limit normal 3mb 2mb 10',
      ].join('\n'),
    );
    await using server = await startServer({ configFile: file });
    using client = await server.connect();
    expect(await client.ask('AUTH "with space"')).toBe('+OK');
    const get = async (name: string): Promise<string> =>
      String(((await client.cmd('CONFIG', 'GET', name)) as string[])[1]);
    expect(await get('slowlog-max-len')).toBe('55');
    expect(await get('maxclients')).toBe('123');
    expect(await get('client-query-buffer-limit')).toBe('2097152');
    expect(await get('proto-max-bulk-len')).toBe('4194304');
    expect(await get('requirepass')).toBe('with space');
    expect(await get('timeout')).toBe('20');
    expect(await get('client-output-buffer-limit')).toMatch(/^normal 3145728 2097152 10 slave /);
  });

  test('flags mean the same as lines of the file, and win over it', async () => {
    const options = { 'slowlog-max-len': '77', timeout: '99', maxclients: '50', loglevel: 'verbose' };
    const file = confFile(
      Object.entries(options)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(''),
    );
    await using byFile = await startServer({ configFile: file });
    await using byFlags = await startServer({ flags: options });
    await using both = await startServer({ configFile: file, flags: { 'slowlog-max-len': 78 } });
    const names = Object.keys(options);
    expect(await configOf(byFile, ...names)).toEqual(options);
    expect(await configOf(byFlags, ...names)).toEqual(options);
    expect(await configOf(both, ...names)).toEqual({ ...options, 'slowlog-max-len': '78' });
  });

  test('include', async () => {
    const included = confFile('slowlog-max-len 11\n');
    const file = confFile(`include ${included}\ntimeout 12\n`);
    await using server = await startServer({ configFile: file });
    expect(await configOf(server, 'slowlog-max-len', 'timeout')).toEqual({ 'slowlog-max-len': '11', timeout: '12' });
  });

  test('CONFIG REWRITE keeps comments and writes what was changed', async () => {
    const file = confFile('# my comment\ntimeout 10\n\n# about the log\nslowlog-max-len 5\n');
    await using server = await startServer({ configFile: file });
    {
      using client = await server.connect();
      expect(await client.ask('CONFIG SET timeout 33 maxclients 500')).toBe('+OK');
      expect(await client.ask('CONFIG SET requirepass "a b"')).toBe('+OK');
      expect(await client.ask('CONFIG SET hash-max-listpack-entries 99')).toBe('+OK');
      expect(await client.ask('CONFIG REWRITE')).toBe('+OK');
    }
    const text = fs.readFileSync(file, 'utf8');
    expect(text).toMatch(/^# my comment\ntimeout 33\n\n# about the log\nslowlog-max-len 5\n/);
    expect(text).toMatch(/^maxclients 500$/m);
    expect(text).toMatch(/^requirepass "?a b"?$/m);
    expect(text).toMatch(/^hash-max-listpack-entries 99$/m);
    await server.restart();
    using again = await server.connect();
    expect(await again.ask('PING')).toBe('-NOAUTH Authentication required.');
    expect(await again.ask('AUTH "a b"')).toBe('+OK');
    expect(await again.run('CONFIG GET timeout')).toEqual(['timeout', '33']);
  });
});

describe('refusals', () => {
  const wrong: readonly (readonly [name: string, line: string, option: string])[] = [
    ['an unknown option', 'no-such-option 1', 'no-such-option'],
    ['a number that is none', 'timeout soon', 'timeout'],
    ['a number out of range', 'port 70000', 'port'],
    ['an unknown choice', 'appendfsync sometimes', 'appendfsync'],
    ['neither yes nor no', 'protected-mode perhaps', 'protected-mode'],
    ['no value', 'maxclients', 'maxclients'],
    ['too many values', 'databases 1 2', 'databases'],
    ['a wrong unit', 'proto-max-bulk-len 1zb', 'proto-max-bulk-len'],
    ['open quotes', 'requirepass "abc', 'requirepass'],
  ];

  test.each(wrong)('%s stops the start', async (_name, line, option) => {
    const file = confFile(`# first\ntcp-keepalive 300\n\n${line}\n`);
    const { code, output } = runToEnd([file, '--port', String(await freePort()), '--dir', scratch]);
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(output).toContain(option);
    expect(output).toMatch(/line:? 4\b|:4\b/);
    if (target === 'cairn') expect(output).toContain(path.basename(file));
  });

  test('a wrong flag', async () => {
    const { code, output } = runToEnd(['--port', String(await freePort()), '--dir', scratch, '--timeout', 'soon']);
    expect(code).not.toBe(0);
    expect(output).toContain('timeout');
  });

  test('a file that is not there', async () => {
    const { code, output } = runToEnd([path.join(scratch, 'missing.conf'), '--port', String(await freePort())]);
    expect(code).not.toBe(0);
    expect(output).toContain('missing.conf');
  });

  cairnOnly.each([
    ['lanes many', 'lanes'],
    ['segment-size 1', 'segment-size'],
    ['cache-size -5', 'cache-size'],
    ['io-backend magic', 'io-backend'],
    ['io-threads 0', 'io-threads'],
    ['commit-delay-us x', 'commit-delay-us'],
  ])('own option: %s', async (line, option) => {
    const file = confFile(`${line}\n`);
    const { code, output } = runToEnd([file, '--port', String(await freePort()), '--dir', scratch]);
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(output).toContain(`${path.basename(file)}`);
    expect(output).toMatch(/line 1\b/);
    expect(output).toContain(option);
  });

  test('a port that is taken', async () => {
    await using server = await startServer();
    const { code, output } = runToEnd([
      ...(target === 'cairn' ? ['--metrics-port', '0'] : []),
      ...['--port', String(server.port), '--dir', scratch, '--bind', '127.0.0.1'],
    ]);
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(output).toContain(String(server.port));
  });
});

describeCairn('the data directory', () => {
  test('a second server on the same directory is refused', async () => {
    await using first = await startServer();
    const { code, output } = runToEnd(['--port', String(await freePort()), '--dir', first.dir, '--metrics-port', '0']);
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(output).toContain(first.dir);
    expect(output).toMatch(/lock|in use|another/i);
    using client = await first.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
  });

  test('after kill -9 the lock is free', async () => {
    await using server = await startServer({ cairn: smallSegments });
    await server.restart('kill');
    using client = await server.connect();
    expect(await client.ask('PING')).toBe('+PONG');
  });

  test('a directory that cannot be made', async () => {
    const dir = path.join(confFile('a file is no directory'), 'data');
    const { code, output } = runToEnd(['--port', String(await freePort()), '--dir', dir, '--metrics-port', '0']);
    expect(code).toBe(1);
    expect(output).toContain(dir);
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends the server with code 0 and keeps the data', async (signal) => {
    await using server = await startServer({ cairn: smallSegments });
    using client = await server.connect();
    await client.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `k:${i}`, i]));
    server.signal(signal);
    expect(await server.waitExit()).toEqual({ code: 0, signal: null });
    await server.start();
    using again = await server.connect();
    expect(await again.run('DBSIZE')).toBe(1000);
  });

  test('SIGTERM under load: what was acknowledged is there', async () => {
    await using server = await startServer({ cairn: smallSegments });
    const client = await server.connect();
    client.socket.on('error', () => undefined);
    let acknowledged = -1;
    const load = (async () => {
      for (let i = 0; ; i++) {
        await client.cmd('SET', 'counter', i);
        acknowledged = i;
      }
    })().catch(() => undefined);
    await eventually('something is acknowledged', () => acknowledged > 0);
    server.signal('SIGTERM');
    expect(await server.waitExit()).toEqual({ code: 0, signal: null });
    await load;
    await server.start();
    using again = await server.connect();
    expect(Number(await again.run('GET counter'))).toBeGreaterThanOrEqual(acknowledged);
    expect(acknowledged).toBeGreaterThan(0);
  });
});

describeCairn('the command line', () => {
  const cli = (...args: string[]): Outcome => {
    const result = spawnSync(process.execPath, [mainJs, ...args], { timeout: 20_000 * patience });
    return { code: result.status, output: `${result.stdout.toString()}${result.stderr.toString()}` };
  };

  test('--help and --version', () => {
    const help = cli('--help');
    expect(help.code).toBe(0);
    for (const word of ['serve', 'check', '--version']) expect(help.output).toContain(word);
    const version = cli('--version');
    expect(version.code).toBe(0);
    expect(version.output).toMatch(/\d+\.\d+\.\d+/);
  });

  test('an unknown command', () => {
    const { code, output } = cli('no-such-command');
    expect(code).not.toBe(0);
    expect(output).toContain('no-such-command');
  });

  test('the thread-pool back end says so in the log and serves', async () => {
    await using server = await startServer({ cairn: { ...smallSegments, 'io-backend': 'threads' } });
    await eventually('the line', () => /thread/i.test(server.logs)); // the native log comes by another way than "ready"
    using client = await server.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
    await server.restart('kill');
    using again = await server.connect();
    expect(await again.run('GET k')).toBe('v');
  });

  test.each([
    ['EPERM', 1],
    ['ENOSYS', 38],
  ])('where io_uring is refused (%s) the fallback takes over and says so', async (_name, errno) => {
    await using server = await startServer({
      cairn: smallSegments,
      wrapper: ['python3', deny, 'io-uring', String(errno)],
    });
    await eventually('the line', () => /io_uring/i.test(server.logs));
    using client = await server.connect();
    await client.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `k:${i}`, 'x'.repeat(i)]));
    await server.restart('kill');
    using again = await server.connect();
    expect(await again.run('DBSIZE')).toBe(1000);
    expect(await again.run('STRLEN k:999')).toBe(999);
  });

  test('ignored directives are listed in one log line', async () => {
    const file = confFile('rdbcompression yes\nhz 20\n');
    await using server = await startServer({ configFile: file });
    await expectLogged(server, /rdbcompression.*hz/);
  });

  test('exactly one line says that connections are accepted', async () => {
    const server = new TestServer();
    server.port = await freePort();
    const [program = '', ...args] = server.commandLine();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      await eventually('it is ready', () => /ready to accept connections/i.test(log));
      expect(log.match(/ready to accept connections/gi)).toHaveLength(1);
    } finally {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
      server.removeDir();
    }
  });
});
