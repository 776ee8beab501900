/** keyspace_hits and keyspace_misses: what each command adds to them, for keys that are there, are not, or have expired. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { cairnOnly, sleep, useServer } from '../support/server.js';

const server = useServer({ flags: { 'enable-debug-command': 'local' } });

interface Counts {
  hits: number;
  misses: number;
}

async function counts(client: RawClient): Promise<Counts> {
  const info = await client.ask('INFO stats');
  const field = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1] ?? NaN);
  return { hits: field('keyspace_hits'), misses: field('keyspace_misses') };
}

/** A command on the key `k`, and the looks at it that are counted. */
type Case = readonly [command: string, hits: number, misses: number];

const reads = (hits: number, command: string): Case[] => [
  [command, hits, 0],
  [command.replaceAll(/\bk\b/g, 'absent'), 0, hits],
  [command.replaceAll(/\bk\b/g, 'expired'), 0, hits],
];

const cases: Case[] = [
  ...[
    'GET k',
    'GETEX k',
    'GETEX k EX 100',
    'GETEX k PERSIST',
    'GETDEL k',
    'GETSET k 1',
    'SET k 1 GET',
    'SET k 1 GET XX',
    'SET k 1 GET KEEPTTL',
    'MGET k',
    'STRLEN k',
    'GETRANGE k 0 1',
    'SUBSTR k 0 1',
    'GETBIT k 1',
    'BITCOUNT k',
    'BITPOS k 1',
    'BITFIELD k GET u8 0',
    'BITFIELD_RO k GET u8 0',
    'BITOP NOT to k',
    'COPY k to',
    'COPY k to DB 1',
    'EXISTS k',
    'TOUCH k',
    'TYPE k',
    'TTL k',
    'PTTL k',
    'EXPIRETIME k',
    'PEXPIRETIME k',
    'DUMP k',
    'OBJECT ENCODING k',
    'OBJECT REFCOUNT k',
    'OBJECT IDLETIME k',
  ].flatMap((command) => reads(1, command)),
  ...['MGET k k', 'EXISTS k k', 'LCS k k', 'BITOP AND to k k', 'TOUCH k k'].flatMap((command) => reads(2, command)),
  ...['MGET k k k', 'BITOP XOR to k k k'].flatMap((command) => reads(3, command)),
  ...[
    'SET k 1',
    'SET k 1 XX',
    'SET k 1 NX',
    'SET k 1 KEEPTTL',
    'SETNX k 1',
    'SETEX k 100 1',
    'MSET k 1',
    'MSETNX k 1',
    'APPEND k 1',
    'SETRANGE k 0 1',
    'SETBIT k 0 1',
    'INCR k',
    'DECRBY k 2',
    'INCRBYFLOAT k 1',
    'BITFIELD k SET u8 0 1',
    'BITFIELD k GET u8 0 INCRBY u8 0 1',
    'DEL k',
    'UNLINK k',
    'EXPIRE k 100',
    'PEXPIREAT k 1',
    'PERSIST k',
    'RENAME k to',
    'RENAMENX k to',
    'MOVE k 1',
    'RESTORE k 0 x',
    'MEMORY USAGE k',
    'DEBUG OBJECT k',
    'WATCH k',
    'BITOP NOT k nosource',
    'COPY nosource k',
    'RENAME nosource k',
  ].flatMap((command): Case[] => {
    const misses = /^(BITOP|COPY).*nosource/.test(command) ? 1 : 0;
    return ['k', 'absent', 'expired'].map((key) => [command.replaceAll(/\bk\b/g, key), 0, misses]);
  }),
  ['DBSIZE', 0, 0],
  ['KEYS *', 0, 0],
  ['SCAN 0', 0, 0],
  ['RANDOMKEY', 0, 0],
  ['FLUSHDB', 0, 0],
  ['SWAPDB 0 1', 0, 0],
  // An error before the look, and one behind it.
  ['SET k 1 GET nonsense', 0, 0],
  ['GETEX k nonsense', 0, 0],
  ['GETEX k EX 0', 1, 0],
  ['BITOP NOT to k k', 0, 0],
  ['GETRANGE k a b', 0, 0],
];

async function prepare(client: RawClient): Promise<void> {
  await client.run('FLUSHALL');
  await client.pipeline([
    ['SET', 'k', '12'],
    ['SET', 'expired', '1', 'PX', '1'],
  ]);
  await sleep(2);
}

describe('hits and misses', () => {
  test.each(cases)('%s: %i hits, %i misses', async (command, hits, misses) => {
    using client = await server.current.connect();
    await client.run('DEBUG SET-ACTIVE-EXPIRE 0');
    await prepare(client);
    const before = await counts(client);
    await client.run(command);
    const after = await counts(client);
    expect({ hits: after.hits - before.hits, misses: after.misses - before.misses }).toEqual({ hits, misses });
  });

  test('values that are read from disk are counted once', async () => {
    {
      using client = await server.current.connect();
      await prepare(client);
      await client.cmd('SET', 'long', 'x'.repeat(10_000));
    }
    await server.current.restart();
    using client = await server.current.connect();
    const before = await counts(client);
    void client.send(
      'MGET k long absent\r\nGETEX k EX 100\r\nGET long\r\nBITOP NOT to long\r\nGETDEL k\r\nOBJECT ENCODING long\r\n',
    );
    await client.readMany(6);
    const after = await counts(client);
    expect({ hits: after.hits - before.hits, misses: after.misses - before.misses }).toEqual({ hits: 7, misses: 1 });
  });

  test('in a transaction they are counted as outside', async () => {
    using client = await server.current.connect();
    await prepare(client);
    const before = await counts(client);
    await client.pipeline([['MULTI'], ['GET', 'k'], ['GETEX', 'absent'], ['INCR', 'k'], ['COPY', 'k', 'to'], ['EXEC']]);
    const after = await counts(client);
    expect({ hits: after.hits - before.hits, misses: after.misses - before.misses }).toEqual({ hits: 2, misses: 1 });
  });

  // With a reactor that is busy when the command comes. What it counted stood there until it was less busy.
  cairnOnly('CONFIG RESETSTAT is answered when all reactors have begun anew', async () => {
    await server.current.restart('stop', { 'io-threads': 2 });
    // One after the other, so that each reactor has two of them.
    const join = async (): Promise<RawClient> => {
      const client = await server.current.connect();
      await client.cmd('PING');
      return client;
    };
    using one = await join();
    using other = await join();
    using third = await join();
    using fourth = await join();
    await prepare(one);
    for (const client of [one, other]) await client.cmd('GET', 'k');
    void other.send('DEBUG SLEEP 1\r\n');
    await sleep(50);
    let answered = false;
    const reset = one.cmd('CONFIG', 'RESETSTAT').then(() => (answered = true));
    // Meanwhile others are served, also with what does not live in a reactor.
    await Promise.race([counts(third), counts(fourth)]);
    expect(answered).toBe(false);
    await reset;
    expect(await counts(one)).toEqual({ hits: 0, misses: 0 });
    await other.readMany(1);
  });
});
