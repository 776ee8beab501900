/**
 * What the kernel says about this process and Node does not: figures out of /proc, read when somebody asks. Where that is
 * not mounted (a bare chroot) they are zero: no reason not to start, nor to answer INFO.
 */
import fs from 'node:fs';

const itself = '/proc/self';

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

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

export function residentBytes(proc = itself): ResidentBytes {
  const text = read(`${proc}/status`);
  const bytes = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const total = bytes('VmRSS') ?? 0;
  return { total, anonymous: bytes('RssAnon') ?? total };
}

/** Of the thread that runs JavaScript; exact to a hundredth of a second. */
export function mainThreadCpu(proc = itself): CpuSeconds {
  const text = read(`${proc}/task/${process.pid}/stat`);
  // The second field, the name in parentheses, may hold anything. The third is the first of these.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (field: number): number => Number(fields[field - 3] ?? 0) / ticksPerSecond;
  return { user: seconds(14), system: seconds(15) };
}
