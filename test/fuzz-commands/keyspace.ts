/** Compares what is in two servers: every key with its value and the time it ends, and what they have counted. */
import { type RawClient } from '../support/raw-client.js';
import { MapReply, type Reply, show } from '../support/resp.js';
import { eventually, type TestServer } from '../support/server.js';
import { families, type Family } from './families.js';
import { type MaskContext, numbersOf } from './masks.js';
import { databases } from './values.js';

interface Entry {
  value: string;
  endsAtMs: number;
}

const scanCallsMax = 100_000;

async function allKeys(client: RawClient): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  for (let calls = 0; calls < scanCallsMax; calls++) {
    const reply = (await client.cmd('SCAN', cursor, 'COUNT', 1000)) as [string, string[]];
    for (const key of reply[1]) keys.add(key);
    cursor = reply[0];
    if (cursor === '0') return [...keys].sort();
  }
  throw new Error('a scan without an end');
}

const byType = new Map(Object.values(families).map((family) => [family.type, family]));

/** Items that belong together, in the order of what they are. */
function shown(value: Reply, together: number): string {
  const items = value instanceof MapReply ? value.entries.flat() : value;
  if (together === 0 || !Array.isArray(items)) return show(value);
  const texts = (items as readonly Reply[]).map(show);
  const rows = texts.flatMap((_, i) => (i % together === 0 ? [texts.slice(i, i + together).join(' ')] : []));
  return rows.sort().join('\n');
}

async function contents(
  name: string,
  client: RawClient,
  db: number,
  redisVersion: number,
): Promise<Map<string, Entry>> {
  await client.cmd('SELECT', db);
  const keys = await allKeys(client);
  const types = await client.pipeline(keys.map((key) => ['TYPE', key]));
  const familyOf = (i: number): Family | undefined => byType.get(show(types[i] ?? '').replace(/^\+/, ''));
  const replies = await client.pipeline(
    keys.flatMap((key, i) => [familyOf(i)?.whole(key) ?? ['GET', key], ['PEXPIRETIME', key]]),
  );
  const entries = keys.map((key, i): [string, Entry] => {
    const [value = '', endsAt = ''] = replies.slice(2 * i, 2 * i + 2);
    const family = familyOf(i);
    const comparable = family?.scores === true ? numbersOf(value, redisVersion) : value;
    return [key, { value: shown(comparable, family?.unordered ?? 0), endsAtMs: Number(endsAt) }];
  });
  // Expired keys are counted until they are swept.
  let size: Reply = '';
  await eventually('expired keys are swept', async () => (size = await client.cmd('DBSIZE')) === keys.length).catch(
    () => {
      throw new Error(`${name}: DBSIZE of database ${db} is ${show(size)}, a scan finds ${keys.length} keys`);
    },
  );
  return new Map(entries);
}

const shownChars = 200;

function differs(theirs: Entry | undefined, ours: Entry | undefined, toleranceMs: number): boolean {
  if (theirs === undefined || ours === undefined) return true;
  if (theirs.value !== ours.value) return true;
  if (theirs.endsAtMs === ours.endsAtMs) return false;
  return theirs.endsAtMs < 0 || ours.endsAtMs < 0 || Math.abs(theirs.endsAtMs - ours.endsAtMs) > toleranceMs;
}

export async function keyspaceDifference(
  redis: TestServer,
  cairn: TestServer,
  { toleranceMs, redisVersion }: MaskContext,
): Promise<string | undefined> {
  using theirs = await redis.connect();
  using ours = await cairn.connect();
  for (let db = 0; db < databases; db++) {
    const [a, b] = await Promise.all([
      contents('redis', theirs, db, redisVersion),
      contents('cairn', ours, db, redisVersion),
    ]);
    for (const key of new Set([...a.keys(), ...b.keys()])) {
      if (!differs(a.get(key), b.get(key), toleranceMs)) continue;
      const tell = (entry: Entry | undefined): string =>
        entry === undefined ? 'absent' : `${entry.value.slice(0, shownChars)}, ends ${entry.endsAtMs}`;
      return `keyspace: key ${JSON.stringify(key)} of database ${db}\n  redis: ${tell(a.get(key))}\n  cairn: ${tell(b.get(key))}`;
    }
  }
  return undefined;
}

/** Calls per command, and hits and misses of keys. */
function counts(reply: Reply): Map<string, string> {
  const out = new Map<string, string>();
  const text = typeof reply === 'string' ? reply : '';
  for (const line of text.split('\r\n')) {
    const [name = '', value = ''] = line.split(/:(.*)/s);
    if (/^keyspace_(hits|misses)$/.test(name)) out.set(name, value);
    // What is rejected is booked differently: Redis counts a container for an unknown subcommand from some version on.
    const calls = Number(/^calls=(\d+)/.exec(value)?.[1] ?? 0);
    if (calls > 0) out.set(name, `${calls} calls`);
  }
  return out;
}

export async function statisticsDifference(redis: TestServer, cairn: TestServer): Promise<string | undefined> {
  using theirs = await redis.connect();
  using ours = await cairn.connect();
  const [a, b] = await Promise.all(
    [theirs, ours].map(async (client) => counts(await client.cmd('INFO', 'stats', 'commandstats'))),
  );
  for (const name of new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])) {
    const [there = 'absent', here = 'absent'] = [a?.get(name), b?.get(name)];
    if (there !== here) return `${name}: redis ${there}, cairn ${here}`;
  }
  return undefined;
}
