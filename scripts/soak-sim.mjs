// npm run soak:sim -- [hours]: simulated disks and crashes, seed after seed, until the time is over or one fails. Prints the seeds done
// and the simulated disk operations so far.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ScriptError, root, run, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

const seedsPerRun = 2000;

await runScript(() => {
  const hours = Number(process.argv[2] ?? 1);
  if (!(hours > 0)) throw new ScriptError('usage: npm run soak:sim -- [hours]');
  setUp({ test: true });
  run('make', ['-s', 'VARIANT=release', 'native-tests']);
  const program = path.join(root, 'build', 'release', 'native-tests');
  const end = Date.now() + hours * 3600_000;
  let seeds = 0;
  let operations = 0;
  // Other seeds than the ones that every test run has.
  for (let first = 1_000_000 + (Date.now() % 1_000_000_000); Date.now() < end; first += seedsPerRun) {
    const env = { ...process.env, CAIRN_SIM_SEED: String(first), CAIRN_SIM_RUNS: String(seedsPerRun) };
    const { status, stdout } = spawnSync(program, ['-tc=vlog sim*'], { env, encoding: 'utf8' });
    if (status !== 0) {
      process.stdout.write(stdout);
      throw new ScriptError(`failed within the ${seedsPerRun} seeds from ${first} on`);
    }
    seeds += seedsPerRun;
    operations += Number(/simulated disk operations (\d+)/.exec(stdout)?.[1] ?? 0);
    console.log(`${seeds} seeds done, ${operations} simulated disk operations, nothing lost`);
  }
});
