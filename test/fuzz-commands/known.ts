/** Differences that are faults of ours and known: each waits to be mended, and goes when it is. */
import { ErrorReply } from '../support/resp.js';
import { type Mask } from './masks.js';

export const known: readonly Mask[] = [
  {
    command: /^scan$/,
    same: (_redis, cairn, _context, args) =>
      args[1]?.length === 0 && cairn instanceof ErrorReply && cairn.text === 'ERR invalid cursor',
    why: 'SCAN with an empty cursor is refused; Redis takes it for 0.',
  },
  {
    command: /^wait$/,
    same: (redis, cairn) => redis instanceof ErrorReply && cairn === 0,
    why: 'WAIT reads its integers by other rules, and not at all in EXEC.',
  },
];

/** Counts of INFO that are known to differ, as far as they do. */
export const knownStatistics: readonly { readonly name: RegExp; readonly why: string }[] = [
  { name: /^keyspace_(hits|misses)$/, why: 'several commands count no hit or no miss where Redis does' },
  { name: /^cmdstat_/, why: 'a pass that runs again counts again, and EXEC is not always counted' },
];
