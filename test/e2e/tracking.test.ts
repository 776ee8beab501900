/** CLIENT TRACKING beside redis-server: who is told of which keys, in which order. */
import { describe, expect, test } from 'vitest';
import { eventually, useServer } from '../support/server.js';
import { type Line, Wire, listen, listenFor } from '../support/wires.js';

const here = useServer({ cairn: { 'io-threads': 3 } });
const there = useServer({ kind: 'redis', redis: { save: '', appendonly: 'no' } });

async function same(lines: readonly Line[]): Promise<void> {
  const all: readonly Line[] = [['p', 'FLUSHALL'], ...lines];
  const expected = await listen(there.current.port, all);
  expect(await listenFor(here.current.port, all, expected)).toEqual(expected);
}

const conversations: Record<string, readonly Line[]> = {
  'the default mode': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'CLIENT TRACKINGINFO'],
    ['s', 'CLIENT GETREDIR'],
    ['s', 'GET a'],
    ['p', 'SET a 1'],
    ['p', 'SET a 2'],
    ['s', 'MGET a b c'],
    ['p', 'DEL a'],
    ['p', 'DEL nosuch'],
    ['p', 'SET b 1'],
    ['p', 'SETNX b 2'],
    ['s', 'EXISTS b'],
    ['p', 'EXPIRE b 100'],
    ['s', 'STRLEN b'],
    ['p', 'APPEND b x'],
    ['s', 'GET b'],
    ['s', 'SET b 3'],
    ['s', 'GET b'],
    ['p', 'RENAME b d'],
    ['s', 'GET d'],
    ['p', 'MULTI'],
    ['p', 'SET d 1'],
    ['p', 'SET e 1'],
    ['p', 'EXEC'],
    ['s', 'MULTI'],
    ['s', 'GET d'],
    ['s', 'GET e'],
    ['s', 'EXEC'],
    ['p', 'DEL d'],
    ['p', 'DEL e'],
    ['s', 'GET f'],
    ['p', 'FLUSHALL'],
    ['p', 'SET f 1'],
    ['s', 'GET f'],
    ['s', 'CLIENT TRACKING OFF'],
    ['p', 'SET f 2'],
    ['s', 'CLIENT TRACKINGINFO'],
  ],
  NOLOOP: [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON NOLOOP'],
    ['s', 'GET a'],
    ['s', 'SET a 1'],
    ['s', 'GET a'],
    ['p', 'SET a 2'],
    ['s', 'CLIENT TRACKINGINFO'],
  ],
  'OPTIN and OPTOUT': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT CACHING YES'],
    ['s', 'CLIENT TRACKING ON OPTIN'],
    ['s', 'GET a'],
    ['p', 'SET a 1'],
    ['s', 'CLIENT CACHING YES'],
    ['s', 'CLIENT TRACKINGINFO'],
    ['s', 'GET a'],
    ['s', 'GET b'],
    ['s', 'CLIENT TRACKINGINFO'],
    ['p', 'MSET a 1 b 1'],
    ['s', 'CLIENT CACHING YES'],
    ['s', 'MULTI'],
    ['s', 'GET a'],
    ['s', 'GET b'],
    ['s', 'EXEC'],
    ['p', 'SET a 1'],
    ['p', 'SET b 1'],
    ['s', 'CLIENT CACHING NO'],
    ['s', 'CLIENT TRACKING OFF'],
    ['s', 'CLIENT TRACKING ON OPTOUT'],
    ['s', 'CLIENT CACHING NO'],
    ['s', 'GET a'],
    ['s', 'GET b'],
    ['p', 'SET a 1'],
    ['p', 'SET b 1'],
  ],
  BCAST: [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:'],
    ['t', 'HELLO 3'],
    ['t', 'CLIENT TRACKING ON BCAST NOLOOP'],
    ['p', 'SET user:1 x'],
    ['p', 'SET user:1 y'],
    ['p', 'SET other x'],
    ['s', 'SET item:1 x'],
    ['t', 'SET item:1 y'],
    ['p', 'DEL item:1 nosuch'],
    ['s', 'CLIENT TRACKING ON BCAST PREFIX user:1'],
    ['s', 'CLIENT TRACKING ON BCAST PREFIX zz'],
    ['p', 'SET zz1 1'],
    ['p', 'FLUSHDB'],
    ['s', 'RESET'],
    ['p', 'SET user:1 x'],
  ],
  refusals: [
    ['s', 'CLIENT TRACKING'],
    ['s', 'CLIENT TRACKING maybe'],
    ['s', 'CLIENT TRACKING ON bogus'],
    ['s', 'CLIENT TRACKING ON PREFIX a'],
    ['s', 'CLIENT TRACKING ON PREFIX'],
    ['s', 'CLIENT TRACKING ON BCAST OPTIN'],
    ['s', 'CLIENT TRACKING ON OPTIN OPTOUT'],
    ['s', 'CLIENT TRACKING ON REDIRECT x'],
    ['s', 'CLIENT TRACKING ON REDIRECT 99999'],
    ['s', 'CLIENT TRACKING ON REDIRECT'],
    ['s', 'CLIENT TRACKING ON BCAST PREFIX a PREFIX ab'],
    ['s', 'CLIENT CACHING'],
    ['s', 'CLIENT CACHING maybe'],
    ['s', 'CLIENT TRACKING ON OPTIN'],
    ['s', 'CLIENT TRACKING ON OPTOUT'],
    ['s', 'CLIENT TRACKING ON BCAST'],
    ['s', 'CLIENT CACHING maybe'],
    ['s', 'CLIENT CACHING NO'],
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'CLIENT TRACKING OFF BCAST'],
  ],
  'CLIENT CACHING in the default mode': [
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'CLIENT CACHING YES'],
    ['s', 'CLIENT CACHING NO'],
    ['s', 'CLIENT CACHING maybe'],
  ],
  'BCAST tells of all keys of a command at once': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:'],
    ['s', 'CLIENT TRACKINGINFO'],
    ['p', 'MSET user:2 x item:1 x user:1 x other x'],
    ['p', 'MULTI'],
    ['p', 'INCR item:7'],
    ['p', 'SET item:3 x'],
    ['p', 'INCR item:7'],
    ['p', 'EXEC'],
    ['p', "EVAL \"redis.call('set', 'user:9', 1) redis.call('set', 'user:8', 1)\" 0"],
  ],
  scripts: [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'EVAL "return redis.call(\'set\', KEYS[1], 1)" 1 a'],
    ['p', 'SET a 2'],
    ['s', 'EVAL "return redis.call(\'get\', KEYS[1])" 2 a b'],
    ['p', 'MSET a 3 b 3 c 3'],
    ['s', 'EVAL_RO "return redis.call(\'get\', KEYS[1])" 1 a'],
    ['p', 'SET a 4'],
    ['s', 'EVAL_RO "return redis.call(\'ping\')" 1 a'],
    ['p', 'SET a 5'],
    ['s', 'MGET a b c'],
    ['p', "EVAL \"redis.call('set', KEYS[1], 1) redis.call('del', KEYS[2])\" 2 a b"],
    ['s', "EVAL \"redis.call('get', KEYS[1]) redis.call('set', KEYS[1], 2) return 7\" 1 a"],
    ['p', 'SET a 6'],
    ['s', "EVAL \"redis.call('set', KEYS[1], 3) redis.call('get', KEYS[1]) return 7\" 1 a"],
    ['p', 'SET a 7'],
    ['s', 'MULTI'],
    ['s', 'EVAL "return redis.call(\'get\', KEYS[1])" 1 a'],
    ['s', 'INCR a'],
    ['s', 'EXEC'],
  ],
  'the order of an EXEC': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'GET a'],
    ['s', 'MULTI'],
    ['s', 'SET a 1'],
    ['s', 'GET a'],
    ['s', 'GET b'],
    ['s', 'SET b 1'],
    ['s', 'EXEC'],
    ['p', 'SET a 2'],
    ['p', 'SET b 2'],
    ['s', 'GET a'],
    ['p', 'MULTI'],
    ['p', 'FLUSHDB'],
    ['p', 'SET a 3'],
    ['p', 'EXEC'],
  ],
  'FLUSHALL and FLUSHDB in spite of NOLOOP': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON NOLOOP'],
    ['t', 'HELLO 3'],
    ['t', 'CLIENT TRACKING ON BCAST NOLOOP PREFIX zz'],
    ['s', 'FLUSHALL'],
    ['s', 'FLUSHDB'],
  ],
  'keys that others make': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['p', 'MSET a 1 c 1'],
    ['p', 'RPUSH l 3 1 2'],
    ['s', 'GET b'],
    ['p', 'COPY a b'],
    ['s', 'GET a'],
    ['p', 'MOVE a 1'],
    ['s', 'EXISTS d'],
    ['p', 'SORT l STORE d'],
    ['s', 'EXISTS d'],
    ['p', 'SORT none STORE d'],
    ['s', 'GET e'],
    ['p', 'RENAME c e'],
    ['s', 'SCARD u'],
    ['p', 'SADD v 1'],
    ['p', 'SUNIONSTORE u v w'],
    ['s', 'LRANGE l 0 -1'],
    ['p', 'LMPOP 2 none l LEFT'],
    ['s', 'GETBIT b 1'],
    ['p', 'PERSIST b'],
    ['p', 'PEXPIRE b 100000'],
  ],
  'a large hash that changes within': [
    ['p', "EVAL \"for i = 1, 3000 do redis.call('hset', KEYS[1], 'field' .. i, 'a value of it') end\" 1 h"],
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'HGET h field7'],
    ['p', 'HSET h field2000 other'],
    ['p', 'HSET h field2000 another'],
    ['s', 'HLEN h'],
    ['p', 'HDEL h field2000'],
    ['s', 'HLEN h'],
  ],
  'clients that wait for keys': [
    ['s', 'HELLO 3'],
    ['s', 'CLIENT TRACKING ON'],
    ['t', 'HELLO 3'],
    ['t', 'CLIENT TRACKING ON'],
    ['s', 'MGET a b'],
    ['t', 'LRANGE q 0 -1'],
    ['t', 'LRANGE r 0 -1'],
    ['s', 'BLMOVE q r LEFT LEFT 0'],
    ['p', 'SET a 1'],
    ['p', 'RPUSH q x'],
    ['s', 'BLPOP q 0'],
    ['p', 'SET b 1'],
    ['p', 'FLUSHALL'],
    ['p', 'LPUSH q y'],
    ['s', 'PING'],
  ],
  'RESP2 without a client to redirect to hears nothing': [
    ['s', 'CLIENT TRACKING ON'],
    ['s', 'GET a'],
    ['p', 'SET a 1'],
    ['s', 'PING'],
  ],
};

