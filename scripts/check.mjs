// Format, lint and types of everything: npm run check.
import { fileURLToPath } from 'node:url';
import { filesUnder, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

export function checkFormat() {
  runTool('prettier', 'bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']);
  const native = ['native', 'test/native', 'test/fuzz'].flatMap((folder) => filesUnder(folder, ['.h', '.cc']));
  if (native.length > 0) run('clang-format', ['--dry-run', '--Werror', ...native]);
}

export function checkLint() {
  runTool('eslint', 'bin/eslint.js', ['--max-warnings', '0', '.']);
}

export function checkTypes() {
  runTool('typescript', 'bin/tsc', ['-p', 'tsconfig.check.json']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(() => {
    setUp({ test: true });
    checkFormat();
    checkLint();
    checkTypes();
    console.log('format, lint and types are fine');
  });
}
