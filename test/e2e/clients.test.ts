/** Real clients and tools against the server. */
import { execFile, execFileSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { encode } from '../support/resp.js';
import { useServer } from '../support/server.js';

const server = useServer({ unixSocket: true });

function run(program: string, args: readonly string[], input?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: 25_000 * patience, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`));
      },
    );
    child.stdin?.end(input);
  });
}

const redisCli = (...args: string[]): Promise<string> => run('redis-cli', ['-p', String(server.current.port), ...args]);

describe('ioredis', () => {
  const connect = (): Redis => new Redis({ port: server.current.port, host: '127.0.0.1', lazyConnect: true });

  test('commands, buffers, pipelines, transactions', async () => {
    const client = connect();
    await client.connect();
    try {
      await client.flushall();
      expect(await client.set('k', 'v', 'EX', 100)).toBe('OK');
      expect(await client.get('k')).toBe('v');
      expect(await client.ttl('k')).toBe(100);
      expect(await client.get('nosuch')).toBeNull();
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await client.set('bytes', bytes);
      expect(await client.getBuffer('bytes')).toEqual(bytes);
      expect(await client.mset({ a: '1', b: '2' })).toBe('OK');
      expect(await client.mget('a', 'b', 'c')).toEqual(['1', '2', null]);
      await expect(client.incr('k')).rejects.toThrow('ERR value is not an integer or out of range');
      await expect(client.call('BOGUS')).rejects.toThrow("ERR unknown command 'BOGUS'");
      const pipeline = client.pipeline();
      for (let i = 0; i < 1000; i++) pipeline.set(`p:${i}`, i).get(`p:${i}`);
      const results = (await pipeline.exec()) ?? [];
      expect(results).toHaveLength(2000);
      expect(results[1999]).toEqual([null, '999']);
      expect(await client.multi().set('m', '1').incr('m').get('m').exec()).toEqual([
        [null, 'OK'],
        [null, 2],
        [null, '2'],
      ]);
    } finally {
      client.disconnect();
    }
  });

  test('scanStream, duplicate, WATCH, select, name', async () => {
    const client = connect();
    await client.connect();
    const other = client.duplicate();
    await other.connect();
    try {
      await client.flushall();
      await client.mset(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`s:${i}`, String(i)])));
      const found = new Set<string>();
      for await (const keys of client.scanStream({ match: 's:*', count: 50 })) {
        for (const key of keys as string[]) found.add(key);
      }
      expect(found.size).toBe(500);
      await client.watch('w');
      await other.set('w', '1');
      expect(await client.multi().get('w').exec()).toBeNull();
      await client.select(4);
      await client.set('in4', 'x');
      expect(await other.exists('in4')).toBe(0);
      await client.client('SETNAME', 'io');
      expect(await client.client('GETNAME')).toBe('io');
      expect(await client.info('server')).toContain('redis_version:7.');
    } finally {
      client.disconnect();
      other.disconnect();
    }
  });

  test('reconnects after the server restarted', async () => {
    const client = new Redis({ port: server.current.port, host: '127.0.0.1', retryStrategy: () => 50 });
    client.on('error', () => undefined);
    try {
      await client.set('before', '1');
      await server.current.restart();
      expect(await client.get('before')).toBe('1');
    } finally {
      client.disconnect();
    }
  });

  test('Unix socket', async () => {
    const client = new Redis(server.current.socketPath, { lazyConnect: true });
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });
});

describe('node-redis', () => {
  test.each([2, 3] as const)('RESP%d', async (RESP) => {
    const client = createClient({ url: `redis://127.0.0.1:${server.current.port}`, RESP });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.flushAll();
      expect(await client.set('k', 'v', { expiration: { type: 'EX', value: 100 } })).toBe('OK');
      expect(await client.get('k')).toBe('v');
      expect(await client.get('nosuch')).toBeNull();
      expect(await client.ttl('k')).toBe(100);
      expect(await client.mGet(['k', 'nosuch'])).toEqual(['v', null]);
      expect(await client.incrByFloat('f', 1.5)).toBe('1.5');
      await expect(client.incr('k')).rejects.toThrow('ERR value is not an integer or out of range');
      expect(await client.multi().set('m', '1').incr('m').exec()).toEqual(['OK', 2]);
      expect(await client.configGet('databases')).toMatchObject({ databases: '16' });
      await client.mSet(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n:${i}`, 'x'])));
      const found = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: 'n:*', COUNT: 20 })) {
        for (const key of Array.isArray(keys) ? keys : [keys]) found.add(key);
      }
      expect(found.size).toBe(300);
      expect(await client.dbSize()).toBe(303);
    } finally {
      client.destroy();
    }
  });
});

describe('redis-py', () => {
  const python = '/usr/bin/python3';
  const importable = ((): boolean => {
    try {
      execFileSync(python, ['-c', 'import redis'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();

  test.runIf(importable)('commands, pipelines, WATCH, scan_iter', async () => {
    const script = `
import redis, sys
r = redis.Redis(port=int(sys.argv[1]))
r.flushall()
assert r.set("k", "v", ex=100) is True
assert r.get("k") == b"v" and r.ttl("k") == 100
assert r.get("nosuch") is None
assert r.mget("k", "nosuch") == [b"v", None]
assert r.incr("n", 5) == 5
assert r.setbit("b", 7, 1) == 0 and r.bitcount("b") == 1
try:
    r.incr("k")
    sys.exit("no error")
except redis.ResponseError as e:
    assert str(e) == "value is not an integer or out of range", e
with r.pipeline() as p:
    for i in range(100):
        p.set(f"p:{i}", i)
    assert p.execute() == [True] * 100
with r.pipeline() as p:
    p.watch("k")
    r.set("k", "changed")
    p.multi()
    p.get("k")
    try:
        p.execute()
        sys.exit("no WatchError")
    except redis.WatchError:
        pass
assert len(list(r.scan_iter("p:*", count=10))) == 100
assert r.info()["redis_version"].startswith("7.")
assert r.config_get("databases") == {"databases": "16"}
assert r.client_list()[0]["db"] == "0"
data = r.dump("k")
assert r.restore("copy", 0, data) == b"OK" and r.get("copy") == b"changed"
print("good")
`;
    expect(await run(python, ['-c', script, String(server.current.port)])).toBe('good\n');
  });
});

describe('redis-cli', () => {
  test('commands, RESP3, errors, raw output', async () => {
    expect(await redisCli('FLUSHALL')).toBe('OK\n');
    expect(await redisCli('SET', 'k', 'v')).toBe('OK\n');
    expect(await redisCli('GET', 'k')).toBe('v\n');
    expect(await redisCli('-3', 'GET', 'nosuch')).toBe('\n');
    expect(await redisCli('--no-raw', 'MGET', 'k', 'nosuch')).toBe('1) "v"\n2) (nil)\n');
    expect(await redisCli('-n', '5', 'DBSIZE')).toBe('0\n');
    expect((await redisCli('BOGUS')).trim()).toBe("ERR unknown command 'BOGUS', with args beginning with:");
    expect(await redisCli('INFO', 'server')).toContain('redis_version:7.');
  });

  test('over the Unix socket', async () => {
    expect(await run('redis-cli', ['-s', server.current.socketPath, 'PING'])).toBe('PONG\n');
  });

  test('--scan, --bigkeys, --memkeys', async () => {
    await redisCli('FLUSHALL');
    await redisCli('MSET', 'a:1', 'x', 'a:2', 'longer value', 'b:1', 'y');
    expect((await redisCli('--scan', '--pattern', 'a:*')).trim().split('\n').sort()).toEqual(['a:1', 'a:2']);
    expect(await redisCli('--bigkeys')).toMatch(/Biggest string found ['"]+a:2['"]+ has 12 bytes/);
    expect(await redisCli('--memkeys')).toMatch(/Sampled 3 keys/);
  });

  test('--pipe mass insertion', async () => {
    const input = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => encode(['SET', `mass:${i}`, i])));
    const output = await run('redis-cli', ['-p', String(server.current.port), '--pipe'], input);
    expect(output).toContain('errors: 0, replies: 10000');
    expect(await redisCli('GET', 'mass:9999')).toBe('9999\n');
  });

  test('a dialogue with completion data from COMMAND DOCS', async () => {
    const input = Buffer.from('SET dialog 1\nINCR dialog\nMULTI\nGET dialog\nEXEC\n');
    expect(await run('redis-cli', ['-p', String(server.current.port)], input)).toBe('OK\n2\nOK\nQUEUED\n2\n');
  });
});

describe('redis-benchmark', () => {
  const benchmark = (...args: string[]): Promise<string> =>
    run('redis-benchmark', ['-p', String(server.current.port), '-q', ...args]);

  test.each([
    [['-n', '2000', '-c', '20', '-t', 'ping,set,get,incr,mset']],
    [['-n', '5000', '-c', '10', '-P', '16', '-t', 'set,get', '-r', '1000', '-d', '128']],
    [['-n', '2000', '-c', '50', '--threads', '2', '-t', 'set,get']],
    [['-n', '500', '-3', '-t', 'set,get']],
  ])('%j', async (args) => {
    const output = await benchmark(...args);
    expect(output).not.toMatch(/error|ERR/i);
    expect(output).toMatch(/SET: [\d.]+ requests per second/);
    expect(output).toMatch(/GET: [\d.]+ requests per second/);
  });

  test('a command of one’s own', async () => {
    expect(await benchmark('-n', '500', 'SETEX', 'key:__rand_int__', '100', 'value')).toMatch(/requests per second/);
  });
});
