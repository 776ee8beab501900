/** What an operator sees and sets: checkpoints, garbage collection, INFO's section about the engine, metrics. */
import { once } from 'node:events';
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Reply, MapReply, OK } from '../support/resp.js';
import { cairnOnly, describeCairn, eventually, freePort, startServer, useServer } from '../support/server.js';
import { arity, err, like, table } from '../support/table.js';

const server = useServer({ cairn: { lanes: 2, 'segment-size': '16mb' } });

async function info(section: string): Promise<Map<string, string>> {
  using client = await server.current.connect();
  const lines = ((await client.run(`INFO ${section}`)) as string).split('\r\n');
  return new Map(lines.flatMap((line) => (line.includes(':') ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

describe('checkpoints', () => {
  test('SAVE waits, LASTSAVE does not go back', async () => {
    using client = await server.current.connect();
    const before = (await client.run('LASTSAVE')) as number;
    await client.run('SET k v');
    expect(await client.ask('SAVE')).toBe('+OK');
    expect(await client.run('LASTSAVE')).toBeGreaterThanOrEqual(before);
    const fields = await info('persistence');
    expect(fields.get('rdb_last_bgsave_status')).toBe('ok');
    expect(fields.get('rdb_bgsave_in_progress')).toBe('0');
    expect(Number(fields.get('rdb_last_save_time'))).toBe(await client.run('LASTSAVE'));
  });

  test('BGSAVE comes back, and comes to an end', async () => {
    using client = await server.current.connect();
    expect(await client.ask('BGSAVE')).toBe('+Background saving started');
    expect(await client.ask('BGSAVE')).toMatch(
      /^(\+Background saving started|-ERR Background save already in progress)$/,
    );
    await eventually('the background save is done', async () => {
      return (await info('persistence')).get('rdb_bgsave_in_progress') === '0';
    });
    const fields = await info('persistence');
    expect(fields.get('rdb_current_bgsave_time_sec')).toBe('-1');
    expect(fields.get('rdb_last_bgsave_status')).toBe('ok');
  });

  cairnOnly('others go on while one waits for SAVE', async () => {
    using saver = await server.current.connect();
    using other = await server.current.connect();
    const saved = saver.ask('SAVE');
    for (let i = 0; i < 20; i++) expect(await other.ask(`SET k${i} v`)).toBe('+OK');
    expect(await saved).toBe('+OK');
  });

  cairnOnly('several may wait for the same one', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.current.connect()));
    expect(new Set(await Promise.all(clients.map((client) => client.ask('SAVE'))))).toEqual(new Set(['+OK']));
  });

  cairnOnly('CAIRN CHECKPOINT answers with figures', async () => {
    using client = await server.current.connect();
    await client.run('HELLO 3');
    const reply = await client.run('CAIRN CHECKPOINT');
    expect(reply).toBeInstanceOf(MapReply);
    expect((reply as MapReply).entries.map(([name]) => name)).toEqual(['time', 'milliseconds', 'keys', 'bytes']);
  });
});

describeCairn('CAIRN', () => {
  const wrongWord = (given: string): Reply =>
    err(`ERR unknown subcommand or wrong number of arguments for '${given}'. Try CAIRN HELP.`);

  table(server, 'replies and refusals', [
    ['CAIRN', arity('cairn')],
    ['CAIRN BOGUS', err("ERR unknown subcommand 'BOGUS'. Try CAIRN HELP.")],
    ['CAIRN HELP', like(/^\[\+CAIRN <subcommand>/)],
    ['CAIRN GC MODE 0 throttled', OK],
    ['CAIRN GC MODE ALL AGGRESSIVE', OK],
    ['CONFIG GET gc-mode', ['gc-mode', 'aggressive']],
    ['CAIRN GC MODE all lazy', OK],
    ['CONFIG GET gc-mode', ['gc-mode', 'lazy']],
    ['CAIRN GC MODE 2 lazy', err("ERR no lane '2': it must be 0 to 1, or ALL")],
    ['CAIRN GC MODE -1 lazy', err("ERR no lane '-1': it must be 0 to 1, or ALL")],
    ['CAIRN GC MODE 1 quick', err("ERR unknown mode 'quick': it must be one of lazy, throttled, aggressive")],
    ['CAIRN GC MODE 1', wrongWord('MODE')],
    ['CAIRN GC BOGUS', wrongWord('BOGUS')],
    ['CAIRN GC STATUS x', wrongWord('STATUS')],
    ['CAIRN GC PAUSE', OK],
    ['CAIRN GC RESUME', OK],
    ['CAIRN CHECKPOINT x', arity('cairn|checkpoint')],
  ]);

  test('GC describes every lane: flat arrays, maps in RESP3', async () => {
    using client = await server.current.connect();
    const names = [
      'lane',
      'mode',
      'log-bytes',
      'live-bytes',
      'segments',
      'collected-segments',
      'moved-bytes',
      'reclaimed-segments',
      'reclaimed-bytes',
    ];
    const flat = (await client.run('CAIRN GC')) as Reply[][];
    expect(flat.map((lane) => lane.filter((_, index) => index % 2 === 0))).toEqual([names, names]);
    expect(flat.map((lane) => lane[1])).toEqual([0, 1]);
    await client.run('HELLO 3');
    const maps = (await client.run('CAIRN GC STATUS')) as MapReply[];
    expect(maps.map(({ entries }) => entries.map(([name]) => name))).toEqual([names, names]);
  });

  test('what was set survives DEBUG RELOAD', async () => {
    using client = await server.current.connect();
    for (const line of ['CAIRN GC MODE 1 throttled', 'CAIRN GC PAUSE', 'CONFIG SET min-free-bytes 1mb']) {
      expect(await client.ask(line)).toBe('+OK');
    }
    expect(await client.ask('DEBUG RELOAD')).toBe('+OK');
    expect(await client.ask('CAIRN GC RESUME')).toBe('+OK');
    expect(await client.ask('CONFIG SET gc-mode lazy min-free-bytes 64mb')).toBe('+OK');
  });
});

describeCairn('options', () => {
  const refused = (name: string, reason: string): Reply =>
    err(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`);

  table(server, 'of garbage collection and checkpoints', [
    ['CONFIG GET gc-mode', ['gc-mode', 'lazy']],
    ['CONFIG SET gc-mode throttled', OK],
    ['CONFIG SET gc-mode lazy', OK],
    [
      'CONFIG SET gc-mode x',
      refused('gc-mode', 'argument(s) must be one of the following: lazy, throttled, aggressive'),
    ],
    ['CONFIG SET gc-iops 5000', OK],
    ['CONFIG SET gc-iops 0', refused('gc-iops', 'argument must be between 1 and 10000000 inclusive')],
    ['CONFIG SET gc-iops 1000', OK],
    ['CONFIG SET gc-max-parallel 4', OK],
    ['CONFIG SET gc-max-parallel 65', refused('gc-max-parallel', 'argument must be between 1 and 64 inclusive')],
    ['CONFIG SET gc-max-parallel 1', OK],
    ['CONFIG SET gc-space-amplification 2.50', OK],
    ['CONFIG GET gc-space-amplification', ['gc-space-amplification', '2.5']],
    ['CONFIG SET gc-space-amplification 1.4', OK],
    [
      'CONFIG SET gc-space-amplification 11',
      refused('gc-space-amplification', 'argument must be a number between 1.05 and 10, with at most two decimals'),
    ],
    ['CONFIG SET min-free-bytes 1mb', OK],
    ['CONFIG GET min-free-bytes', ['min-free-bytes', '1048576']],
    ['CONFIG SET min-free-bytes 64mb', OK],
    ['CONFIG GET segment-recycle-max', ['segment-recycle-max', 'auto']],
    ['CONFIG SET segment-recycle-max 3', refused('segment-recycle-max', "can't set immutable config")],
    ['CONFIG GET checkpoint-rate', ['checkpoint-rate', '134217728']],
    ['CONFIG SET checkpoint-rate 1mb', refused('checkpoint-rate', "can't set immutable config")],
  ]);
});

const engineFields = [
  'io_backend log_bytes live_bytes dead_bytes space_amplification free_bytes min_free_bytes',
  'segments_active segments_sealed segments_survivors segments_spare spare_bytes',
  'user_bytes_written device_bytes_written device_bytes_commit device_bytes_padding device_bytes_prepared',
  'device_bytes_gc device_bytes_checkpoint write_amplification',
  'commit_bytes_percentiles commit_usec_percentiles commits_in_flight staged_bytes',
  'gc_mode gc_paused gc_isolation gc_collected_segments gc_moved_bytes gc_reclaimed_segments gc_reclaimed_bytes gc_written_bytes',
  'checkpoint_running checkpoint_age_sec checkpoint_last_status checkpoint_last_ms checkpoint_last_bytes',
  'disk_read_usec_percentiles disk_reads_in_flight cache_hits cache_misses cache_bytes index_keys pages spaces_dropping index_bytes',
  'recovery_ms disk_write_errors disk_read_errors corrupt_reads read_only_lanes read_only_reason',
].flatMap((line) => line.split(' '));

describeCairn('INFO engine', () => {
  test('has its fields, under both names', async () => {
    const fields = await info('engine');
    expect(engineFields.filter((name) => !fields.has(name))).toEqual([]);
    expect([...fields].filter(([, value]) => /NaN|undefined/.test(value))).toEqual([]);
    expect([...(await info('cairn')).keys()]).toEqual([...fields.keys()]);
  });

  test('what keeps garbage collection out of the way is known from the start, in the log, too', async () => {
    await using fresh = await startServer();
    // A thread may always make way; what is in force at present depends on how much there is to collect.
    await eventually('the line', () => / out of the way of users by (ioprio\+)?nice /.test(fresh.logs));
    using client = await fresh.connect();
    expect(await client.run('INFO engine')).toMatch(/^gc_isolation:(ioprio|nice)/m);
  });

  test('what was written is told by cause', async () => {
    using client = await server.current.connect();
    await client.cmd('SET', 'big', 'x'.repeat(100_000));
    const fields = await info('engine');
    const number = (name: string): number => Number(fields.get(name));
    const causes = ['commit', 'padding', 'prepared', 'gc', 'checkpoint'].map((cause) =>
      number(`device_bytes_${cause}`),
    );
    expect(causes.reduce((total, bytes) => total + bytes, 0)).toBe(number('device_bytes_written'));
    expect(number('device_bytes_commit')).toBeGreaterThanOrEqual(100_000);
    expect(number('user_bytes_written')).toBeGreaterThanOrEqual(100_000);
  });
});

describeCairn('metrics', () => {
  test('histograms are well formed and every figure is there', async () => {
    const port = await freePort();
    await using measured = await startServer({ cairn: { 'metrics-port': port, 'segment-size': '16mb' } });
    using client = await measured.connect();
    for (let i = 0; i < 10; i++) await client.run(`SET k${i} v`);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const names = new Set([...text.matchAll(/^([a-z_]+)[{ ]/gm)].map((match) => match[1]));
    const wanted = [
      'device_bytes_by_cause_total write_amplification log_bytes live_bytes dead_bytes free_bytes segments',
      'gc_mode gc_paused gc_isolation_info lane_gc_collected_segments_total lane_gc_moved_bytes_total',
      'lane_gc_reclaimed_segments_total lane_gc_reclaimed_bytes_total lane_log_bytes checkpoint_last_status checkpoint_last_seconds checkpoint_last_bytes',
      'checkpoints_written_total recovery_seconds cache_hits_total cache_misses_total index_keys index_bytes',
      'disk_errors_total lane_commits_in_flight lane_staged_bytes disk_reads_in_flight',
    ].flatMap((line) => line.split(' ').map((name) => `cairn_${name}`));
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
    for (const name of ['commit_duration_seconds', 'commit_size_bytes', 'disk_read_duration_seconds']) {
      expect(text).toContain(`# TYPE cairn_${name} histogram`);
      const buckets = [...text.matchAll(new RegExp(`^cairn_${name}_bucket{le="([^"]+)"} (\\d+)$`, 'gm'))];
      const counts = buckets.map((match) => Number(match[2]));
      expect(counts.length).toBeGreaterThan(10);
      expect(counts).toEqual([...counts].sort((a, b) => a - b));
      expect(buckets.at(-1)?.[1]).toBe('+Inf');
      expect(text).toContain(`cairn_${name}_count ${counts.at(-1)}\n`);
    }
  });

  test('whoever takes gzip gets it, and the others the same text', async () => {
    const port = await freePort();
    await using measured = await startServer({
      cairn: { 'segment-size': '16mb', 'metrics-port': port, maxmemory: '2mb' },
    });
    const get = async (path: string, encoding?: string, method = 'GET'): Promise<[http.IncomingMessage, Buffer]> => {
      const headers = encoding === undefined ? {} : { 'accept-encoding': encoding };
      const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      return [response, Buffer.concat(await response.toArray())];
    };
    for (const path of ['/metrics', '/health', '/nosuch']) {
      const [plain, text] = await get(path);
      const [packed, bytes] = await get(path, 'gzip, deflate');
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      expect(Number(packed.headers['content-length'])).toBe(bytes.length);
      const names = (body: string): string[] => body.match(/^[a-z_ ]+/gm) ?? [];
      expect(names(gunzipSync(bytes).toString())).toEqual(names(text.toString()));
      const [head, nothing] = await get(path, 'gzip', 'HEAD');
      expect([head.statusCode, nothing.length]).toEqual([plain.statusCode, 0]);
    }
    const [, refused] = await get('/metrics', 'gzip;q=0');
    expect(refused.toString()).toContain('\nredis_config_maxmemory 2097152\n');
    expect(refused.toString()).toContain('\nredis_config_maxclients ');
    expect(refused.toString()).toContain('\nredis_rdb_last_bgsave_status 1\n');
    expect(measured.running).toBe(true);
  });
});
