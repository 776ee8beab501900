/** `npm run check:history`: rounds of histories for as long as wanted. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { type Flags, makeTempDir, smallSegments, TestServer } from '../support/server.js';
import { toolArguments } from '../support/tool-arguments.js';
import { round } from './check.js';
import { checkFile } from './check-file.js';
import { type Fault, faults } from './nemesis.js';
import { type WorkloadName, workloads } from './workloads.js';

const roundsPerDirectory = 10;
const shownReports = 5;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function chosen<T extends string>(what: string, given: string, all: readonly T[]): readonly T[] {
  if (given === 'all') return all;
  const names = given.split(',');
  const found = all.filter((name) => names.includes(name));
  if (found.length !== names.length) throw new Error(`${what}: all, or some of ${all.join(',')}`);
  return found;
}

const args = toolArguments({
  minutes: { type: 'string', default: '10' },
  workload: { type: 'string', default: 'all' },
  faults: { type: 'string', default: 'all' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  'round-seconds': { type: 'string', default: '30' },
  concurrency: { type: 'string', default: '4' },
  engine: { type: 'string' },
  out: { type: 'string' },
  file: { type: 'string' },
});

function showReports(reports: readonly string[]): void {
  for (const report of reports.slice(0, shownReports)) say(report);
  if (reports.length > shownReports) say(`... and ${reports.length - shownReports} more`);
}

function newServer(dir: string): TestServer {
  const engine: Flags = typeof args['engine'] === 'string' ? { engine: args['engine'] } : {};
  return new TestServer({ dir, cairn: { ...smallSegments, ...engine } });
}

test('histories under faults', async () => {
  if (typeof args['file'] === 'string') {
    const { valid, reports } = checkFile(args['file']);
    showReports(reports);
    expect(valid).toBe(true);
    return;
  }
  const names = chosen<WorkloadName>('--workload', String(args['workload']), Object.keys(workloads) as WorkloadName[]);
  const kinds = args['faults'] === 'none' ? [] : chosen<Fault>('--faults', String(args['faults']), faults);
  const directory = typeof args['out'] === 'string' ? args['out'] : makeTempDir('cairn-history-');
  fs.mkdirSync(directory, { recursive: true });
  const endMs = Date.now() + Number(args['minutes']) * 60_000;
  let undecided = 0;
  let dir = makeTempDir('cairn-history-data-');
  let server = newServer(dir);
  try {
    await server.start();
    for (let i = 0, seed = Number(args['seed']); i === 0 || Date.now() < endMs; i++, seed++) {
      if (i > 0 && i % roundsPerDirectory === 0) {
        await server.stop();
        fs.rmSync(dir, { recursive: true, force: true });
        dir = makeTempDir('cairn-history-data-');
        server = newServer(dir);
        await server.start();
      }
      const seconds = Number(args['round-seconds']);
      const options = {
        seed,
        seconds,
        workloads: names,
        faults: kinds,
        concurrency: Number(args['concurrency']),
        directory,
      };
      const result = await round(server, `${i}-`, options);
      const struck = [...result.faults].map(([fault, count]) => `${count} ${fault}`).join(', ');
      say(
        `seed ${seed}: ${result.operations} operations, ${result.unknown} of unknown outcome, ${struck}: ${result.verdict.valid}`,
      );
      showReports(result.verdict.reports);
      if (result.verdict.valid === 'unknown') undecided++;
      if (result.verdict.valid === false)
        throw new Error(`seed ${seed}: not valid; histories: ${directory}, data: ${dir}`);
      if (args['out'] === undefined && result.verdict.valid === true) for (const file of result.files) fs.rmSync(file);
    }
    if (undecided > 0) say(`${undecided} rounds are undecided; their histories: ${directory}`);
    await server.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  } finally {
    await server.kill();
  }
});
