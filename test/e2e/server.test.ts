/** Server commands: CONFIG, INFO, SLOWLOG, LATENCY, DEBUG, MONITOR, SAVE, SHUTDOWN and others. */
import { describe, expect, test } from 'vitest';
import { nil, OK, type Reply, show, Verbatim } from '../support/resp.js';
import { eventually, smallSegments, startServer, useServer } from '../support/server.js';
import { arity, between, err, like, type Matcher, notInteger, pairs, syntaxError, table } from '../support/table.js';

const server = useServer({ flags: { 'enable-debug-command': 'local' } });

const helpText = (command: string): Matcher =>
  like(
    new RegExp(
      String.raw`^\[\+${command} <subcommand> \[<arg> \[value\] \[opt\] \.\.\.\]\. Subcommands are:, .*\+HELP, \+    Print`,
    ),
  );

table(server, 'CONFIG', [
  ['CONFIG GET', arity('config|get')],
  ['CONFIG GET nosuch', []],
  ['CONFIG GET port*x', []],
  ['CONFIG GET slowlog-max-len', ['slowlog-max-len', '128']],
  ['CONFIG GET SLOWLOG-MAX-LEN', ['SLOWLOG-MAX-LEN', '128']],
  ['CONFIG GET slowlog-*', pairs({ 'slowlog-log-slower-than': '10000', 'slowlog-max-len': '128' })],
  ['CONFIG GET slowlog-max-len nosuch databases', pairs({ 'slowlog-max-len': '128', databases: '16' })],
  ['CONFIG GET slowlog-max-len slowlog-max-le?', ['slowlog-max-len', '128']],
  ['CONFIG GET appendfsync', ['appendfsync', 'always']],
  ['CONFIG GET appendonly', ['appendonly', 'yes']],
  ['CONFIG GET databases', ['databases', '16']],
  ['CONFIG GET maxmemory-policy', ['maxmemory-policy', 'noeviction']],
  ['CONFIG GET maxclients', ['maxclients', '10000']],
  ['CONFIG GET timeout', ['timeout', '0']],
  ['CONFIG GET proto-max-bulk-len', ['proto-max-bulk-len', '536870912']],
  ['CONFIG GET client-query-buffer-limit', ['client-query-buffer-limit', '1073741824']],
  [
    'CONFIG GET client-output-buffer-limit',
    ['client-output-buffer-limit', 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'],
  ],
  ['CONFIG GET hz', ['hz', '10']],
  ['CONFIG GET hash-max-listpack-entries', ['hash-max-listpack-entries', '512']],
  ['CONFIG GET maxmemory', ['maxmemory', '0']],
  ['CONFIG GET tcp-keepalive', ['tcp-keepalive', '300']],
  ['CONFIG GET bind', ['bind', '127.0.0.1']],
  ['CONFIG GET requirepass', ['requirepass', '']],
  ['CONFIG GET protected-mode', ['protected-mode', 'yes']],
  ['CONFIG GET loglevel', ['loglevel', 'notice']],
  ['CONFIG GET latency-monitor-threshold', ['latency-monitor-threshold', '0']],
  ['CONFIG GET notify-keyspace-events', ['notify-keyspace-events', '']],
  ['CONFIG SET slowlog-max-len 100', OK],
  ['CONFIG GET slowlog-max-len', ['slowlog-max-len', '100']],
  ['CONFIG SET slowlog-max-len 128 timeout 300', OK],
  ['CONFIG GET timeout', ['timeout', '300']],
  ['CONFIG SET timeout 0', OK],
  ['CONFIG SET nosuch 1', err("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")],
  ['CONFIG SET nosuch', arity('config|set')],
  ['CONFIG SET timeout', arity('config|set')],
  ['CONFIG SET timeout 1 nosuch 2', err("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")],
  ['CONFIG GET timeout', ['timeout', '0']],
  [
    'CONFIG SET timeout 1 timeout 2',
    err("ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter"),
  ],
  [
    'CONFIG SET timeout -1',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive",
    ),
  ],
  [
    'CONFIG SET timeout abc',
    err("ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"),
  ],
  [
    'CONFIG SET timeout 99999999999999999999',
    err("ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"),
  ],
  [
    'CONFIG SET databases 17',
    err("ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"),
  ],
  [
    'CONFIG SET maxclients 0',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive",
    ),
  ],
  ['CONFIG SET maxmemory 100mb', OK],
  ['CONFIG GET maxmemory', ['maxmemory', '104857600']],
  [
    'CONFIG SET maxmemory 1gx',
    err("ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"),
  ],
  ['CONFIG SET maxmemory 0', OK],
  [
    'CONFIG SET maxmemory-policy bogus',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
    ),
  ],
  ['CONFIG SET maxmemory-policy noeviction', OK],
  [
    'CONFIG SET appendfsync bogus',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - argument(s) must be one of the following: everysec, always, no",
    ),
  ],
  ['CONFIG SET appendfsync everysec', OK],
  ['CONFIG GET appendfsync', ['appendfsync', 'everysec']],
  ['CONFIG SET appendfsync always', OK],
  [
    'CONFIG SET protected-mode maybe',
    err("ERR CONFIG SET failed (possibly related to argument 'protected-mode') - argument must be 'yes' or 'no'"),
  ],
  ['CONFIG SET proto-max-bulk-len 1048576', OK],
  ['CONFIG GET proto-max-bulk-len', ['proto-max-bulk-len', '1048576']],
  ['CONFIG SET proto-max-bulk-len 512mb', OK],
  ['CONFIG GET proto-max-bulk-len', ['proto-max-bulk-len', '536870912']],
  ['CONFIG SET client-output-buffer-limit "normal 1mb 512kb 10"', OK],
  [
    'CONFIG GET client-output-buffer-limit',
    ['client-output-buffer-limit', 'normal 1048576 524288 10 slave 268435456 67108864 60 pubsub 33554432 8388608 60'],
  ],
  ['CONFIG SET client-output-buffer-limit "normal 0 0 0"', OK],
  [
    'CONFIG SET client-output-buffer-limit "bogus 0 0 0"',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Invalid client class specified in buffer limit configuration.",
    ),
  ],
  [
    'CONFIG SET client-output-buffer-limit "normal 0 0"',
    err(
      "ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration.",
    ),
  ],
  ['CONFIG SET hz 20', OK],
  ['CONFIG GET hz', ['hz', '20']],
  ['CONFIG SET hz 10', OK],
  ['CONFIG SET save "900 1"', OK],
  ['CONFIG SET save ""', OK],
  ['CONFIG SET hash-max-listpack-entries 64', OK],
  ['CONFIG GET hash-max-listpack-entries', ['hash-max-listpack-entries', '64']],
  ['CONFIG SET hash-max-listpack-entries 512', OK],
  ['CONFIG SET loglevel verbose', OK],
  ['CONFIG SET loglevel notice', OK],
  [
    'CONFIG SET unixsocket x',
    err("ERR CONFIG SET failed (possibly related to argument 'unixsocket') - can't set immutable config"),
  ],
  ['CONFIG RESETSTAT', OK],
  ['CONFIG RESETSTAT x', arity('config|resetstat')],
  ['CONFIG REWRITE', err('ERR The server is running without a config file')],
  ['CONFIG BOGUS', err("ERR unknown subcommand 'BOGUS'. Try CONFIG HELP.")],
  ['CONFIG', arity('config')],
  ['CONFIG SET loglevel bogus', like(/argument\(s\) must be one of the following: debug, verbose, notice, warning/)],
  ['CONFIG SET save "900 1"', OK],
  ['CONFIG GET save', ['save', '900 1']],
  ['CONFIG SET save ""', OK],
  ['CONFIG GET save', ['save', '']],
]);