describe('the same bytes as from redis-server', () => {
  for (const [name, lines] of Object.entries(conversations)) {
    test(name, () => same(lines));
  }
});

describe('REDIRECT', () => {
  for (const version of [2, 3]) {
    test(`to a client of RESP${version}, which goes`, async () => {
      const target = await Wire.connect(here.current.port);
      using admin = await here.current.connect();
      using reader = await Wire.connect(here.current.port);
      target.send(`HELLO ${version}`);
      target.send('CLIENT ID');
      const said = await target.until((text) => /:\d+\r\n$/.test(text) && text.includes('modules'), 'its id');
      const id = /:(\d+)\r\n$/.exec(said)?.[1] ?? '';
      target.send('SUBSCRIBE __redis__:invalidate');
      await target.until((text) => text.endsWith(':1\r\n') && text.includes('subscribe'), 'the confirmation');
      target.clear();
      reader.send('HELLO 3');
      reader.send(`CLIENT TRACKING ON REDIRECT ${id}`);
      reader.send(`GET redirected${version}`);
      await reader.until((text) => text.endsWith('_\r\n'), 'all replies');
      await admin.run(`SET redirected${version} 1`);
      const wanted =
        version === 2
          ? '*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$11\r\nredirected2\r\n'
          : '>2\r\n$10\r\ninvalidate\r\n*1\r\n$11\r\nredirected3\r\n';
      await target.until((text) => text === wanted, 'the invalidation');
      expect((await admin.run('CLIENT LIST')) as string).toMatch(new RegExp(` flags=t .* redir=${id} `));
      reader.clear();
      target[Symbol.dispose]();
      await eventually('it has gone', async () => !((await admin.run('CLIENT LIST')) as string).includes(`id=${id} `));
      reader.send(`GET redirected${version}`);
      await reader.until((text) => text === '$1\r\n1\r\n', 'the value');
      await admin.run(`SET redirected${version} 2`);
      await reader.until((text) => text.endsWith(`>2\r\n$21\r\ntracking-redir-broken\r\n:${id}\r\n`), 'the news');
      expect((await admin.run('CLIENT LIST')) as string).toMatch(/ flags=tR /);
    });
  }
});

