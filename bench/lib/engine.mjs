// What only this server has: options of its engine, figures in INFO, and its garbage collection.

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entryPoint = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** @type {Set<string> | undefined} */
let known;

/** The options this build has. */
export function knownOptions() {
  if (known === undefined) {
    const text = execFileSync(process.execPath, [entryPoint, 'config'], { encoding: 'utf8' });
    known = new Set([...text.matchAll(/^([a-z][a-z0-9-]*) /gm)].map((match) => match[1] ?? ''));
  }
  return known;
}

/**
 * Command-line arguments for the options that this build has, and the names of those it does not have.
 * @param {Record<string, string | number>} options
 */
export function optionArguments(options) {
  const args = [];
  const missing = [];
  for (const [name, value] of Object.entries(options)) {
    if (knownOptions().has(name)) args.push(`--${name}`, String(value));
    else missing.push(name);
  }
  return { args, missing };
}

/**
 * @param {import('./servers.mjs').Server} server
 * @returns {Promise<Map<string, string>>} every line of INFO
 */
export async function infoOf(server) {
  const reply = await server.command('INFO', 'everything');
  const lines = String(reply).split('\r\n');
  return new Map(
    lines
      .filter((line) => line.includes(':'))
      .map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]*:/, '')]),
  );
}

/**
 * @param {Map<string, string>} before
 * @param {Map<string, string>} after
 * @param {string} name
 * @returns {number | undefined} undefined: INFO does not have it
 */
export function infoDelta(before, after, name) {
  const from = before.get(name);
  const to = after.get(name);
  return from === undefined || to === undefined ? undefined : Number(to) - Number(from);
}

/**
 * @param {import('./servers.mjs').Server} server
 * @param {'PAUSE' | 'RESUME'} what
 * @returns {Promise<boolean>} false: this build has no such command
 */
export async function garbageCollection(server, what) {
  const reply = await server.command('CAIRN', 'GC', what);
  if (reply === 'OK') return true;
  if (reply instanceof Error && /unknown command/i.test(reply.message)) return false;
  throw new Error(`CAIRN GC ${what}: ${reply instanceof Error ? reply.message : String(reply)}`);
}

/**
 * Disk space a directory takes, in allocated blocks. Files may come and go meanwhile.
 * @param {string} dir
 */
export function allocatedBytes(dir) {
  let sum = 0;
  for (const path of filesIn(dir)) sum += statSync(path, { throwIfNoEntry: false })?.blocks ?? 0;
  return sum * 512;
}

/**
 * Bytes of the largest segment in a directory.
 * @param {string} dir
 */
export function largestSegment(dir) {
  const segments = filesIn(dir).filter((path) => path.endsWith('.vlog'));
  return Math.max(0, ...segments.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0));
}

/** @param {string} dir */
export function filesIn(dir) {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name));
}

/**
 * Out of the page cache with the files of a directory: whoever reads them next reads the disk.
 * @param {string} dir
 */
export function dropPages(dir) {
  for (const path of filesIn(dir)) {
    execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  }
}
