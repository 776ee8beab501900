/** The long crash test (`npm run soak`): 1,000 rounds unless CAIRN_CRASH_ROUNDS says otherwise. */
import { expect, test } from 'vitest';
import { crashEnvironment, crashRounds } from './rounds.js';

test('kill -9 under load, for long', async () => {
  const { rounds, seed } = crashEnvironment(1000);
  const { kills } = await crashRounds({ rounds, seed, writers: 12, observers: 3, roundsPerDir: 100 });
  expect(kills).toBeGreaterThanOrEqual(rounds);
});
