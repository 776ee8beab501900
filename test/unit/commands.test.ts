/** Control commands over a data plane that only remembers: replies, error texts, the joined table. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bufferOf } from '../../src/bytes.js';
import { Dispatcher } from '../../src/commands/dispatch.js';
import { controlCommands, controlRows, joinTables } from '../../src/commands/index.js';
import { cumulativeUsec } from '../../src/commands/observe-commands.js';
import { encode } from '../../src/commands/resp.js';
import { parseSyntax } from '../../src/commands/syntax.js';
import type { CommandRow } from '../../src/native.js';
import { type Bench, fakeHistograms, makeBench, nativeRows } from './fake-native.js';
import { patience } from '../support/patience.js';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-unit-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const replyTimeoutMs = 2000 * patience;

/** Sends one line through the dispatcher, as the data plane would, and returns the bytes of the reply. */
async function ask(bench: Bench, line: string, resp: 2 | 3 = 2): Promise<string> {
  const args = line.split(' ').map((word) => (word === '""' ? '' : word.replaceAll('_', ' ')));
  const frame = bufferOf(encode(args, 2));
  const prefix = Buffer.from('junk');
  const dispatcher = new Dispatcher(bench.services, controlCommands);
  dispatcher.onBatch({
    frames: Buffer.concat([prefix, frame]),
    requests: [
      {
        token: 9,
        reactor: 1,
        clientId: 5,
        db: 0,
        resp,
        name: '',
        user: 'default',
        inMulti: false,
        offset: prefix.length,
        length: frame.length,
      },
    ],
  });
  const deadline = performance.now() + replyTimeoutMs;
  while (bench.native.replies.length === 0 && performance.now() < deadline) await new Promise(setImmediate);
  const [reply, ...more] = bench.native.replies.splice(0);
  expect(more).toEqual([]);
  expect(reply).toMatchObject({ token: 9, reactor: 1 });
  return String(reply?.data);
}

