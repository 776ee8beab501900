/** Access control: what users may do, beside redis-server where it has the same, and with real clients. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { ErrorReply, OK, type Reply } from '../support/resp.js';
import { describeCairn, eventually, mainJs, makeTempDir, startServer, useServer } from '../support/server.js';
import { type Line, listen, listenFor } from '../support/wires.js';

const here = useServer({ cairn: { 'io-threads': 3 } });
const there = useServer({ kind: 'redis', redis: { save: '', appendonly: 'no' } });
const scratch = makeTempDir('cairn-acl-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const names = ['bob', 'carol', 'dave', 'eve'];
const clean: readonly Line[] = [
  ['p', 'FLUSHALL'],
  ['p', 'CONFIG SET requirepass ""'],
  ['p', `ACL DELUSER ${names.join(' ')}`],
  ['p', 'ACL LOG RESET'],
];

async function same(lines: readonly Line[]): Promise<void> {
  for (const { current } of [here, there]) await listen(current.port, clean);
  const expected = await listen(there.current.port, lines);
  expect(await listenFor(here.current.port, lines, expected)).toEqual(expected);
}

const conversations: Record<string, readonly Line[]> = {
  'commands, subcommands, first arguments': [
    ['p', 'ACL SETUSER bob on >pw ~* +get +config|get +select|0 -@dangerous +client|id'],
    ['b', 'AUTH bob wrong'],
    ['b', 'AUTH nobody pw'],
    ['b', 'AUTH bob pw'],
    ['b', 'ACL WHOAMI'],
    ['b', 'GET a'],
    ['b', 'SET a 1'],
    ['b', 'CONFIG GET nosuch'],
    ['b', 'CONFIG SET a b'],
    ['b', 'CLIENT ID x'],
    ['b', 'CLIENT LIST'],
    ['b', 'SELECT 0'],
    ['b', 'SELECT 1'],
    ['b', 'NOSUCH'],
    ['b', 'PING'],
    ['b', 'HELLO 3'],
    ['b', 'RESET'],
    ['b', 'PING'],
  ],
  'keys, by what is done with them': [
    ['p', 'ACL SETUSER bob on nopass +@all %R~r* %W~w* ~b*'],
    ['b', 'AUTH bob x'],
    ...['GET r', 'GET w', 'GET b', 'SET r 1', 'SET w 1', 'SET w 1 GET', 'SET b 1 GET', 'COPY r w', 'COPY w r'].map(
      (line): Line => ['b', line],
    ),
    ...['MGET r1 b r2', 'MGET r1 w', 'EXISTS w r', 'EXISTS x', 'LMOVE b w LEFT LEFT', 'LMOVE w b LEFT LEFT'].map(
      (line): Line => ['b', line],
    ),
    ...['SORT r STORE w', 'SORT r STORE r', 'EVAL "return 1" 1 b', 'EVAL "return 1" 1 r', 'XREAD STREAMS r r 0 0'].map(
      (line): Line => ['b', line],
    ),
    ...['BITFIELD r GET u8 0', 'BITFIELD w SET u8 0 1', 'BITFIELD b SET u8 0 1', 'ZUNIONSTORE w 2 r r'].map(
      (line): Line => ['b', line],
    ),
    ['b', 'SORT b BY x*'],
    ['b', 'SORT b GET x*'],
    ['b', 'SORT b BY nosort'],
  ],
  selectors: [
    ['p', 'ACL SETUSER bob on nopass (+get ~a*) (+set %W~b*) ( +ping )'],
    ['b', 'AUTH bob x'],
    ...['GET a', 'SET a 1', 'SET b 1', 'GET b', 'PING', 'ECHO a'].map((line): Line => ['b', line]),
    ['p', 'ACL SETUSER bob clearselectors'],
    ['b', 'GET a'],
    ['p', 'ACL SETUSER bob (+get'],
    ['p', 'ACL SETUSER bob (+nosuch)'],
    ['p', 'ACL SETUSER bob (on)'],
  ],
  channels: [
    ['p', 'ACL SETUSER bob on nopass +@pubsub &a* &news'],
    ['b', 'AUTH bob x'],
    ...['PUBLISH a x', 'PUBLISH news x', 'PUBLISH b x', 'SPUBLISH b x', 'PSUBSCRIBE a*', 'PSUBSCRIBE aa*'].map(
      (line): Line => ['b', line],
    ),
    ['b', 'SUBSCRIBE a1 b1'],
    ['b', 'SUBSCRIBE a1'],
    ['p', 'ACL SETUSER bob &more'],
    ['p', 'PUBLISH a1 kept'],
    ['p', 'ACL SETUSER bob resetchannels &news'],
    ['p', 'PUBLISH a1 x'],
  ],
  transactions: [
    ['p', 'ACL SETUSER bob on nopass ~* +@all -del'],
    ['b', 'AUTH bob x'],
    ['b', 'MULTI'],
    ['b', 'SET a 1'],
    ['b', 'DEL a'],
    ['b', 'EXEC'],
    ['b', 'MULTI'],
    ['b', 'SET a 1'],
    ['b', 'GET a'],
    ['b', 'TIME x'],
    ['b', 'DISCARD'],
    ['b', 'MULTI'],
    ['b', 'SET a 1'],
    ['b', 'GET a'],
    ['b', 'PING'],
    ['b', 'LASTSAVE'],
    ['p', 'ACL SETUSER bob -set -ping -lastsave resetkeys ~x'],
    ['b', 'EXEC'],
    ['p', 'ACL SETUSER bob -exec +multi ~*'],
    ['b', 'MULTI'],
    ['b', 'GET a'],
    ['b', 'EXEC'],
    ['p', 'ACL SETUSER carol on >c +get +exec +auth ~*'],
    ['c', 'MULTI'],
    ['c', 'SET a 2'],
    ['c', 'AUTH carol c'],
    ['c', 'GET a'],
    ['c', 'SET a 3'],
    ['c', 'EXEC'],
    ['c', 'ACL WHOAMI'],
  ],
  scripts: [
    ['p', 'ACL SETUSER bob on nopass ~a* +eval +get +fcall +publish &ch'],
    ['b', 'AUTH bob x'],
    ['b', `EVAL "return redis.call('get', 'a')" 0`],
    ['b', `EVAL "return redis.call('get', 'b')" 0`],
    ['b', `EVAL "return redis.call('set', 'a', '1')" 0`],
    ['b', `EVAL "return redis.pcall('set', 'a', '1')" 0`],
    ['b', `EVAL "return redis.pcall('publish', 'other', '1')" 0`],
    ['b', `EVAL "return redis.pcall('config', 'get', 'a')" 0`],
    [
      'b',
      `EVAL "return {redis.acl_check_cmd('get','a'), redis.acl_check_cmd('get','b'), redis.acl_check_cmd('set','a','1')}" 0`,
    ],
    ['b', `EVAL "return redis.acl_check_cmd('nosuch')" 0`],
    ['b', `EVAL "return redis.acl_check_cmd('publish', 'other', 'x')" 0`],
    ['b', 'EVAL "return 1" 1 b'],
  ],
  'logging in and out': [
    ['b', 'AUTH x'],
    ['b', 'AUTH a b c'],
    ['b', 'AUTH default x'],
    ['p', 'CONFIG SET requirepass secret'],
    ['b', 'PING'],
    ['c', 'PING'],
    ['c', 'EXEC'],
    ['c', 'NOSUCH'],
    ['c', 'HELLO 3'],
    ['c', 'AUTH wrong'],
    ['c', 'HELLO 3 AUTH default wrong'],
    ['c', 'HELLO 3 AUTH default secret SETNAME me'],
    ['c', 'CLIENT GETNAME'],
    ['c', 'RESET'],
    ['c', 'GET a'],
    ['c', 'AUTH secret'],
    ['c', 'GET a'],
    ['d', 'AUTH default secret'],
    ['d', 'ACL SETUSER default off'],
    ['d', 'PING'],
    ['e', 'PING'],
    ['e', 'AUTH default secret'],
    ['d', 'ACL SETUSER default on'],
    ['p', 'CONFIG SET requirepass ""'],
    ['e', 'PING'],
  ],
  'users that are deleted': [
    ['p', 'ACL SETUSER bob on nopass allkeys allchannels +@all'],
    ['b', 'AUTH bob x'],
    ['c', 'AUTH bob x'],
    ['d', 'AUTH bob x'],
    ['c', 'BLPOP list 0'],
    ['d', 'SUBSCRIBE a'],
    ['p', 'ACL DELUSER nobody bob carol'],
    ['p', 'ACL DELUSER default'],
    ['p', 'ACL SETUSER bob on nopass +@all'],
    ['e', 'AUTH bob x'],
    ['e', 'ACL DELUSER bob'],
  ],
  'what ACL answers': [
    ['p', 'ACL SETUSER "a b" on'],
    ['p', 'ACL SETUSER eve >one >two <two on %RW~both ~x ~x &c (~s +get)'],
    ['p', 'ACL SETUSER eve <two'],
    ['p', 'ACL SETUSER eve !abc'],
    ['p', 'ACL SETUSER eve #abc'],
    ['p', 'ACL SETUSER eve +nosuch'],
    ['p', 'ACL SETUSER eve -nosuch'],
    ['p', 'ACL SETUSER eve +@nosuch'],
    ['p', 'ACL SETUSER eve +config|get|x'],
    ['p', 'ACL SETUSER eve +config|nosuch'],
    ['p', 'ACL SETUSER eve bogus'],
    ['p', 'ACL SETUSER eve %X~a'],
    ['p', 'ACL SETUSER eve allkeys ~more'],
    ['p', 'ACL SETUSER eve allchannels &more'],
    ['p', 'ACL GETUSER eve'],
    ['p', 'ACL GETUSER nobody'],
    ['p', 'ACL LIST'],
    ['p', 'ACL USERS'],
    ['p', 'ACL SETUSER eve reset'],
    ['p', 'ACL LIST'],
    ['q', 'HELLO 3'],
    ['q', 'ACL GETUSER eve'],
    ['p', 'ACL CAT'],
    ['p', 'ACL CAT nosuch'],
    ['p', 'ACL CAT a b'],
    ['p', 'ACL GENPASS 0'],
    ['p', 'ACL GENPASS 4097'],
    ['p', 'ACL GENPASS x'],
    ['p', 'ACL NOSUCH'],
    ['p', 'ACL LOG x'],
    ['p', 'ACL LOG -1'],
    ['p', 'ACL LOAD'],
    ['p', 'ACL SAVE'],
    ['p', 'ACL DRYRUN nobody GET a'],
    ['p', 'ACL DRYRUN default NOSUCH'],
    ['p', 'ACL DRYRUN default GET'],
    ['p', 'ACL DRYRUN default CONFIG GET x'],
    ['p', 'ACL DRYRUN eve CONFIG GET x'],
    ['p', 'ACL DRYRUN eve AUTH x'],
  ],
};

describe('beside redis-server', () => {
  test.each(Object.entries(conversations))('%s', async (_, lines) => same(lines), 60_000 * patience);
});

type Named = Record<string, unknown>;

/** A flat reply of names and values. */
function named(reply: readonly unknown[]): Named {
  return Object.fromEntries<unknown>(
    reply.flatMap((name, at): [string, unknown][] => (at % 2 === 0 ? [[String(name), reply[at + 1]]] : [])),
  );
}

