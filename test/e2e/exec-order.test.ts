/**
 * EXEC runs its commands in order: each sees what stands before it and nothing of what stands behind it, is formatted
 * for the protocol in force at its place, and is counted once, however often the server had to begin anew because a
 * value was on disk.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../support/random.js';
import type { RawClient } from '../support/raw-client.js';
import { nil, OK, QUEUED, type Reply, show } from '../support/resp.js';
import { eventually, smallSegments, useServer } from '../support/server.js';
import { between, err, like, table } from '../support/table.js';

const server = useServer({ cairn: smallSegments });

const keyspace = (...lines: string[]): string => ['# Keyspace', ...lines, ''].join('\r\n');

table(
  server,
  'what others see of keys',
  [
    ['MULTI', OK],
    ['SET a 1', QUEUED],
    ['INFO keyspace', QUEUED],
    ['SET b 1 EX 1000', QUEUED],
    ['INFO keyspace', QUEUED],
    ['FLUSHALL', QUEUED],
    ['INFO keyspace', QUEUED],
    [
      'EXEC',
      [OK, keyspace('db0:keys=1,expires=0,avg_ttl=0'), OK, keyspace('db0:keys=2,expires=1,avg_ttl=0'), OK, keyspace()],
    ],
    ['SET old 1 EX 1000', OK],
    ['MULTI', OK],
    ['SELECT 2', QUEUED],
    ['SET k 1', QUEUED],
    ['SWAPDB 2 0', QUEUED],
    ['INFO keyspace', QUEUED],
    ['DEL k', QUEUED],
    ['MOVE old 3', QUEUED],
    ['INFO keyspace', QUEUED],
    ['FLUSHDB', QUEUED],
    ['SET new 1', QUEUED],
    ['SELECT 3', QUEUED],
    ['FLUSHDB', QUEUED],
    ['INFO keyspace', QUEUED],
    ['SELECT 0', QUEUED],
    [
      'EXEC',
      [
        OK,
        OK,
        OK,
        like(/db0:keys=1,expires=0,avg_ttl=0\\r\\ndb2:keys=1,expires=1,/),
        0,
        1,
        like(/db0:keys=1,expires=0,avg_ttl=0\\r\\ndb3:keys=1,expires=1,/),
        OK,
        OK,
        OK,
        OK,
        keyspace('db0:keys=1,expires=0,avg_ttl=0', 'db2:keys=1,expires=0,avg_ttl=0'),
        OK,
      ],
    ],
    ['MULTI', OK],
    ['SET m 0123456789', QUEUED],
    ['MEMORY USAGE m', QUEUED],
    ['DEL m', QUEUED],
    ['MEMORY USAGE m', QUEUED],
    ['EXEC', [OK, between(20, 500), 1, nil]],
  ],
  { once: true },
);

describe('effects on the server and on the connection', () => {
  table(
    server,
    'CONFIG SET in the middle',
    [
      ['CONFIG SET slowlog-log-slower-than -1 slowlog-max-len 128', OK],
      ['SLOWLOG RESET', OK],
      ['MULTI', OK],
      ['SET before 1', QUEUED],
      ['CONFIG SET slowlog-log-slower-than 0', QUEUED],
      ['SET between 1', QUEUED],
      ['SLOWLOG LEN', QUEUED],
      ['CONFIG SET slowlog-log-slower-than -1', QUEUED],
      ['SET behind 1', QUEUED],
      ['SLOWLOG LEN', QUEUED],
      // CONFIG SET itself is judged by what it has set.
      ['EXEC', [OK, OK, OK, 2, OK, OK, 3]],
      ['CONFIG SET slowlog-log-slower-than 10000', OK],
      ['CONFIG RESETSTAT', OK],
      ['MULTI', OK],
      ['GET before', QUEUED],
      ['CONFIG RESETSTAT', QUEUED],
      ['GET nokey', QUEUED],
      ['INFO stats', QUEUED],
      ['EXEC', ['1', OK, nil, like(/keyspace_hits:0\\r\\nkeyspace_misses:1/)]],
      ['MULTI', OK],
      ['CONFIG SET requirepass sesame', QUEUED],
      ['AUTH open', QUEUED],
      ['AUTH sesame', QUEUED],
      ['CONFIG SET requirepass ""', QUEUED],
      ['EXEC', [OK, err('WRONGPASS invalid username-password pair or user is disabled.'), OK, OK]],
    ],
    { once: true },
  );

  test('CLIENT LIST shows the connection as it is at its place', async () => {
    using client = await server.current.connect();
    for (const line of ['MULTI', 'CLIENT LIST', 'CLIENT SETNAME x', 'SELECT 5', 'CLIENT LIST']) await client.run(line);
    const reply = await client.ask('EXEC');
    expect(reply).toMatch(/ name= .* flags=x db=0 .* multi=4 .* cmd=exec .* name=x .* flags=x db=5 .* multi=4 /);
    expect(await client.ask('CLIENT LIST')).toMatch(/ name=x .* flags=N db=5 .* multi=-1 /);
  });

  test('replies follow HELLO, and CLIENT REPLY', async () => {
    using client = await server.current.connect();
    for (const line of ['MULTI', 'GET nokey', 'HELLO 3', 'GET nokey', 'CONFIG GET timeout', 'HELLO 2', 'GET nokey'])
      await client.run(line);
    const exec = await client.ask('EXEC');
    expect(exec).toMatch(/^\[\$nil, %.*proto.*3.*, _, %.*timeout.*proto.*2.*, \$nil\]$/s);
    await client.send('MULTI\r\nPING\r\nCLIENT REPLY OFF\r\nPING\r\nEXEC\r\nPING\r\nCLIENT REPLY ON\r\n');
    const off = '+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+PONG\r\n+OK\r\n';
    expect((await client.readBytes(off.length)).toString()).toBe(off);
    await client.send('MULTI\r\nPING\r\nCLIENT REPLY SKIP\r\nLASTSAVE\r\nEXEC\r\nPING\r\nECHO 1\r\n');
    const skip = '+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+PONG\r\n:1000000000\r\n$1\r\n1\r\n';
    expect((await client.readBytes(skip.length)).toString()).toMatch(/\*3\r\n\+PONG\r\n:\d{10}\r\n\$1\r\n1\r\n$/);
  });

  test('what stands behind a committed EXEC runs, and counts, although its client is gone', async () => {
    using other = await server.current.connect();
    using client = await server.current.connect();
    const id = Number(await client.run('CLIENT ID'));
    await client.run('CONFIG RESETSTAT');
    await client.run('MULTI');
    for (let i = 0; i < 3000; i++) void client.send('CLIENT LIST\r\n');
    const behind = ['SET gone 1', 'GET gone', 'CONFIG SET slowlog-max-len 77', 'INCR n'];
    for (const line of behind) void client.send(`${line}\r\n`);
    await client.readMany(3000 + behind.length);
    await client.send('EXEC\r\n');
    await eventually('EXEC runs', async () => /cmd=exec/.test(await other.ask(`CLIENT LIST ID ${id}`)));
    await other.run(`CLIENT KILL ID ${id}`);
    expect(await other.run('GET gone')).toBe('1');
    await eventually('its last command ran', async () => {
      return show(await other.run('CONFIG GET slowlog-max-len')).includes('77');
    });
    const stats = await other.ask('INFO commandstats');
    const calls = (name: string): string | undefined => new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1];
    expect(['set', 'incr', 'exec', 'config\\|set'].map(calls)).toEqual(['1', '1', '1', '1']);
    expect(await other.ask('INFO stats')).toMatch(/keyspace_hits:2\\r\\nkeyspace_misses:0/);
    await other.run('CONFIG SET slowlog-max-len 128');
  });
});

/** Databases as they are between two commands; whether each key expires. */
class Model {
  dbs: Map<string, boolean>[] = Array.from({ length: 4 }, () => new Map<string, boolean>());

