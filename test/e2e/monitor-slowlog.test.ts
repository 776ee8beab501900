/** What those who watch a server see: which commands MONITOR and SLOWLOG show, and the buffers in CLIENT LIST. */
import { describe, expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { type Reply, show, Simple } from '../support/resp.js';
import { eventually, useServer } from '../support/server.js';

const server = useServer({ flags: { 'enable-debug-command': 'local' } });

/** Runs the commands and returns what a monitor saw of them, without times and addresses. */
async function monitored(client: RawClient, commands: readonly string[]): Promise<string[]> {
  using monitor = await server.current.connect();
  expect(await monitor.ask('MONITOR')).toBe('+OK');
  for (const command of commands) await client.run(command);
  await client.run('echo end');
  const lines: string[] = [];
  for (;;) {
    const line = show(await monitor.read()).replace(/^\+[\d.]+ \[\d+ [\d.:]+\] /, '');
    if (line === '"echo" "end"') return lines;
    lines.push(line);
  }
}

describe('MONITOR', () => {
  test('does not show administration, not even in a transaction', async () => {
    using client = await server.current.connect();
    const hidden = [
      'CONFIG GET timeout',
      'CONFIG SET requirepass sekret',
      'CONFIG SET requirepass ""',
      'CONFIG RESETSTAT',
      'SLOWLOG GET 1',
      'SLOWLOG LEN',
      'LATENCY LATEST',
      'CLIENT LIST',
      'CLIENT KILL ID 999999',
      'CLIENT NO-EVICT OFF',
      'CLIENT UNPAUSE',
      'ACL LIST',
      'ACL USERS',
      'DEBUG SET-ACTIVE-EXPIRE 1',
      'BGSAVE',
    ];
    expect(await monitored(client, hidden)).toEqual([]);
    const transaction = [
      'multi',
      'config set requirepass sekret',
      'set a 1',
      'config set requirepass ""',
      'client id',
      'exec',
    ];
    const shown = ['"multi"', '"set" "a" "1"', '"client" "id"', '"exec"'];
    expect(await monitored(client, transaction)).toEqual(shown);
  });

  test('shows what merely asks', async () => {
    using client = await server.current.connect();
    const asked = [
      'config help',
      'slowlog help',
      'latency help',
      'client id',
      'client info',
      'client getname',
      'acl whoami',
      'info server',
      'command count',
      'memory usage nosuch',
      'object help',
      'lastsave',
      'wait 0 0',
    ];
    expect(await monitored(client, asked)).toEqual(asked.map((line) => `"${line.replaceAll(' ', '" "')}"`));
  });

  test('hides passwords', async () => {
    using client = await server.current.connect();
    const commands = [
      'AUTH sekret',
      'auth default sekret',
      'HELLO 2 AUTH default sekret SETNAME me',
      'hello 3 setname you auth default sekret',
      'hello 2 setname auth',
      'multi',
      'auth sekret',
      'exec',
    ];
    expect(await monitored(client, commands)).toEqual([
      '"AUTH" "(redacted)"',
      '"auth" "(redacted)" "(redacted)"',
      '"HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me"',
      '"hello" "3" "setname" "you" "auth" "(redacted)" "(redacted)"',
      '"hello" "2" "setname" "auth"',
      '"multi"',
      '"auth" "(redacted)"',
      '"exec"',
    ]);
  });

  test('shows EXEC as sent, also where it runs nothing', async () => {
    using client = await server.current.connect();
    using other = await server.current.connect();
    expect(await monitored(client, ['Exec'])).toEqual(['"Exec"']);
    expect(await monitored(client, ['multi', 'nosuch', 'EXEC'])).toEqual(['"multi"', '"EXEC"']);
    await client.run('WATCH w');
    await other.run('SET w 1');
    expect(await monitored(client, ['multi', 'get w', 'EXEC'])).toEqual(['"multi"', '"EXEC"']);
  });
});

describe('a client that monitors', () => {
  const noKeys = "-ERR Replica can't interact with the keyspace";

  test('sees SELECT and RESET beside the database they lead to', async () => {
    using client = await server.current.connect();
    using monitor = await server.current.connect();
    await monitor.run('MONITOR');
    for (const line of [
      'select 3',
      'set a 1',
      'select 99',
      'multi',
      'select 4',
      'set b 1',
      'exec',
      'reset',
      'echo end',
    ])
      await client.run(line);
    const seen: string[] = [];
    while (seen.at(-1)?.includes('end') !== true)
      seen.push(show(await monitor.read()).replace(/^\+[\d.]+ \[(\d+) [\d.:]+\] (.*)$/, '$1 $2'));
    expect(seen).toEqual([
      '3 "select" "3"',
      '3 "set" "a" "1"',
      '3 "select" "99"',
      '3 "multi"',
      '4 "select" "4"',
      '4 "set" "b" "1"',
      '4 "exec"',
      '0 "reset"',
      '0 "echo" "end"',
    ]);
  });

  test('runs nothing on keys, also not in a transaction', async () => {
    using monitor = await server.current.connect();
    await monitor.run('MONITOR');
    const refused = ['GET a', 'SET a 1', 'DBSIZE', 'KEYS *', 'FLUSHALL', 'SCAN 0', 'TTL a', 'MEMORY USAGE a', 'LOLWUT'];
    for (const line of refused) expect(await monitor.ask(line)).toBe(noKeys);
    expect(await monitor.ask('PING')).toBe('+PONG');
    expect(await monitor.ask('MULTI')).toMatch(/"PING"$/); // the feed
    expect(await monitor.read()).toEqual(new Simple('OK'));
    await monitor.read();
    expect(await monitor.ask('GET a')).toBe(noKeys);
    expect(await monitor.ask('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.');
    await monitor.read();
    expect(await monitor.ask('RESET')).toBe('+RESET');
    expect(await monitor.ask('DBSIZE')).toMatch(/^:/);
  });

  test('gets no answer to a second MONITOR, and is not held by a pause', async () => {
    using monitor = await server.current.connect();
    using other = await server.current.connect();
    await monitor.send('MONITOR\r\nMONITOR\r\nECHO one\r\n');
    expect(await monitor.readMany(2)).toEqual([new Simple('OK'), 'one']);
    expect(await other.ask('CLIENT PAUSE 20000 ALL')).toBe('+OK');
    await monitor.send('ECHO two\r\nGET a\r\n');
    const seen: string[] = [];
    while (!seen.includes(noKeys)) seen.push(show(await monitor.read()));
    expect(seen).toContain('"two"');
    expect(await other.ask('CLIENT UNPAUSE')).toBe('+OK');
  });
});

describe('SLOWLOG', () => {
  /** Runs the commands with every one of them logged, and returns the arguments that were kept of each. */
  async function logged(client: RawClient, commands: readonly string[]): Promise<string[][]> {
    await client.run('CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 128');
    await client.run('SLOWLOG RESET');
    for (const command of commands) await client.run(command);
    await client.run('CONFIG SET slowlog-log-slower-than -1');
    const entries = (await client.run('SLOWLOG GET -1')) as Reply[][];
    const args = entries.map((entry) => entry[3] as string[]).reverse();
    expect(args.shift()).toEqual(['SLOWLOG', 'RESET']);
    return args;
  }

  test('keeps the arguments of every command', async () => {
    using client = await server.current.connect();
    const single = [
      'config set timeout 0',
      'CONFIG GET timeout',
      'client list',
      'client getname',
      'INFO server',
      'slowlog len',
      'wait 0 0',
      'multi',
    ];
    const queued = ['config get timeout', 'set a 1'];
    const words = (commands: string[]): string[][] => commands.map((command) => command.split(' '));
    const log = await logged(client, [...single, ...queued, 'exec']);
    expect(log.slice(0, single.length)).toEqual(words(single));
    expect(log.slice(single.length)).toEqual(words(queued));
  });

  test('hides passwords', async () => {
    using client = await server.current.connect();
    const commands = [
      'config set timeout 0 requirepass sekret',
      'CONFIG SET RequirePass ""',
      'AUTH sekret',
      'auth default sekret',
      'hello 2 AUTH default sekret setname me',
    ];
    expect(await logged(client, commands)).toEqual([
      ['config', 'set', 'timeout', '0', 'requirepass', '(redacted)'],
      ['CONFIG', 'SET', 'RequirePass', '(redacted)'],
      ['AUTH', '(redacted)'],
      ['auth', '(redacted)', '(redacted)'],
      ['hello', '2', 'AUTH', '(redacted)', '(redacted)', 'setname', 'me'],
    ]);
  });

  test('does not keep a wait', async () => {
    using client = await server.current.connect();
    expect(await logged(client, ['WAIT 1 20', 'PING'])).toEqual([['PING']]);
  });
});

describe('CLIENT LIST', () => {
  const valueBytes = 1 << 20;
  const replies = 64;

  async function buffers(client: RawClient, name: string): Promise<{ obl: number; oll: number; omem: number }> {
    const lines = show(await client.run('CLIENT LIST'));
    const [, obl, oll, omem] =
      new RegExp(String.raw`name=${name} .* obl=(\d+) oll=(\d+) omem=(\d+) `).exec(lines) ?? [];
    return { obl: Number(obl), oll: Number(oll), omem: Number(omem) };
  }

  test('a client without unsent replies has no output buffers, the caller included', async () => {
    using client = await server.current.connect();
    await client.run('CLIENT SETNAME caller');
    expect(await buffers(client, 'caller')).toEqual({ obl: 0, oll: 0, omem: 0 });
    expect(await client.ask('CLIENT INFO')).toMatch(/ obl=0 oll=0 omem=0 /);
  });

  test('a client that does not read shows in omem', async () => {
    using client = await server.current.connect();
    using slow = await server.current.connect();
    await slow.run('CLIENT SETNAME slow');
    await client.cmd('SET', 'big', Buffer.alloc(valueBytes, 'x'));
    slow.socket.pause();
    await slow.send('GET big\r\n'.repeat(replies));
    const unsent = await eventually('unsent replies', async () => {
      const now = await buffers(client, 'slow');
      return now.omem > 8 * valueBytes && now;
    });
    expect(unsent.oll).toBeGreaterThanOrEqual(1);
    expect(unsent.obl).toBeLessThanOrEqual(16 * 1024);
    slow.socket.resume();
    const values = await slow.readMany(replies);
    expect(values.every((value) => (value as string).length === valueBytes)).toBe(true);
    await eventually('an empty output buffer', async () => {
      const now = await buffers(client, 'slow');
      return now.omem === 0 && now.oll === 0;
    });
  });
});
