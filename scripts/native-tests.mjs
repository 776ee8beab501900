// node scripts/native-tests.mjs PROGRAM: runs the test cases of a doctest program, some at a time, in as many processes at
// once as there are cores. Each process closes with doctest's counts, which have to add up to all that are listed.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError, jobs, outputOf, root, runScript } from './lib.mjs';

// Test cases of this suite take longest and come first, each by itself, so that no process is left alone with one at the
// end. The others follow in pieces that get smaller.
const longSuite = 'long';
const casesAtOnceMax = 24;
const outputCharsMax = 4_000_000; // of one process: the last of it
const slowestMax = 12; // test cases named at the end

const durationLine = /^(\d+\.\d+) s: (.*)\n/gm;

/** Counts from a doctest program's last words. */
export function doctestCounts(output) {
  const counts = { passed: 0, failed: 0 };
  for (const match of output.matchAll(/\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed/g)) {
    counts.passed += Number(match[1]);
    counts.failed += Number(match[2]);
  }
  return counts;
}

function casesOf(program, filter) {
  const output = outputOf(program, ['--list-test-cases', ...filter]);
  if (output === undefined) throw new ScriptError(`${program} does not list its test cases`);
  return output.split('\n').filter((line) => line !== '' && !/^(\[doctest\]|=+$)/.test(line));
}

/** What each process runs: names of test cases. */
function piecesOf(program) {
  const pieces = casesOf(program, [`--test-suite=${longSuite}`]).map((name) => [name]);
  const others = casesOf(program, [`--test-suite-exclude=${longSuite}`]);
  while (others.length > 0) {
    const cases = Math.ceil(others.length / (4 * jobs));
    pieces.push(others.splice(0, Math.min(cases, casesAtOnceMax)));
  }
  return pieces;
}

/** Its output comes out at its end, in one piece. */
function runPiece(program, names) {
  // A comma would end the name.
  const filter = names.map((name) => name.replaceAll(',', '?')).join(',');
  return new Promise((resolve, reject) => {
    const child = spawn(program, [`--test-case=${filter}`, '--duration=true'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => (output = (output + chunk).slice(-outputCharsMax));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const durations = [...output.matchAll(durationLine)].map(([, seconds, name]) => ({
        seconds: Number(seconds),
        name,
      }));
      process.stdout.write(output.replaceAll(durationLine, ''));
      if (code !== 0) console.log(`${path.basename(program)} ended with ${code ?? signal}; it was to run: ${filter}`);
      resolve({ ok: code === 0, durations, ...doctestCounts(output) });
    });
  });
}

async function runAll(program) {
  const pieces = piecesOf(program);
  const cases = pieces.flat().length;
  const results = [];
  const worker = async () => {
    for (let piece; (piece = pieces.shift()) !== undefined;) results.push(await runPiece(program, piece));
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const slowest = results.flatMap(({ durations }) => durations).sort((a, b) => b.seconds - a.seconds);
  console.log('the slowest:');
  for (const { seconds, name } of slowest.slice(0, slowestMax)) console.log(`  ${seconds.toFixed(1)} s ${name}`);
  if (results.some(({ ok }) => !ok)) throw new ScriptError('some native tests failed');
  const ran = results.reduce((sum, { passed }) => sum + passed, 0);
  if (ran === 0 || ran !== cases) throw new ScriptError(`${ran} native tests ran of ${cases}`);
  console.log(`all ${cases} native tests ran`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(() => runAll(path.resolve(root, process.argv[2] ?? 'build/release/native-tests')));
}
