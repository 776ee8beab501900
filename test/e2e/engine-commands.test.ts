/** CAIRN commands that one engine has and another one has not. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { cairnOnly, startServer } from '../support/server.js';

const keys = 64;
const valueBytes = 64 << 10;

async function logBytes(client: RawClient): Promise<number> {
  return Number(/^log_bytes:(\d+)\r$/m.exec((await client.run('INFO engine')) as string)?.[1]);
}

cairnOnly('CAIRN COMPACT frees the space of what was overwritten, on the engine lsm', async () => {
  await using server = await startServer({ cairn: { engine: 'lsm' } });
  using client = await server.connect();
  for (let i = 0; i < keys; i++) await client.cmd('SET', `key${i}`, randomBytes(valueBytes).toString('hex'));
  await client.run('SAVE');
  expect(await logBytes(client)).toBeGreaterThan(keys * valueBytes);
  for (let i = 0; i < keys; i++) await client.run(`SET key${i} small`);
  expect(await client.ask('CAIRN COMPACT')).toBe('+OK');
  expect(await logBytes(client)).toBeLessThan((keys * valueBytes) / 10);
  expect(await client.run('GET key7')).toBe('small');
  expect(await client.ask('CAIRN COMPACT now')).toMatch(/^-ERR wrong number of arguments/);
});

cairnOnly('the engine lsm has no garbage collection to be told of', async () => {
  await using server = await startServer({ cairn: { engine: 'lsm' } });
  using client = await server.connect();
  const reason = 'it is an option of the engine vlog, and this server runs lsm';
  for (const target of ['ALL', '0', '7'])
    expect(await client.ask(`CAIRN GC MODE ${target} lazy`)).toBe(`-ERR gc-mode cannot be set: ${reason}`);
  expect(await client.ask('CAIRN GC')).toBe("-ERR the engine lsm has no command 'gc status'");
  expect(await client.run('CONFIG GET gc-mode')).toEqual(['gc-mode', 'lazy']);
});

cairnOnly('the engine vlog has nothing to compact, and says so', async () => {
  await using server = await startServer({ cairn: { engine: 'vlog' } });
  using client = await server.connect();
  expect(await client.ask('CAIRN COMPACT')).toBe("-ERR the engine vlog has no command 'compact'");
  await client.run('MULTI');
  expect(await client.ask('CAIRN COMPACT')).toMatch(/^-ERR Command not allowed inside a transaction/);
});