const fixed: readonly (readonly [string, string | RegExp])[] = [
  ['CONFIG GET timeout', '*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n'],
  ['CONFIG GET nosuch', '*0\r\n'],
  ['CONFIG GET slowlog-*', /^\*4\r\n/],
  ['CONFIG SET timeout 5 nosuch 1', "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"],
  ['CONFIG SET timeout 5 port', '-ERR syntax error\r\n'],
  [
    'CONFIG SET port 5',
    "-ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config\r\n",
  ],
  ['CONFIG SET dir x', "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config\r\n"],
  ['CONFIG SET slave-read-only no replica-read-only yes', /argument 'replica-read-only'\) - duplicate parameter\r\n$/],
  ['CONFIG SET maxmemory 100mb', '+OK\r\n'],
  ['CONFIG SET tls-port 1', /TLS is not supported/],
  ['CONFIG REWRITE', '-ERR The server is running without a config file\r\n'],
  ['CONFIG BOGUS', "-ERR unknown subcommand 'BOGUS'. Try CONFIG HELP.\r\n"],
  ['CONFIG HELP', /^\*\d+\r\n\+CONFIG <subcommand>/],
  ['CONFIG RESETSTAT', '+OK\r\n'],
  ['CLIENT LIST', '$44\r\nid=5 addr=127.0.0.1:1\nid=6 addr=127.0.0.1:2\n\r\n'],
  ['CLIENT LIST TYPE pubsub', /^\$22\r\nid=6 /],
  ['CLIENT LIST ID 5 99', /^\$22\r\nid=5 /],
  ['CLIENT LIST TYPE x', "-ERR Unknown client type 'x'\r\n"],
  ['CLIENT LIST ID x', '-ERR Invalid client ID\r\n'],
  ['CLIENT LIST ID', '-ERR syntax error\r\n'],
  ['CLIENT KILL 1.2.3.4:5', '-ERR No such client\r\n'],
  ['CLIENT KILL 1.2.3.4:6', '+OK\r\n'],
  ['CLIENT KILL ID 7', ':1\r\n'],
  ['CLIENT KILL ID 0', '-ERR client-id should be greater than 0\r\n'],
  ['CLIENT KILL USER bob', "-ERR No such user 'bob'\r\n"],
  ['CLIENT KILL SKIPME maybe', '-ERR syntax error\r\n'],
  ['CLIENT PAUSE x', '-ERR timeout is not an integer or out of range\r\n'],
  ['CLIENT PAUSE -1', '-ERR timeout is negative\r\n'],
  ['CLIENT PAUSE 1 x', '-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n'],
  ['CLIENT PAUSE 1 write', '+OK\r\n'],
  ['CLIENT UNBLOCK 9 x', '-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n'],
  ['CLIENT UNBLOCK x', '-ERR value is not an integer or out of range\r\n'],
  ['CLIENT UNBLOCK 9', ':0\r\n'],
  ['CLIENT UNPAUSE', '+OK\r\n'],
  ['SLOWLOG GET -2', '-ERR count should be greater than or equal to -1\r\n'],
  ['SLOWLOG GET 1 2', "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n"],
  ['SLOWLOG GET', /^\*1\r\n\*6\r\n:1\r\n:1700000000\r\n:15000\r\n\*2\r\n\$3\r\nGET\r\n\$1\r\n/],
  ['SLOWLOG LEN', ':1\r\n'],
  ['LATENCY LATEST', '*1\r\n*4\r\n$6\r\ncommit\r\n:1700000000\r\n:7\r\n:9\r\n'],
  ['LATENCY HISTORY commit', '*1\r\n*2\r\n:1700000000\r\n:7\r\n'],
  ['LATENCY HISTORY x', '*0\r\n'],
  ['LATENCY GRAPH commit', /^\$\d+\r\ncommit - high 7 ms, low 7 ms \(all time high 9 ms\)\n-{80}\n#\n#\n#\n#\n\r\n$/],
  ['LATENCY DOCTOR', /latency-monitor-threshold/],
  ['LATENCY GRAPH x', "-ERR No samples available for event 'x'\r\n"],
  ['LATENCY RESET', ':1\r\n'],
  ['LATENCY HISTOGRAM nosuch', '*0\r\n'],
  ['MEMORY STATS', /^\*\d+\r\n\$14\r\npeak\.allocated\r\n:5000000\r\n/],
  ['MEMORY DOCTOR', /^\$\d+\r\nNothing unusual/],
  ['MEMORY MALLOC-STATS', /indexBytes: 200\n/],
  ['MEMORY PURGE', '+OK\r\n'],
  ['SAVE', '+OK\r\n'],
  ['BGSAVE', '+Background saving started\r\n'],
  ['BGSAVE x', '-ERR syntax error\r\n'],
  ['BGREWRITEAOF', '+Background append only file rewriting started\r\n'],
  ['LASTSAVE', /^:\d{10}\r\n$/],
  [
    'CAIRN GC',
    '*1\r\n*18\r\n$4\r\nlane\r\n:0\r\n$4\r\nmode\r\n$4\r\nlazy\r\n$9\r\nlog-bytes\r\n:10000\r\n' +
      '$10\r\nlive-bytes\r\n:2000\r\n$8\r\nsegments\r\n:1\r\n$18\r\ncollected-segments\r\n:4\r\n' +
      '$11\r\nmoved-bytes\r\n:700\r\n$18\r\nreclaimed-segments\r\n:6\r\n$15\r\nreclaimed-bytes\r\n:4194304\r\n',
  ],
  ['CAIRN GC status', /^\*1\r\n\*18\r\n/],
  ['CAIRN GC MODE 0 throttled', '+OK\r\n'],
  ['CAIRN GC MODE all LAZY', '+OK\r\n'],
  ['CAIRN GC MODE 1 lazy', "-ERR no lane '1': it must be 0 to 0, or ALL\r\n"],
  ['CAIRN GC MODE -1 lazy', "-ERR no lane '-1': it must be 0 to 0, or ALL\r\n"],
  ['CAIRN GC MODE x lazy', "-ERR no lane 'x': it must be 0 to 0, or ALL\r\n"],
  ['CAIRN GC MODE 0 eager', "-ERR unknown mode 'eager': it must be one of lazy, throttled, aggressive\r\n"],
  ['CAIRN GC MODE 0', "-ERR unknown subcommand or wrong number of arguments for 'MODE'. Try CAIRN HELP.\r\n"],
  ['CAIRN GC PAUSE now', "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CAIRN HELP.\r\n"],
  [
    'CAIRN GC constructor',
    "-ERR unknown subcommand or wrong number of arguments for 'constructor'. Try CAIRN HELP.\r\n",
  ],
  ['CAIRN GC PAUSE', '+OK\r\n'],
  ['CAIRN GC RESUME', '+OK\r\n'],
  [
    'CAIRN CHECKPOINT',
    '*8\r\n$4\r\ntime\r\n:1800000000\r\n$12\r\nmilliseconds\r\n:2500\r\n$4\r\nkeys\r\n:3\r\n$5\r\nbytes\r\n:77\r\n',
  ],
  ['CAIRN COMPACT', '-ERR no command compact\r\n'],
  ['CAIRN BOGUS', "-ERR unknown subcommand 'BOGUS'. Try CAIRN HELP.\r\n"],
  ['CAIRN HELP', /^\*\d+\r\n\+CAIRN <subcommand>/],
  ['SHUTDOWN ABORT', '-ERR No shutdown in progress.\r\n'],
  ['SHUTDOWN SAVE NOSAVE', '-ERR syntax error\r\n'],
  ['DEBUG RELOAD', '+OK\r\n'],
  ['DEBUG ERROR FOO_bar', '-FOO bar\r\n'],
  ['DEBUG BOGUS', "-ERR unknown subcommand or wrong number of arguments for 'BOGUS'. Try DEBUG HELP.\r\n"],
  ['LOLWUT', /Redis ver\. 7\.2\.\d+\n\r\n$/],
  ['LOLWUT VERSION x', '-ERR value is not an integer or out of range\r\n'],
  ['MODULE LIST', '*0\r\n'],
  ['CLUSTER INFO', '-ERR This instance has cluster support disabled\r\n'],
  ['READONLY', '-ERR This instance has cluster support disabled\r\n'],
  ['ROLE', '*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n'],
  ['REPLICAOF no one', '+OK\r\n'],
  ['REPLICAOF host x', '-ERR Invalid master port\r\n'],
  ['ACL LOAD', /^-ERR This Redis instance is not configured to use an ACL file\. /],
  ['COMMAND GETKEYS SET k v', '*1\r\n$1\r\nk\r\n'],
  ['COMMAND GETKEYS MSET a 1 b 2', '*2\r\n$1\r\na\r\n$1\r\nb\r\n'],
  ['COMMAND GETKEYS PING', '-ERR The command has no key arguments\r\n'],
  ['COMMAND GETKEYS NOSUCH', '-ERR Invalid command specified\r\n'],
  ['COMMAND GETKEYS SET k', '-ERR Invalid number of arguments specified for command\r\n'],
  ['COMMAND GETKEYSANDFLAGS SET k v', '*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n'],
  ['COMMAND GETKEYSANDFLAGS SET k v GET', /\+RW\r\n\+access\r\n\+update\r\n$/],
  ['COMMAND INFO nosuch', '*1\r\n$-1\r\n'],
  [
    'COMMAND INFO set',
    /^\*1\r\n\*10\r\n\$3\r\nset\r\n:-3\r\n\*2\r\n\+write\r\n\+denyoom\r\n:1\r\n:1\r\n:1\r\n\*3\r\n\+@write\r\n/,
  ],
  ['COMMAND LIST FILTERBY PATTERN *onfig|g*', '*1\r\n$10\r\nconfig|get\r\n'],
  ['COMMAND LIST FILTERBY x y', '-ERR syntax error\r\n'],
  ['COMMAND BOGUS', "-ERR unknown subcommand 'BOGUS'. Try COMMAND HELP.\r\n"],
];

