// npm run soak:sim -- [hours]: simulated disks and crashes, seed after seed, until the time is over or one fails. Prints the seeds done
// and the simulated disk operations so far. Engine vlog by its own simulation, lsm (if it is built) by the contract's random test.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ScriptError, root, run, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

const rounds = [
  { name: 'vlog', seeds: 2000, variable: 'CAIRN_SIM_RUNS', cases: ['-tc=vlog sim*'] },
  // RocksDB's threads are real: a seed takes some ten seconds, and need not fail again.
  { name: 'lsm', seeds: 20, variable: 'CAIRN_CONTRACT_RUNS', cases: ['-tc=engine contract: random*', '-sc=lsm'] },
];

await runScript(() => {
  const hours = Number(process.argv[2] ?? 1);
  if (!(hours > 0)) throw new ScriptError('usage: npm run soak:sim -- [hours]');
  setUp({ test: true });
  run('make', ['-s', 'VARIANT=release', 'native-tests']);
  const program = path.join(root, 'build', 'release', 'native-tests');
  const end = Date.now() + hours * 3600_000;
  const done = rounds.map(() => 0);
  let operations = 0;
  // Other seeds than the ones that every test run has.
  for (let first = 1_000_000 + (Date.now() % 1_000_000_000); Date.now() < end; first += 2000) {
    for (const [i, { name, seeds, variable, cases }] of rounds.entries()) {
      const env = { ...process.env, CAIRN_SIM_SEED: String(first), [variable]: String(seeds), CAIRN_SOAK: '1' };
      const { status, stdout } = spawnSync(program, cases, { env, encoding: 'utf8' });
      if (status !== 0) {
        process.stdout.write(stdout);
        throw new ScriptError(`${name}: failed within the ${seeds} seeds from ${first} on`);
      }
      done[i] += seeds;
      operations += Number(/simulated disk operations (\d+)/.exec(stdout)?.[1] ?? 0);
    }
    const counts = rounds.map(({ name }, i) => `${done[i]} of ${name}`).join(', ');
    console.log(`seeds done: ${counts}; ${operations} simulated disk operations, nothing lost`);
  }
});
