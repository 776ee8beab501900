/**
 * Keys that end. Each key is written once, with a time to live, and read by many. It may be gone only after its earliest
 * possible end, must be gone some time after its latest, and what has gone does not come back.
 */
import { type Json, type Operation, showOperation, type Verdict } from './events.js';

const nsPerMs = 1e6;
/** Clocks are rounded to milliseconds, by the server and by us. */
export const slackMs = 3;

interface Lifetime {
  /** Nothing may be missing that was read before this. */
  readonly earliestNs: number;
  /** Nothing may be there that was read after this; Infinity if nobody knows when it was written. */
  readonly latestNs: number;
}

/** A write's value is `{value, ttlMs}` or `{value, endsAtMs}` (of the clock of this history). */
function lifetime({ asked, invokedNs, completedNs }: Operation): Lifetime {
  const { ttlMs, endsAtMs } = asked as { readonly ttlMs?: Json; readonly endsAtMs?: Json };
  if (typeof endsAtMs === 'number') return { earliestNs: endsAtMs * nsPerMs, latestNs: endsAtMs * nsPerMs };
  const ttlNs = Number(ttlMs) * nsPerMs;
  return { earliestNs: invokedNs + ttlNs, latestNs: completedNs + ttlNs };
}

/** `ops`: the one write of a key, and its reads. */
export function checkTtl(key: string, ops: readonly Operation[]): Verdict {
  const reports: string[] = [];
  const write = ops.find(({ f }) => f === 'write');
  if (write === undefined) return { valid: true, reports };
  const { value } = write.asked as { readonly value: Json };
  const reads = ops.filter(({ f, type }) => f === 'read' && type === 'ok');
  const { earliestNs, latestNs } = lifetime(write);
  const slackNs = slackMs * nsPerMs;
  const wrong = (text: string, ...shown: readonly Operation[]): void => {
    reports.push([`${key} ${text}`, ...[write, ...shown].map((op) => `    ${showOperation(op)}`)].join('\n'));
  };
  let gone: Operation | undefined;
  // By the end of the reads: only what began after that end can contradict it.
  for (const read of [...reads].sort((a, b) => a.completed - b.completed)) {
    if (read.got === null) {
      const acknowledged = write.type === 'ok' && write.completed < read.invoked;
      const seen = reads.find((other) => other.got !== null && other.completed < read.invoked);
      if ((acknowledged || seen !== undefined) && read.completedNs < earliestNs - slackNs)
        wrong('has gone before its time', read);
      if (acknowledged || seen !== undefined) gone ??= read;
      continue;
    }
    if (read.got !== value || write.type === 'fail') wrong('has a value that was not written', read);
    if (read.invokedNs > latestNs + slackNs) wrong('is there after its time', read);
    if (gone !== undefined && gone.completed < read.invoked) wrong('had gone and came back', gone, read);
  }
  return { valid: reports.length === 0, reports };
}