describe('replies', () => {
  test.each(fixed)('%s', async (line, reply) => {
    const got = await ask(makeBench(), line);
    if (typeof reply === 'string') expect(got).toBe(reply);
    else expect(got).toMatch(reply);
  });

  test('RESP3 shapes', async () => {
    const bench = makeBench();
    expect(await ask(bench, 'CONFIG GET timeout', 3)).toBe('%1\r\n$7\r\ntimeout\r\n$1\r\n0\r\n');
    expect(await ask(bench, 'INFO server', 3)).toMatch(/^=\d+\r\ntxt:# Server\r\n/);
    expect(await ask(bench, 'CLIENT LIST', 3)).toMatch(/^=\d+\r\ntxt:id=5/);
    expect(await ask(bench, 'COMMAND INFO nosuch', 3)).toBe('*1\r\n_\r\n');
    expect(await ask(bench, 'LATENCY HISTOGRAM get', 3)).toBe(
      '%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n:10\r\n$14\r\nhistogram_usec\r\n%5\r\n' +
        ':1\r\n:4\r\n:2\r\n:9\r\n:4\r\n:9\r\n:8\r\n:9\r\n:16\r\n:10\r\n',
    );
  });

  test('an unexpected failure is an error reply', async () => {
    const bench = makeBench();
    bench.native.stats = () => {
      throw new Error('boom');
    };
    expect(await ask(bench, 'INFO')).toBe('-ERR internal error\r\n');
    bench.native.clients = () => Promise.reject(new Error('boom'));
    expect(await ask(bench, 'CLIENT LIST')).toBe('-ERR internal error\r\n');
  });

  test('SHUTDOWN sends nothing and stops', async () => {
    const bench = makeBench();
    for (const command of ['SHUTDOWN', 'SHUTDOWN SAVE NOW', 'SHUTDOWN NOSAVE'])
      expect(await ask(bench, command)).toBe('');
    expect(bench.shutdowns).toEqual(['SHUTDOWN command', 'SHUTDOWN command', 'SHUTDOWN command without a checkpoint']);
  });
});

describe('checkpoints', () => {
  const persistence = (bench: Bench): Promise<string> => ask(bench, 'INFO persistence');

  test('SAVE makes everything durable first, waits, and sets LASTSAVE', async () => {
    const bench = makeBench();
    bench.native.holdCheckpoints = true;
    const saved = ask(bench, 'SAVE');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(bench.native.replies).toEqual([]);
    expect(bench.native.calls).toEqual(['sync', 'requestCheckpoint']);
    bench.native.serveCheckpoints();
    expect(await saved).toBe('+OK\r\n');
    expect(await ask(bench, 'LASTSAVE')).toBe(':1800000000\r\n');
    const info = await persistence(bench);
    expect(info).toMatch(/rdb_last_save_time:1800000000\r\n[^]*rdb_last_bgsave_time_sec:2\r\n/);
    expect(info).toContain('rdb_saves:1\r\n');
  });

  test('a failure is told, and LASTSAVE stays', async () => {
    const bench = makeBench();
    const before = await ask(bench, 'LASTSAVE');
    bench.native.holdCheckpoints = true;
    const saved = ask(bench, 'SAVE');
    await new Promise(setImmediate);
    bench.native.serveCheckpoints('no space left');
    expect(await saved).toBe('-ERR no space left\r\n');
    expect(await persistence(bench)).toContain('rdb_last_bgsave_status:err\r\n');
    expect(await ask(bench, 'LASTSAVE')).toBe(before);
    bench.native.holdCheckpoints = false;
    expect(await ask(bench, 'SAVE')).toBe('+OK\r\n');
    expect(await persistence(bench)).toContain('rdb_last_bgsave_status:ok\r\n');
  });

  test('so is a failed sync, and no checkpoint is asked for', async () => {
    const bench = makeBench();
    bench.native.sync = () => Promise.reject(new Error('the disk is gone'));
    expect(await ask(bench, 'CAIRN CHECKPOINT')).toBe('-ERR the disk is gone\r\n');
    expect(bench.native.calls).toEqual([]);
    expect(await persistence(bench)).toContain('rdb_last_bgsave_status:err\r\n');
  });

  test('BGSAVE answers at once; there is one at a time', async () => {
    const bench = makeBench();
    bench.native.holdCheckpoints = true;
    expect(await ask(bench, 'BGSAVE')).toBe('+Background saving started\r\n');
    const busy = '-ERR Background save already in progress\r\n';
    expect(await ask(bench, 'BGSAVE')).toBe(busy);
    expect(await ask(bench, 'SAVE')).toBe(busy);
    expect(await persistence(bench)).toMatch(/rdb_bgsave_in_progress:1\r\n[^]*rdb_current_bgsave_time_sec:0\r\n/);
    bench.native.serveCheckpoints();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await persistence(bench)).toMatch(/rdb_bgsave_in_progress:0\r\n[^]*rdb_current_bgsave_time_sec:-1\r\n/);
    expect(await ask(bench, 'BGSAVE')).toBe('+Background saving started\r\n');
    bench.native.serveCheckpoints();
  });

  test('who waits is told when the engine is closed', async () => {
    const bench = makeBench();
    bench.native.holdCheckpoints = true;
    const saved = ask(bench, 'SAVE');
    await new Promise(setImmediate);
    bench.services.checkpoints.giveUp('the server stops');
    expect(await saved).toBe('-ERR the server stops\r\n');
  });
});

