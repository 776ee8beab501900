/**
 * Random values and calls of scripts, on this server and on a real redis-server beside it: what a client gets is compared
 * byte by byte, in both versions of the protocol. CAIRN_SIM_SEED chooses the values.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../support/random.js';
import { type RawClient } from '../support/raw-client.js';
import { encode } from '../support/resp.js';
import { smallSegments, startServer, target, type TestServer } from '../support/server.js';

const seed = Number(process.env['CAIRN_SIM_SEED'] ?? 1);
const count = Number(process.env['CAIRN_SCRIPTS'] ?? 400);

let servers: TestServer[] = [];
beforeAll(async () => {
  if (target === 'cairn') servers = [await startServer({ cairn: smallSegments }), await startServer({ kind: 'redis' })];
});
afterAll(async () => {
  for (const server of servers) await server.dispose();
});

const numbers = [
  '0',
  '-0',
  '1',
  '-1',
  '3.7',
  '-3.7',
  '1e15',
  '2^53',
  '-2^53',
  '2^63',
  '1/0',
  '-1/0',
  '0/0',
  '1e300',
  '123456789012',
];
const texts = [
  "''",
  "'a'",
  "'\\r\\n'",
  "'ERR x'",
  "'-x y'",
  "'a\\0b'",
  "'\\255\\254'",
  "('x'):rep(100)",
  "'ok'",
  "'1.5'",
];
const calls = [
  "redis.call('get', 'str')",
  "redis.call('get', 'none')",
  "redis.call('mget', 'str', 'none', 'num')",
  "redis.call('exists', 'str')",
  "redis.call('set', 'tmp', 'x')",
  "redis.call('set', 'str', 'x', 'nx')",
  "redis.call('incr', 'num')",
  "redis.pcall('incr', 'str')",
  "redis.pcall('nothing')",
  "redis.pcall('get')",
  "redis.call('type', 'str')",
  "redis.call('echo', VALUE)",
  "redis.call('ping')",
  "redis.call('time')[3]",
  "redis.call('scan', 0, 'match', 'none*')[2]",
  "redis.call('append', 'num', 12)",
  "redis.call('set', 'tmp', NUMBER)",
  "redis.call('getrange', 'str', 0, NUMBER)",
  'redis.error_reply(TEXT)',
  'redis.status_reply(TEXT)',
  'redis.sha1hex(TEXT)',
  'cjson.encode(VALUE)',
  'cjson.decode(cjson.encode({VALUE}))[1]',
  'cmsgpack.unpack(cmsgpack.pack(VALUE))',
  'tostring(NUMBER)',
  'TEXT:len()',
];

function value(random: Random, depth: number): string {
  const number = (): string => random.pick(numbers);
  const text = (): string => random.pick(texts);
  const nested = (): string => value(random, depth - 1);
  const kind = random.int(0, depth > 0 ? 13 : 4);
  switch (kind) {
    case 0:
      return number();
    case 1:
      return text();
    case 2:
      return random.pick(['true', 'false', 'nil', 'function() end', 'cjson.null', '{}']);
    case 3:
    case 4:
      return random
        .pick(calls)
        .replaceAll('VALUE', () => (depth > 0 ? nested() : text()))
        .replaceAll('NUMBER', number)
        .replaceAll('TEXT', text);
    case 5:
      return `{err=${random.pick([text(), text(), number(), 'true', '{}'])}}`;
    case 6:
      return `{ok=${random.pick([text(), text(), number(), 'true', '{}'])}}`;
    case 7:
      return `{double=${random.pick([number(), number(), text()])}}`;
    case 8:
      return `{map={[${text()}]=${nested()}}}`;
    case 9:
      return `{set={[${text()}]=true}}`;
    case 10:
      return random.pick([`{big_number=${text()}}`, `{verbatim_string={format='txt', string=${text()}}}`]);
    case 11:
      return `{${nested()}, nil, ${nested()}}`;
    default:
      return `{${Array.from({ length: random.int(0, 3) }, nested).join(', ')}}`;
  }
}

/** What is raised: a table without a text `err` makes Redis 7.0 crash. */
function raised(random: Random): string {
  return random.pick([random.pick(texts), `{err=${random.pick(texts)}}`, random.pick(numbers), 'nil', 'true']);
}

function script(random: Random): string {
  const setresp = random.pick(['', '', 'redis.setresp(3) ', 'redis.setresp(2) ']);
  const failing = random.int(0, 11) === 0 ? `error(${raised(random)}) ` : '';
  return `${setresp}${failing}return ${value(random, 3)}`;
}

/** By value: before 7.2 a number has 17 digits, since then as many as it needs, and nan no sign. */
function numbersIn(reply = ''): string {
  const number = /(?:\$\d+\r\n|,)(-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?))\r\n/g;
  return reply
    .replaceAll('-nan\r', 'nan\r')
    .replaceAll('$4\r\nnan', '$3\r\nnan')
    .replace(number, (_, text: string) => `<the number ${Number(text)}>`);
}

async function fresh(server: TestServer, version: number): Promise<RawClient> {
  const client = await server.connect();
  if (version === 3) await client.run('HELLO 3');
  await client.run('FLUSHALL');
  await client.run('MSET str text num 10');
  return client;
}

test.runIf(target === 'cairn').each([2, 3])('values of scripts in RESP%i', async (version) => {
  const random = new Random(seed);
  const [mine, theirs] = await Promise.all(servers.map((server) => fresh(server, version)));
  if (mine === undefined || theirs === undefined) throw new Error('there are two servers');
  for (let i = 0; i < count; i++) {
    const body = script(random);
    const bytes = encode(['EVAL', body, 0]);
    const [a, b] = await Promise.all(
      [mine, theirs].map(async (client) => {
        void client.send(bytes);
        return (await client.frame()).bytes.toString('latin1');
      }),
    );
    expect({ body, reply: numbersIn(a) }).toEqual({ body, reply: numbersIn(b) });
  }
});
