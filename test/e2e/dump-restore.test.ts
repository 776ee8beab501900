/** DUMP and RESTORE, and the exchange of their payloads with a real redis-server. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { Random } from '../support/random.js';
import { type Arg, nil, OK, show } from '../support/resp.js';
import { dumpsForRedis, useServer } from '../support/server.js';
import { anything, arity, err, notInteger, syntaxError, table } from '../support/table.js';

const server = useServer({ cairn: dumpsForRedis });
const redis = useServer({ kind: 'redis' });

const random = new Random(42);
const text = 'all work and no play makes jack a dull boy; ';

/** One value (or a few) for each way in which an RDB string is written. */
const values: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  int8: ['0', '1', '-1', '12', '127', '-128'],
  int16: ['128', '-129', '32767', '-32768', '12345'],
  int32: ['32768', '-32769', '2147483647', '-2147483648', '1000000'],
  'integers beyond 32 bits': ['2147483648', '-2147483649', '9223372036854775807', '-9223372036854775808'],
  'almost integers': ['007', '+5', '-0', ' 1', '1 ', '1.0', '9223372036854775808', '00', '-'],
  short: ['', 'a', 'ab', 'hello world', '\x00', '\xff\x00\xfe', 'x\r\ny'],
  '6-bit, 14-bit and 32-bit lengths': [62, 63, 64, 65, 16382, 16383, 16384, 16385, 70_000].map((n) => random.bytes(n)),
  compressible: [
    'a'.repeat(20),
    'a'.repeat(21),
    'a'.repeat(64),
    'a'.repeat(300),
    'ab'.repeat(5000),
    text.repeat(3),
    text.repeat(1000),
    'a'.repeat(1_000_000),
    `${'x'.repeat(300)}${'y'.repeat(9000)}`,
    Buffer.concat([random.bytes(5000), random.bytes(300), Buffer.alloc(10_000, 'z')]),
    Buffer.concat(Array.from({ length: 40 }, () => Buffer.from(`${random.int(0, 9)} some text ${random.int(0, 999)}`))),
  ],
  incompressible: [random.bytes(21), random.bytes(1000), random.bytes(100_000)],
};

async function payloadOf(client: RawClient, key: string): Promise<Buffer> {
  const reply = await client.cmd('DUMP', key);
  if (typeof reply !== 'string') throw new Error(`DUMP gave ${show(reply)}`);
  return Buffer.from(reply, 'latin1');
}

const asText = (value: string | Buffer): string => (typeof value === 'string' ? value : value.toString('latin1'));

describe.each(Object.entries(values))('%s', (_name, list) => {
  test.each(['here to redis', 'redis to here', 'here to here'])('%s', async (direction) => {
    using here = await server.current.connect();
    using there = await redis.current.connect();
    const source = direction.startsWith('here') ? here : there;
    const sink = direction.endsWith('here') ? here : there;
    for (const value of list) {
      await source.cmd('SET', 'source', value);
      const payload = await payloadOf(source, 'source');
      await sink.cmd('DEL', 'sink');
      const label = asText(value).slice(0, 30);
      expect(show(await sink.cmd('RESTORE', 'sink', 0, payload)), label).toBe('+OK');
      const restored = await sink.cmd('GET', 'sink');
      expect(restored === asText(value), label).toBe(true);
      await there.cmd('SET', 'reference', value);
      const encoding = await there.cmd('OBJECT', 'ENCODING', 'reference');
      expect(await sink.cmd('OBJECT', 'ENCODING', 'sink'), label).toBe(encoding);
    }
  });
});

