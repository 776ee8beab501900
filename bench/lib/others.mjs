// The CPU time of everybody else on the machine: programs, and daemons of the kernel that work on their own account.

import { readdirSync } from 'node:fs';

import { statOf } from './proc.mjs';

/** @typedef {Map<string, NonNullable<ReturnType<typeof statOf>>>} Stats by PID */

/** They work for whoever reads and writes, the server among them. */
const kernelWorkers = /^(kworker|ksoftirqd|jbd2|rcu|migration|irq)/;
/** Processes that come are noticed after this many samples. */
const listEvery = 10;

/**
 * Of all processes but this one and what it started.
 * @returns {() => { millis: number, name: string }} the most that one of them used since the call before, and who that was
 */
export function watchOthers() {
  /** @type {Stats} */
  let others = new Map();
  let samples = 0;
  return () => {
    const now = samples++ % listEvery === 0 ? strangers() : statsOf(others.keys());
    let most = { millis: 0, name: '' };
    for (const [pid, stat] of now) {
      const before = others.get(pid);
      const millis = before?.name === stat.name ? stat.millis - before.millis : 0;
      if (millis > most.millis) most = { millis, name: stat.name };
    }
    others = now;
    return most;
  };
}

/** @param {Iterable<string>} pids */
function statsOf(pids) {
  /** @type {Stats} */
  const found = new Map();
  for (const pid of pids) {
    const stat = statOf(pid);
    if (stat !== undefined) found.set(pid, stat);
  }
  return found;
}

function strangers() {
  const all = statsOf(readdirSync('/proc').filter((name) => /^\d+$/.test(name)));
  return new Map([...all].filter(([pid, { name }]) => !kernelWorkers.test(name) && !isOurs(pid, all)));
}

/**
 * @param {string} pid
 * @param {Stats} all
 */
function isOurs(pid, all) {
  let at = pid;
  for (let depth = 0; depth <= all.size; ++depth) {
    if (at === String(process.pid)) return true;
    const stat = all.get(at);
    if (stat === undefined) return false;
    at = stat.parent;
  }
  return false;
}
