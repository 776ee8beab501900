/** Differences that are faults of ours and known: each waits to be mended, and goes when it is. */
import { type Mask, type Uncounted } from './masks.js';

export const known: readonly Mask[] = [];

/** Commands whose hits and misses are known to be counted otherwise. */
export const knownUncounted: readonly Uncounted[] = [];
