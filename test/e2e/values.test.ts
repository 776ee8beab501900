/** Values from 0 bytes to 64 MB, keys up to 64 KiB, all bytes, more data than fits into memory. */
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { Random } from '../support/random.js';
import { type Arg, show } from '../support/resp.js';
import { useServer } from '../support/server.js';

const mb = 1 << 20;
const server = useServer({ cairn: { 'cache-size': '1mb' } });
const random = new Random(3);

/** The value's bytes; compares without turning megabytes into text. */
async function getBytes(client: RawClient, ...command: Arg[]): Promise<Buffer> {
  void client.send(Buffer.concat([Buffer.from(`*${command.length}\r\n`), ...command.map(bulk)]));
  const { reply, bytes } = await client.frame();
  if (typeof reply !== 'string') throw new Error(`${command.map(String).join(' ')}: ${show(reply)}`);
  return bytes.subarray(bytes.indexOf('\r\n') + 2, -2);
}

function bulk(arg: Arg): Buffer {
  const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg), 'latin1');
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

describe('sizes', () => {
  const sizes = [
    0,
    1,
    2,
    7,
    8,
    100,
    255,
    256,
    257,
    511,
    512,
    513,
    1000,
    4064,
    4095,
    4096,
    4097,
    8192,
    16_383,
    65_535,
    65_536,
    65_537,
    100_000,
    262_143,
    1_000_000,
    mb - 1,
    mb,
    mb + 1,
  ];

  test('every size comes back as it went, also after a restart', async () => {
    const values = sizes.map((size) => random.bytes(size));
    {
      using client = await server.current.connect();
      await client.run('FLUSHALL');
      for (const [i, value] of values.entries()) expect(show(await client.cmd('SET', `size:${i}`, value))).toBe('+OK');
      for (const [i, value] of values.entries())
        expect((await getBytes(client, 'GET', `size:${i}`)).equals(value), String(value.length)).toBe(true);
    }
    await server.current.restart('kill');
    using client = await server.current.connect();
    for (const [i, value] of values.entries()) {
      expect(await client.cmd('STRLEN', `size:${i}`)).toBe(value.length);
      expect((await getBytes(client, 'GET', `size:${i}`)).equals(value), String(value.length)).toBe(true);
    }
  });

  test('16 MB and 64 MB', async () => {
    using client = await server.current.connect();
    for (const size of [16 * mb, 64 * mb]) {
      const value = Buffer.alloc(size, random.bytes(997));
      expect(show(await client.cmd('SET', 'huge', value))).toBe('+OK');
      expect((await getBytes(client, 'GET', 'huge')).equals(value)).toBe(true);
      expect((await getBytes(client, 'GETRANGE', 'huge', size - 10, -1)).equals(value.subarray(size - 10))).toBe(true);
      expect(await client.cmd('APPEND', 'huge', 'tail')).toBe(size + 4);
      expect((await getBytes(client, 'GETRANGE', 'huge', -6, -1)).toString('latin1').endsWith('tail')).toBe(true);
      expect(await client.cmd('SETRANGE', 'huge', 1000, 'middle')).toBe(size + 4);
      expect((await getBytes(client, 'GETRANGE', 'huge', 1000, 1005)).toString()).toBe('middle');
    }
    await server.current.restart();
    using again = await server.current.connect();
    expect(await again.cmd('STRLEN', 'huge')).toBe(64 * mb + 4);
    expect((await getBytes(again, 'GETRANGE', 'huge', 1000, 1005)).toString()).toBe('middle');
    expect(await again.run('DEL huge')).toBe(1);
  });

  test('all bytes in keys and values', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    for (let byte = 0; byte < 256; byte++) {
      const key = Buffer.from([byte, 0x61, byte]);
      await client.cmd('SET', key, Buffer.alloc(10, byte));
    }
    expect(await client.run('DBSIZE')).toBe(256);
    for (let byte = 0; byte < 256; byte++) {
      expect(await getBytes(client, 'GET', Buffer.from([byte, 0x61, byte]))).toEqual(Buffer.alloc(10, byte));
    }
    expect(await client.run('EXISTS a')).toBe(0);
  });
});