describe('the command table', () => {
  type Info = readonly [string, number, string[], number, number, number, string[], unknown, unknown[][], Info[]];

  async function withBoth<T>(work: (ours: Redis, theirs: Redis) => Promise<T>): Promise<T> {
    const [ours, theirs] = [new Redis(here.current.port), new Redis(there.current.port)];
    try {
      return await work(ours, theirs);
    } finally {
      ours.disconnect();
      theirs.disconnect();
    }
  }

  async function tableOf(client: Redis): Promise<Map<string, Info>> {
    const flat = (rows: readonly Info[]): Info[] => rows.flatMap((row) => [row, ...flat(row[9])]);
    return new Map(flat((await client.call('COMMAND')) as Info[]).map((row) => [row[0], row]));
  }

  /** Since 7.2. */
  const later = new Set(['wait @blocking']);
  /** Ours are no commands with subcommands to name. */
  const notHere = new Set(['debug']);

  test('categories are those of redis-server', async () => {
    await withBoth(async (ours, theirs) => {
      const mine = await tableOf(ours);
      for (const [name, row] of await tableOf(theirs)) {
        const known = mine.get(name);
        if (known === undefined || notHere.has(name)) continue;
        const categories = known[6].filter((category) => !later.has(`${name} ${category}`)).sort();
        expect([name, categories]).toEqual([name, [...row[6]].sort()]);
      }
    });
  });

  test('ACL CAT lists the same commands, as far as both have them', async () => {
    await withBoth(async (ours, theirs) => {
      const [mine, others] = [await tableOf(ours), await tableOf(theirs)];
      for (const category of (await theirs.call('ACL', 'CAT')) as string[]) {
        const list = async (client: Redis): Promise<string[]> =>
          ((await client.call('ACL', 'CAT', category)) as string[])
            .filter((name) => mine.has(name) && others.has(name) && !later.has(`${name} @${category}`))
            .sort();
        expect([category, await list(ours)]).toEqual([category, await list(theirs)]);
      }
    });
  });

  test('flags of keys are those of redis-server', async () => {
    const flagsOf = (row: Info): string[] => row[8].map((spec) => (named(spec)['flags'] as string[]).sort().join(' '));
    await withBoth(async (ours, theirs) => {
      const mine = await tableOf(ours);
      for (const [name, row] of await tableOf(theirs)) {
        const known = mine.get(name);
        // Channels, which are no keys.
        const keysOf = (info: Info): string[] => flagsOf(info).filter((flags) => flags !== 'not_key');
        if (known !== undefined) expect([name, keysOf(known)]).toEqual([name, keysOf(row)]);
      }
    });
  });

  /**
   * What Redis finds no key in lets everybody pass: a count of keys that is none, a PFMERGE without sources. And it takes any
   * word STREAMS for the one of XREAD, and what is no operation of BITFIELD for one that writes. But for PFMERGE, which is judged by its key here, all of these are errors of syntax.
   */
  const known = ([name = '', ...words]: readonly string[]): boolean =>
    (/^z.*store$/.test(name) && !/^[12]$/.test(words[1] ?? '')) ||
    (name === 'pfmerge' && words.length === 1) ||
    (/^xread/.test(name) && words[0] === 'b') ||
    (name === 'bitfield' && !/^(get|set)$/i.test(words[1] ?? ''));

  test(
    'ACL DRYRUN judges the keys of every command alike',
    async () => {
      await withBoth(async (ours, theirs) => {
        const mine = await tableOf(ours);
        for (const client of [ours, theirs])
          await client.call('ACL', 'SETUSER', 'dave', 'on', '+@all', '%R~r', '%W~w', '~b');
        const different: string[] = [];
        let asked = 0;
        for (const [name, row] of await tableOf(theirs)) {
          if (!mine.has(name) || row[8].length === 0 || row[9].length > 0) continue;
          for (const argv of lines(name, row)) {
            const ask = (client: Redis): Promise<unknown> =>
              client.call('ACL', 'DRYRUN', 'dave', ...argv).catch((error: unknown) => (error as Error).message);
            const [mineSays, theirsSays] = [await ask(ours), await ask(theirs)];
            if (mineSays !== theirsSays && !known(argv))
              different.push(`${argv.join(' ')}: ${String(mineSays)} | ${String(theirsSays)}`);
            asked += 1;
          }
        }
        expect(different).toEqual([]);
        expect(asked).toBeGreaterThan(500);
      });
    },
    120_000 * patience,
  );

  /** Command lines whose words are all keys that may be read, written, both, or neither, and lines with options. */
  function lines(name: string, row: Info): string[][] {
    const words = name.split('|');
    const least = Math.max(Math.abs(row[1]) - words.length, 1);
    const fill = (length: number, key: string): string[] => Array.from({ length }, () => key);
    const keys = ['r', 'w', 'b', 'x'];
    const plain = keys.flatMap((key) => [
      [...words, ...fill(least, key)],
      ...keys.map((other) => [...words, key, ...fill(Math.max(least - 1, 1), other)]),
    ]);
    const counted = keys.flatMap((key) =>
      [1, 2].flatMap((at) => {
        const front = fill(at - 1, 'b');
        const line = [...words, ...front, '1', key, ...fill(Math.max(least - at - 1, 0), 'z')];
        return row[1] > 0 ? [] : [line];
      }),
    );
    const options =
      row[1] > 0
        ? []
        : keys.flatMap((key) =>
            [
              ['GET'],
              ['STORE', key],
              ['STREAMS', key, '0'],
              ['GET', 'u8', '0'],
              ['SET', 'u8', '0', '1'],
              ['BY', 'x*', 'STORE', key],
            ].map((more) => [...words, ...fill(least, 'b'), ...more]),
          );
    return [...plain, ...counted, ...options];
  }
});

