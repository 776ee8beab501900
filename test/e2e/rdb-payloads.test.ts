/**
 * The payloads that the native tests decode, on a real redis-server: it reads those that were made by hand, and those that
 * our encoders write, and finds in them what the decoder does; and it still writes those that it is said to.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { MapReply, type Reply, show } from '../support/resp.js';
import { dumpsForRedis, redisVersion, root, useServer } from '../support/server.js';

const redis = useServer({
  kind: 'redis',
  redis: { 'sanitize-dump-payload': 'yes', 'enable-debug-command': 'yes' },
});

const here = useServer({ kind: 'cairn', cairn: dumpsForRedis });

type Row = Readonly<Partial<Record<string, string>>>;

function rowsOf(text: string): Row[] {
  const table = /R"rows\(([^]*)\)rows"/.exec(text)?.[1] ?? '';
  const lines = (block: string): [string, string][] =>
    block
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]);
  return table
    .trim()
    .split('\n\n')
    .map((block) => Object.fromEntries(lines(block)));
}

const rows = rowsOf(fs.readFileSync(path.join(root, 'test', 'native', 'rdb_payloads.h'), 'utf8'));

function text(reply: Reply): string {
  if (typeof reply === 'number') return String(reply);
  return typeof reply === 'string' ? reply : show(reply);
}
const list = (reply: Reply): Reply[] => {
  if (!Array.isArray(reply)) throw new Error(`no array: ${show(reply)}`);
  return reply as Reply[];
};

function quoted(reply: Reply): string {
  const byte = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `"${text(reply).replaceAll(/[^\x20-\x7e]|["\\]/g, byte)}"`;
}

/** Servers differ in the digits behind the point. */
const score = (reply: Reply): string => (text(reply).includes('.') ? String(Number(text(reply))) : text(reply));

function pairs<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((item, index) => (index % 2 === 0 ? [[item, items[index + 1] as T] as [T, T]] : []));
}

/** XINFO in RESP2 tells fields and values in turn. */
function fields(reply: Reply): Map<string, Reply> {
  const entries = reply instanceof MapReply ? reply.entries : pairs(list(reply));
  return new Map(entries.map(([name, value]) => [text(name), value]));
}

function streamText(info: Map<string, Reply>): string {
  const get = (of: Map<string, Reply>, name: string): Reply => of.get(name) ?? '';
  const number = (of: Map<string, Reply>, name: string): string => {
    const value = of.get(name);
    return typeof value === 'number' ? String(value) : '-1';
  };
  const entries = list(get(info, 'entries')).map((entry) => {
    const [id = '', content = []] = list(entry);
    return [text(id), ...list(content).map(quoted)].join(' ');
  });
  const first = entries[0]?.split(' ')[0] ?? '0-0';
  const parts = [
    ['stream', ...entries].join(' '),
    `length ${number(info, 'length')} last ${text(get(info, 'last-generated-id'))} first ${first}` +
      ` deleted ${text(get(info, 'max-deleted-entry-id'))} added ${number(info, 'entries-added')}`,
  ];
  for (const group of list(get(info, 'groups')).map(fields)) {
    parts.push(
      `group ${quoted(get(group, 'name'))} last ${text(get(group, 'last-delivered-id'))}` +
        ` read ${number(group, 'entries-read')} pending ${number(group, 'pel-count')}`,
    );
    for (const consumer of list(get(group, 'consumers')).map(fields)) {
      const seen = number(consumer, 'seen-time');
      const active = consumer.has('active-time') ? number(consumer, 'active-time') : seen;
      parts.push(
        `consumer ${quoted(get(consumer, 'name'))} seen ${seen} active ${active}` +
          ` pending ${number(consumer, 'pel-count')}`,
      );
      for (const pending of list(consumer.get('pending') ?? consumer.get('pel') ?? []).map(list)) {
        parts.push(`${text(pending[0] ?? '')} at ${text(pending[1] ?? '')} times ${text(pending[2] ?? '')}`);
      }
    }
  }
  return parts.join(' ; ');
}

