// Whatever happens, no child process and no temporary directory outlives a run: children and directories are registered
// here when they come to be, and removed at the end, on an error, and on Ctrl-C.

import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
/** @type {Set<string>} */
const directories = new Set();
let stopping = false;

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
export function spawnTracked(command, args, options) {
  if (stopping) throw new Error('the run is being stopped');
  const child = spawn(command, args, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/**
 * Makes a directory that cleanUp() removes.
 * @param {string} path
 */
export function trackedDirectory(path) {
  mkdirSync(path, { recursive: true });
  directories.add(path);
  return path;
}

/** @param {string} path */
export function removeDirectory(path) {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** @param {import('node:child_process').ChildProcess} child */
export function exited(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      resolve(undefined);
    } else {
      child.once('exit', () => resolve(undefined));
    }
  });
}

/** Set when the run is being ended from outside. */
export function isStopping() {
  return stopping;
}

export async function stopChildren() {
  const open = [...children];
  for (const child of open) child.kill('SIGKILL');
  await Promise.race([Promise.all(open.map(exited)), sleep(5000, true)]);
}

export async function cleanUp() {
  stopping = true;
  await stopChildren();
  for (const path of directories) removeDirectory(path);
}

/**
 * The whole of a program: an error is printed, and nothing is left behind.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}

/**
 * @param {number} ms
 * @param {boolean} [background] true: does not keep the process alive
 */
export function sleep(ms, background = false) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (background) timer.unref();
  });
}

/** Ctrl-C and kill stop the children and remove the directories first. */
export function installSignalHandlers() {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      process.stderr.write(`\n${signal}: stopping servers and removing temporary files\n`);
      void cleanUp().then(() => process.exit(130));
    });
  }
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });
}