describe('real clients', () => {
  async function prepare(): Promise<void> {
    const client = await here.current.connect();
    await client.run('ACL DELUSER bob');
    await client.run('ACL SETUSER bob on >pw ~app:* resetchannels &app:* +@all -@dangerous +info');
  }

  test('ioredis: by name and password, again after a reconnect, and what is not allowed', async () => {
    await prepare();
    const client = new Redis({ port: here.current.port, username: 'bob', password: 'pw' });
    try {
      expect(await client.set('app:1', 'x')).toBe('OK');
      await expect(client.get('other')).rejects.toThrow(/NOPERM/);
      await expect(client.flushall()).rejects.toThrow(/NOPERM.*flushall/);
      client.disconnect(true);
      expect(await client.get('app:1')).toBe('x');
    } finally {
      client.disconnect();
    }
  });

  test('node-redis: RESP3, a wrong password, publish and subscribe', async () => {
    await prepare();
    const url = (password: string): string => `redis://bob:${password}@127.0.0.1:${here.current.port}`;
    const wrong = createClient({ url: url('no'), socket: { reconnectStrategy: false } }).on('error', () => undefined);
    await expect(wrong.connect()).rejects.toThrow(/WRONGPASS/);
    const client = createClient({ url: url('pw'), RESP: 3 });
    await client.connect();
    try {
      expect(await client.sendCommand(['ACL', 'WHOAMI'])).toBe('bob');
      expect(await client.publish('app:c', 'x')).toBe(0);
      await expect(client.publish('other', 'x')).rejects.toThrow(/NOPERM/);
    } finally {
      client.destroy();
    }
  });

  test('redis-cli: --user and --pass', async () => {
    await prepare();
    const cli = (...args: string[]): string =>
      spawnSync('redis-cli', ['-p', String(here.current.port), '--no-auth-warning', ...args])
        .stdout.toString()
        .trim();
    expect(cli('--user', 'bob', '--pass', 'pw', 'acl', 'whoami')).toBe('bob');
    expect(cli('--user', 'bob', '--pass', 'pw', 'get', 'other')).toMatch(/^NOPERM/);
  });
});

