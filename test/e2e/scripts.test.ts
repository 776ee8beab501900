/** EVAL, EVALSHA, SCRIPT: what scripts see, what they do to keys, and what clients get from them. */
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { Double, MapReply, nil, nil3, OK, PONG, QUEUED, show, Simple } from '../support/resp.js';
import {
  cairnOnly,
  describeCairn,
  eventually,
  expectLogged,
  sleep,
  smallSegments,
  startServer,
  useServer,
} from '../support/server.js';
import { err, like, notInteger, table } from '../support/table.js';

const server = useServer({ cairn: smallSegments });

/** An error that a script was ended by: the text, and where. */
const raised = (text: string): ReturnType<typeof like> =>
  like(new RegExp(`^-${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')} script: [0-9a-f]{40}, on @user_script:1\\.$`));

const sha = 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db'; // of "return 1"
const noScript = err('NOSCRIPT No matching script. Please use EVAL.');

table(server, 'EVAL: keys, arguments, replies', [
  ['EVAL "return 1" 0', 1],
  ['EVAL "return {KEYS[1],KEYS[2],ARGV[1],ARGV[2]}" 2 key1 key2 first second', ['key1', 'key2', 'first', 'second']],
  ['EVAL "return #KEYS + #ARGV" 2 a b c d e', 5],
  ['EVAL "return redis.call(\'SET\', KEYS[1], ARGV[1])" 1 a value', OK],
  ['GET a', 'value'],
  ["EVAL \"return redis.call('get', 'a')\" 0", 'value'],
  ["EVAL \"return redis.call('get', 'none')\" 0", nil],
  ["EVAL \"return redis.call('mget', 'a', 'none')\" 0", ['value', nil]],
  ['EVAL "return redis.call(\'ping\')" 0', PONG],
  ['EVAL "return redis.call(\'echo\', 12.5)" 0', '12.5'],
  ['EVAL "return {1, 2, {3, \'four\'}, true, false, nil, 7}" 0', [1, 2, [3, 'four'], 1, nil]],
  ['EVAL "return 3.99" 0', 3],
  ['EVAL "return {ok=\'fine\'}" 0', new Simple('fine')],
  ['EVAL "return {err=\'MY error\'}" 0', err('MY error')],
  ['EVAL "return redis.error_reply(\'MY error\')" 0', err('MY error')],
  ['EVAL "return redis.status_reply(\'fine\')" 0', new Simple('fine')],
  ['EVAL "return" 0', nil],
  ['EVAL "return redis.sha1hex(\'\')" 0', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
  ['EVAL "return cjson.encode({1,\'a\',{b=true}})" 0', '[1,"a",{"b":true}]'],
  ['EVAL "return cmsgpack.unpack(cmsgpack.pack({1,2}))" 0', [1, 2]],
  ["EVAL \"return {struct.unpack('>I2', struct.pack('>I2', 258))}\" 0", [258, 3]],
  ['EVAL "return bit.bor(1, 6)" 0', 7],
  ['EVAL "return type(tonumber(redis.call(\'time\')[1]))" 0', 'number'],
]);

table(server, 'EVAL: arguments that are wrong', [
  ['EVAL', err("ERR wrong number of arguments for 'eval' command")],
  ['EVAL "return 1"', err("ERR wrong number of arguments for 'eval' command")],
  ['EVAL "return 1" x', notInteger],
  ['EVAL "return 1" 1', err("ERR Number of keys can't be greater than number of args")],
  ['EVAL "return 1" -1', err("ERR Number of keys can't be negative")],
  ['EVAL "return (" 0', like(/^-ERR Error compiling script \(new function\): user_script:1: /)],
  ['EVAL "#!lua flags=what\\nreturn 1" 0', err('ERR Unexpected flag in script shebang: what')],
  ['EVAL "#!js\\nreturn 1" 0', err('ERR Unexpected engine in script shebang: #!js')],
  ['EVALSHA nothing 0', noScript],
  [`EVALSHA ${'0'.repeat(40)} 0`, noScript],
]);

table(server, 'errors in scripts; what was written before them stays', [
  ['SET a text', OK],
  [
    "EVAL \"redis.call('set', 'b', 1) return redis.call('incr', 'a')\" 0",
    raised('ERR value is not an integer or out of range'),
  ],
  ["EVAL \"redis.call('set', 'c', 1) return redis.pcall('incr', 'a')\" 0", notInteger],
  ["EVAL \"redis.call('set', 'd', 1) error('stop')\" 0", raised('ERR user_script:1: stop')],
  ["EVAL \"redis.call('set', 'e', 1) error({err='MINE stop'})\" 0", raised('MINE stop')],
  ['MGET b c d e', ['1', '1', '1', '1']],
  ["EVAL \"return redis.pcall('incr', 'a').err\" 0", 'ERR value is not an integer or out of range'],
  ["EVAL \"return {pcall(redis.call, 'incr', 'a')}\" 0", [nil, 'ERR value is not an integer or out of range']],
  ['EVAL "return redis.call(\'nothing\')" 0', raised('ERR Unknown Redis command called from script')],
  ['EVAL "return redis.call(\'get\')" 0', raised('ERR Wrong number of args calling Redis command from script')],
  ['EVAL "return redis.call(\'multi\')" 0', raised('ERR This Redis command is not allowed from script')],
  ["EVAL \"return redis.call('subscribe', 'x')\" 0", raised('ERR This Redis command is not allowed from script')],
  ["EVAL \"return redis.call('eval', 'return 1', 0)\" 0", raised('ERR This Redis command is not allowed from script')],
  ['EVAL "x = 1" 0', raised('ERR user_script:1: Attempt to modify a readonly table')],
  ['EVAL "return nothing" 0', like(/nonexistent global variable 'nothing' script: /)],
  ['EVAL "return redis.call({})" 0', raised('ERR Lua redis lib command arguments must be strings or integers')],
]);

table(server, 'read-only scripts', [
  ['SET a 1', OK],
  ['EVAL_RO "return redis.call(\'get\', KEYS[1])" 1 a', '1'],
  [
    'EVAL_RO "return redis.call(\'set\', KEYS[1], 2)" 1 a',
    raised('ERR Write commands are not allowed from read-only scripts.'),
  ],
  ['EVAL "#!lua flags=no-writes\\nreturn redis.call(\'get\', KEYS[1])" 1 a', '1'],
  [
    'EVAL "#!lua flags=no-writes\\nreturn redis.call(\'del\', KEYS[1])" 1 a',
    like(/^-ERR Write commands are not allowed from read-only scripts\. script: /),
  ],
  ['EVAL_RO "#!lua\\nreturn 1" 0', err('ERR Can not execute a script with write flag using *_ro command.')],
  ['GET a', '1'],
]);

table(server, 'the scripts that are kept', [
  ['SCRIPT FLUSH', OK],
  [`EVALSHA ${sha} 0`, noScript],
  ['SCRIPT LOAD "return 1"', sha],
  [`EVALSHA ${sha} 0`, 1],
  [`EVALSHA ${sha.toUpperCase()} 0`, 1],
  [`EVALSHA_RO ${sha} 0`, 1],
  [`SCRIPT EXISTS ${sha} ${'1'.repeat(40)}`, [1, 0]],
  ['SCRIPT FLUSH ASYNC', OK],
  [`SCRIPT EXISTS ${sha}`, [0]],
  ['EVAL "return 1" 0', 1],
  [`SCRIPT EXISTS ${sha}`, [1]],
  [`EVALSHA ${sha} 0`, 1],
  ['SCRIPT FLUSH NOW', err('ERR SCRIPT FLUSH only support SYNC|ASYNC option')],
  ['SCRIPT LOAD "return ("', like(/^-ERR Error compiling script \(new function\): user_script:1: /)],
  ['SCRIPT KILL', err('NOTBUSY No scripts in execution right now.')],
  ['SCRIPT NOTHING', err("ERR unknown subcommand 'NOTHING'. Try SCRIPT HELP.")],
  ['SCRIPT FLUSH SYNC', OK],
]);

table(server, 'databases: SELECT counts until the end of the script', [
  ["EVAL \"redis.call('select', 1) return redis.call('set', 'a', 'in 1')\" 0", OK],
  ['GET a', nil],
  ['SELECT 1', OK],
  ['GET a', 'in 1'],
  ["EVAL \"return redis.call('get', 'a')\" 0", 'in 1'],
  ['SELECT 0', OK],
  ['EVAL "return redis.call(\'swapdb\', 0, 1)" 0', OK],
  ['GET a', 'in 1'],
  ["EVAL \"redis.call('flushall') return redis.call('dbsize')\" 0", 0],
  ['GET a', nil],
]);

table(server, 'in transactions', [
  ['MULTI', OK],
  ['SET a 1', QUEUED],
  ['EVAL "return redis.call(\'incr\', KEYS[1])" 1 a', QUEUED],
  ["EVAL \"redis.call('incr', 'a') return redis.call('incr', 'undeclared')\" 0", QUEUED],
  ['EVAL "error(\'x\')" 0', QUEUED],
  ['GET a', QUEUED],
  ['EXEC', [OK, 2, 1, raised('ERR user_script:1: x'), '3']],
  ['SCRIPT FLUSH', OK],
  ['MULTI', OK],
  ['SCRIPT LOAD "return 1"', QUEUED],
  [`EVALSHA ${sha} 0`, QUEUED],
  [`SCRIPT EXISTS ${sha}`, QUEUED],
  ['SCRIPT FLUSH', QUEUED],
  [`EVALSHA ${sha} 0`, QUEUED],
  ['EXEC', [sha, 1, [1], OK, noScript]],
  ['WATCH a', OK],
  ["EVAL \"return redis.call('set', 'a', 5)\" 0", OK],
  ['MULTI', OK],
  ['GET a', QUEUED],
  ['EXEC', like(/nil/)],
]);

describe('RESP3', () => {
  test('values are converted by the version of the client, and of the script', async () => {
    using client = await server.current.connect();
    await client.run('HELLO 3');
    await client.run('FLUSHALL');
    const evaluate = async (body: string): Promise<string> => show(await client.cmd('EVAL', body, 0));
    expect(await evaluate('return nil')).toBe(show(nil3));
    expect(await evaluate('return true')).toBe(show(1));
    expect(await evaluate('redis.setresp(3) return true')).toBe(show(true));
    expect(await evaluate('redis.setresp(3) return false')).toBe(show(false));
    expect(await evaluate('return {double=1.5}')).toBe(show(new Double('1.5')));
    expect(await evaluate("return {map={a='b'}}")).toBe(show(new MapReply([['a', 'b']])));
    expect(await evaluate("return redis.call('get', 'none')")).toBe(show(nil3));
    expect(await evaluate("redis.setresp(3) return redis.call('get', 'none')")).toBe(show(nil3));
    expect(await evaluate("redis.setresp(3) return type(redis.call('get', 'none'))")).toBe(show('nil'));
    expect(await evaluate("return type(redis.call('get', 'none'))")).toBe(show('boolean'));
  });
});

describe('what is told of scripts', () => {
  test('statistics: the script, and what it calls, once each', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await client.run('SET a x');
    await client.run('CONFIG RESETSTAT');
    await client.cmd(
      'EVAL',
      "redis.call('get', 'a') redis.call('get', 'a') redis.pcall('incr', 'a') redis.pcall('get')",
      0,
    );
    const info = show(await client.run('INFO commandstats'));
    expect(info).toMatch(/cmdstat_eval:calls=1,/);
    expect(info).toMatch(/cmdstat_get:calls=2,.*rejected_calls=1,failed_calls=0/);
    expect(info).toMatch(/cmdstat_incr:calls=1,.*rejected_calls=0,failed_calls=1/);
    expect(show(await client.run('INFO errorstats'))).toMatch(/errorstat_ERR:count=2/);
  });

  cairnOnly('there is no debugger', async () => {
    using client = await server.current.connect();
    expect(await client.ask('SCRIPT DEBUG YES')).toBe('-ERR SCRIPT DEBUG is not supported');
    expect(await client.ask('SCRIPT DEBUG SYNC')).toBe('-ERR SCRIPT DEBUG is not supported');
  });

  test('INFO counts the scripts that are kept', async () => {
    using client = await server.current.connect();
    await client.run('SCRIPT FLUSH');
    await client.run('SCRIPT LOAD "return 1"');
    await client.run('EVAL "return 2" 0');
    expect(show(await client.run('INFO memory'))).toMatch(/number_of_cached_scripts:2\b/);
  });

  test('MONITOR shows the script before what it calls', async () => {
    using watcher = await server.current.connect();
    using client = await server.current.connect();
    await watcher.run('MONITOR');
    await client.cmd('EVAL', "return redis.call('set', KEYS[1], 'v')", 1, 'k');
    const lines = [show(await watcher.read()), show(await watcher.read())];
    expect(lines[0]).toMatch(/\[0 127\.0\.0\.1:\d+\] "EVAL" "return redis\.call\('set', KEYS\[1\], 'v'\)" "1" "k"/);
    expect(lines[1]).toMatch(/\[0 lua\] "set" "k" "v"/);
  });

  test('redis.log writes to the log of the server', async () => {
    using client = await server.current.connect();
    await client.cmd('EVAL', "redis.log(redis.LOG_WARNING, 'a line of a script', 7)", 0);
    await expectLogged(server.current, 'a line of a script 7');
  });

  test('COMMAND knows where the keys are', async () => {
    using client = await server.current.connect();
    expect(await client.run('COMMAND GETKEYS EVAL "return 1" 2 a b c')).toEqual(['a', 'b']);
    expect(await client.run('COMMAND GETKEYS EVALSHA x 1 a c')).toEqual(['a']);
  });
});

