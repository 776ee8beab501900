// npm test: everything that decides whether a change is good, from a fresh clone. The last line sums up all tests.
// CAIRN_TEST_STAGES=unit,e2e runs only these stages (and the build).
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { checkFormat, checkLint, checkTypes } from './check.mjs';
import { ScriptError, jobs, root } from './lib.mjs';
import { doctestCounts } from './native-tests.mjs';
import { setUp } from './setup.mjs';

const totals = { passed: 0, failed: 0 };
const results = [];
const temporary = mkdtempSync(path.join(tmpdir(), 'cairn-npm-test-'));
const outputCharsMax = 4_000_000;

/** Runs a program, shows its output and returns it together with the exit code. */
function capture(program, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (stream) => (chunk) => {
      stream.write(chunk);
      output = (output + chunk).slice(-outputCharsMax);
    };
    child.stdout.on('data', collect(process.stdout));
    child.stderr.on('data', collect(process.stderr));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

async function native(target) {
  const { code, output } = await capture('make', ['--no-print-directory', `-j${jobs}`, target]);
  const counts = doctestCounts(output);
  if (code === 0 && counts.passed === 0) throw new ScriptError(`make ${target} ran no tests`);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function vitest(project) {
  const report = path.join(temporary, `${project}.json`);
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code } = await capture(process.execPath, [path.join(root, 'node_modules/vitest/vitest.mjs'), ...args]);
  let counts;
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    counts = { passed: numPassedTests, failed: numFailedTests };
  } catch {
    throw new ScriptError(`vitest left no report for ${project}`);
  }
  if (code === 0 && counts.passed === 0) throw new ScriptError(`project ${project} ran no tests`);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** Runs one stage and keeps its time and counts. False when something in it failed. */
async function stage(name, action) {
  console.log(`\n=== ${name}`);
  const started = performance.now();
  let counts;
  try {
    counts = (await action()) ?? { passed: 0, failed: 0 };
  } catch (error) {
    console.error(error instanceof ScriptError ? error.message : error);
    counts = { passed: 0, failed: 1 };
  }
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  results.push({ name, seconds: (performance.now() - started) / 1000, ...counts });
  return counts.failed === 0;
}

const wanted = process.env.CAIRN_TEST_STAGES?.split(',');
const tests = [
  ['format', () => checkFormat()],
  ['lint', () => checkLint()],
  ['types', () => checkTypes()],
  ['native', () => native('test')],
  ['native-asan', () => native('test-asan')],
  ['native-tsan', () => native('test-tsan')],
  ['unit', () => vitest('unit')],
  ['e2e', () => vitest('e2e')],
  ['e2e-lsm', () => vitest('e2e-lsm')],
  ['crash', () => vitest('crash')],
].filter(([name]) => wanted === undefined || wanted.includes(name));

const ready = (await stage('set-up', () => setUp({ test: true }))) && (await stage('build', () => build()));
if (ready) for (const [name, action] of tests) await stage(name, action);
rmSync(temporary, { recursive: true, force: true });

console.log('\nstage              seconds  passed  failed');
for (const { name, seconds, passed, failed } of results) {
  console.log(
    `${name.padEnd(16)} ${seconds.toFixed(1).padStart(9)} ${String(passed).padStart(7)} ${String(failed).padStart(7)}`,
  );
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