async function refusals(client: RawClient, ...commands: string[]): Promise<void> {
  for (const command of commands) expect(await client.run(command)).toBeInstanceOf(ErrorReply);
}

describe('ACL LOG', () => {
  const entries = async (client: RawClient): Promise<Named[]> =>
    ((await client.run('ACL LOG')) as Reply[][]).map((entry) => named(entry));

  test('counts what is alike, tells contexts apart, and keeps so many', async () => {
    const admin = await here.current.connect();
    const bob = await here.current.connect();
    await admin.run('ACL SETUSER bob reset on >pw ~a +get +multi +publish resetchannels');
    await admin.run('ACL LOG RESET');
    await bob.run('AUTH bob pw');
    await refusals(bob, 'SET a 1', 'SET a 1', 'GET b', 'PUBLISH ch x', 'AUTH carol guess');
    await bob.run('MULTI');
    await refusals(bob, 'SET a 1', 'DISCARD');
    const found = (await entries(admin)).map((entry) =>
      ['count', 'reason', 'context', 'object', 'username'].map((name) => String(entry[name])).join(' '),
    );
    expect(found).toContain('2 command toplevel set bob');
    expect(found).toContain('1 key toplevel b bob');
    expect(found).toContain('1 channel toplevel ch bob');
    expect(found).toContain('1 auth toplevel AUTH carol');
    expect(found).toContain('1 command multi set bob');
    const [latest] = await entries(admin);
    expect(String(latest?.['client-info'])).toMatch(/user=bob/);
    expect(JSON.stringify(await admin.run('ACL LOG'))).not.toContain('guess');
    await admin.run('CONFIG SET acllog-max-len 2');
    await refusals(bob, 'GET c');
    expect(await entries(admin)).toHaveLength(2);
    await admin.run('CONFIG SET acllog-max-len 128');
    await admin.run('ACL LOG RESET');
    expect(await entries(admin)).toHaveLength(0);
  });
});

