// Builds the addon and dist/, as far as they are not up to date.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesUnder, jobs, modifiedAt, outputOf, root, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

const stamp = path.join(root, 'dist', '.built');

export function buildNative() {
  if (outputOf('make', ['--question', 'native']) !== undefined) return;
  console.log('building the native part');
  run('make', ['--no-print-directory', '--silent', `-j${jobs}`, 'native']);
}

export function buildTypeScript() {
  const inputs = [
    ...filesUnder('src', ['.ts']),
    ...['tsconfig.json', 'package-lock.json'].map((name) => path.join(root, name)),
  ];
  const newest = Math.max(...inputs.map(modifiedAt));
  if (modifiedAt(stamp) >= newest) return;
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