table(server, 'TIME, MEMORY, LASTSAVE, LOLWUT and others', [
  ['TIME x', arity('time')],
  ['MEMORY USAGE nosuch', nil],
  ['MEMORY USAGE', arity('memory|usage')],
  ['SET k v', OK],
  ['MEMORY USAGE k SAMPLES -1', syntaxError],
  ['MEMORY USAGE k SAMPLES a', notInteger],
  ['MEMORY USAGE k BOGUS', syntaxError],
  ['MEMORY USAGE k SAMPLES', syntaxError],
  ['MEMORY BOGUS', err("ERR unknown subcommand 'BOGUS'. Try MEMORY HELP.")],
  ['MEMORY', arity('memory')],
  ['MEMORY PURGE', OK],
  ['LASTSAVE x', arity('lastsave')],
  ['SAVE', OK],
  ['SAVE x', arity('save')],
  ['BGSAVE BOGUS', syntaxError],
  ['BGSAVE SCHEDULE x', syntaxError],
  ['FUNCTION FLUSH', OK],
  ['FUNCTION FLUSH ASYNC', OK],
  ['FUNCTION FLUSH SYNC', OK],
  ['FUNCTION FLUSH BOGUS', err('ERR FUNCTION FLUSH only supports SYNC|ASYNC option')],
  ['SCRIPT FLUSH', OK],
  ['SCRIPT FLUSH ASYNC', OK],
  ['SCRIPT FLUSH SYNC', OK],
  ['SCRIPT FLUSH BOGUS', err('ERR SCRIPT FLUSH only support SYNC|ASYNC option')],
  ['MODULE LIST', []],
  ['TIME', like(/^\["\d{10}", "\d{1,6}"\]$/)],
  ['MEMORY USAGE k', between(2, 1000)],
  ['MEMORY USAGE k SAMPLES 0', between(2, 1000)],
  ['LASTSAVE', between(1_600_000_000, 4_000_000_000)],
  ['LOLWUT', like(/ver\. 7\.\d+/)],
  ['LOLWUT VERSION 9999', like(/ver\. 7\.\d+/)],
  ['LOLWUT VERSION a', notInteger],
]);

