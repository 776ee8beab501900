// Builds the addon and dist/, as far as they are not up to date.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesUnder, jobs, modifiedAt, outputOf, root, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

const stamp = path.join(root, 'dist', '.built');

/** It takes minutes: the Makefile says where it is, on one line if that is a terminal's. */
export function buildNative() {
  if (outputOf('make', ['--question', 'native']) !== undefined) return;
  const plan = outputOf('make', ['--dry-run', 'native']) ?? '';
  const files = plan.match(/ -c native\//g)?.length ?? 0;
  console.log(`building the native part: ${files} files to compile`);
  const progress = [`PROGRESS_OF=${files}`, `PROGRESS_TTY=${process.stdout.isTTY ? 1 : ''}`];
  run('make', ['--no-print-directory', '--silent', `-j${jobs}`, ...progress, 'native']);
}

export function buildTypeScript() {
  const inputs = [
    ...filesUnder('src', ['.ts']),
    ...['tsconfig.json', 'package-lock.json'].map((name) => path.join(root, name)),
  ];
  const newest = Math.max(...inputs.map(modifiedAt));
  if (modifiedAt(stamp) >= newest) return;
  console.log('building the TypeScript part');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  runTool('typescript', 'bin/tsc', ['-p', 'tsconfig.json']);
  writeFileSync(stamp, '');
}

export function build() {
  buildNative();
  buildTypeScript();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(() => {
    setUp({ system: !process.argv.includes('--no-system') });
    build();
  });
}
