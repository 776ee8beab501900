// What access control costs: CPU time of the server per request of a user with rules, beside that of the default user, who may do
// everything; on one server, in turns.

import { spawnSync } from 'node:child_process';

import { sleep } from '../lib/cleanup.mjs';
import { cpuNanosBetween, cpuSample } from '../lib/proc.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread } from '../lib/stats.mjs';
import { runTool } from '../lib/tool.mjs';

const rules = ['on', '>bench', '~key:*', '%R~other:*', '&news:*', '+@read', '+@write', '-@dangerous'];
const keys = 10_000;
const trialRequests = 200_000;
const loadSecondsMax = 300;

/**
 * @param {import('../lib/context.mjs').Server} server
 * @param {{ test: string, user: string, requests: number }} load
 */
async function load(server, { test, user, requests }) {
  const args = ['-h', '127.0.0.1', '-p', String(server.port), '-t', test, '-q', '-r', String(keys), '-c', '50'];
  args.push('-P', '16', '-n', String(requests), '--user', user, '-a', 'bench');
  const before = cpuSample(server.pid);
  const begin = performance.now();
  await runTool('redis-benchmark', args, loadSecondsMax);
  const seconds = (performance.now() - begin) / 1000;
  return { cpuMicros: cpuNanosBetween(before, cpuSample(server.pid)) / 1000 / requests, perSecond: requests / seconds };
}

/**
 * @param {string} test of redis-benchmark
 * @returns {import('./index.mjs').Experiment}
 */
export function restrictedUser(test) {
  return async (context, rows) => {
    const { rounds, seconds, self } = context.options;
    const directory = context.directory('ours');
    const server = await context.startOurs('everysec', directory);
    const made = spawnSync('redis-cli', ['-p', String(server.port), 'ACL', 'SETUSER', 'bench', ...rules]);
    if (made.stdout.toString().trim() !== 'OK') throw new Error(`no user: ${made.stdout.toString()}`);
    const sides = ['bench', 'default'].map((user) => ({ user, cpu: /** @type {number[]} */ ([]) }));
    const trial = await load(server, { test, user: 'bench', requests: trialRequests });
    const requests = Math.round(trial.perSecond * seconds);
    for (let round = 1; round <= rounds; round++) {
      for (const side of sides) {
        await sleep(250);
        const { cpuMicros } = await load(server, { test, user: side.user, requests });
        side.cpu.push(cpuMicros);
        context.log(`    round ${round} ${side.user.padEnd(7)} ${cpuMicros.toFixed(3)} us CPU per request`);
      }
    }
    const settings = { [self]: { arguments: server.arguments, config: await server.settings() } };
    await server.stop();
    context.remove(directory);
    const [restricted, free] = sides;
    if (restricted === undefined || free === undefined) throw new Error('two sides expected');
    const notes = [`rules ${rules.slice(2).join(' ')}, ${digits(requests)} requests in each round`];
    return {
      results: rows.map((row) => judge(row, spread(restricted.cpu), spread(free.cpu), notes)),
      details: sides.map(({ user, cpu }) => ({
        experiment: `acl-${test}-p16`,
        who: user,
        figures: { 'us CPU/request': spread(cpu) },
      })),
      settings,
    };
  };
}