describeCairn('passwords', () => {
  test('stand nowhere', async () => {
    const [admin, watcher] = [await here.current.connect(), await here.current.connect()];
    const seen: string[] = [];
    await watcher.run('MONITOR');
    watcher.socket.on('data', (bytes: Buffer) => seen.push(bytes.toString()));
    await admin.run('CONFIG SET slowlog-log-slower-than 0');
    await admin.run('ACL SETUSER eve on >topsecret <othersecret +@all');
    await admin.run('ACL SETUSER eve on >topsecret +@all');
    await admin.run('AUTH eve topsecret');
    await admin.run('HELLO 2 AUTH eve topsecret');
    const slow = JSON.stringify(await admin.run('SLOWLOG GET 100'));
    await eventually('MONITOR shows them', async () => Promise.resolve(seen.join('').includes('HELLO')));
    expect(slow).toContain('(redacted)');
    for (const text of [slow, seen.join(''), JSON.stringify(await admin.run('CLIENT LIST')), here.current.logs])
      expect(text).not.toMatch(/topsecret|othersecret/);
    await admin.run('CONFIG SET slowlog-log-slower-than 10000');
    await admin.run('ACL DELUSER eve');
  });

  test('wrong ones slow their address down, and nobody else', async () => {
    await using server = await startServer({});
    const guesser = await server.connect();
    const took = async (): Promise<number> => {
      const begun = performance.now();
      await guesser.run('AUTH default guess');
      return performance.now() - begun;
    };
    await guesser.run('ACL SETUSER default resetpass >right');
    for (let i = 0; i < 16; i++) await took();
    expect(await took()).toBeGreaterThan(300);
    const begun = performance.now();
    expect(await guesser.run('PING')).toMatchObject({ text: 'PONG' });
    expect(performance.now() - begun).toBeLessThan(200 * patience);
    await guesser.run('MULTI');
    await guesser.run('AUTH default right');
    expect(await guesser.run('EXEC')).toMatchObject([{ text: expect.stringMatching(/^WRONGPASS/) as string }]);
  });
});

