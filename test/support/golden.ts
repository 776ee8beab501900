/**
 * Golden data directories (test/golden/): what a server of a format version left behind, packed into one file each, with
 * every key, value, type and expiry that it told before its end.
 *
 *   brotli of: one line of JSON (Told), then the files' bytes without a gap
 */
import fs from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { RawClient } from './raw-client.js';
import { type Arg, ErrorReply, show } from './resp.js';
import { type Flags, root, type TestServer } from './server.js';

/** [database, key, type, PEXPIRETIME, value] */
export type Row = readonly [number, string, string, number, string];

export interface Golden {
  /** Whether the server that wrote it ended in order. */
  closed: boolean;
  rows: Row[];
  /** The very last commit: a crash that tears it leaves `rows` as they are but for these. */
  torn: { text: string; rows: Row[] };
}

interface Told extends Golden {
  files: { name: string; bytes: number }[];
}

export const goldenDir = path.join(root, 'test', 'golden');
export const goldenFlags: Flags = { lanes: 3, 'segment-size': '1mb', 'cache-size': '1mb', databases: 16 };

const databases = [0, 1, 15];
const farMs = 4_102_444_800_000; // in 2100
const longAgoMs = 1_000;

export function unpackGolden(name: string, dir: string): Golden {
  const bytes = brotliDecompressSync(fs.readFileSync(path.join(goldenDir, `${name}.br`)));
  const end = bytes.indexOf('\n');
  const told = JSON.parse(bytes.toString('utf8', 0, end)) as Told;
  let at = end + 1;
  for (const file of told.files) {
    fs.writeFileSync(path.join(dir, file.name), bytes.subarray(at, at + file.bytes));
    at += file.bytes;
  }
  if (at !== bytes.length) throw new Error(`${name} is cut short`);
  return told;
}

function packGolden(name: string, dir: string, golden: Golden): void {
  const names = fs.readdirSync(dir).filter((one) => one === 'MANIFEST' || /\.(vlog|ckpt)$/.test(one));
  const contents = names.sort().map((one) => fs.readFileSync(path.join(dir, one)));
  const told: Told = { ...golden, files: names.map((one, i) => ({ name: one, bytes: contents[i]?.length ?? 0 })) };
  fs.mkdirSync(goldenDir, { recursive: true });
  const all = Buffer.concat([Buffer.from(`${JSON.stringify(told)}\n`), ...contents]);
  const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS };
  fs.writeFileSync(path.join(goldenDir, `${name}.br`), brotliCompressSync(all, { params }));
}

/** Everything there is, in order. */
export async function everything(client: RawClient): Promise<Row[]> {
  const rows: Row[] = [];
  for (const db of databases) {
    await client.cmd('SELECT', db);
    const keys = ((await client.run('KEYS *')) as string[]).sort();
    if ((await client.run('DBSIZE')) !== keys.length) throw new Error(`DBSIZE of database ${db} is wrong`);
    const ask = keys.flatMap((key): Arg[][] => ['TYPE', 'PEXPIRETIME', 'GET'].map((name) => [name, key]));
    const replies = await client.pipeline(ask);
    keys.forEach((key, i) =>
      rows.push([db, key, show(replies[3 * i] ?? 0), Number(replies[3 * i + 1]), show(replies[3 * i + 2] ?? 0)]),
    );
  }
  await client.run('SELECT 0');
  return rows;
}

async function all(client: RawClient, commands: readonly Arg[][]): Promise<void> {
  const refused = (await client.pipeline(commands)).find((reply) => reply instanceof ErrorReply);
  if (refused !== undefined) throw new Error(show(refused));
}

const valueOf = (round: number, i: number, bytes: number): string => `${round}.${i}.`.padEnd(bytes, 'value ');

/** One round of everything that leaves its mark in a log. */
async function write(client: RawClient, round: number): Promise<void> {
  const keys = Array.from({ length: 100 }, (_, i) => i);
  for (const db of databases) {
    await client.cmd('SELECT', db);
    await all(
      client,
      keys.map((i) => ['SET', `key:${i}`, valueOf(round, i, 10 + ((i * 37 + round) % 300))]),
    );
    await all(
      client,
      keys
        .slice(0, 30)
        .flatMap((i): Arg[][] => [
          ['SET', `expires:${i}`, valueOf(round, i, 40), 'PXAT', farMs + i],
          ['PEXPIREAT', `key:${i}`, farMs + 1000 * round + i],
          ...(i % 3 === 0 ? [['PERSIST', `key:${i}`]] : []),
          ['SET', `gone:${round}:${i}`, 'x', 'PXAT', longAgoMs],
        ]),
    );
    await all(client, [
      ...keys.filter((i) => i % 7 === round % 7).map((i): Arg[] => ['DEL', `key:${i}`]),
      ['SET', `large:${round}`, valueOf(round, 0, 20_000)],
      ['DEL', `large:${round - 2}`],
      ['SET', '', `the empty key, ${round}`],
    ]);
  }
  // So that segments fill, die and are used again.
  for (let n = 0; n < 4; n++)
    await all(
      client,
      keys.slice(0, 40).map((i): Arg[] => ['SET', `churn:${i}`, valueOf(round, n, 20_000)]),
    );
  // Units over all lanes.
  await client.cmd('SELECT', 0);
  for (let n = 0; n < 5; n++)
    await all(client, [
      ['MULTI'],
      ...keys.slice(0, 20).map((i): Arg[] => ['SET', `exec:${n}:${i}`, valueOf(round, i, 20)]),
      ['DEL', 'exec:1:1'],
      ['PEXPIREAT', 'exec:2:2', farMs],
      ['EXEC'],
    ]);
  await all(client, [
    ['MSET', 'a', `${round}`, 'b', `${round}`, 'c', `${round}`, 'd', `${round}`],
    ['SWAPDB', 0, 1],
  ]);
  if (round === 2) await all(client, [['SELECT', 15], ['FLUSHDB'], ['SET', 'after', 'the flush'], ['SELECT', 0]]);
}

/** Fills a directory, so that every kind of file and record is in it, and packs it under this name. */
export async function makeGolden(name: string, server: TestServer, closed: boolean): Promise<void> {
  let client = await server.connect();
  for (let round = 0; round < 5; round++) {
    await write(client, round);
    if (round === 3) {
      await server.restart('stop', { lanes: 2 });
      await server.restart('stop');
      client = await server.connect();
    }
    await client.run('SAVE');
  }
  await all(
    client,
    [...Array(20).keys()].map((i): Arg[] => ['SET', `tail:${i}`, valueOf(9, i, 100)]),
  );
  const before = await everything(client);
  const text = 'this is the very last value';
  await client.run(`SET last "${text}"`);
  const golden = { closed, rows: await everything(client), torn: { text, rows: before } };
  await server.end(closed ? 'stop' : 'kill');
  packGolden(name, server.dir, golden);
}