describe('CAIRN GC', () => {
  test('reaches the data plane', async () => {
    const bench = makeBench();
    await ask(bench, 'CAIRN GC MODE 0 THROTTLED');
    await ask(bench, 'CAIRN GC PAUSE');
    await ask(bench, 'CAIRN GC RESUME');
    expect(bench.native.calls).toEqual(['gc mode 0 throttled', 'gc pause', 'gc resume']);
    expect(bench.services.config.get('gc-mode')).toBe('lazy');
  });

  test('MODE ALL is CONFIG SET gc-mode', async () => {
    const bench = makeBench();
    await ask(bench, 'CAIRN GC MODE ALL aggressive');
    expect(bench.native.settings).toEqual([['gc-mode', 'aggressive']]);
    expect(await ask(bench, 'CONFIG GET gc-mode')).toContain('aggressive');
  });

  test('MODE is refused where gc-mode is of another engine', async () => {
    const bench = makeBench({ flags: [{ name: 'engine', words: ['lsm'], file: '', line: 0 }] });
    const refused = '-ERR gc-mode cannot be set: it is an option of the engine vlog, and this server runs lsm\r\n';
    expect(await ask(bench, 'CAIRN GC MODE ALL lazy')).toBe(refused);
    expect(await ask(bench, 'CAIRN GC MODE 0 lazy')).toBe(refused);
    expect([bench.native.calls, bench.native.settings]).toEqual([[], []]);
  });

  test('maps in RESP3', async () => {
    expect(await ask(makeBench(), 'CAIRN GC', 3)).toMatch(/^\*1\r\n%9\r\n\$4\r\nlane\r\n:0\r\n/);
  });
});