describe('payloads', () => {
  test('end with a version that Redis 7 reads and a CRC64', async () => {
    using here = await server.current.connect();
    await here.run('SET k hello');
    const payload = await payloadOf(here, 'k');
    expect(payload.subarray(0, 7).toString('latin1')).toBe('\x00\x05hello');
    expect(payload.length).toBe(7 + 2 + 8);
    const version = payload.readUInt16LE(7);
    expect(version).toBeGreaterThanOrEqual(9);
    expect(version).toBeLessThanOrEqual(11);
  });

  test('written from a known example', async () => {
    using there = await redis.current.connect();
    using here = await server.current.connect();
    await there.run('SET k 10');
    const payload = await payloadOf(there, 'k');
    expect(payload.subarray(0, 3)).toEqual(Buffer.from([0x00, 0xc0, 0x0a]));
    expect(await here.cmd('RESTORE', 'ten', 0, payload, 'REPLACE')).toEqual(OK);
    expect(await here.run('INCR ten')).toBe(11);
  });

  test('a long compressible value is compressed', async () => {
    using here = await server.current.connect();
    await here.cmd('SET', 'k', 'a'.repeat(100_000));
    expect((await payloadOf(here, 'k')).length).toBeLessThan(10_000);
  });

  test('any single flipped byte, any truncation and any addition is refused', async () => {
    using here = await server.current.connect();
    await here.cmd('SET', 'k', text.repeat(2));
    const payload = await payloadOf(here, 'k');
    const refused = '-ERR DUMP payload version or checksum are wrong';
    const commands: Arg[][] = [];
    for (let i = 0; i < payload.length; i++) {
      const bad = Buffer.from(payload);
      bad[i] = (bad[i] ?? 0) ^ (1 << (i % 8));
      commands.push(['RESTORE', 'broken', 0, bad]);
      commands.push(['RESTORE', 'broken', 0, payload.subarray(0, i)]);
    }
    commands.push(['RESTORE', 'broken', 0, Buffer.concat([payload, Buffer.from([1])])]);
    const replies = await here.pipeline(commands);
    expect(new Set(replies.map(show))).toEqual(new Set([refused]));
    // A zero behind a CRC leaves the CRC of all of it right, in every CRC like this one: the value is then too long.
    const longer = Buffer.concat([payload, Buffer.from([0])]);
    expect(show(await here.cmd('RESTORE', 'broken', 0, longer))).toBe('-ERR Bad data format');
    expect(await here.run('EXISTS broken')).toBe(0);
  });

  test('payloads with a good checksum and bad contents are refused', async () => {
    using here = await server.current.connect();
    const bodies = [
      [0x00, 0x3f, 0x61], // shorter than its length says
      [0x00, 0xc4, 0x00], // no such string encoding
      [0x00, 0xc3, 0x02, 0x05, 0x00, 0x61], // LZF that ends early
      [0x00, 0xc3, 0x02, 0x40, 0x64, 0xe0, 0xff], // LZF that points before the start
      [0xff], // no such type
    ];
    for (const body of bodies) {
      const reply = show(await here.cmd('RESTORE', 'broken', 0, sealed(Buffer.from(body))));
      expect(reply, body.join(' ')).toBe('-ERR Bad data format');
    }
    expect(await here.run('EXISTS broken')).toBe(0);
    expect(await here.ask('PING')).toBe('+PONG');
  });
});

/** CRC-64 as RDB uses it: Jones polynomial, reflected, no inversion. */
function crc64(bytes: Buffer): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}

function sealed(body: Buffer, version = 10): Buffer {
  const tail = Buffer.alloc(10);
  tail.writeUInt16LE(version);
  tail.writeBigUInt64LE(crc64(Buffer.concat([body, tail.subarray(0, 2)])), 2);
  return Buffer.concat([body, tail]);
}

/** The payload of the string "v", as text for tables. */
const v = sealed(Buffer.from([0x00, 0x01, 0x76])).toString('latin1');

table(server, 'RESTORE options', [
  [['RESTORE', 'k', 0, v], OK],
  ['GET k', 'v'],
  ['TTL k', -1],
  [['RESTORE', 'k', 0, v], err('BUSYKEY Target key name already exists.')],
  [['RESTORE', 'k', 0, v, 'REPLACE'], OK],
  [['RESTORE', 'k', 100_000, v, 'replace'], OK],
  ['TTL k', 100],
  [['RESTORE', 'k', '33177117420123', v, 'REPLACE', 'ABSTTL'], OK],
  ['PEXPIRETIME k', 33177117420123],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'ABSTTL'], OK],
  ['TTL k', -1],
  [['RESTORE', 'past', 1000, v, 'ABSTTL'], OK],
  ['EXISTS past', 0],
  [['RESTORE', 'k', 1000, v, 'REPLACE', 'ABSTTL'], OK],
  ['EXISTS k', 0],
  [['RESTORE', 'k', -1, v], err('ERR Invalid TTL value, must be >= 0')],
  [['RESTORE', 'k', 'a', v], notInteger],
  [['RESTORE', 'k', 0, v, 'IDLETIME', 100], OK],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'IDLETIME', -1], err('ERR Invalid IDLETIME value, must be >= 0')],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'FREQ', 100], OK],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'FREQ', 256], err('ERR Invalid FREQ value, must be >= 0 and <= 255')],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'FREQ', 1, 'IDLETIME', 1], syntaxError],
  [['RESTORE', 'k', 0, v, 'REPLACE', 'IDLETIME', 'a'], notInteger],
  [['RESTORE', 'k', 0, v, 'BOGUS'], syntaxError],
  [['RESTORE', 'k', 0, v, 'IDLETIME'], syntaxError],
  ['RESTORE k 0', arity('restore')],
  ['RESTORE k', arity('restore')],
  ['RESTORE other 0 ""', err('ERR DUMP payload version or checksum are wrong')],
  ['RESTORE other 0 short', err('ERR DUMP payload version or checksum are wrong')],
  ['RESTORE k 0 short', err('BUSYKEY Target key name already exists.')],
  [['RESTORE', 'newer', 0, sealed(Buffer.from([0x00, 0x01, 0x76]), 9999)], OK],
  ['GET newer', 'v'],
  [['RESTORE', 'other', 0, sealed(Buffer.from([0x00, 0x01, 0x76]), 6)], OK],
  ['GET other', 'v'],
  ['DUMP nosuch', nil],
  ['DUMP k', anything],
  ['DUMP', arity('dump')],
  ['DUMP a b', arity('dump')],
]);
