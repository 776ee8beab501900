/** The edges of the process: HTTP, log lines, command line, the ping of the health check, sampled rates. */
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { reportText } from '../../src/cli/check.js';
import { runCli } from '../../src/cli/cli.js';
import { serveArguments } from '../../src/cli/serve-arguments.js';
import { startFailure } from '../../src/cli/start-failure.js';
import { ping } from '../../src/cli/ping.js';
import { createLogger, logNative, readableLine } from '../../src/log/logger.js';
import { startMetrics } from '../../src/metrics/http.js';
import { ServerState } from '../../src/server-state.js';
import { makeBench } from './fake-native.js';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-unit-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** What is written to standard output and error meanwhile. */
function captured(): { text: () => string } {
  let text = '';
  const keep: typeof process.stdout.write = (chunk: string | Uint8Array, ...more: unknown[]): boolean => {
    text += String(chunk);
    const done = more.at(-1);
    if (typeof done === 'function') (done as () => void)();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  return { text: () => text };
}

describe('HTTP', () => {
  test('metrics, health, and nothing else', async () => {
    const bench = makeBench();
    const server = await startMetrics(bench.services, '127.0.0.1', 0);
    try {
      const get = async (where: string, method = 'GET') => {
        const response = await fetch(`http://127.0.0.1:${server.port}${where}`, { method });
        return { status: response.status, text: await response.text() };
      };
      expect(await get('/metrics')).toMatchObject({ status: 200 });
      expect((await get('/metrics?x=1')).text).toContain('redis_up 1');
      expect(await get('/health')).toMatchObject({ status: 200 });
      expect(await get('/nosuch')).toMatchObject({ status: 404 });
      expect(await get('/metrics', 'POST')).toMatchObject({ status: 405 });
      bench.native.stats = () => {
        throw new Error('boom');
      };
      expect(await get('/metrics')).toMatchObject({ status: 500 });
    } finally {
      await server.close();
    }
  });
});

describe('logs', () => {
  test('a readable line is one line', () => {
    const json = JSON.stringify({ level: 40, time: 1_700_000_000_123, msg: 'torn\ntail', file: 'a b', offset: 5 });
    expect(readableLine(json)).toBe('2023-11-14 22:13:20.123 warning torn tail file="a b" offset=5\n');
  });

  test('native messages reach the log, with their level, and losses are told', () => {
    const lines: string[] = [];
    const log = createLogger({ loglevel: 'notice', json: true, sink: { write: (line) => void lines.push(line) } });
    const timeMs = Date.now();
    logNative(log, {
      entries: [
        { level: 'error', message: 'bad disk', timeMs },
        { level: 'debug', message: 'unseen', timeMs },
      ],
      dropped: 3,
    });
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toMatchObject([
      { level: 50, msg: 'bad disk' },
      { level: 40, dropped: 3 },
    ]);
  });
});

describe('the command line', () => {
  const serving = { serve: (): number => 0, leaveSignalsAlone: (): void => undefined };

  test.each([
    [['--help'], 0, 'usage:'],
    [['--version'], 0, 'cairn '],
    [['config'], 0, 'segment-size 1gb'],
    [['no-such-command'], 1, "unknown command 'no-such-command'; there are serve, check, ping, config"],
    [['config', 'x'], 1, "config: unexpected argument 'x'"],
    [['chekc', 'x'], 1, "unknown command 'chekc'; did you mean 'check'?"],
    [['check'], 2, 'usage: cairn check DIR'],
    [['check', '/no/such/dir'], 2, '/no/such/dir'],
    [['ping', '--bogus', '1'], 1, "ping: unknown option '--bogus'; it takes --host H, --port N, --socket PATH"],
    [['ping', '--prot', '1'], 1, "ping: unknown option '--prot'; did you mean 'port'?"],
    [['ping', '-p', '1'], 1, "ping: unexpected argument '-p'; it takes --host H"],
    [
      ['ping', '--port', 'x'],
      1,
      "ping: option '--port': 'x' is not a port: a number from 1 to 65535, as in --port 6379",
    ],
    [['ping', '--port', '0'], 1, "'0' is not a port"],
    [['ping', '--port', '65536'], 1, "'65536' is not a port"],
    [['ping', '--port'], 1, "ping: option '--port' takes one value, as in --port 6379"],
    [['ping', '--port', '1', '2'], 1, "ping: option '--port' takes one value"],
    [['ping', '--host='], 1, "ping: option '--host' takes one value, as in --host 127.0.0.1"],
    [['--port', '7'], 0, ''],
    [[], 0, ''],
  ])('%j', async (argv, code, text) => {
    const output = captured();
    expect(await runCli(argv, serving)).toBe(code);
    expect(output.text()).toContain(text);
  });

  test.each([
    [
      ['--port', '7303', 'my.conf'],
      "option '--port': takes one value, and 2 are given; if 'my.conf' is the configuration file, it stands before all flags: cairn serve my.conf --port 7303",
    ],
    [['--port', '1', '2', '3'], "option '--port': takes one value, and 3 are given"],
    [['--port'], "option '--port': needs a value, as in --port 6379"],
    [['--io-threads', '--port', '1'], "option '--io-threads': needs a value, as in --io-threads auto"],
    [['a.conf', 'b.conf'], "unexpected argument 'b.conf'; options are written --name value"],
    [['a.conf', '-p', '1'], "unexpected argument '-p'"],
  ])('serve %j is refused', (argv, message) => {
    expect(() => serveArguments(argv)).toThrow(`command line: ${message}`);
  });

  test('a file behind an option of several values is found out, when it is there', () => {
    const file = path.join(scratch, 'late.conf');
    expect(serveArguments(['--bind', '::1', file]).flags[0]?.words).toEqual(['::1', file]);
    fs.writeFileSync(file, '');
    const right = `cairn serve ${file} --bind ::1`;
    expect(() => serveArguments(['--bind', '::1', file])).toThrow(right);
    expect(serveArguments([file, '--bind', '::1'])).toMatchObject({ file });
  });

  test('a report of damage', () => {
    const finding = { file: 'lane-0/7.seg', offset: 4096, reason: 'checksum mismatch' };
    const counts = {
      engine: 'vlog',
      lanes: 1,
      segments: 2,
      checkpoints: 2,
      records: 3,
      liveKeys: 2,
      bytes: 100,
      liveBytes: 50,
      livePages: 0,
      livePageBytes: 0,
      droppedSpaces: 0,
    };
    const report = { ...counts, ms: 1, tornTail: [] };
    const many = Array.from({ length: 150 }, () => finding);
    expect(reportText('d', { ...report, damaged: [finding] })).toBe(
      'damaged: lane-0/7.seg, offset 4096: checksum mismatch\n' +
        'd: DAMAGED; 1 lane, 2 segments, 2 checkpoints, 3 records, 2 live keys, 100 bytes (50 live), 1 ms\n',
    );
    expect(reportText('d', { ...report, damaged: many })).toContain('damaged: 50 more\n');
    expect(reportText('d', { ...report, damaged: [] })).toContain('d: intact;');
    const one = { ...report, segments: 1, checkpoints: 1, records: 1, liveKeys: 1, bytes: 1, damaged: [] };
    expect(reportText('d', one)).toContain(
      '; 1 lane, 1 segment, 1 checkpoint, 1 record, 1 live key, 1 byte (50 live), ',
    );
    expect(reportText('d', { ...one, livePages: 3, livePageBytes: 7, droppedSpaces: 1 })).toContain(
      ' 1 live key, 3 pages, 1 space being dropped, 1 byte (57 live), ',
    );
  });

  test('check of what is no data directory: says so, and leaves nothing behind', async () => {
    const dir = fs.mkdtempSync(path.join(scratch, 'd'));
    fs.writeFileSync(path.join(dir, 'LOCK'), '');
    fs.writeFileSync(path.join(dir, 'x.vlog'), '');
    const output = captured();
    expect(await runCli(['check', dir], serving)).toBe(2);
    expect(output.text()).toContain(`${dir}: not a data directory of Cairn`);
    fs.rmSync(path.join(dir, 'LOCK'));
    expect(await runCli(['check', dir], serving)).toBe(2);
    expect(fs.readdirSync(dir)).toEqual(['x.vlog']);
    expect(await runCli(['check', path.join(dir, 'x.vlog')], serving)).toBe(2);
    expect(output.text()).toContain('x.vlog: not a directory');
  });

  test('a start that fails because of damage says what to do', () => {
    const hint =
      'd/1.vlog at offset 5: checksum (cairn check d lists all damage; --salvage yes starts without what is damaged)';
    expect(startFailure(new Error('d/1.vlog at offset 5: checksum'), 'd')).toBe(hint);
    expect(startFailure(new Error('the log contradicts itself: x'), 'd')).toContain('cairn check d');
    for (const other of ['d is locked', 'd/1.vlog: read of 8 bytes at offset 5: Input/output error']) {
      expect(startFailure(new Error(other), 'd')).toBe(other);
    }
  });

  test.each([
    ['+PONG\r\n', 0],
    ['-NOAUTH Authentication required.\r\n', 0],
    ['-ERR max number of clients reached\r\n', 1],
  ])('ping against %j', async (reply, code) => {
    const server = net.createServer((socket) => socket.end(reply));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    captured();
    try {
      expect(await ping(['--port', String(port)])).toBe(code);
    } finally {
      server.close();
    }
    await expect(ping(['--port', String(port)])).rejects.toThrow();
  });
});

test('rates are per second, and never negative', () => {
  vi.useFakeTimers();
  const state = new ServerState();
  let commandsProcessed = 0;
  state.start({ counters: () => ({ commandsProcessed, netInputBytes: 0, netOutputBytes: 0, changes: 0 }) });
  expect(state.rate('commandsProcessed')).toBe(0);
  for (let tick = 0; tick < 8; tick++) {
    commandsProcessed += 25;
    vi.advanceTimersByTime(250);
  }
  expect(state.rate('commandsProcessed')).toBeCloseTo(100);
  commandsProcessed = 0;
  vi.advanceTimersByTime(250);
  expect(state.rate('commandsProcessed')).toBe(0);
  state.stop();
  vi.useRealTimers();
});