describe('CONFIG SET', () => {
  test('reaches the data plane', async () => {
    const bench = makeBench();
    expect(await ask(bench, 'CONFIG SET timeout 9 cache-size 10mb appendfsync everysec')).toBe('+OK\r\n');
    expect(bench.native.settings).toEqual([
      ['timeout', '9'],
      ['cache-size', '10485760'],
      ['appendfsync', 'everysec'],
    ]);
    expect(bench.services.config.get('cache-size')).toBe('10485760');
  });

  test('what it means for the data is logged, when it changes', async () => {
    const bench = makeBench();
    const logged: string[] = [];
    bench.services.log.warn = (...args: unknown[]) => void logged.push(String(args[0]));
    await ask(bench, 'CONFIG SET appendfsync everysec maxmemory 1mb');
    expect(logged).toEqual([
      expect.stringMatching(/^CONFIG SET: appendfsync everysec: .*50 ms/),
      expect.stringMatching(/^CONFIG SET: maxmemory 1048576 has no effect/),
    ]);
    await ask(bench, 'CONFIG SET appendfsync everysec maxmemory 0');
    expect(logged).toHaveLength(2);
  });

  test('options of garbage collection', async () => {
    const bench = makeBench();
    const line =
      'CONFIG SET gc-mode THROTTLED gc-iops 50 gc-max-parallel 64 gc-space-amplification 1.50 min-free-bytes 1gb';
    expect(await ask(bench, line)).toBe('+OK\r\n');
    expect(bench.native.settings).toEqual([
      ['gc-mode', 'throttled'],
      ['gc-iops', '50'],
      ['gc-max-parallel', '64'],
      ['gc-space-amplification', '1.5'],
      ['min-free-bytes', '1073741824'],
    ]);
    expect(bench.services.config.get('gc-space-amplification')).toBe('1.5');
  });

  test.each([
    ['gc-mode eager', 'argument(s) must be one of the following: lazy, throttled, aggressive'],
    ['gc-iops 0', 'argument must be between 1 and 10000000 inclusive'],
    ['gc-max-parallel 65', 'argument must be between 1 and 64 inclusive'],
    ['gc-space-amplification 1', 'argument must be a number between 1.05 and 10, with at most two decimals'],
    ['gc-space-amplification 1e1', 'argument must be a number between 1.05 and 10, with at most two decimals'],
    ['min-free-bytes x', 'argument must be a memory value'],
    ['segment-recycle-max 2', "can't set immutable config"],
    ['checkpoint-rate 1mb', "can't set immutable config"],
  ])('%s is refused', async (pair, reason) => {
    const bench = makeBench();
    const [name] = pair.split(' ');
    expect(await ask(bench, `CONFIG SET ${pair}`)).toBe(
      `-ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}\r\n`,
    );
    expect(bench.native.settings).toEqual([]);
  });

  test('a refused value leaves everything as it was', async () => {
    const bench = makeBench();
    expect(await ask(bench, 'CONFIG SET timeout 9 maxclients 0')).toMatch(/argument 'maxclients'/);
    expect(bench.native.settings).toEqual([]);
    expect(bench.services.config.get('timeout')).toBe('0');
  });

  test('a value that the data plane refuses puts the others back', async () => {
    const bench = makeBench();
    bench.native.refuse = 'maxclients';
    const expected = "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - the data plane says no\r\n";
    bench.native.setConfig = function setOnce(this: typeof bench.native, name, value) {
      this.settings.push([name, value]);
      if (name === 'maxclients' && value === '7') throw new Error('the data plane says no');
    };
    expect(await ask(bench, 'CONFIG SET timeout 9 maxclients 7')).toBe(expected);
    expect(bench.native.settings.slice(2)).toEqual([
      ['timeout', '0'],
      ['maxclients', '10000'],
    ]);
    expect(bench.services.config.get('timeout')).toBe('0');
  });

  test('REWRITE writes it down', async () => {
    const file = path.join(scratch, 'rewrite.conf');
    fs.writeFileSync(file, '# kept\ntimeout 1\n');
    const bench = makeBench({ file });
    bench.context.config.usersWritten = bench.native.describeUsers();
    await ask(bench, 'CONFIG SET timeout 2');
    expect(await ask(bench, 'CONFIG REWRITE')).toBe('+OK\r\n');
    expect(fs.readFileSync(file, 'utf8')).toBe('# kept\ntimeout 2\n');
  });
});

