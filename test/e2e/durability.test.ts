/** What was acknowledged is there after every kind of end; what was damaged is noticed and never served. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { check, find, flip } from '../support/damage.js';
import { Random } from '../support/random.js';
import { type Arg, ErrorReply, show } from '../support/resp.js';
import { describeCairn, type End, expectLogged, smallSegments, startServer, TestServer } from '../support/server.js';

const random = new Random(11);

describe('restart', () => {
  test.each(['stop', 'kill', 'nosave'] as const)('keeps everything (%s), again and again', async (how) => {
    await using server = await startServer({ cairn: smallSegments });
    const model = new Map<string, string>();
    for (let round = 0; round < 5; round++) {
      using client = await server.connect();
      const commands: Arg[][] = [];
      for (let n = 0; n < 2000; n++) {
        const key = `k:${random.int(0, 2999)}`;
        if (random.chance(0.2)) {
          commands.push(['DEL', key]);
          model.delete(key);
        } else {
          const value = `${round}.${n}.`.padEnd(random.int(10, 400), 'x');
          commands.push(['SET', key, value]);
          model.set(key, value);
        }
      }
      await client.pipeline(commands);
      await server.restart(how);
      using again = await server.connect();
      expect(await again.run('DBSIZE')).toBe(model.size);
      const keys = Array.from({ length: 3000 }, (_, i) => `k:${i}`);
      const values = (await again.cmd('MGET', ...keys)) as string[];
      const wrong = keys.filter((key, i) => {
        const value = values[i];
        return (typeof value === 'string' ? value : undefined) !== model.get(key);
      });
      expect(wrong).toEqual([]);
    }
  });

  test('databases, swaps, flushes, moves and renames survive kill -9', async () => {
    await using server = await startServer({ cairn: smallSegments });
    {
      using client = await server.connect();
      for (const line of [
        ...['SET a in0', 'SELECT 1', 'SET a in1', 'SET gone 1', 'SELECT 2', 'SET flushed 1', 'SELECT 5', 'SET x five'],
        ...['SELECT 0', 'SWAPDB 0 1', 'SELECT 2', 'FLUSHDB', 'SET after flush', 'SELECT 5', 'MOVE x 6', 'SELECT 0'],
        ...['RENAME gone kept', 'COPY kept copied', 'SETRANGE long 5000 end', 'SETBIT bits 9 1', 'INCRBYFLOAT f 1.5'],
      ]) {
        expect(show(await client.run(line)), line).not.toMatch(/^-/);
      }
    }
    await server.restart('kill');
    using client = await server.connect();
    expect((await client.run('MGET a gone kept copied f')) as unknown[]).toEqual([
      'in1',
      expect.anything(),
      '1',
      '1',
      '1.5',
    ]);
    expect(await client.run('EXISTS gone')).toBe(0);
    expect(await client.run('STRLEN long')).toBe(5003);
    expect(await client.run('GETBIT bits 9')).toBe(1);
    await client.run('SELECT 1');
    expect(await client.run('GET a')).toBe('in0');
    expect(await client.run('DBSIZE')).toBe(1);
    await client.run('SELECT 2');
    expect(await client.run('KEYS *')).toEqual(['after']);
    await client.run('SELECT 5');
    expect(await client.run('DBSIZE')).toBe(0);
    await client.run('SELECT 6');
    expect(await client.run('GET x')).toBe('five');
  });

  test('FLUSHALL is not undone by kill -9', async () => {
    await using server = await startServer({ cairn: smallSegments });
    {
      using client = await server.connect();
      await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `k:${i}`, 'x'.repeat(100)]));
      await client.run('FLUSHALL');
      await client.run('SET survivor 1');
    }
    await server.restart('kill');
    using client = await server.connect();
    expect(await client.run('KEYS *')).toEqual(['survivor']);
    expect(await client.run('DBSIZE')).toBe(1);
  });

  test('more than one segment', async () => {
    await using server = await startServer({ cairn: smallSegments });
    {
      using client = await server.connect();
      for (let n = 0; n < 60; n++) await client.cmd('SET', `mb:${n}`, Buffer.alloc(1 << 20, n));
    }
    await server.restart('kill');
    using client = await server.connect();
    for (let n = 0; n < 60; n++) {
      const value = await client.cmd('GETRANGE', `mb:${n}`, (1 << 20) - 3, -1);
      expect(value).toBe(String.fromCharCode(n).repeat(3));
    }
  });

  test.each(['everysec', 'no'])('appendfsync %s: an orderly stop loses nothing', async (mode) => {
    await using server = await startServer({ cairn: smallSegments, flags: { appendfsync: mode } });
    {
      using client = await server.connect();
      await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `k:${i}`, i]));
    }
    await server.restart('stop');
    using client = await server.connect();
    expect(await client.run('DBSIZE')).toBe(5000);
  });
});

describeCairn('damage', () => {
  const marker = (i: number): string => `<marker-${String(i).padStart(4, '0')}>`;
  const count = 200;

  const keyOf = (i: number): string => `key-${String(i).padStart(4, '0')}`;
  const valueOf = (i: number): string => marker(i).repeat(20);

  /**
   * A server that has ended; its records can be found by their keys and values. One commit per record. Unless told
   * otherwise it ended in good order but without a checkpoint, so the next start reads the whole log.
   */
  async function prepared(how: End = 'nosave'): Promise<TestServer> {
    const server = await startServer({ cairn: { ...smallSegments, lanes: 1 } });
    using client = await server.connect();
    for (let i = 0; i < count; i++) await client.cmd('SET', keyOf(i), valueOf(i));
    await server.end(how);
    return server;
  }

  /** Neither `check` nor `serve` accept the directory, and both say where the damage is. */
  async function expectRefused(server: TestServer, file: string, withOffset = true): Promise<void> {
    const checked = check(server.dir);
    expect(checked.code).not.toBe(0);
    expect(checked.output).toContain(path.basename(file));
    if (withOffset) expect(checked.output).toMatch(/offset \d+/);
    await expect(server.start()).rejects.toThrow(path.basename(file));
    if (withOffset) expect(server.logs).toMatch(/offset \d+/);
  }

  test('an undamaged directory passes, before and after kill -9', async () => {
    await using server = await prepared();
    expect(check(server.dir)).toMatchObject({ code: 0 });
    await server.start();
    using client = await server.connect();
    await client.run('SET more 1');
    await server.kill();
    expect(check(server.dir)).toMatchObject({ code: 0 });
  });

  test('check counts the keys that are live, and their bytes', async () => {
    await using server = await prepared();
    expect(check(server.dir).output).toContain(` ${count} live keys, `);
    expect(check(server.dir).output).toContain(`(${count * (8 + 260)} live)`);
    await server.start();
    {
      using client = await server.connect();
      for (const line of [
        ...[`SET ${keyOf(0)} short`, `DEL ${keyOf(1)} ${keyOf(2)}`, `SET ${keyOf(3)} x PX 1`, 'SET mortal x EX 1000'],
        ...['SELECT 1', 'SET flushed 1', 'FLUSHDB', 'SET swapped away', 'SWAPDB 1 2', 'SET gone 1', 'FLUSHDB'],
        ...['MULTI', 'SET one 1', 'SET two 22', 'DEL one', 'EXEC'],
      ]) {
        expect(show(await client.run(line)), line).not.toMatch(/^-/);
      }
    }
    // Of the prepared keys two are deleted, one is expired and one has become shorter.
    const live = [count - 3 + 3, (count - 4) * (8 + 260) + (8 + 5) + (6 + 1) + (7 + 4) + (3 + 2)] as const;
    for (const how of ['kill', 'nosave', 'stop'] as const) {
      await server.end(how);
      const { code, output } = check(server.dir);
      expect(code).toBe(0);
      expect(output).toContain(` ${live[0]} live keys, `);
      expect(output).toContain(`(${live[1]} live)`);
      await server.start();
    }
    using client = await server.connect();
    const sizes: unknown[] = [];
    for (const db of ['0', '1', '2']) {
      await client.cmd('SELECT', db);
      sizes.push(await client.run('DBSIZE'));
    }
    expect(sizes).toEqual([count - 3 + 1, 1, 1]);
  });

  test('check refuses a directory that is not there, and one that is in use', async () => {
    expect(check('/nonexistent/cairn').code).not.toBe(0);
    await using server = await startServer();
    const { code, output } = check(server.dir);
    expect(code).not.toBe(0);
    expect(output).toContain(server.dir);
  });

  // Relative to the key: [commit: header 24, payload 24][header 24][key 8][value 260][zeros 4], see docs/format.md.
  const places: readonly (readonly [name: string, shift: number])[] = [
    ['checksum of the commit', -72],
    ['type of the commit', -68],
    ['length of the commit', -48],
    ['chain to the commit before', -40],
    ['durable position in the commit', -32],
    ['checksum', -24],
    ['type', -20],
    ['value type', -19],
    ['namespace', -18],
    ['key length', -16],
    ['value length', -12],
    ['high byte of the value length', -9],
    ['incarnation', -8],
    ['segment id', -4],
    ['first byte of the key', 0],
    ['last byte of the key', 7],
    ['first byte of the value', 8],
    ['middle of the value', 140],
    ['last byte of the value', 267],
    ['zeros behind the value', 269],
  ];

  test.each(places)('%s flipped in the middle of the log: refused with file and offset', async (_name, shift) => {
    await using server = await prepared();
    const { file, offset } = find(server.dir, keyOf(100));
    flip({ file, offset: offset + shift });
    await expectRefused(server, file);
  });

  test('the same after kill -9, also in the last record but one', async () => {
    for (const victim of [0, 100, count - 2]) {
      await using server = await prepared('kill');
      const { file, offset } = find(server.dir, keyOf(victim));
      flip({ file, offset: offset + 20 });
      await expectRefused(server, file);
    }
  });

  test('after an orderly stop even the last record is known to be complete', async () => {
    await using server = await prepared('nosave');
    const { file, offset } = find(server.dir, keyOf(count - 1));
    flip({ file, offset: offset + 20 });
    await expectRefused(server, file);
  });

  test.each([0, 9, 12, 16, 20, 32, 45])('the segment header flipped at byte %d', async (offset) => {
    await using server = await prepared();
    const { file } = find(server.dir, keyOf(100));
    flip({ file, offset });
    await expectRefused(server, file, false);
  });

  test('a segment that ends too early', async () => {
    await using server = await prepared();
    const { file, offset } = find(server.dir, keyOf(100));
    fs.truncateSync(file, offset + 50);
    await expectRefused(server, file, false);
  });

  test('a segment that is missing', async () => {
    await using server = await prepared();
    const { file } = find(server.dir, keyOf(100));
    fs.rmSync(file);
    await expectRefused(server, file, false);
  });

  test.each(['nosave', 'stop'] as const)('any other file flipped (%s): refused, or harmless', async (how) => {
    await using server = await prepared(how);
    const { file: segment } = find(server.dir, keyOf(100));
    const others = fs
      .readdirSync(server.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => file !== segment && fs.statSync(file).size > 0);
    for (const file of others) {
      const before = fs.readFileSync(file);
      for (let at = 0; at < Math.min(before.length, 200); at += 17) {
        flip({ file, offset: at });
        try {
          await server.start();
          using client = await server.connect();
          expect(await client.cmd('GET', keyOf(100))).toBe(valueOf(100));
          expect(await client.run('DBSIZE')).toBe(count);
          await server.kill();
        } catch (error) {
          expect(String(error)).toContain('did not start');
        }
        fs.writeFileSync(file, before);
      }
    }
  });

  test('a torn tail is cut off at the last whole record, and reported', async () => {
    for (const tear of ['flip', 'truncate']) {
      await using server = await prepared('kill');
      const { file, offset } = find(server.dir, keyOf(count - 1));
      if (tear === 'flip') flip({ file, offset: offset + 50 });
      else fs.truncateSync(file, offset + 50);
      await server.start();
      using client = await server.connect();
      expect(await client.run('DBSIZE')).toBe(count - 1);
      expect(await client.cmd('EXISTS', keyOf(count - 1))).toBe(0);
      expect(await client.cmd('GET', keyOf(count - 2))).toBe(valueOf(count - 2));
      await expectLogged(server, path.basename(file));
      await client.cmd('SET', 'after', '1');
      await server.restart('kill');
      using again = await server.connect();
      expect(await again.run('DBSIZE')).toBe(count);
    }
  });

  test('a sealed segment flipped at its end: refused', async () => {
    await using server = await startServer({ cairn: { ...smallSegments, lanes: 1 } });
    {
      using client = await server.connect();
      for (let i = 0; i < 40; i++) await client.cmd('SET', keyOf(i), Buffer.alloc(1 << 20, valueOf(i)));
    }
    await server.end('nosave');
    const { file } = find(server.dir, keyOf(0));
    const content = fs.readFileSync(file);
    let last = content.length - 1;
    while (content[last] === 0) last--;
    flip({ file, offset: last });
    await expectRefused(server, file);
  });

  test('salvage starts without the damaged record and keeps the others', async () => {
    await using server = await prepared();
    const { file, offset } = find(server.dir, marker(100));
    flip({ file, offset: offset + 5 });
    await server.start({ salvage: 'yes' });
    using client = await server.connect();
    expect(await client.cmd('EXISTS', keyOf(100))).toBe(0);
    expect(await client.run('DBSIZE')).toBe(count - 1);
    expect(await client.cmd('GET', keyOf(101))).toBe(valueOf(101));
    await expectLogged(server, path.basename(file));
  });

  test('a value that is damaged while the server runs is an error reply, a log line, and never served', async () => {
    await using server = await startServer({ cairn: { ...smallSegments, 'cache-size': '1mb', lanes: 1 } });
    using client = await server.connect();
    await client.cmd('SET', 'victim', marker(1).repeat(1000));
    await client.cmd('SET', 'neighbour', marker(2).repeat(1000));
    for (let i = 0; i < 200; i++) await client.cmd('SET', `filler:${i}`, Buffer.alloc(1 << 16, i));
    const { file, offset } = find(server.dir, marker(1).repeat(3));
    flip({ file, offset: offset + 77 });
    const reply = await client.run('GET victim');
    expect(reply).toBeInstanceOf(ErrorReply);
    expect((reply as ErrorReply).text).not.toMatch(/\/|offset|vlog/);
    expect(await client.run('GET neighbour')).toBe(marker(2).repeat(1000));
    expect(await client.ask('SET victim new')).toBe('+OK');
    expect(await client.run('GET victim')).toBe('new');
    await expectLogged(server, path.basename(file));
    await expectLogged(server, /offset \d+/);
  });

  test.each(Array.from({ length: 15 }, (_, round) => round))(
    'a random flip anywhere (%i): never a wrong value',
    async (round) => {
      await using server = await prepared(round % 3 === 0 ? 'stop' : 'nosave');
      const { file, offset } = find(server.dir, keyOf(count - 1));
      flip({ file, offset: random.int(0, offset + 200) });
      try {
        await server.start();
      } catch {
        return;
      }
      using client = await server.connect();
      for (let i = 0; i < count; i++) {
        const value = await client.cmd('GET', keyOf(i));
        if (typeof value === 'string') expect(value).toBe(valueOf(i));
      }
      await server.kill();
    },
  );
});
