// A memory limit for a server, page cache included: what a machine with less memory would be like. Needs root and the memory
// controller of cgroups, version 1 or 2.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mounts = { v1: '/sys/fs/cgroup/memory', v2: '/sys/fs/cgroup' };

export class MemoryLimit {
  /** @param {number} bytes */
  constructor(bytes) {
    const isV1 = existsSync(mounts.v1);
    this.group = join(isV1 ? mounts.v1 : mounts.v2, `cairn-bench-${process.pid}`);
    try {
      mkdirSync(this.group, { recursive: true });
      writeFileSync(join(this.group, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
    } catch (error) {
      this.remove();
      throw new Error(`no memory limit (it needs root and cgroups): ${String(error)}`, { cause: error });
    }
    process.once('exit', () => this.remove());
  }

  /**
   * A process and its threads; what it has allocated before does not count.
   * @param {number} pid
   */
  add(pid) {
    writeFileSync(join(this.group, 'cgroup.procs'), String(pid));
    const joined = readFileSync(join(this.group, 'cgroup.procs'), 'utf8').split('\n');
    if (!joined.includes(String(pid))) throw new Error(`process ${pid} did not join ${this.group}`);
  }

  /** Once its processes have ended. */
  remove() {
    try {
      rmdirSync(this.group);
    } catch {
      // Not made, or removed already.
    }
  }
}
