/** A few seeds of the fuzzer that compares with redis-server; `npm run fuzz:commands` runs as many as wanted. */
import { expect, test } from 'vitest';
import { campaign } from '../fuzz-commands/campaign.js';

const seeds = 10;

test(`random commands get redis-server's replies (${seeds} seeds)`, async () => {
  const { commands, failures } = await campaign({
    from: 1,
    seeds,
    steps: 120,
    toleranceMs: 10_000,
    minimiseSeconds: 60,
    log: () => undefined,
  });
  expect(failures.map(({ report }) => report).join('\n')).toBe('');
  expect(commands).toBeGreaterThan(seeds * 120);
});
