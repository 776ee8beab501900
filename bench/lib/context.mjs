// What an experiment gets: the options of the run, directories, servers, and a log.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { removeDirectory, stopChildren } from './cleanup.mjs';
import { startServer } from './servers.mjs';

/**
 * @typedef {import('./servers.mjs').Server} Server
 * @typedef {import('./servers.mjs').ServerKind} ServerKind
 * @typedef {import('./servers.mjs').Fsync} Fsync
 * @typedef {import('./options.mjs').Options} Options
 */

export class Context {
  /**
   * @param {Options} options
   * @param {string} workDir
   */
  constructor(options, workDir) {
    this.options = options;
    this.workDir = workDir;
    this.made = 0;
  }

  /** @param {string} line */
  log(line) {
    process.stderr.write(`${line}\n`);
  }

  /** @param {string} name */
  directory(name) {
    const path = join(this.workDir, `${++this.made}-${name}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** @param {string} path */
  remove(path) {
    removeDirectory(path);
  }

  /** After a failed experiment: nothing of it may run beside the next one or fill the disk. */
  async stopAll() {
    await stopChildren();
    removeDirectory(this.workDir);
    mkdirSync(this.workDir, { recursive: true });
  }

  /**
   * The server under test.
   * @param {Fsync} fsync
   * @param {string} dir
   * @param {{ cacheBytes?: number, readySeconds?: number }} [more]
   */
  startOurs(fsync, dir, more = {}) {
    const { self, cairnArgs, redisArgs } = this.options;
    const extra = [...(self === 'cairn' ? cairnArgs : redisArgs)];
    if (self === 'cairn' && more.cacheBytes !== undefined) {
      extra.push('--cache-size', String(more.cacheBytes));
    }
    const port = this.options.port;
    const wait = more.readySeconds === undefined ? {} : { readySeconds: more.readySeconds };
    return startServer(self, { dir, port, fsync, extra, ...wait });
  }

  /**
   * Redis, to compare with.
   * @param {Fsync} fsync
   * @param {string} dir
   */
  startRedis(fsync, dir) {
    const port = this.options.port === 0 ? 0 : this.options.port + 1;
    return startServer('redis', { dir, port, fsync, extra: this.options.redisArgs });
  }
}
