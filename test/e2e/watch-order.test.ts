/** WATCH beside transactions that write, swap and flush: what counts is the order of the writes. */
import { expect, test } from 'vitest';
import { sleep, useServer } from '../support/server.js';

const server = useServer();

test('a removal before a swap in the same transaction stops it, whatever the swap brings', async () => {
  using a = await server.current.connect();
  using b = await server.current.connect();
  for (const command of ['FLUSHALL', 'SELECT 1', 'SET w v PX 5', 'SELECT 0', 'SET w v']) await b.run(command);
  await sleep(10);
  await a.run('WATCH w');
  for (const command of ['MULTI', 'DEL w', 'SWAPDB 0 1', 'EXEC']) await b.run(command);
  await a.run('MULTI');
  expect(await a.ask('EXEC')).toBe('*nil');
});

test('an expired key that is met and then flushed in one transaction does not stop it', async () => {
  using a = await server.current.connect();
  using b = await server.current.connect();
  for (const command of ['FLUSHALL', 'SET w v PX 5']) await b.run(command);
  await sleep(10);
  await a.run('WATCH w');
  for (const command of ['MULTI', 'GET w', 'FLUSHDB', 'EXEC']) await b.run(command);
  await a.run('MULTI');
  await a.run('PING');
  expect(await a.ask('EXEC')).toBe('[+PONG]');
});
