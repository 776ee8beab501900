// What the scripts share. No dependencies: this runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const jobs = Math.max(1, cpus().length);

/** Made by the set-up of the tests. */
export const redisLink = path.join(root, 'build', 'tools', 'redis-server');
export const redisServer = () => (existsSync(redisLink) ? redisLink : 'redis-server');

/** A failure that the user should read as one line, not as a stack. */
export class ScriptError extends Error {}

/** Runs a program in the repository, its output shown; throws when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error !== undefined) throw new ScriptError(`${program} cannot be run: ${result.error.message}`);
  if (result.status !== 0) {
    throw new ScriptError(`${[program, ...args].join(' ')} failed with ${result.status ?? result.signal}`);
  }
  return result;
}

/** Output of a program, or undefined if it fails. */
export function outputOf(program, args) {
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout : undefined;
}

/** A program from node_modules, run by this Node. */
export function runTool(name, script, args, options = {}) {
  return run(process.execPath, [path.join(root, 'node_modules', name, script), ...args], options);
}

export function modifiedAt(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

/** All files under a folder of the repository whose names end with one of `endings`. */
export function filesUnder(folder, endings) {
  const start = path.join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

/** Runs `main`, turning failures into a message and exit code 1. */
export async function runScript(main) {
  process.stdout.on('error', () => undefined); // who reads may go away before the work is done
  try {
    await main();
  } catch (error) {
    console.error(error instanceof ScriptError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