describe('long scripts', () => {
  const forever = 'while true do end';

  async function limited(): Promise<RawClient> {
    const client = await server.current.connect();
    await client.run('CONFIG SET lua-time-limit 50');
    return client;
  }

  test('others get BUSY, and SCRIPT KILL ends it', async () => {
    using other = await limited();
    using client = await server.current.connect();
    const reply = client.cmd('EVAL', forever, 0);
    await eventually('BUSY', async () => (await other.ask('GET a')).includes('BUSY'));
    expect(await other.ask('GET a')).toBe(
      '-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    );
    expect(await other.ask('FUNCTION KILL')).toContain('BUSY Redis is busy running a script.');
    expect(await other.run('SCRIPT KILL')).toEqual(OK);
    expect(show(await reply)).toContain('Script killed by user with SCRIPT KILL');
    expect(await other.run('GET nothing')).toEqual(nil);
    expect(await client.run('PING')).toEqual(PONG);
  });

  test('one that has written is not killed', async () => {
    using other = await limited();
    using client = await server.current.connect();
    const reply = client.cmd('EVAL', "redis.call('set', 'long', 1) for i = 1, 3e8 do end return 5", 0);
    await eventually('BUSY', async () => (await other.ask('GET a')).includes('BUSY'));
    expect(await other.ask('SCRIPT KILL')).toContain('UNKILLABLE Sorry the script already executed write commands');
    expect(await reply).toBe(5);
    expect(await other.run('GET long')).toBe('1');
  });

  test('a transaction that meets it is given up', async () => {
    using other = await limited();
    using client = await server.current.connect();
    using third = await server.current.connect();
    await third.run('MULTI');
    await third.run('SET a 1');
    const reply = client.cmd('EVAL', forever, 0);
    await eventually('BUSY', async () => (await other.ask('GET a')).includes('BUSY'));
    expect(await third.ask('EXEC')).toContain('EXECABORT Transaction discarded because of: BUSY');
    expect(await other.run('SCRIPT KILL')).toEqual(OK);
    await reply;
    expect(await third.ask('EXEC')).toContain('EXEC without MULTI');
  });

  cairnOnly('what needs no key is answered meanwhile, new connections included', async () => {
    using other = await limited();
    await other.run('CONFIG SET lua-time-limit 10000');
    using client = await server.current.connect();
    const reply = client.cmd('EVAL', forever, 0);
    await sleep(100);
    expect(await other.run('PING')).toEqual(PONG);
    expect(await other.ask('CONFIG GET lua-time-limit')).toContain('10000');
    using late = await server.current.connect();
    expect(await late.run('ECHO x')).toBe('x');
    expect(await late.ask('CLIENT LIST')).toContain('cmd=eval');
    const waits = late.cmd('GET', 'nothing');
    expect(await other.run('SCRIPT KILL')).toEqual(OK);
    expect(show(await reply)).toContain('Script killed');
    expect(await waits).toEqual(nil);
    await other.run('CONFIG SET lua-time-limit 5000');
  });

  cairnOnly('others on other reactors go on', async () => {
    const two = await startServer({ cairn: { ...smallSegments, 'io-threads': 2 } });
    try {
      const clients = await Promise.all(Array.from({ length: 4 }, () => two.connect()));
      const [first, ...others] = clients as [RawClient, ...RawClient[]];
      const reply = first.cmd('EVAL', forever, 0);
      await sleep(50);
      // At least one of them is on the other reactor: its commands on keys are answered.
      const answers = others.map((client) => client.cmd('SET', 'a', 1));
      expect(await Promise.race(answers)).toEqual(OK);
      expect(await Promise.any(others.map((client) => client.cmd('SCRIPT', 'KILL')))).toBeDefined();
      expect(show(await reply)).toContain('Script killed');
      await Promise.all(answers);
    } finally {
      await two.dispose();
    }
  });

  test(
    'the server ends while one runs',
    async () => {
      const own = await startServer({ cairn: smallSegments });
      using client = await own.connect();
      using other = await own.connect();
      await other.run('CONFIG SET lua-time-limit 50');
      void client.send(`*3\r\n$4\r\nEVAL\r\n$${forever.length}\r\n${forever}\r\n$1\r\n0\r\n`);
      await eventually('BUSY', async () => (await other.ask('GET a')).includes('BUSY'));
      void other.send('*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n');
      await own.waitExit();
      await own.dispose();
    },
    60_000 * patience,
  );
});

describeCairn('values on disk', () => {
  const cold = useServer({ cairn: { ...smallSegments, 'cache-size': '1mb' } });

  test('keys that are declared, and keys that are not', async () => {
    using client = await cold.current.connect();
    const count = 3000;
    const value = 'v'.repeat(2000);
    for (let i = 0; i < count; i += 100) {
      await client.pipeline(Array.from({ length: 100 }, (_, j) => ['SET', `k${i + j}`, `${i + j}:${value}`]));
    }
    const body = `local n = 0 for _, key in ipairs(KEYS) do n = n + tonumber((redis.call('get', key):match('^(%d+):'))) end
      for _, key in ipairs(ARGV) do n = n + tonumber((redis.call('get', key):match('^(%d+):'))) end return n`;
    let seed = 7;
    const pick = (): number => (seed = (seed * 48271) % 2147483647) % count;
    const jobs = Array.from({ length: 200 }, () => {
      const keys = Array.from({ length: 10 }, pick);
      const others = Array.from({ length: 3 }, pick);
      return { keys, others, sum: [...keys, ...others].reduce((a, b) => a + b, 0) };
    });
    const replies = await client.pipeline(
      jobs.map(({ keys, others }) => ['EVAL', body, 10, ...keys.map((i) => `k${i}`), ...others.map((i) => `k${i}`)]),
    );
    expect(replies).toEqual(jobs.map(({ sum }) => sum));
  });

  test('counters from many clients at once lose nothing', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => cold.current.connect()));
    const body = "return redis.call('incrby', 'sum:'..ARGV[1], redis.call('strlen', KEYS[1]))";
    await Promise.all(
      clients.map((client, n) =>
        client.pipeline(
          Array.from({ length: 100 }, (_, i) => ['EVAL', body, 1, `k${(i * 31 + n * 97) % 3000}`, i % 3]),
        ),
      ),
    );
    const [client] = clients as [RawClient];
    const sums = (await client.run('MGET sum:0 sum:1 sum:2')) as string[];
    const lengths = Array.from({ length: 8 }, (_, n) =>
      Array.from({ length: 100 }, (_unused, i) => `${(i * 31 + n * 97) % 3000}`.length + 2001),
    ).flat();
    expect(sums.map(Number).reduce((a, b) => a + b)).toBe(lengths.reduce((a, b) => a + b));
    for (const one of clients) one.close();
  });
});

describeCairn('after a restart', () => {
  test('what scripts wrote is there; scripts are not, as in Redis', async () => {
    const own = await startServer({ cairn: smallSegments });
    try {
      using client = await own.connect();
      await client.cmd('EVAL', "redis.call('set', 'a', 1) redis.call('set', 'b', 2, 'px', 1000000) return 1", 0);
      await own.restart('kill');
      using again = await own.connect();
      expect(await again.run('MGET a b')).toEqual(['1', '2']);
      expect(await again.ask('EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0')).toContain('NOSCRIPT');
    } finally {
      await own.dispose();
    }
  });
});
