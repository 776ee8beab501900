/**
 * Logging with pino: one JSON object per line into a file, or readable single lines on standard output. Where lines go
 * is a sink that never fails and never waits (native/server/log_sink.h), so neither does a call that logs. Native
 * messages arrive in batches from a bounded queue.
 */
import { pino } from 'pino';
import type { LogSink, NativeLogBatch, NativeLogEntry } from '../native.js';

export type Logger = pino.Logger;

const levels: ReadonlyMap<string, string> = new Map([
  ['debug', 'trace'],
  ['verbose', 'debug'],
  ['notice', 'info'],
  ['warning', 'warn'],
  ['nothing', 'silent'],
]);

/** pino's name for a `loglevel` of the configuration. */
export function pinoLevel(loglevel: string): string {
  return levels.get(loglevel) ?? 'info';
}

const levelNames: Record<number, string> = {
  10: 'debug',
  20: 'verbose',
  30: 'notice',
  40: 'warning',
  50: 'error',
  60: 'error',
};

/** Turns pino's JSON line into one readable line. */
export function readableLine(json: string): string {
  const { level, time, msg, ...rest } = JSON.parse(json) as { level: unknown; time: unknown; msg: unknown };
  const stamp = new Date(Number(time)).toISOString().replace('T', ' ').replace('Z', '');
  const fields = Object.entries<unknown>(rest).map(([key, value]) => {
    return `${key}=${typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value)}`;
  });
  const name = levelNames[Number(level)] ?? 'notice';
  const message = typeof msg === 'string' ? msg.replace(/[\r\n]+/g, ' ') : '';
  return `${[stamp, name, message, ...fields].filter((part) => part !== '').join(' ')}\n`;
}

export interface LogTarget {
  loglevel: string;
  /** False: readable lines. */
  json: boolean;
  sink: Pick<LogSink, 'write'>;
}

export function createLogger({ loglevel, json, sink }: LogTarget): Logger {
  const write = (line: string): void => sink.write(json ? line : readableLine(line));
  return pino({ level: pinoLevel(loglevel), base: null }, { write });
}

function logEntry(log: Logger, { level, message, timeMs }: NativeLogEntry): void {
  // The time of the event, not of the batch, unless they are the same for a reader.
  const late = Date.now() - timeMs > 1000 ? { happenedAt: new Date(timeMs).toISOString() } : {};
  if (level === 'debug') log.debug(late, message);
  else log[level](late, message);
}

export function logNative(log: Logger, { entries, dropped }: NativeLogBatch): void {
  for (const entry of entries) logEntry(log, entry);
  if (dropped > 0) log.warn({ dropped }, 'the queue of native log messages was full; messages were lost');
}
