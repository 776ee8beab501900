/** The server's own figures, `cairn_*`, and those of its engine, which says itself what it has. */
import type { EngineFigure, Log2Histogram } from '../native-stats.js';
import { cairnVersion } from '../version.js';
import { type MetricRow, type Sample, figure, micro } from './rows.js';

/**
 * A histogram by powers of two. Of its buckets those of 2^from .. 2^to are shown, cumulated as Prometheus wants them; what
 * is greater is in `+Inf`.
 */
export function log2Samples(name: string, { counts, sum }: Log2Histogram, from: number, to: number, unit: number) {
  const within = (bits: number): number => counts.slice(0, bits + 1).reduce((total, count) => total + count, 0);
  const all = within(counts.length);
  const bounded = Array.from({ length: to - from + 1 }, (_, index): Sample => {
    const bits = from + index;
    const le = Number((2 ** bits * unit).toPrecision(12));
    return { metricName: `${name}_bucket`, labels: { le }, value: within(bits) };
  });
  return [
    ...bounded,
    { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: all },
    { metricName: `${name}_sum`, labels: {}, value: sum * unit },
    { metricName: `${name}_count`, labels: {}, value: all },
  ] satisfies Sample[];
}

/** Metrics are in seconds. */
const seconds: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-9],
  ['us', 1e-6],
  ['ms', 1e-3],
]);

function samplesOf({ kind, metric, unit, label, choices, labels, values, text, histogram }: EngineFigure): Sample[] {
  const scale = seconds.get(unit) ?? 1;
  if (histogram !== undefined) return log2Samples(metric, histogram, histogram.fromBits, histogram.toBits, scale);
  if (kind === 'text') return [{ labels: { [label]: text }, value: 1 }];
  if (kind === 'state') {
    return choices.split(' ').map((word) => ({ labels: { [label]: word }, value: Number(word === text) }));
  }
  return values
    .map((value, index) => ({ labels: label === '' ? {} : { [label]: labels[index] ?? '' }, value: value * scale }))
    .filter(({ value }) => !Number.isNaN(value));
}

/** A row for each metric that the engine has; it reads the figures of whatever reading it is given. */
export function engineMetrics(figures: readonly EngineFigure[]): MetricRow[] {
  const rows = new Map<string, MetricRow>();
  for (const { metric, kind, help } of figures) {
    if (metric === '' || rows.has(metric)) continue;
    rows.set(metric, {
      name: metric,
      kind: kind === 'counter' || kind === 'histogram' ? kind : 'gauge',
      help,
      read: ({ stats }) => stats.figures.filter((one) => one.metric === metric).flatMap(samplesOf),
    });
  }
  return [...rows.values()];
}

const serverRows: MetricRow[] = [
  {
    name: 'cairn_build_info',
    kind: 'gauge',
    help: 'Version and input/output back end in use.',
    read: ({ stats }) => [
      { labels: { version: cairnVersion, io_backend: stats.io.backend, sync_method: stats.io.syncMethod }, value: 1 },
    ],
  },
  figure('cairn_recovery_seconds', 'gauge', 'Duration of the last recovery.', (s) => s.recovery.ms * 1e-3),
  figure('cairn_recovery_keys', 'gauge', 'Keys found by the last recovery.', (s) => s.recovery.keys),
  figure(
    'cairn_client_query_buffer_bytes',
    'gauge',
    'Unfinished commands of connections.',
    (s) => s.memory.clientQueryBytes,
  ),
  figure(
    'cairn_client_output_buffer_bytes',
    'gauge',
    'Unsent replies of connections.',
    (s) => s.memory.clientOutputBytes,
  ),
  {
    name: 'cairn_limit_disconnections_total',
    kind: 'counter',
    help: 'Connections closed at a buffer limit.',
    read: ({ stats }) => [
      { labels: { buffer: 'output' }, value: stats.outputLimitDisconnections },
      { labels: { buffer: 'query' }, value: stats.queryLimitDisconnections },
    ],
  },
];

const reactorRows: MetricRow[] = [
  {
    name: 'cairn_reactor_cpu_seconds_total',
    kind: 'counter',
    help: 'CPU time per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.cpuUsec * micro })),
  },
  {
    name: 'cairn_reactor_longest_turn_seconds',
    kind: 'gauge',
    help: 'Longest time since CONFIG RESETSTAT in which a reactor answered nobody else.',
    read: ({ stats }) =>
      stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.longestTurnUsec * micro })),
  },
  {
    name: 'cairn_reactor_clients',
    kind: 'gauge',
    help: 'Connections per reactor.',
    read: ({ stats }) => stats.reactors.map((r) => ({ labels: { reactor: r.reactor }, value: r.clients })),
  },
];

export const engineRows: readonly MetricRow[] = [...serverRows, ...reactorRows];