describeCairn('files', () => {
  const lineOf = async (client: RawClient, name: string): Promise<string | undefined> =>
    ((await client.run('ACL LIST')) as string[]).find((line) => line.startsWith(`user ${name} `));

  test('aclfile: read at the start, written, read again; a wrong one changes nothing', async () => {
    const file = path.join(scratch, 'users.acl');
    fs.writeFileSync(file, 'user alice on >a ~* &* +@all\n\nuser bob on nopass ~b (%R~x +get)\n');
    await using server = await startServer({ flags: { aclfile: file } });
    const client = await server.connect();
    expect(await client.run('ACL USERS')).toEqual(['alice', 'bob', 'default']);
    await client.run('ACL SETUSER carol on >c +get ~c*');
    expect(await client.run('ACL SAVE')).toEqual(OK);
    const saved = fs.readFileSync(file, 'latin1');
    expect(saved).toContain('user carol on #');
    expect(saved).not.toContain('>');
    const bob = await server.connect();
    const carol = await server.connect();
    await bob.run('AUTH bob x');
    await carol.run('AUTH carol c');
    fs.writeFileSync(file, `${saved}user carol on\nbogus\n`);
    expect(await client.run('ACL LOAD')).toMatchObject({
      text: expect.stringContaining(`${file}:6 should start`) as string,
    });
    fs.writeFileSync(file, `${saved}user carol on\nuser dave +nosuch\n`);
    const refused = ((await client.run('ACL LOAD')) as ErrorReply).text;
    expect(refused).toMatch(/Duplicate user 'carol' found on line 5/);
    expect(refused).toMatch(/:6: .*\+nosuch.*Unknown command/);
    expect(await carol.run('GET c1')).toEqual(await client.run('GET c1'));
    fs.writeFileSync(file, saved.replace(/^user carol.*\n/m, ''));
    expect(await client.run('ACL LOAD')).toEqual(OK);
    await carol.closed;
    expect(await bob.run('EXISTS b')).toBeInstanceOf(ErrorReply);
    expect(await lineOf(client, 'carol')).toBeUndefined();
    await server.restart();
    expect(await (await server.connect()).run('ACL USERS')).toEqual(['alice', 'bob', 'default']);
  });

  test('user lines: read at the start, kept by CONFIG REWRITE', async () => {
    const file = path.join(scratch, 'users.conf');
    fs.writeFileSync(file, '# mine\nuser default on nopass ~* +@all -flushdb\nuser "bob" on >b ~b* +get\n');
    await using server = await startServer({ configFile: file });
    const client = await server.connect();
    await refusals(client, 'FLUSHDB', 'PUBLISH a b');
    await client.run('CONFIG REWRITE');
    expect(fs.readFileSync(file, 'latin1')).toContain('user "bob" on >b');
    await client.run('ACL SETUSER bob +set (%R~c +get)');
    await client.run('ACL DELUSER nobody');
    expect(await client.run('CONFIG REWRITE')).toEqual(OK);
    const line = await lineOf(client, 'bob');
    expect(fs.readFileSync(file, 'latin1')).toContain('# mine\n');
    await server.restart();
    const again = await server.connect();
    expect(await lineOf(again, 'bob')).toBe(line);
    await refusals(again, 'FLUSHDB');
  });

  test('a wrong line refuses the start and is named', () => {
    const start = (text: string, ...flags: string[]): string => {
      const file = path.join(scratch, 'wrong.conf');
      fs.writeFileSync(file, text);
      const args = [mainJs, file, '--port', '0', '--unixsocket', path.join(scratch, 's'), '--dir', scratch, ...flags];
      const { status, stderr } = spawnSync(process.execPath, args, { timeout: 20_000 * patience });
      expect(status).not.toBe(0);
      return stderr.toString();
    };
    expect(start('# x\nuser bob +nosuch\n')).toMatch(/wrong\.conf, line 2: option 'user': Unknown command/);
    expect(start('user bob on >hush bogus\n')).not.toMatch(/hush/);
    expect(start('user bob\nuser bob on\n')).toMatch(/line 2: option 'user': Duplicate user/);
    expect(start('user\n')).toMatch(/line 1: option 'user'/);
    expect(start('user bob on\n', '--aclfile', 'x')).toMatch(/not by both/);
    expect(start('aclfile nosuch\n')).toMatch(/nosuch/);
  });
});