table(
  server,
  'SLOWLOG, the empty log and the errors',
  [
    ['SLOWLOG RESET', OK],
    ['SLOWLOG LEN', 0],
    ['SLOWLOG GET', []],
    ['SLOWLOG GET -1', []],
    ['SLOWLOG GET -2', err('ERR count should be greater than or equal to -1')],
    ['SLOWLOG GET a', err('ERR count should be greater than or equal to -1')],
    ['SLOWLOG GET 1 2', err("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.")],
    ['SLOWLOG BOGUS', err("ERR unknown subcommand 'BOGUS'. Try SLOWLOG HELP.")],
    ['SLOWLOG', arity('slowlog')],
  ],
  { once: true },
);

table(server, 'LATENCY, no events and the errors', [
  ['LATENCY RESET', 0],
  ['LATENCY LATEST', []],
  ['LATENCY HISTORY command', []],
  ['LATENCY HISTORY', arity('latency|history')],
  ['LATENCY RESET command', 0],
  ['LATENCY RESET a b', 0],
  ['LATENCY HISTOGRAM nosuch', []],
  ['LATENCY BOGUS', err("ERR unknown subcommand 'BOGUS'. Try LATENCY HELP.")],
  ['LATENCY', arity('latency')],
]);

table(server, 'DEBUG', [
  ['DEBUG SLEEP 0', OK],
  ['DEBUG SLEEP 0.01', OK],
  ['DEBUG SLEEP', err("ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.")],
  ['DEBUG SET-ACTIVE-EXPIRE 1', OK],
  [
    'DEBUG SET-ACTIVE-EXPIRE',
    err("ERR unknown subcommand or wrong number of arguments for 'SET-ACTIVE-EXPIRE'. Try DEBUG HELP."),
  ],
  ['DEBUG OBJECT nosuch', err('ERR no such key')],
  ['SET k v', OK],
  ['DEBUG BOGUS', err("ERR unknown subcommand or wrong number of arguments for 'BOGUS'. Try DEBUG HELP.")],
  ['DEBUG', arity('debug')],
  ['DEBUG RELOAD', OK],
  ['GET k', 'v'],
  [
    'DEBUG OBJECT k',
    like(/^\+Value at:\S+ refcount:\d+ encoding:embstr serializedlength:\d+ lru:\d+ lru_seconds_idle:\d+/),
  ],
]);

table(server, 'SHUTDOWN, the errors', [
  ['SHUTDOWN BOGUS', syntaxError],
  ['SHUTDOWN SAVE NOSAVE', syntaxError],
  ['SHUTDOWN ABORT', err('ERR No shutdown in progress.')],
  ['SHUTDOWN ABORT NOW', syntaxError],
  ['SHUTDOWN SAVE SAVE SAVE SAVE x', syntaxError],
]);

table(server, 'help texts are lists of lines', [
  ['CONFIG HELP', helpText('CONFIG')],
  ['CLIENT HELP', helpText('CLIENT')],
  ['OBJECT HELP', helpText('OBJECT')],
  ['COMMAND HELP', helpText('COMMAND')],
  ['MEMORY HELP', helpText('MEMORY')],
  ['SLOWLOG HELP', helpText('SLOWLOG')],
  ['LATENCY HELP', helpText('LATENCY')],
  ['DEBUG HELP', helpText('DEBUG')],
]);

