// Format, lint and types of everything: npm run check.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError, filesUnder, outputOf, root, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

const clangFormatVersion = 14;

export function checkFormat() {
  runTool('prettier', 'bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']);
  const native = ['native', 'test/native', 'test/fuzz'].flatMap((folder) => filesUnder(folder, ['.h', '.cc']));
  if (native.length === 0) return;
  // Versions differ in details, and machines bring theirs: what one finds is worth a look, only ours decides.
  const version = Number(/version (\d+)/.exec(outputOf('clang-format', ['--version']) ?? '')?.[1]);
  try {
    run('clang-format', ['--dry-run', '--Werror', ...native.map((file) => path.relative(root, file))]);
  } catch (error) {
    if (!(error instanceof ScriptError) || Number.isNaN(version)) throw error;
    const message = 'clang-format would write the native code otherwise';
    if (version === clangFormatVersion) throw new ScriptError(message);
    console.log(`${message}; but this is version ${version}, and ${clangFormatVersion} decides`);
  }
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
