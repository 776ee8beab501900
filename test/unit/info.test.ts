/** INFO and the metrics, over fixed counters. */
import { describe, expect, test } from 'vitest';
import { formatBytes, formatInfo, percentileNs } from '../../src/commands/info-format.js';
import { infoSections } from '../../src/commands/info-sections.js';
import { health } from '../../src/metrics/http.js';
import { createRegistry, metricRows, takeReading } from '../../src/metrics/metrics.js';
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
      'Cairn',
      'Keyspace',
    ]);
    expect(titles(text('all'))).toEqual(expect.arrayContaining(['Commandstats', 'Latencystats']));
    expect(titles(text('all'))).not.toContain('Modules');
    expect(titles(text('everything'))).toHaveLength(14);
    expect(titles(text('CPU', 'server'))).toEqual(['Server', 'CPU']);
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
  ])('has %s', (start) => expect(text()).toMatch(new RegExp(`^${start}`, 'm')));

  test('nothing is undefined or not a number', () => {
    expect(text('everything')).not.toMatch(/undefined|NaN/);
  });

  test('a lane that refuses writes is seen', () => {
    const bench = makeBench();
    const [lane] = bench.native.current.lanes;
    if (lane !== undefined) lane.readOnlyReason = 'write failed: Input/output error';
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
      'redis_connected_clients 2',
      'redis_commands_total{cmd="get"} 10',
      'redis_db_keys{db="db0"} 2',
      'redis_errors_total{err="ERR"} 3',
      'cairn_lane_commits_total{lane="0"} 10',
      'cairn_value_reads_total{source="disk"} 1',
      'cairn_command_duration_seconds_bucket{cmd="get",le="0.000004"} 9',
      'cairn_command_duration_seconds_bucket{cmd="get",le="+Inf"} 10',
      'cairn_command_duration_seconds_count{cmd="get"} 10',
    ]) {
      expect(first.split('\n')).toContain(line);
    }
    expect(first).toContain('# TYPE cairn_command_duration_seconds histogram');
    bench.native.current.clients = 3;
    expect(await registry.metrics()).toContain('redis_connected_clients 3\n');
  });

  test('health', () => {
    expect(health(makeBench().services)).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});
