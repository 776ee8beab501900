/** What the kernel says about this process and Node does not: figures out of /proc, read when somebody asks. */
import fs from 'node:fs';

/** In which /proc counts CPU time, on every architecture that Node runs on. */
const ticksPerSecond = 100;

export interface ResidentBytes {
  total: number;
  /** Heaps and stacks: all but pages of files, which are mostly code. */
  anonymous: number;
}

export interface CpuSeconds {
  user: number;
  system: number;
}

export function residentBytes(): ResidentBytes {
  const text = fs.readFileSync('/proc/self/status', 'latin1');
  const read = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const total = read('VmRSS') ?? process.memoryUsage.rss();
  return { total, anonymous: read('RssAnon') ?? total };
}

/** Of the thread that runs JavaScript; exact to a hundredth of a second. */
export function mainThreadCpu(): CpuSeconds {
  const text = fs.readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
  // The second field, the name in parentheses, may hold anything. The third is the first of these.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (field: number): number => Number(fields[field - 3]) / ticksPerSecond;
  return { user: seconds(14), system: seconds(15) };
}