function section(text: Reply, name: string): Map<string, string> {
  const fields = new Map<string, string>();
  let inside = false;
  for (const line of (text as string).split('\r\n')) {
    if (line.startsWith('# ')) inside = line === `# ${name}`;
    else if (inside && line !== '') fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1));
  }
  return fields;
}

const expectedFields: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  Server: {
    redis_version: /^7\.\d+\.\d+$/,
    redis_mode: /^standalone$/,
    os: /^Linux /,
    arch_bits: /^64$/,
    process_id: /^\d+$/,
    run_id: /^[0-9a-f]{40}$/,
    tcp_port: /^\d+$/,
    uptime_in_seconds: /^\d+$/,
    uptime_in_days: /^\d+$/,
    config_file: /^/,
  },
  Clients: { connected_clients: /^\d+$/, blocked_clients: /^0$/, maxclients: /^10000$/ },
  Memory: {
    used_memory: /^\d+$/,
    used_memory_human: /^[\d.]+[BKMG]$/,
    used_memory_rss: /^\d+$/,
    used_memory_peak: /^\d+$/,
    used_memory_peak_human: /^[\d.]+[BKMG]$/,
    maxmemory: /^0$/,
    maxmemory_human: /^0B$/,
    maxmemory_policy: /^noeviction$/,
  },
  Persistence: { loading: /^0$/, aof_enabled: /^1$/, aof_last_write_status: /^ok$/, rdb_last_save_time: /^\d+$/ },
  Stats: {
    total_connections_received: /^\d+$/,
    total_commands_processed: /^\d+$/,
    instantaneous_ops_per_sec: /^\d+$/,
    total_net_input_bytes: /^\d+$/,
    total_net_output_bytes: /^\d+$/,
    rejected_connections: /^\d+$/,
    expired_keys: /^\d+$/,
    evicted_keys: /^0$/,
    keyspace_hits: /^\d+$/,
    keyspace_misses: /^\d+$/,
  },
  Replication: {
    role: /^master$/,
    connected_slaves: /^0$/,
    master_replid: /^[0-9a-f]{40}$/,
    master_repl_offset: /^\d+$/,
  },
  CPU: { used_cpu_sys: /^\d+\.\d+$/, used_cpu_user: /^\d+\.\d+$/ },
  Cluster: { cluster_enabled: /^0$/ },
  Errorstats: { errorstat_ERR: /^count=\d+$/ },
  Commandstats: { cmdstat_get: /^calls=\d+,usec=\d+,usec_per_call=[\d.]+,rejected_calls=\d+,failed_calls=\d+$/ },
  Latencystats: { latency_percentiles_usec_get: /^p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+$/ },
  Keyspace: { db0: /^keys=2,expires=1,avg_ttl=\d+$/, db3: /^keys=1,expires=0,avg_ttl=0$/ },
};

