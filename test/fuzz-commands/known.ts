/** Differences that are faults of ours and known: each waits to be mended, and goes when it is. */
import { type Mask } from './masks.js';

export const known: readonly Mask[] = [];

/** Counts of INFO that are known to differ, as far as they do. */
export const knownStatistics: readonly { readonly name: RegExp; readonly why: string }[] = [];