test('keys that expire, and more keys than may be remembered', async () => {
  using admin = await here.current.connect();
  using reader = await Wire.connect(here.current.port);
  reader.send('HELLO 3');
  reader.send('CLIENT TRACKING ON');
  await admin.run('SET short v PX 200');
  reader.send('GET short');
  await reader.until((text) => text.endsWith('$1\r\nv\r\n'), 'the value');
  reader.clear();
  await reader.until((text) => text === '>2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\nshort\r\n', 'its end');
  await admin.run('CONFIG SET tracking-table-max-keys 100');
  for (let i = 0; i < 1000; i++) reader.send(`EXISTS many:${i}`);
  await reader.until((text) => text.split('invalidate').length > 700, 'what had to go');
  const info = (await admin.run('INFO')) as string;
  expect(info).toContain('tracking_clients:1\r\n');
  expect(Number(/tracking_total_keys:(\d+)/.exec(info)?.[1])).toBeLessThan(250);
  await admin.run('CONFIG SET tracking-table-max-keys 1000000');
});

test('a lower bound for keys counts at once', async () => {
  using admin = await here.current.connect();
  using reader = await Wire.connect(here.current.port);
  await admin.run('FLUSHALL');
  reader.send('HELLO 3');
  reader.send('CLIENT TRACKING ON');
  for (let i = 0; i < 250; i++) reader.send(`EXISTS few:${i}`);
  await eventually('all are tracked', async () =>
    ((await admin.run('INFO stats')) as string).includes('tracking_total_keys:250\r\n'),
  );
  reader.clear();
  await admin.run('CONFIG SET tracking-table-max-keys 1');
  await reader.until((text) => text.split('invalidate').length === 250, '249 that had to go');
  const info = (await admin.run('INFO stats')) as string;
  expect(info).toContain('tracking_total_keys:1\r\n');
  expect(info).toContain('tracking_total_items:1\r\n');
  await admin.run('CONFIG SET tracking-table-max-keys 1000000');
});

test('what expires is told in spite of NOLOOP, and to who waits', async () => {
  using admin = await here.current.connect();
  using owner = await Wire.connect(here.current.port);
  using waiter = await Wire.connect(here.current.port);
  owner.send('HELLO 3');
  owner.send('CLIENT TRACKING ON BCAST NOLOOP PREFIX mine:');
  owner.send('SET mine:1 v PX 150');
  waiter.send('HELLO 3');
  waiter.send('CLIENT TRACKING ON');
  waiter.send('GET mine:1');
  waiter.send('BLPOP nothing 0');
  const gone = '*1\r\n$6\r\nmine:1\r\n';
  const wanted = `>2\r\n$10\r\ninvalidate\r\n${gone}`;
  await owner.until((text) => text.endsWith(wanted), 'its end');
  await waiter.until((text) => text.endsWith(wanted), 'its end');
  expect(owner.received.toString('latin1').split('invalidate').length).toBe(2);
  waiter.clear();
  await admin.run('RPUSH nothing x');
  await waiter.until((text) => text === '*2\r\n$7\r\nnothing\r\n$1\r\nx\r\n', 'what it has waited for');
});
