// What an experiment gets: the options of the run, directories, servers, and a log.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { removeDirectory, stopChildren } from './cleanup.mjs';
import { optionArguments } from './engine.mjs';
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
   * @param {{ cacheBytes?: number, readySeconds?: number, options?: Record<string, string | number> }} [more] `options`: of
   *   Cairn; in a quick trial those that this build does not have are left out and
   *   noted in `missing` of the server
   */
  async startOurs(fsync, dir, more = {}) {
    const { self, cairnArgs, redisArgs } = this.options;
    const wanted = { ...more.options, ...(more.cacheBytes === undefined ? {} : { 'cache-size': more.cacheBytes }) };
    const { args, missing } = self === 'cairn' ? optionArguments(wanted) : { args: [], missing: [] };
    // A trial shows what would run; a measurement without what it is about would mislead.
    if (missing.length > 0 && !this.options.quick) throw new Error(`this build has no ${missing.join(', ')}`);
    const extra = [...args, ...(self === 'cairn' ? cairnArgs : redisArgs)];
    const port = this.options.port;
    const wait = more.readySeconds === undefined ? {} : { readySeconds: more.readySeconds };
    const server = await startServer(self, { dir, port, fsync, extra, ...wait });
    server.missing = missing;
    if (missing.length > 0) this.log(`    this build has no ${missing.join(', ')}`);
    return server;
  }

  /**
   * Redis, to compare with.
   * @param {Fsync} fsync
   * @param {string} dir
   * @param {{ aofRewrite?: boolean }} [more]
   */
  startRedis(fsync, dir, more = {}) {
    const port = this.options.port === 0 ? 0 : this.options.port + 1;
    return startServer('redis', { dir, port, fsync, extra: this.options.redisArgs, ...more });
  }

  /**
   * A size or time from lib/parameters.mjs.
   * @param {string} name
   */
  parameter(name) {
    const value = this.options.parameters.get(name);
    if (value === undefined) throw new Error(`no parameter ${name}`);
    return value;
  }

  /** Experiments about this server's own engine make no sense with Redis in its place. */
  requireCairn() {
    if (this.options.self !== 'cairn') throw new Error('only for this server');
  }
}
