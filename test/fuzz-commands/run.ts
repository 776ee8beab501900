/** `npm run fuzz:commands`: as many seeds as wanted. */
import { expect, test } from 'vitest';
import { toolArguments } from '../support/tool-arguments.js';
import { campaign } from './campaign.js';

test('random commands beside redis-server', async () => {
  const args = toolArguments({
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '200' },
    'tolerance-ms': { type: 'string', default: '2000' },
    'minimise-seconds': { type: 'string', default: '120' },
    engine: { type: 'string' },
    replay: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  });
  const { commands, failures } = await campaign({
    seeds: Number(args['seeds']),
    from: Number(args['from']),
    steps: Number(args['steps']),
    toleranceMs: Number(args['tolerance-ms']),
    minimiseSeconds: Number(args['minimise-seconds']),
    keepGoing: args['keep-going'] === true,
    ...(typeof args['engine'] === 'string' ? { engine: args['engine'] } : {}),
    ...(typeof args['replay'] === 'string' ? { replay: args['replay'] } : {}),
    log: (line) => process.stdout.write(`${line}\n`),
  });
  process.stdout.write(`${commands} commands, ${failures.length} differences\n`);
  // The reports are above.
  expect(failures.map(({ seed }) => `seed ${seed}`)).toEqual([]);
});