describe('keys', () => {
  const lengths = [
    0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 1000, 4096, 16_384, 65_535, 65_536,
  ];

  test('of all lengths, prefixes of each other', async () => {
    const letters = random.bytes(65_536);
    {
      using client = await server.current.connect();
      await client.run('FLUSHALL');
      for (const length of lengths) await client.cmd('SET', letters.subarray(0, length), `length ${length}`);
      expect(await client.run('DBSIZE')).toBe(lengths.length);
    }
    await server.current.restart('kill');
    using client = await server.current.connect();
    expect(await client.run('DBSIZE')).toBe(lengths.length);
    for (const length of lengths) expect(await client.cmd('GET', letters.subarray(0, length))).toBe(`length ${length}`);
    for (const length of lengths) {
      expect(await client.cmd('DEL', letters.subarray(0, length))).toBe(1);
    }
    expect(await client.run('DBSIZE')).toBe(0);
  });

  test('that differ only at the end, and dense integers', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    const common = 'p'.repeat(3000);
    const names = [
      ...Array.from({ length: 300 }, (_, i) => common + String(i)),
      ...Array.from({ length: 3000 }, (_, i) => String.fromCharCode(i >> 8, i & 255)),
      ...Array.from({ length: 1000 }, (_, i) => String(i)),
    ];
    await client.pipeline(names.map((name, i) => ['SET', name, i]));
    expect(await client.run('DBSIZE')).toBe(new Set(names).size);
    const values = await client.pipeline(names.map((name) => ['GET', name]));
    const last = new Map(names.map((name, i) => [name, String(i)]));
    expect(values).toEqual(names.map((name) => last.get(name)));
    const kept = names.filter((_, i) => i % 2 === 0);
    await client.pipeline(names.filter((name) => !kept.includes(name)).map((name) => ['DEL', name]));
    expect(await client.run('DBSIZE')).toBe(new Set(kept).size);
  });
});

describe('more data than memory', () => {
  test('50 MB in 1 KiB values through a cache of 1 MB', async () => {
    using client = await server.current.connect();
    await client.run('FLUSHALL');
    const count = 50_000;
    const valueOf = (i: number): string => `${i}:`.padEnd(1024, String.fromCharCode(97 + (i % 26)));
    for (let start = 0; start < count; start += 1000) {
      const replies = await client.pipeline(
        Array.from({ length: 1000 }, (_, n) => ['SET', `disk:${start + n}`, valueOf(start + n)]),
      );
      expect(new Set(replies.map(show))).toEqual(new Set(['+OK']));
    }
    for (let round = 0; round < 20; round++) {
      const picks = Array.from({ length: 500 }, () => random.int(0, count - 1));
      const got = await client.pipeline(picks.map((i) => ['GET', `disk:${i}`]));
      got.forEach((value, n) => {
        if (value !== valueOf(picks[n] ?? 0)) throw new Error(`disk:${picks[n]} is ${show(value).slice(0, 60)}`);
      });
      const many = (await client.cmd('MGET', ...picks.map((i) => `disk:${i}`))) as string[];
      expect(many.every((value, n) => value === valueOf(picks[n] ?? 0))).toBe(true);
    }
    expect(await client.run('DBSIZE')).toBe(count);
  });

  test('reads, overwrites and deletes of cold values from many connections agree', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.current.connect()));
    await clients[0]?.run('FLUSHALL');
    const size = 3000;
    await Promise.all(
      clients.map(async (client, id) => {
        const own = new Random(100 + id);
        const model = new Map<string, string>();
        for (let round = 0; round < 60; round++) {
          const commands: Arg[][] = [];
          const wanted: string[] = [];
          for (let n = 0; n < 40; n++) {
            const key = `${id}:${own.int(0, 199)}`;
            const action = own.int(0, 9);
            if (action < 4) {
              const value = `${id}-${round}-${n}-`.padEnd(own.int(20, size), 'v');
              commands.push(['SET', key, value]);
              model.set(key, value);
              wanted.push('+OK');
            } else if (action < 5) {
              commands.push(['DEL', key]);
              wanted.push(`:${model.delete(key) ? 1 : 0}`);
            } else if (action < 6) {
              const grown = `${model.get(key) ?? ''}+`;
              commands.push(['APPEND', key, '+']);
              model.set(key, grown);
              wanted.push(`:${grown.length}`);
            } else {
              commands.push(['GET', key]);
              const value = model.get(key);
              wanted.push(value === undefined ? '$nil' : show(value));
            }
          }
          const got = (await client.pipeline(commands)).map(show);
          expect(got.findIndex((reply, n) => reply !== wanted[n])).toBe(-1);
        }
      }),
    );
    for (const client of clients) client.close();
  });
});
