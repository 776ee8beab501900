/** Judges a history that was written before: by the operations in it, not by its name. */
import { operations, readHistory, type Verdict } from './events.js';
import { checkLinearizable } from './linearizable.js';
import { checkListAppend } from './list-append.js';
import { counter, register } from './models.js';
import { checkTtl } from './ttl.js';
import { byKey, together } from './workloads.js';

export function checkFile(file: string): Verdict {
  const all = operations(readHistory(file));
  const verbs = new Set(all.map(({ f }) => f));
  if (verbs.has('txn')) return checkListAppend(all);
  return together(
    [...byKey(all)].map(([key, ops]) => {
      const timed = ops.some(({ f, asked }) => f === 'write' && typeof asked === 'object');
      if (timed) return checkTtl(key, ops);
      return checkLinearizable(key, verbs.has('add') ? counter : register, ops);
    }),
  );
}
