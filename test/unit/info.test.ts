/** INFO and the metrics, over fixed counters. */
import { bytesOfText } from '../../src/bytes.js';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatInfo, percentileNs } from '../../src/commands/info-format.js';
import { infoSections } from '../../src/commands/info-sections.js';
import { acceptsGzip, health } from '../../src/metrics/http.js';
import { createRegistry, metricRows, takeReading } from '../../src/metrics/metrics.js';
import { mainThreadCpu, residentBytes } from '../../src/process-figures.js';
import { fakeHistograms, makeBench } from './fake-native.js';

const text = (...names: string[]): string => formatInfo(infoSections(makeBench().services), names);
const titles = (info: string): string[] => [...info.matchAll(/^# (.*)\r$/gm)].map((match) => match[1] ?? '');

describe('INFO', () => {
  test('sections and their order', () => {
    expect(titles(text())).toEqual([
      'Server',
      'Clients',
      'Memory',
      'Persistence',
      'Stats',
      'Replication',
      'CPU',
      'Modules',
      'Errorstats',
      'Cluster',
      'Engine',
      'Keyspace',
    ]);
    expect(titles(text('all'))).toEqual(expect.arrayContaining(['Commandstats', 'Latencystats']));
    expect(titles(text('all'))).not.toContain('Modules');
    expect(titles(text('everything'))).toHaveLength(14);
    expect(titles(text('CPU', 'server'))).toEqual(['Server', 'CPU']);
    expect(titles(text('cairn'))).toEqual(['Engine']);
    expect(text('nosuch')).toBe('');
  });

  test('every line is a heading, a field or empty, and ends in CR LF', () => {
    const lines = text('everything').split('\r\n');
    expect(lines.at(-1)).toBe('');
    expect(lines.filter((line) => line !== '' && !/^(# \w+|[\w|.-]+:[^\r\n]*)$/.test(line))).toEqual([]);
  });

  test('an empty line stands between sections', () => {
    expect(text('cluster', 'keyspace')).toBe(
      '# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n' +
        'db0:keys=2,expires=1,avg_ttl=99000\r\ndb3:keys=1,expires=0,avg_ttl=0\r\n',
    );
  });

  test('statistics', () => {
    expect(text('commandstats')).toContain(
      'cmdstat_get:calls=10,usec=15,usec_per_call=1.50,rejected_calls=1,failed_calls=0\r\n',
    );
    expect(text('errorstats')).toContain('errorstat_ERR:count=3\r\n');
    expect(text('latencystats')).toContain('latency_percentiles_usec_get:p50=1.500,p99=9.000,p99.9=9.000\r\n');
  });

  test.each([
    'redis_version:7',
    'run_id:',
    'loading:0',
    'maxmemory_policy:noeviction',
    'role:master',
    'io_backend:uring',
    'log_bytes:10000\r',
    'engine:vlog\r',
    'space_amplification:1.235\r',
    'device_bytes_commit:3000\r',
    'device_bytes_gc:200\r',
    'commit_usec_percentiles:p50=1,p99=2,p99.9=2\r',
    'commit_bytes_percentiles:p50=8192,p99=8192,p99.9=8192\r',
    'gc_mode:lazy\r',
    'gc_isolation:ioprio\r',
    'aof_current_size:10000\r',
    'checkpoint_age_sec:-1\r',
    'checkpoint_last_status:ok\r',
    'checkpoint_last_ms:2500\r',
    'used_memory:4000000\r',
    'used_memory_human:3.81M\r',
    'used_memory_startup:1000000\r',
    'used_memory_overhead:2000500\r',
    'used_memory_dataset:1999500\r',
    'used_memory_dataset_perc:66.65%\r',
    'used_memory_peak:5000000\r',
    'used_memory_peak_perc:80.00%\r',
    'allocator_rss_ratio:1.00\r',
  ])('has %s', (start) => expect(text()).toMatch(new RegExp(`^${start}`, 'm')));

  test('before the first checkpoint', () => {
    const bench = makeBench();
    const started = Math.floor(bench.services.state.startedAt / 1000);
    const info = formatInfo(infoSections(bench.services), ['persistence']);
    for (const line of [
      'rdb_bgsave_in_progress:0',
      `rdb_last_save_time:${started}`,
      'rdb_last_bgsave_status:ok',
      'rdb_last_bgsave_time_sec:-1',
      'rdb_current_bgsave_time_sec:-1',
      'rdb_saves:0',
    ]) {
      expect(info).toContain(`${line}\r\n`);
    }
  });

  test('nothing is undefined or not a number', () => {
    expect(text('everything')).not.toMatch(/undefined|NaN/);
  });

  test('a lane that refuses writes is seen', () => {
    const bench = makeBench();
    bench.native.current.refusals = ['', 'write failed: Input/output error'].map(bytesOfText);
    const info = formatInfo(infoSections(bench.services), []);
    expect(info).toContain('aof_last_write_status:err\r\n');
    expect(info).toContain('read_only_reason:write failed: Input/output error\r\n');
    expect(health(bench.services)).toMatchObject({ status: 503, body: { status: 'read-only' } });
  });

  test.each([
    [0, '0B'],
    [1023, '1023B'],
    [1536, '1.50K'],
    [5 * 1024 ** 2, '5.00M'],
    [25276510208, '23.54G'],
  ])('%d bytes are %s', (bytes, human) => expect(formatBytes(bytes)).toBe(human));

  test('percentiles', () => {
    const [{ buckets } = { buckets: [] }] = fakeHistograms;
    expect([0, 40, 41, 90, 91, 100].map((p) => percentileNs(buckets, p))).toEqual([800, 800, 1500, 1500, 9000, 9000]);
    expect(percentileNs([], 50)).toBe(0);
  });
});

describe('figures of the process', () => {
  test('are those of the kernel', () => {
    const { total, anonymous } = residentBytes();
    expect(total).toBeGreaterThan(anonymous);
    expect(anonymous).toBeGreaterThan(1 << 20);
    const { user, system } = mainThreadCpu();
    expect(user + system).toBeGreaterThanOrEqual(0);
  });

  test('are zero where /proc is not mounted', () => {
    expect(residentBytes('/nosuch')).toEqual({ total: 0, anonymous: 0 });
    expect(mainThreadCpu('/nosuch')).toEqual({ user: 0, system: 0 });
  });
});

describe('metrics', () => {
  test('names follow the rules', () => {
    for (const { name, kind, help } of metricRows) {
      expect(name).toMatch(/^(redis|cairn)_[a-z_]+$/);
      if (kind === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      expect(help).toMatch(/\.$/);
    }
    expect(new Set(metricRows.map(({ name }) => name)).size).toBe(metricRows.length);
  });

  test('a scrape reads the counters anew', async () => {
    const bench = makeBench();
    const registry = createRegistry(() => takeReading(bench.services));
    const first = await registry.metrics();
    for (const line of [
      'redis_up 1',
      'redis_config_maxclients 10000',
      'redis_config_maxmemory 0',
      'redis_memory_used_bytes 4000000',
      'redis_memory_used_peak_bytes 5000000',
      'redis_memory_used_startup_bytes 1000000',
      'redis_rdb_last_bgsave_status 1',
      'redis_connected_clients 2',
      'redis_commands_total{cmd="get"} 10',
      'redis_db_keys{db="db0"} 2',
      'redis_errors_total{err="ERR"} 3',
      'cairn_lane_commits_total{lane="0"} 10',
      'cairn_command_duration_seconds_bucket{cmd="get",le="0.000004"} 9',
      'cairn_log_bytes 10000',
      'cairn_space_amplification 1.23456',
      'cairn_device_bytes_by_cause_total{cause="commit"} 3000',
      'cairn_device_bytes_by_cause_total{cause="gc"} 200',
      'cairn_lane_commits_total{lane="1"} 20',
      'cairn_disk_read_seconds_total 2',
      'cairn_checkpoint_last_seconds 2.5',
      'cairn_gc_mode{mode="lazy"} 1',
      'cairn_gc_mode{mode="aggressive"} 0',
      'cairn_gc_isolation_info{isolation="ioprio"} 1',
      'cairn_checkpoint_last_status 1',
      'cairn_commit_duration_seconds_bucket{le="0.000001024"} 9',
      'cairn_commit_duration_seconds_bucket{le="0.000002048"} 10',
      'cairn_commit_duration_seconds_bucket{le="+Inf"} 10',
      'cairn_commit_duration_seconds_sum 0.000009',
      'cairn_commit_duration_seconds_count 10',
      'cairn_commit_size_bytes_bucket{le="4096"} 0',
      'cairn_commit_size_bytes_bucket{le="8192"} 10',
      'cairn_command_duration_seconds_bucket{cmd="get",le="+Inf"} 10',
      'cairn_command_duration_seconds_count{cmd="get"} 10',
    ]) {
      expect(first.split('\n')).toContain(line);
    }
    expect(first).toMatch(/^redis_mem_fragmentation_ratio [\d.]+$/m);
    expect(first).toContain('# TYPE cairn_command_duration_seconds histogram');
    expect(first).toContain('# TYPE cairn_commit_duration_seconds histogram');
    expect(first).not.toMatch(/^cairn_checkpoint_age_seconds /m);
    const age = bench.native.current.figures.find(({ info }) => info === 'checkpoint_age_sec');
    age?.values.splice(0, 1, 5.25);
    expect(await registry.metrics()).toMatch(/^cairn_checkpoint_age_seconds 5\.25$/m);
    const [model] = bench.native.current.figures;
    if (model !== undefined) bench.native.current.figures.push({ ...model, metric: 'cairn_new_bytes' });
    expect(await registry.metrics()).toContain('\ncairn_new_bytes 10000\n');
    bench.native.current.clients = 3;
    expect(await registry.metrics()).toContain('redis_connected_clients 3\n');
  });

  test.each([
    [undefined, false],
    ['', false],
    ['gzip', true],
    ['deflate, GZip;q=0.5', true],
    ['x-gzip', true],
    ['*', true],
    ['gzip;q=0, *', false],
    ['gzip ; q=0.0', false],
    ['identity, *;q=0', false],
    ['br, deflate', false],
    ['gzip;q=nonsense', false],
  ])('Accept-Encoding %j takes gzip: %s', (header, expected) => expect(acceptsGzip(header)).toBe(expected));

  test('health', () => {
    expect(health(makeBench().services)).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});