describe('INFO', () => {
  test('sections and fields', async () => {
    using client = await server.current.connect();
    for (const line of ['FLUSHALL', 'SET a 1', 'GET a', 'SETEX b 100 1', 'BOGUS', 'SELECT 3', 'SET c 1']) {
      await client.run(line);
    }
    const all = await client.run('INFO everything');
    const wrong: string[] = [];
    for (const [name, fields] of Object.entries(expectedFields)) {
      const found = section(all, name);
      for (const [field, pattern] of Object.entries(fields)) {
        const value = found.get(field);
        if (value === undefined || !pattern.test(value)) wrong.push(`${name}.${field} = ${value}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...section(all, 'Keyspace').keys()]).toEqual(['db0', 'db3']);
  });

  test('choice of sections', async () => {
    using client = await server.current.connect();
    const headers = (reply: Reply): string[] =>
      [...(reply as string).matchAll(/^# (\w+)/gm)].map((match) => match[1] ?? '');
    expect(headers(await client.run('INFO'))).toEqual(
      expect.arrayContaining(['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Cluster']),
    );
    expect(headers(await client.run('INFO'))).not.toContain('Commandstats');
    expect(headers(await client.run('INFO all'))).toContain('Commandstats');
    expect(headers(await client.run('INFO default'))).toEqual(headers(await client.run('INFO')));
    expect(headers(await client.run('INFO server'))).toEqual(['Server']);
    expect(headers(await client.run('INFO SERVER'))).toEqual(['Server']);
    expect(headers(await client.run('INFO cpu clients')).sort()).toEqual(['CPU', 'Clients']);
    expect(await client.run('INFO nosuch')).toBe('');
    await client.run('HELLO 3');
    expect(await client.run('INFO server')).toBeInstanceOf(Verbatim);
  });

  test('hits, misses and commands are counted, RESETSTAT clears them', async () => {
    using client = await server.current.connect();
    await client.run('CONFIG RESETSTAT');
    await client.run('SET hit 1');
    await client.pipeline([['GET', 'hit'], ['GET', 'hit'], ['GET', 'miss'], ['MGET', 'hit', 'miss2'], ['GET']]);
    const stats = section(await client.run('INFO stats'), 'Stats');
    expect(stats.get('keyspace_hits')).toBe('3');
    expect(stats.get('keyspace_misses')).toBe('2');
    const commands = section(await client.run('INFO commandstats'), 'Commandstats');
    expect(commands.get('cmdstat_get')).toMatch(/^calls=3,.*rejected_calls=1,failed_calls=0$/);
    await client.run('CONFIG RESETSTAT');
    const cleared = section(await client.run('INFO stats'), 'Stats');
    expect(cleared.get('keyspace_hits')).toBe('0');
    expect(section(await client.run('INFO commandstats'), 'Commandstats').has('cmdstat_get')).toBe(false);
  });

  test('process_id and tcp_port are those of the server', async () => {
    using client = await server.current.connect();
    const fields = section(await client.run('INFO server'), 'Server');
    expect(fields.get('process_id')).toBe(String(server.current.pid));
    expect(fields.get('tcp_port')).toBe(String(server.current.port));
  });
});

describe('SLOWLOG', () => {
  test('records commands with their arguments, newest first, and is bounded', async () => {
    using client = await server.current.connect();
    await client.run('CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3');
    await client.run('SLOWLOG RESET');
    await client.run('CLIENT SETNAME slow');
    await client.cmd('SET', 'k', 'x'.repeat(200));
    await client.cmd('DEL', ...Array.from({ length: 40 }, (_, i) => `key${i}`));
    await client.run('CONFIG SET slowlog-log-slower-than -1');
    expect(await client.run('SLOWLOG LEN')).toBe(3);
    const entries = (await client.run('SLOWLOG GET')) as Reply[][];
    expect(entries).toHaveLength(3);
    expect(await client.run('SLOWLOG GET 1')).toHaveLength(1);
    expect(await client.run('SLOWLOG GET -1')).toHaveLength(3);
    const [id, time, micros, args, address, name] = entries[0] ?? [];
    expect(id).toBeGreaterThan(0);
    expect(time).toBeGreaterThan(1_600_000_000);
    expect(micros).toBeGreaterThanOrEqual(0);
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(name).toBe('slow');
    const commands = entries.map((entry) => entry[3] as string[]);
    expect(args).toHaveLength(32);
    expect(commands[0]?.slice(0, 2)).toEqual(['DEL', 'key0']);
    expect(commands[0]?.[31]).toBe('... (10 more arguments)');
    expect(commands[1]).toEqual(['SET', 'k', `${'x'.repeat(128)}... (72 more bytes)`]);
    expect(commands[2]).toEqual(['CLIENT', 'SETNAME', 'slow']);
    await client.run('SLOWLOG RESET');
    expect(await client.run('SLOWLOG LEN')).toBe(0);
    await client.run('CONFIG SET slowlog-log-slower-than 10000 slowlog-max-len 128');
  });
});

describe('LATENCY', () => {
  test('events above the threshold', async () => {
    using client = await server.current.connect();
    await client.run('CONFIG SET latency-monitor-threshold 5');
    await client.run('DEBUG SLEEP 0.03');
    const latest = (await client.run('LATENCY LATEST')) as Reply[][];
    const event = latest.find((entry) => entry[0] === 'command');
    expect(event?.[2]).toBeGreaterThanOrEqual(25);
    expect(event?.[3]).toBeGreaterThanOrEqual(25);
    const history = (await client.run('LATENCY HISTORY command')) as number[][];
    expect(history).toHaveLength(1);
    expect(history[0]?.[1]).toBeGreaterThanOrEqual(25);
    expect(await client.run('LATENCY RESET command')).toBe(1);
    expect(await client.run('LATENCY HISTORY command')).toEqual([]);
    await client.run('CONFIG SET latency-monitor-threshold 0');
  });

  test('HISTOGRAM counts calls in growing buckets', async () => {
    using client = await server.current.connect();
    await client.run('CONFIG RESETSTAT');
    await client.pipeline(Array.from({ length: 10 }, () => ['GET', 'k']));
    const [name, body] = (await client.run('LATENCY HISTOGRAM get')) as [string, Reply[]];
    expect(name).toBe('get');
    expect(body.slice(0, 3)).toEqual(['calls', 10, 'histogram_usec']);
    const buckets = body[3] as number[];
    expect(buckets.length % 2).toBe(0);
    expect(buckets.at(-1)).toBe(10);
  });
});

describe('MONITOR', () => {
  test('shows the commands of other connections, quoted', async () => {
    using monitor = await server.current.connect();
    using client = await server.current.connect();
    expect(await monitor.ask('MONITOR')).toBe('+OK');
    await client.run('SELECT 2');
    await client.cmd('SET', 'a key', 'bytes "\x00\xff\n"');
    await client.cmd('get', 'a key');
    const lines = (await monitor.readMany(3)).map(show);
    expect(lines[0]).toMatch(/^\+\d{10}\.\d{6} \[[02] 127\.0\.0\.1:\d+\] "SELECT" "2"$/);
    expect(lines[1]).toMatch(/\[2 127\.0\.0\.1:\d+\] "SET" "a key" "bytes \\"\\x00\\xff\\n\\""$/);
    expect(lines[2]).toMatch(/\[2 127\.0\.0\.1:\d+\] "get" "a key"$/);
    await monitor.send('RESET\r\n');
    expect(show(await monitor.read())).toBe('+RESET');
    await client.run('PING');
    expect(await monitor.ask('PING')).toBe('+PONG');
  });
});

describe('saving and shutting down', () => {
  test('BGSAVE and LASTSAVE', async () => {
    using client = await server.current.connect();
    const before = (await client.run('LASTSAVE')) as number;
    expect(await client.ask('BGSAVE')).toMatch(/^\+Background saving (started|scheduled)$/);
    await eventually('the save is done', async () => {
      const fields = section(await client.run('INFO persistence'), 'Persistence');
      return fields.get('rdb_bgsave_in_progress') === '0' && fields.get('rdb_last_bgsave_status') === 'ok';
    });
    expect(await client.run('LASTSAVE')).toBeGreaterThanOrEqual(before);
  });

  test('DEBUG RELOAD keeps keys, values, expiry and databases', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    await client.cmd('SET', 'big', 'x'.repeat(100_000));
    await client.run('SET t v PXAT 33177117420123');
    await client.run('SET n 12345');
    await client.run('SELECT 7');
    await client.run('SET in7 v');
    expect(await client.ask('DEBUG RELOAD')).toBe('+OK');
    expect(await client.run('DBSIZE')).toBe(1);
    expect(await client.run('GET in7')).toBe('v');
    await client.run('SELECT 0');
    expect(await client.run('DBSIZE')).toBe(3);
    expect(await client.run('STRLEN big')).toBe(100_000);
    expect(await client.run('PEXPIRETIME t')).toBe(33177117420123);
    expect(await client.run('INCR n')).toBe(12346);
  });

  test('DEBUG is refused unless it is enabled', async () => {
    await using plain = await startServer({ flags: { 'enable-debug-command': 'no' } });
    using client = await plain.connect();
    expect(await client.ask('DEBUG SLEEP 0')).toMatch(
      /^-ERR DEBUG command not allowed\. If the enable-debug-command option/,
    );
  });

  test.each(['SHUTDOWN', 'SHUTDOWN NOSAVE', 'SHUTDOWN SAVE', 'SHUTDOWN NOW FORCE'])('%s', async (command) => {
    await using other = await startServer({ cairn: smallSegments });
    using client = await other.connect();
    await client.run('SET survivor 1');
    await client.send(`${command}\r\n`);
    await client.expectClosed();
    expect(await other.waitExit()).toEqual({ code: 0, signal: null });
    await other.start();
    using again = await other.connect();
    expect(await again.run('GET survivor')).toBe('1');
  });
});
