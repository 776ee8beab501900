/** kill -9 loses nothing that was acknowledged; and the check would notice if it did. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { target } from '../support/server.js';
import { crashEnvironment, crashRounds } from './rounds.js';
import { Register } from './register.js';
import { type Writer } from './writer.js';

test.each([
  ['vlog', 50],
  ['lsm', 25],
])('kill -9 under load, engine %s', async (engine, usual) => {
  const { rounds, seed } = crashEnvironment(usual);
  const { acknowledged, kills } = await crashRounds({ rounds, seed, ...(target === 'redis' ? {} : { engine }) });
  expect(kills).toBeGreaterThanOrEqual(rounds);
  expect(acknowledged).toBeGreaterThan(rounds * 10);
});

describe('the check notices', () => {
  const sabotages: readonly (readonly [
    string,
    (client: RawClient, writers: readonly Writer[]) => Promise<void>,
    RegExp,
  ])[] = [
    [
      'a lost write',
      async (client, [writer]) => {
        await client.run(`DEL ${writer?.counter.keys[0]}`);
      },
      /w0:counter: found \[absent\], which is state 0 of \d+, but state \d+ was acknowledged/,
    ],
    [
      'a deleted key that is back',
      async (client) => {
        await client.run('SET w0:k0 w0.1.from-the-past');
      },
      /w0:k0: found .*from-the-past\], which is no state that was ever sent/,
    ],
    [
      'half an EXEC',
      async (client) => {
        await client.run('SET {0.0.0}group torn');
      },
      /w0:group0: found \[4:torn, .*which is no state that was ever sent/,
    ],
    [
      'a key too many',
      async (client) => {
        await client.run('SET stranger 1');
      },
      /DBSIZE is :\d+, but \d+ keys were found/,
    ],
  ];

  test.each(sabotages)('%s', async (_name, sabotage, complaint) => {
    const quiet = (): void => undefined;
    await expect(crashRounds({ rounds: 1, seed: 7, writers: 2, sabotage, log: quiet })).rejects.toThrow(complaint);
  });

  test('an older state than the acknowledged one, and a sighting that was taken back', () => {
    const register = new Register('r', ['k']);
    const first = register.push(['1']);
    register.push(['2']);
    register.push(['3']);
    register.acknowledge(first);
    expect(register.observe(['2'], first)).toBeUndefined();
    expect(register.observe(['9'], 0)).toMatch(/never was/);
    expect(register.settle(['1'])).toMatch(/state 1 of 3, but state 2 was acknowledged/);
  });
});
