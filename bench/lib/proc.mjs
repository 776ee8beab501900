// What a process used, from /proc: CPU time, bytes written to and read from storage, memory; and what a device did, from /sys.

import { readFileSync, readdirSync, statSync } from 'node:fs';

/** USER_HZ, the unit of times in /proc/PID/stat: 100 on every Linux that Node runs on. */
export const ticksPerSecond = 100;

/** Above this difference the two sources of CPU time are taken to disagree (threads came and went). */
const toleranceNanos = 50e6;

/**
 * @typedef {{ threads: Map<string, number>, totalNanos: number }} CpuSample
 *   threads: nanoseconds on a CPU per living thread (the kernel's io_uring workers are threads of the process);
 *   totalNanos: user + system time of the process, ended threads included, in steps of 10 ms
 */

/**
 * @param {number} pid
 * @returns {CpuSample}
 */
export function cpuSample(pid) {
  const threads = new Map();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const fields = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ');
      threads.set(tid, Number(fields[0]));
    } catch {
      // The thread ended, or this kernel has no schedstat: totalNanos decides then.
    }
  }
  const { millis } = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return { threads, totalNanos: millis * 1e6 };
}

/**
 * @param {string} pid
 * @returns {{ name: string, parent: string, millis: number } | undefined} its CPU time in steps of 10 ms; undefined: it ended
 */
export function statOf(pid) {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} text of /proc/PID/stat; a name may have blanks and parentheses */
function parseStat(text) {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    parent: fields[1] ?? '0',
    millis: (ticks * 1000) / ticksPerSecond,
  };
}

/**
 * CPU nanoseconds between two samples: exact where all threads lived on, else in steps of 10 ms.
 * @param {CpuSample} before
 * @param {CpuSample} after
 */
export function cpuNanosBetween(before, after) {
  const coarse = after.totalNanos - before.totalNanos;
  let exact = 0;
  for (const [tid, nanos] of after.threads) exact += nanos - (before.threads.get(tid) ?? 0);
  const allLived = [...before.threads.keys()].every((tid) => after.threads.has(tid));
  const usable = allLived && after.threads.size > 0 && Math.abs(exact - coarse) < toleranceNanos;
  return usable ? exact : coarse;
}

/**
 * Bytes the process caused to be written to and read from storage since it started. Writes through the page cache are counted in
 * whole folios, of up to hundreds of KiB however little of them was written: for those, deviceBytes.
 * @param {number} pid
 */
export function storageBytes(pid) {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  return { written: field(text, 'write_bytes'), read: field(text, 'read_bytes') };
}

const sectorBytes = 512;

/**
 * Bytes that the device under a file or directory has written and read since it is there, for whomever.
 * @param {string} path
 */
export function deviceBytes(path) {
  // As makedev(3) has it, for the devices that disks are.
  const { dev } = statSync(path);
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  const words = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, 'utf8').trim().split(/\s+/);
  return { written: Number(words[6]) * sectorBytes, read: Number(words[2]) * sectorBytes };
}

/**
 * Resident memory in bytes.
 * @param {number} pid
 */
export function memory(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    rss: field(text, 'VmRSS') * 1024,
    anonymous: field(text, 'RssAnon') * 1024,
    file: field(text, 'RssFile') * 1024,
  };
}

/**
 * @param {string} text lines of `name: number ...`
 * @param {string} name
 */
function field(text, name) {
  const match = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text);
  if (match === null) throw new Error(`/proc has no ${name} here`);
  return Number(match[1]);
}