describe('the joined table', () => {
  test('adds what native lacks, and only that', () => {
    const { added, table } = joinTables(nativeRows, controlRows);
    const client = added.find(({ name }) => name === 'client');
    expect(client?.subcommands?.map(({ name }) => name)).toContain('list');
    expect(client?.subcommands?.map(({ name }) => name)).not.toContain('id');
    expect(added.some(({ name }) => name === 'set')).toBe(false);
    const joined = table.find(({ name }) => name === 'client');
    expect(joined?.subcommands?.map(({ name }) => name)).toEqual(expect.arrayContaining(['id', 'list']));
    expect(table.map(({ name }) => name)).toEqual(table.map(({ name }) => name).sort());
  });

  const every = (rows: readonly CommandRow[]): CommandRow[] =>
    rows.flatMap((row) => [row, ...every(row.subcommands ?? [])]);

  test.each(every(controlRows).map((row) => [row.name, row] as const))('row %s is complete', (name, row) => {
    expect(name).toMatch(/^[a-z][a-z-]*$/);
    expect(row.arity).not.toBe(0);
    expect(row.summary.length).toBeGreaterThan(5);
    expect(row.since).toMatch(/^\d\.\d+\.\d+$/);
    expect(row.aclCategories.some((category) => category === 'slow' || category === 'fast')).toBe(true);
    expect(() => parseSyntax(row.syntax)).not.toThrow();
  });
});

