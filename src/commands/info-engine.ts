/** INFO's section about the engine: what Redis has no field for. The engine itself says what it has to tell. */
import type { Bytes } from '../bytes.js';
import type { EngineFigure, Log2Histogram, NativeStats } from '../native-stats.js';
import type { Services } from './command.js';
import { type Field, percentileNs } from './info-format.js';

interface Source extends Pick<Services, 'config'> {
  stats: NativeStats;
}

export function firstRefusal({ refusals }: Pick<NativeStats, 'refusals'>): Bytes {
  return refusals.find((reason) => reason !== '') ?? ('' as Bytes);
}

const percentiles = [50, 99, 99.9] as const;

/** `p50=..,p99=..,p99.9=..`: upper bounds, exact to a factor of two. */
function percentilesOf(histogram: Log2Histogram, scale: number): string {
  const buckets = histogram.counts.map((count, bits) => ({ upperNs: 2 ** bits, count }));
  return percentiles.map((wanted) => `p${wanted}=${Math.round(percentileNs(buckets, wanted) * scale)}`).join(',');
}

/** Durations of histograms are shown in microseconds. */
const histogramScale: ReadonlyMap<string, number> = new Map([['ns', 1e-3]]);

export function fieldValue({ kind, unit, decimals, values, text, histogram }: EngineFigure): string | number {
  const [value = 0] = values;
  if (histogram !== undefined) return percentilesOf(histogram, histogramScale.get(unit) ?? 1);
  if (kind === 'text' || kind === 'state') return text;
  if (Number.isNaN(value)) return -1;
  if (kind === 'status') return value === 0 ? 'err' : 'ok';
  return decimals === 0 ? Math.floor(value) : value.toFixed(decimals);
}

export function engineFields({ stats, config }: Source): Field[] {
  const { io, recovery, refusals, figures } = stats;
  return [
    ['engine', config.get('engine')],
    ['io_backend', io.backend],
    ['io_backend_reason', io.reason],
    ['io_sqpoll', Number(io.sqpoll)],
    ['io_sync_method', io.syncMethod],
    ['io_block_size', io.blockSize],
    ['io_threads', stats.reactors.length],
    ['reactor_longest_turn_us', Math.max(0, ...stats.reactors.map((reactor) => reactor.longestTurnUsec))],
    ['appendfsync', config.get('appendfsync')],
    ...figures.filter(({ info }) => info !== '').map((figure): Field => [figure.info, fieldValue(figure)]),
    ['recovery_keys', recovery.keys],
    ['recovery_checkpoint_keys', recovery.checkpointKeys],
    ['recovery_records', recovery.records],
    ['recovery_ms', Math.round(recovery.ms)],
    ['read_only_lanes', refusals.filter((reason) => reason !== '').length],
    ['read_only_reason', firstRefusal(stats)],
  ];
}
