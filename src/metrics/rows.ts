/** What a metric is: a row that reads its value, or values, out of one reading of all counters. */
import type { MemoryAccount } from '../memory-account.js';
import type { LatencyHistogram, NativeStats } from '../native-stats.js';

export type Kind = 'counter' | 'gauge';
// Written and read as a whole, never by a name from outside.
// eslint-disable-next-line no-restricted-syntax
export type Labels = Record<string, string | number>;

export interface Sample {
  labels: Labels;
  value: number;
  metricName?: string;
}

/** One reading of everything, shared by all metrics of a scrape. */
export interface Reading {
  stats: NativeStats;
  histograms: LatencyHistogram[];
  memory: MemoryAccount;
  uptimeSeconds: number;
  maxclients: number;
  maxmemory: number;
  checkpointsOk: boolean;
  runId: string;
}

export interface MetricRow {
  name: string;
  kind: Kind | 'histogram';
  help: string;
  read: (reading: Reading) => number | Sample[];
}

export const micro = 1e-6;

export function figure(name: string, kind: Kind, help: string, value: (stats: NativeStats) => number): MetricRow {
  return { name, kind, help, read: ({ stats }) => value(stats) };
}

export function memory(name: string, help: string, value: (account: MemoryAccount) => number): MetricRow {
  return { name, kind: 'gauge', help, read: (from) => value(from.memory) };
}

export function perCommand(
  name: string,
  help: string,
  value: (stat: NativeStats['commands'][number]) => number,
): MetricRow {
  const read = ({ stats }: Reading): Sample[] => {
    return stats.commands.map((stat) => ({ labels: { cmd: stat.name }, value: value(stat) }));
  };
  return { name, kind: 'counter', help, read };
}

export function perDb(name: string, help: string, value: (stat: NativeStats['dbs'][number]) => number): MetricRow {
  const read = ({ stats }: Reading): Sample[] => {
    return stats.dbs.map((stat) => ({ labels: { db: `db${stat.db}` }, value: value(stat) }));
  };
  return { name, kind: 'gauge', help, read };
}
