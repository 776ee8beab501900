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
