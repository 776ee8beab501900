/** The latency histograms of commands. */
import type { LatencyHistogram, NativeStats } from '../native-stats.js';
import { type MetricRow, type Sample, micro } from './rows.js';

/** 1 us, 4 us, ... 4.2 s: coarse on purpose, there is one series per command and bucket. */
const boundsUsec = Array.from({ length: 12 }, (_, index) => 4 ** index);

export function histogramSamples(stats: NativeStats, histograms: readonly LatencyHistogram[]): Sample[] {
  const usec = new Map(stats.commands.map((command) => [command.name, command.usec]));
  return histograms.flatMap(({ name, calls, buckets }) => {
    const base = 'cairn_command_duration_seconds';
    const within = (bound: number): number => {
      return buckets.reduce((sum, { upperNs, count }) => sum + (upperNs <= bound * 1000 ? count : 0), 0);
    };
    const bounded = boundsUsec.map((bound): Sample => {
      return { metricName: `${base}_bucket`, labels: { cmd: name, le: bound * micro }, value: within(bound) };
    });
    return [
      ...bounded,
      { metricName: `${base}_bucket`, labels: { cmd: name, le: '+Inf' }, value: calls },
      { metricName: `${base}_sum`, labels: { cmd: name }, value: (usec.get(name) ?? 0) * micro },
      { metricName: `${base}_count`, labels: { cmd: name }, value: calls },
    ];
  });
}

export const commandRows: readonly MetricRow[] = [
  {
    name: 'cairn_command_duration_seconds',
    kind: 'histogram',
    help: 'Latency of commands.',
    read: ({ stats, histograms }) => histogramSamples(stats, histograms),
  },
];
