// npm run test:redis: the end-to-end tests against a real redis-server. More arguments go to vitest.
import { runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

await runScript(() => {
  setUp({ test: true });
  const args = ['run', '--project', 'e2e', ...process.argv.slice(2)];
  runTool('vitest', 'vitest.mjs', args, { env: { ...process.env, CAIRN_TEST_SERVER: 'redis' } });
});