describe('syntax', () => {
  test.each([
    ['', []],
    [
      'key value',
      [
        { name: 'key', type: 'key' },
        { name: 'value', type: 'string' },
      ],
    ],
    ['key [key ...]', [{ name: 'key', type: 'key', multiple: true }]],
    [
      'key value [key value ...]',
      [
        {
          name: 'key_value',
          type: 'block',
          multiple: true,
          arguments: [
            { name: 'key', type: 'key' },
            { name: 'value', type: 'string' },
          ],
        },
      ],
    ],
    [
      '[NX | XX]',
      [
        {
          name: 'nx_xx',
          type: 'oneof',
          optional: true,
          arguments: [
            { name: 'nx', type: 'pure-token', token: 'NX' },
            { name: 'xx', type: 'pure-token', token: 'XX' },
          ],
        },
      ],
    ],
    ['[COUNT count]', [{ name: 'count', type: 'integer', token: 'COUNT', optional: true }]],
    [
      '[TYPE <A | B>]',
      [
        {
          name: 'a_b',
          type: 'oneof',
          token: 'TYPE',
          optional: true,
          arguments: [
            { name: 'a', type: 'pure-token', token: 'A' },
            { name: 'b', type: 'pure-token', token: 'B' },
          ],
        },
      ],
    ],
    [
      'GET encoding offset',
      [
        {
          name: 'encoding_offset',
          type: 'block',
          token: 'GET',
          arguments: [
            { name: 'encoding', type: 'string' },
            { name: 'offset', type: 'integer' },
          ],
        },
      ],
    ],
  ])('%j', (text, args) => expect(parseSyntax(text)).toEqual(args));

  test.each(['[', '<a', ']', 'a | b', '... ...', '[[[['])('%j ends', (text) => {
    expect(() => parseSyntax(text)).not.toThrow();
  });
});

test('histograms are cumulative at powers of two', () => {
  const [histogram] = fakeHistograms;
  if (histogram === undefined) throw new Error('no histogram');
  expect(cumulativeUsec(histogram)).toEqual([
    [1, 4],
    [2, 9],
    [4, 9],
    [8, 9],
    [16, 10],
  ]);
});