async function textOf(client: RawClient, key: string): Promise<string> {
  const type = show(await client.cmd('TYPE', key)).slice(1);
  const ask = async (...args: string[]): Promise<Reply[]> => list(await client.cmd(...args));
  switch (type) {
    case 'string':
      return `string ${quoted(await client.cmd('GET', key))}`;
    case 'list':
      return ['list', ...(await ask('LRANGE', key, '0', '-1')).map(quoted)].join(' ');
    case 'set':
      return ['set', ...(await ask('SMEMBERS', key)).map(quoted).sort()].join(' ');
    case 'zset': {
      const members = pairs(await ask('ZRANGE', key, '0', '-1', 'WITHSCORES'));
      return ['zset', ...members.map(([member, value]) => `${quoted(member)} ${score(value)}`)].join(' ');
    }
    case 'hash': {
      const all = pairs(await ask('HGETALL', key));
      return ['hash', ...all.map(([field, value]) => `${quoted(field)} ${quoted(value)}`).sort()].join(' ');
    }
    default:
      return streamText(fields(await client.cmd('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0')));
  }
}

const words = (command: string): string[] =>
  command.split(' ').map((word) => {
    const [, repeated, times] = /^(.*)\*(\d+)$/.exec(word) ?? [];
    return times === undefined ? word : (repeated ?? '').repeat(Number(times));
  });

const bytesOf = (row: Row): Buffer => Buffer.from(row['hex'] ?? '', 'hex');

test('the table is read', () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((row) => row['hex'] === undefined || row['is'] === undefined)).toEqual([]);
});

describe('a redis-server finds in a payload what the decoder does', () => {
  const version = redisVersion();
  test.each(rows.filter((row) => Number(row['loads']) <= version).map((row) => [row['name'] ?? '', row] as const))(
    '%s',
    async (_name, row) => {
      using client = await redis.current.connect();
      expect(show(await client.cmd('RESTORE', 'k', 0, bytesOf(row), 'REPLACE'))).toBe('+OK');
      expect(await textOf(client, 'k')).toBe(row['is']);
    },
  );
});

/** Those that this server restores, but for fields that have ended. */
const restored = rows.filter(({ is = '' }) => /^(list|set|zset|hash) /.test(is) && !is.includes(' @'));

describe('what this server restores is what the payload says, also to a redis-server that restores it from here', () => {
  test.each(restored.map((row) => [row['name'] ?? '', row] as const))('%s', async (_name, row) => {
    using ours = await here.current.connect();
    using theirs = await redis.current.connect();
    expect(show(await ours.cmd('RESTORE', 'k', 0, bytesOf(row), 'REPLACE'))).toBe('+OK');
    expect(await textOf(ours, 'k')).toBe(row['is']);
    const payload = Buffer.from(text(await ours.cmd('DUMP', 'k')), 'latin1');
    expect(show(await theirs.cmd('RESTORE', 'k', 0, payload, 'REPLACE'))).toBe('+OK');
    expect(await textOf(theirs, 'k')).toBe(row['is']);
    expect(show(await ours.cmd('RESTORE', 'k', 0, payload, 'REPLACE'))).toBe('+OK');
    expect(await textOf(ours, 'k')).toBe(row['is']);
  });
});

describe.runIf(redisVersion() === 7)('redis-server 7.0 writes this', () => {
  const options = /^CONFIG SET (\S+)/;
  test.each(rows.filter((row) => row['make'] !== undefined).map((row) => [row['name'] ?? '', row] as const))(
    '%s',
    async (_name, row) => {
      using client = await redis.current.connect();
      const commands = (row['make'] ?? '').split('; ');
      const option = commands.map((command) => options.exec(command)?.[1]).find((name) => name !== undefined);
      const before = option === undefined ? [] : list(await client.cmd('CONFIG', 'GET', option)).map(text);
      await client.cmd('DEL', 'k');
      for (const command of commands) expect(show(await client.cmd(...words(command)))).not.toMatch(/^-/);
      const payload = Buffer.from(text(await client.cmd('DUMP', 'k')), 'latin1');
      await client.cmd('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '0');
      if (before.length > 0) await client.cmd('CONFIG', 'SET', ...before);
      // Consumers were seen at another time, and tables have an order of their own.
      const same = /consumer|^set "1" "2" "3"|^set "17"|^zset "low" -inf "one" 1 "x"|^hash "field"/.test(
        row['is'] ?? '',
      );
      if (same) {
        expect(payload.length).toBe(bytesOf(row).length);
        expect(payload[0]).toBe(bytesOf(row)[0]);
      } else {
        expect(payload.toString('hex')).toBe(row['hex']);
      }
    },
  );
});