  run(db: number, [name = '', ...args]: readonly string[]): void {
    const here = this.dbs[db] as Map<string, boolean>;
    const [key = '', other = ''] = args;
    const expires = here.get(key);
    if (name === 'SET') here.set(key, args.includes('EX'));
    else if (name === 'DEL') here.delete(key);
    else if (name === 'EXPIRE' || name === 'PERSIST') {
      if (expires !== undefined) here.set(key, name === 'EXPIRE');
    } else if (name === 'MOVE') {
      const there = this.dbs[Number(other)] as Map<string, boolean>;
      if (expires !== undefined && there !== here && !there.has(key) && here.delete(key)) there.set(key, expires);
    } else if (name === 'SWAPDB') {
      const [a, b] = [Number(key), Number(other)];
      [this.dbs[a], this.dbs[b]] = [this.dbs[b], this.dbs[a]] as [Map<string, boolean>, Map<string, boolean>];
    } else if (name === 'FLUSHDB') here.clear();
    else for (const one of this.dbs) one.clear();
  }

  /** As DBSIZE and INFO keyspace show it. */
  shown(db: number): [number, string] {
    const lines = this.dbs.flatMap((keys, number) => {
      const expiring = [...keys.values()].filter((expires) => expires).length;
      return keys.size === 0 ? [] : [`db${number}:keys=${keys.size},expires=${expiring},`];
    });
    return [this.dbs[db]?.size ?? 0, lines.join(' ')];
  }
}

