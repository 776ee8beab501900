// node scripts/copy-keys.mjs FROM TO: copies all keys of one running server to another with SCAN, PTTL, DUMP and RESTORE.
// Addresses are redis://[:password@]host:port. Works with everything that speaks the protocol. A key that exists at the target
// is replaced; keys that are written meanwhile may be missed.
import { Redis } from 'ioredis';
import { ScriptError, runScript } from './lib.mjs';

const keysPerRound = 500;

/** The results of a pipeline; throws at the first error. */
async function results(pipeline) {
  return (await pipeline.exec()).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

/** Number of keys that were copied; one that went away meanwhile is none. */
async function copyRound(from, to, keys) {
  const read = from.pipeline();
  for (const key of keys) read.pttl(key).dumpBuffer(key);
  const found = await results(read);
  const write = to.pipeline();
  keys.forEach((key, index) => {
    const [ttl, dump] = found.slice(2 * index, 2 * index + 2);
    if (dump !== null) write.restore(key, Math.max(0, ttl), dump, 'REPLACE');
  });
  return (await results(write)).length;
}

async function copyDatabase(from, to, db) {
  await Promise.all([from.select(db), to.select(db)]);
  let copied = 0;
  let cursor = '0';
  do {
    const [next, keys] = await from.scanBuffer(cursor, 'COUNT', keysPerRound);
    cursor = String(next);
    for (let at = 0; at < keys.length; at += keysPerRound) {
      copied += await copyRound(from, to, keys.slice(at, at + keysPerRound));
    }
  } while (cursor !== '0');
  console.log(`database ${db}: ${copied} keys copied`);
}

await runScript(async () => {
  const [source, target, ...more] = process.argv.slice(2);
  if (target === undefined || more.length > 0) {
    throw new ScriptError('usage: node scripts/copy-keys.mjs redis://FROM:PORT redis://TO:PORT');
  }
  const servers = [source, target].map((url) => new Redis(url, { maxRetriesPerRequest: 1 }));
  for (const server of servers) server.on('error', () => undefined); // the command that fails says why
  const [from, to] = servers;
  try {
    const keyspace = await from.info('keyspace');
    for (const [, db] of keyspace.matchAll(/^db(\d+):/gm)) await copyDatabase(from, to, Number(db));
  } catch (error) {
    throw new ScriptError(`copying failed: ${error.message}`);
  } finally {
    for (const server of servers) server.disconnect();
  }
});
