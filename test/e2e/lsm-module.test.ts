/** The lsm engine is a shared object of its own: who does not use it does not load it. */
import fs from 'node:fs';
import { expect } from 'vitest';
import { cairnOnly, startServer } from '../support/server.js';

cairnOnly('a server on the value log does not load RocksDB', async () => {
  const server = await startServer();
  try {
    const loaded = fs.readFileSync(`/proc/${server.pid}/maps`, 'utf8');
    expect(loaded).toMatch(/\bcairn\.node\b/);
    expect(loaded).not.toMatch(/rocksdb|cairn_lsm/);
  } finally {
    await server.stop();
  }
});

cairnOnly('the options of the other engine are known, and what only it has is refused', async () => {
  await using server = await startServer();
  using client = await server.connect();
  expect(await client.run('CONFIG GET rocksdb-compression engine')).toEqual([
    'rocksdb-compression',
    'lz4',
    'engine',
    'vlog',
  ]);
  expect(((await client.run('CONFIG GET rocksdb-*')) as string[]).length).toBeGreaterThan(60);
});

cairnOnly('a directory belongs to the engine that made it', async () => {
  await using server = await startServer({ cairn: { engine: 'lsm' } });
  {
    using client = await server.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
    expect(await client.ask('CONFIG SET gc-mode lazy')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'gc-mode') - " +
        'it is an option of the engine vlog, and this server runs lsm',
    );
    expect(await client.ask('CAIRN GC PAUSE')).toBe("-ERR the engine lsm has no command 'gc pause'");
  }
  await server.stop();
  await expect(startServer({ dir: server.dir })).rejects.toThrow(
    /holds the data of the engine lsm, and the option engine says vlog; to change the engine, copy the keys/,
  );
});
