/** rdb_changes_since_last_save: what each command counts, and that a checkpoint begins anew. */
import { expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { cairnOnly, sleep, useServer } from '../support/server.js';

const server = useServer();

async function changes(client: RawClient): Promise<number> {
  const found = /rdb_changes_since_last_save:(\d+)/.exec(await client.ask('INFO persistence'));
  return Number(found?.[1]);
}

const steps: readonly (readonly [changes: number, command: string])[] = [
  [1, 'SET k v'],
  [1, 'SET k v'],
  [0, 'SET k v NX'],
  [0, 'SETNX k v'],
  [1, 'SETNX nk v'],
  [1, 'SET k v GET'],
  [1, 'SET k v KEEPTTL'],
  [1, 'SET k v EX 100'],
  [1, 'SETEX t 100 v'],
  [1, 'GETSET k v'],
  [0, 'GET k'],
  [0, 'GETEX k'],
  [1, 'GETEX k EX 100'],
  [1, 'GETEX k PERSIST'],
  [0, 'GETEX k PERSIST'],
  [1, 'GETDEL k'],
  [0, 'GETDEL k'],
  [3, 'MSET a 1 b 2 c 3'],
  [0, 'MSETNX a 1 zz 2'],
  [2, 'MSETNX x1 1 x2 2'],
  [2, 'DEL a b nokey'],
  [1, 'UNLINK c'],
  [0, 'DEL nokey'],
  [1, 'INCR n'],
  [1, 'INCRBY n 0'],
  [1, 'INCRBYFLOAT n 0'],
  [1, 'APPEND n ""'],
  [1, 'APPEND n x'],
  [0, 'SETRANGE n 0 ""'],
  [1, 'SETRANGE n 0 1'],
  [1, 'SETBIT bb 7 1'],
  [0, 'SETBIT bb 7 1'],
  [1, 'SETBIT bb 7 0'],
  [1, 'SETBIT bb 100 0'],
  [0, 'SETBIT bb 100 0'],
  [2, 'BITFIELD bf SET u8 0 1 SET u8 8 1 GET u8 0'],
  [1, 'BITFIELD bf SET u8 0 1 SET u8 8 2'],
  [0, 'BITFIELD bf SET u8 0 1'],
  [1, 'BITFIELD bf SET u8 100 0'],
  [2, 'BITFIELD bf SET u8 200 0 SET u8 0 5'],
  [0, 'BITFIELD bf OVERFLOW FAIL INCRBY u8 0 300'],
  [0, 'BITFIELD bf GET u8 0'],
  [0, 'BITFIELD bf2 OVERFLOW FAIL SET u8 50 1000'],
  [1, 'BITOP NOT bd bf'],
  [1, 'BITOP AND bd nokey nokey2'],
  [0, 'BITOP AND bd nokey nokey2'],
  [1, 'EXPIRE n 100'],
  [0, 'EXPIRE n 100 NX'],
  [0, 'EXPIRE nokey 100'],
  [1, 'PERSIST n'],
  [0, 'PERSIST n'],
  [1, 'EXPIRE n -1'],
  [0, 'EXPIRE n -1'],
  [1, 'SET r1 v'],
  [1, 'RENAME r1 r2'],
  [0, 'RENAME r2 r2'],
  [1, 'SET r1 w'],
  [1, 'RENAME r1 r2'],
  [1, 'RENAMENX r2 r3'],
  [0, 'RENAMENX r3 r3'],
  [1, 'COPY r3 r4'],
  [0, 'COPY r3 r4'],
  [1, 'COPY r3 r4 REPLACE'],
  [1, 'MOVE r3 5'],
  [0, 'MOVE r3 5'],
  [0, 'TOUCH r4'],
  [1, 'SWAPDB 1 2'],
  [0, 'OBJECT ENCODING r4'],
  [0, 'SCAN 0'],
  [8, 'FLUSHDB'],
  [0, 'FLUSHDB'],
  [3, 'MSET a 1 b 2 c 3'],
  [4, 'FLUSHALL'],
  [0, 'FLUSHALL'],
  [1, 'SET lv v EX 100'],
  [0, 'SET lv v2 GET NX'],
  [0, 'MULTI'],
  [0, 'SET a 1'],
  [0, 'DEL a'],
  [0, 'INCR q'],
  [3, 'EXEC'],
  [0, 'LCS a b'],
  [1, 'COPY q q9'],
  [1, 'PEXPIREAT q 1'],
  [0, 'EXPIRETIME q'],
  [0, 'BITCOUNT q'],
];

test('every command counts as in Redis', async () => {
  using client = await server.current.connect();
  using other = await server.current.connect();
  await client.run('FLUSHALL');
  const got: string[] = [];
  for (const [, command] of steps) {
    const before = await changes(other);
    await client.run(command);
    got.push(`${(await changes(other)) - before} ${command}`);
  }
  expect(got).toEqual(steps.map(([count, command]) => `${count} ${command}`));
});

test('inside EXEC INFO shows those before it; SAVE begins anew', async () => {
  using client = await server.current.connect();
  await client.run('SET before 1');
  expect(await client.ask('SAVE')).toBe('+OK');
  for (const line of ['MULTI', 'MSET a 1 b 2', 'INFO persistence', 'SET c 1', 'RENAME c d']) await client.run(line);
  expect(await client.ask('EXEC')).toContain('rdb_changes_since_last_save:2\\r');
  expect(await changes(client)).toBe(4);
  await client.run('CONFIG RESETSTAT');
  expect(await changes(client)).toBe(4);
  expect(await client.ask('SAVE')).toBe('+OK');
  expect(await changes(client)).toBe(0);
});

cairnOnly('a reload of the engine begins anew', async () => {
  using client = await server.current.connect();
  await client.run('MSET a 1 b 2 c 3');
  expect(await client.ask('DEBUG RELOAD')).toBe('+OK');
  expect(await changes(client)).toBe(0);
  await client.run('SET d 1');
  expect(await changes(client)).toBe(1);
});

cairnOnly('what is read from disk, or parked, counts once', async () => {
  using client = await server.current.connect();
  await client.run('MSET a 1 b 2 c 3');
  await server.current.stop();
  await server.current.start();
  using again = await server.current.connect();
  expect(await changes(again)).toBe(0);
  await again.run('INCR a'); // all values are on disk only
  expect(await changes(again)).toBe(1);
  for (const line of ['MULTI', 'INCR b', 'GET c', 'INCR c', 'EXEC']) await again.run(line);
  expect(await changes(again)).toBe(3);
});

cairnOnly('what has expired is no change to who finds it', async () => {
  using client = await server.current.connect();
  await client.run('SET gone v PX 1');
  await sleep(5);
  const before = await changes(client);
  await client.run('GET gone');
  await client.run('DEL gone');
  expect(await changes(client)).toBe(before);
  await client.run('SET gone v PX 1');
  await sleep(5);
  await client.run('SET gone w');
  expect(await changes(client)).toBe(before + 2);
});