test('sizes of databases after each write of a transaction', async () => {
  using client = await server.current.connect();
  const random = new Random(7);
  const model = new Model();
  const key = (): string => `k${random.int(0, 19)}`;
  const db = (): string => String(random.int(0, 3));
  const makers: (() => string[])[] = [
    () => ['SET', key(), 'v'],
    () => ['SET', key(), 'v', 'EX', '1000'],
    () => ['DEL', key()],
    () => ['EXPIRE', key(), '1000'],
    () => ['PERSIST', key()],
    () => ['MOVE', key(), String(random.int(2, 3))],
  ];
  const rare: (() => string[])[] = [() => ['SWAPDB', db(), db()], () => ['FLUSHDB'], () => ['FLUSHALL']];
  await client.run('FLUSHALL');
  for (let round = 0; round < 20; round++) {
    const at = random.int(0, 1);
    await client.run(`SELECT ${at}`);
    const expected: [number, string][] = [];
    const commands: string[][] = [['MULTI']];
    for (let i = 0; i < 40; i++) {
      const command = random.pick(random.chance(0.1) ? rare : makers)();
      model.run(at, command);
      expected.push(model.shown(at));
      commands.push(command, ['DBSIZE'], ['INFO', 'keyspace']);
    }
    await client.pipeline(commands);
    const replies = (await client.run('EXEC')) as Reply[];
    const seen = expected.map((_, i): [Reply, string] => [
      replies[3 * i + 1] as Reply,
      show(replies[3 * i + 2] as Reply)
        .match(/db\d+:keys=\d+,expires=\d+,/g)
        ?.join(' ') ?? '',
    ]);
    expect(seen).toEqual(expected);
  }
});

describe('values on disk', () => {
  /** After it every value is on disk only. */
  async function cold(...lines: string[]): Promise<RawClient> {
    using writer = await server.current.connect();
    for (const line of lines) await writer.run(line);
    await server.current.restart();
    const client = await server.current.connect();
    await client.run('CONFIG RESETSTAT');
    return client;
  }

  test('a reply has the protocol of its request', async () => {
    using client = await cold('SET cold v');
    await client.send('MGET nokey cold\r\nHELLO 3\r\nMGET nokey cold\r\n');
    expect((await client.readBytes('*2\r\n$-1\r\n$1\r\nv\r\n'.length)).toString()).toBe('*2\r\n$-1\r\n$1\r\nv\r\n');
    await client.read();
    expect((await client.readBytes('*2\r\n_\r\n$1\r\nv\r\n'.length)).toString()).toBe('*2\r\n_\r\n$1\r\nv\r\n');
  });

  test('EXEC is counted once, and shown to monitors once', async () => {
    using client = await cold('MSET hot 1 n 1 cold 1 cold2 1');
    await client.run('GET hot');
    await client.run('CONFIG RESETSTAT');
    using monitor = await server.current.connect();
    await monitor.run('MONITOR');
    for (const line of ['MULTI', 'GET hot', 'INCR n', 'GET cold', 'LASTSAVE', 'GET cold2']) await client.run(line);
    expect(await client.ask('EXEC')).toMatch(/^\["1", :2, "1", :\d+, "1"\]$/);
    const stats = await client.ask('INFO commandstats');
    const calls = (name: string): string | undefined => new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1];
    expect(['get', 'incr', 'exec', 'lastsave'].map(calls)).toEqual(['3', '1', '1', '1']);
    expect(await client.ask('INFO stats')).toMatch(/keyspace_hits:3\\r\\nkeyspace_misses:0/);
    const seen: string[] = [];
    for (let line = ''; !line.includes('"stats"'); seen.push(line))
      line = show(await monitor.read()).replace(/^\+[\d.]+ \[\d+ [\d.:]+\] /, '');
    expect(seen.slice(0, 7)).toEqual([
      '"MULTI"',
      '"GET" "hot"',
      '"INCR" "n"',
      '"GET" "cold"',
      '"LASTSAVE"',
      '"GET" "cold2"',
      '"EXEC"',
    ]);
  });
});
