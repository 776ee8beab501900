/**
 * Memory as Redis divides it up. What is in use is what the process held before it opened its data, plus what the data
 * plane has an account of. glibc could tell what it has handed out, but it walks all free blocks for that with its locks
 * held, and reactors would wait.
 */
import type { NativeStats } from './native-stats.js';
import type { ServerState } from './server-state.js';

export interface MemoryAccount {
  used: number;
  peak: number;
  /** Heaps and stacks before the data were opened: Node's, mostly. */
  startup: number;
  /** All that is no value: startup, index, buffers of the engine, buffers of connections. */
  overhead: number;
  /** The value cache. */
  dataset: number;
  /** Of what is not startup. */
  datasetShare: number;
  /** Resident, but for the pages of files. */
  heap: number;
  resident: number;
}

export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

export function memoryAccount(
  { memory }: Pick<NativeStats, 'memory'>,
  state: Pick<ServerState, 'startupBytes' | 'resident'>,
): MemoryAccount {
  const { usedBytes, usedBytesPeak, indexBytes, bufferBytes, clientQueryBytes, clientOutputBytes } = memory;
  const startup = state.startupBytes;
  const overhead = startup + indexBytes + bufferBytes + clientQueryBytes + clientOutputBytes;
  const used = startup + usedBytes;
  const dataset = Math.max(0, used - overhead);
  const { total, anonymous } = state.resident();
  return {
    used,
    peak: startup + usedBytesPeak,
    startup,
    overhead,
    dataset,
    datasetShare: share(dataset, usedBytes),
    heap: anonymous,
    resident: total,
  };
}
