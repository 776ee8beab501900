// The CPU time of everybody else on the machine: programs, and daemons of the kernel that work on their own account.

import { readdirSync } from 'node:fs';

import { statOf } from './proc.mjs';

/** They work for whoever reads and writes, the server among them. */
const kernelWorkers = /^(kworker|ksoftirqd|jbd2|rcu|migration|irq)/;
/** Processes that come are noticed after this many samples. */
const listEvery = 10;

/**
 * Of all processes but this one and what it started.
 * @returns {() => { millis: number, name: string }} the most that one of them used since the call before, and who that was
 */
export function watchOthers() {
  /** @type {Map<string, { name: string, millis: number }>} PID -> */
  let others = new Map();
  let samples = 0;
  return () => {
    const list = samples++ % listEvery === 0;
    /** @type {typeof others} */
    const now = new Map();
    let most = { millis: 0, name: '' };
    for (const pid of list ? strangers() : others.keys()) {
      const stat = statOf(pid);
      if (stat === undefined) continue;
      now.set(pid, stat);
      const before = others.get(pid);
      const millis = before?.name === stat.name ? stat.millis - before.millis : 0;
      if (millis > most.millis) most = { millis, name: stat.name };
    }
    others = now;
    return most;
  };
}

/** @returns {string[]} PIDs */
function strangers() {
  /** @type {Map<string, string>} PID -> that of its parent */
  const parents = new Map();
  const found = [];
  for (const pid of readdirSync('/proc')) {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    parents.set(pid, stat.parent);
    if (!kernelWorkers.test(stat.name)) found.push(pid);
  }
  return found.filter((pid) => !isOurs(pid, parents));
}

/**
 * @param {string} pid
 * @param {Map<string, string>} parents
 */
function isOurs(pid, parents) {
  let at = pid;
  for (let depth = 0; depth <= parents.size; ++depth) {
    if (at === String(process.pid)) return true;
    const parent = parents.get(at);
    if (parent === undefined) return false;
    at = parent;
  }
  return false;
}
