/** Index checkpoints: what a start takes from one, what it does without, and what becomes of damage that no start reads. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { check, find, flip } from '../support/damage.js';
import { Random } from '../support/random.js';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply, show } from '../support/resp.js';
import {
  describeCairn,
  type End,
  type Flags,
  freePort,
  makeTempDir,
  smallSegments,
  startServer,
  type TestServer,
} from '../support/server.js';

const random = new Random(23);
const cairn: Flags = { ...smallSegments, lanes: 2 };
const databases = [0, 1, 2, 9];

const checkpointsIn = (dir: string): string[] =>
  fs
    .readdirSync(dir)
    .filter((name) => name.endsWith('.ckpt'))
    .sort()
    .map((name) => path.join(dir, name));

/** What the latest start says it has read. */
function recovered({ logs }: TestServer): { keys: number; checkpointKeys: number; records: number } {
  const [, keys, checkpointKeys, records] =
    /data directory recovered keys=(\d+) checkpointKeys=(\d+) records=(\d+) /.exec(logs) ?? [];
  expect(records, logs).toBeDefined();
  return { keys: Number(keys), checkpointKeys: Number(checkpointKeys), records: Number(records) };
}

/** Database, key, value and expiry of everything there is. */
async function contents(client: RawClient): Promise<string[]> {
  const all: string[] = [];
  for (const db of databases) {
    await client.cmd('SELECT', db);
    const keys = ((await client.run('KEYS *')) as string[]).sort();
    expect(await client.run('DBSIZE')).toBe(keys.length);
    const replies = await client.pipeline(
      keys.flatMap((key): Arg[][] => [
        ['GET', key],
        ['PEXPIRETIME', key],
      ]),
    );
    keys.forEach((key, i) => all.push(`${db} ${key} ${show(replies[2 * i] ?? 0)} ${show(replies[2 * i + 1] ?? 0)}`));
  }
  await client.run('SELECT 0');
  return all;
}

/** Puts, deletes, expiries, flushes and swaps, in several databases. Nothing of it expires soon. */
async function fill(client: RawClient, round: number): Promise<void> {
  const expireAt = Date.now() + 3_600_000;
  for (const db of databases) {
    const commands: Arg[][] = [['SELECT', db]];
    for (let n = 0; n < 600; n++) {
      const key = `${round % 2 === 0 ? 'key' : 'k'}:${random.int(0, 499)}`;
      const value = `${db}.${round}.${n}.`.padEnd(random.int(8, random.chance(0.02) ? 20_000 : 300), 'v');
      if (random.chance(0.15)) commands.push(['DEL', key]);
      else if (random.chance(0.2)) commands.push(['SET', key, value, 'PXAT', expireAt + n]);
      else commands.push(['SET', key, value]);
      if (random.chance(0.1)) commands.push(['PEXPIREAT', key, expireAt + 10_000 + n]);
      if (random.chance(0.05)) commands.push(['PERSIST', key]);
    }
    const refused = (await client.pipeline(commands)).find((reply) => reply instanceof ErrorReply);
    expect(refused).toBeUndefined();
  }
  for (const line of ['SWAPDB 1 9', 'SELECT 2', ...(round === 1 ? ['FLUSHDB'] : []), `SET round ${round}`, 'SELECT 0'])
    expect(show(await client.run(line)), line).not.toMatch(/^-/);
}

async function now(server: TestServer): Promise<string[]> {
  using client = await server.connect();
  return await contents(client);
}

describeCairn('checkpoints', () => {
  describe('which end writes one', () => {
    test('SIGTERM: the next start replays nothing, and everything is there', async () => {
      await using server = await startServer({ cairn });
      for (let round = 0; round < 3; round++) {
        {
          using client = await server.connect();
          await fill(client, round);
        }
        const before = await now(server);
        expect(before.length).toBeGreaterThan(1000);
        for (const how of ['stop', 'kill', 'stop'] as const) {
          await server.restart(how);
          const { records, ...keys } = recovered(server);
          expect(keys).toEqual({ keys: before.length, checkpointKeys: before.length });
          // What garbage collection has moved before the kill is read again.
          if (how === 'stop') expect(records).toBe(0);
          expect(await now(server)).toEqual(before);
        }
      }
      expect(checkpointsIn(server.dir)).toHaveLength(2);
    });

    test.each(['SHUTDOWN', 'SHUTDOWN SAVE', 'SHUTDOWN NOSAVE'])('%s', async (command) => {
      await using server = await startServer({ cairn });
      {
        using client = await server.connect();
        await client.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `k:${i}`, i]));
        await client.send(`${command}\r\n`);
        await client.expectClosed();
      }
      expect(await server.waitExit()).toEqual({ code: 0, signal: null });
      const without = command.endsWith('NOSAVE');
      expect(checkpointsIn(server.dir)).toHaveLength(without ? 0 : 1);
      expect(server.logs.includes('stopping without a checkpoint')).toBe(without);
      await server.start();
      const { records, ...keys } = recovered(server);
      expect(keys).toEqual({ keys: 100, checkpointKeys: without ? 0 : 100 });
      if (without) expect(records).toBeGreaterThanOrEqual(100);
      else expect(records).toBe(0);
      // Only that one end was told so.
      await server.restart('stop');
      expect(recovered(server)).toMatchObject({ keys: 100, checkpointKeys: 100, records: 0 });
    });

    test.each(['kill', 'nosave'] as const)(
      'SAVE, more writes, %s: from the checkpoint and the log behind it',
      async (how) => {
        await using server = await startServer({ cairn });
        for (let round = 0; round < 3; round++) {
          using client = await server.connect();
          await fill(client, round);
          const saved = (await contents(client)).length;
          expect(await client.ask('SAVE')).toBe('+OK');
          await fill(client, round + 1);
          const before = await contents(client);
          await server.restart(how);
          expect(recovered(server)).toMatchObject({ keys: before.length, checkpointKeys: saved });
          expect(recovered(server).records).toBeGreaterThan(1000);
          expect(await now(server)).toEqual(before);
        }
      },
    );

    test('writes that go on during SAVE', async () => {
      await using server = await startServer({ cairn });
      using client = await server.connect();
      using saver = await server.connect();
      let n = 0;
      for (let round = 0; round < 5; round++) {
        const saved = saver.ask('SAVE');
        for (let batch = 0; batch < 10; batch++)
          await client.pipeline(Array.from({ length: 200 }, () => ['SET', `k:${n % 1500}`, `value ${n++}`]));
        expect(await saved).toBe('+OK');
      }
      const before = await contents(client);
      await server.restart('kill');
      expect(await now(server)).toEqual(before);
    });
  });

  describe('damaged', () => {
    /** Stopped, with two checkpoints and a log that goes on behind the older one. */
    let original: string;
    let before: string[] = [];
    let olderKeys = 0;
    const scratch = makeTempDir('cairn-checkpoints-');

    beforeAll(async () => {
      original = path.join(scratch, 'original');
      fs.mkdirSync(original);
      await using server = await startServer({ cairn, dir: original });
      using client = await server.connect();
      await fill(client, 0);
      olderKeys = (await contents(client)).length;
      await client.run('SAVE');
      await fill(client, 1);
      before = await contents(client);
      await server.stop();
      expect(checkpointsIn(original)).toHaveLength(2);
    });
    afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

    /** A copy of its own for each test. */
    function copy(): string {
      const dir = fs.mkdtempSync(path.join(scratch, 'copy-'));
      fs.cpSync(original, dir, { recursive: true });
      return dir;
    }

    type Harm = readonly [name: string, harm: (file: string) => void];
    const flipped = (name: string, place: (bytes: number) => number): Harm => [
      `flipped ${name}`,
      (file) => flip({ file, offset: place(fs.statSync(file).size) }),
    ];
    const harms: readonly Harm[] = [
      flipped('in its first byte', () => 0),
      flipped('in the header of the first block', () => 20),
      flipped('in the first entries', () => 100),
      flipped('in the middle', (bytes) => Math.floor(bytes / 2)),
      flipped('in its tail', (bytes) => bytes - 4096 + 8),
      flipped('in its trailer', (bytes) => bytes - 40),
      flipped('in its last byte', (bytes) => bytes - 1),
      ['with zeros in it', (file) => fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size))],
      ['cut by a byte', (file) => fs.truncateSync(file, fs.statSync(file).size - 1)],
      ['cut in half', (file) => fs.truncateSync(file, fs.statSync(file).size / 2)],
      ['empty', (file) => fs.truncateSync(file, 0)],
      ['missing', (file) => fs.rmSync(file)],
    ];

    /** Says it as a warning, and names the file. */
    const expectNotice = (server: TestServer, file: string, consequence: string): void => {
      const line = server.logs.split('\n').find((text) => text.includes(path.basename(file)));
      expect(line).toMatch(/ warning /);
      expect(line).toContain(consequence);
    };

    const expectWholeAgain = async (server: TestServer): Promise<void> => {
      expect(await now(server)).toEqual(before);
      await server.restart('stop');
      expect(recovered(server)).toEqual({ keys: before.length, checkpointKeys: before.length, records: 0 });
      expect(server.logs).not.toMatch(/going back/);
      expect(await now(server)).toEqual(before);
      await server.stop();
      expect(check(server.dir)).toMatchObject({ code: 0 });
    };

    test.each(harms)('the newest one %s: the one before it and the log', async (_name, harm) => {
      const dir = copy();
      const [, newest = ''] = checkpointsIn(dir);
      harm(newest);
      await using server = await startServer({ cairn, dir });
      expectNotice(server, newest, 'going back to the checkpoint before it');
      expect(recovered(server)).toMatchObject({ keys: before.length, checkpointKeys: olderKeys });
      await expectWholeAgain(server);
    });

    test.each(harms)('both %s: the log alone', async (_name, harm) => {
      const dir = copy();
      const files = checkpointsIn(dir);
      for (const file of files) harm(file);
      await using server = await startServer({ cairn, dir });
      expectNotice(server, files[1] ?? '', 'going back to the checkpoint before it');
      expectNotice(server, files[0] ?? '', 'going back to the log');
      expect(recovered(server)).toMatchObject({ keys: before.length, checkpointKeys: 0 });
      await expectWholeAgain(server);
    });

    test('the older one of the two: no start needs it', async () => {
      const dir = copy();
      const [older = ''] = checkpointsIn(dir);
      flip({ file: older, offset: 100 });
      await using server = await startServer({ cairn, dir });
      expect(recovered(server)).toMatchObject({ checkpointKeys: before.length, records: 0 });
      await server.stop();
      expect(await server.start().then(now)).toEqual(before);
    });

    test('check tells how many there are, and finds a damaged one', () => {
      const intact = check(original);
      expect(intact.code).toBe(0);
      expect(intact.output).toMatch(/: intact; 2 lanes, \d+ segments, 2 checkpoints, \d+ records, /);
      expect(intact.output).toContain(` ${before.length} live keys, `);
      for (const which of [0, 1]) {
        for (const [name, harm] of harms) {
          const dir = copy();
          const file = checkpointsIn(dir)[which] ?? '';
          harm(file);
          const { code, output } = check(dir);
          expect(code, name).toBe(1);
          expect(output, name).toMatch(new RegExp(`^damaged: ${file}, offset \\d+: `, 'm'));
          expect(output, name).toMatch(/: DAMAGED; 2 lanes, \d+ segments, 1 checkpoint, \d+ records, /);
          expect(output, name).toContain(` ${before.length} live keys, `);
          fs.rmSync(dir, { recursive: true });
        }
      }
    });
  });

  describe('damage in what a checkpoint covers', () => {
    const valueOf = (i: number): string => `<value ${i}>`.repeat(30);

    async function prepared(how: End = 'stop'): Promise<TestServer> {
      const port = await freePort();
      const server = await startServer({ cairn: { ...smallSegments, lanes: 1, 'metrics-port': port } });
      using client = await server.connect();
      await client.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, valueOf(i)]));
      await client.cmd('SET', 'metrics', port);
      await server.end(how);
      return server;
    }

    const figure = async (client: RawClient, name: string): Promise<number> =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec((await client.run('INFO engine')) as string)?.[1]);

    test('a value: check finds it, the start does not read it, its readers get an error that tells no place', async () => {
      await using server = await prepared();
      const { file, offset } = find(server.dir, valueOf(50));
      flip({ file, offset: offset + 100 });

      const checked = check(server.dir);
      expect(checked.code).toBe(1);
      expect(checked.output).toMatch(new RegExp(`^damaged: ${file}, offset \\d+: `, 'm'));

      await server.start();
      expect(recovered(server)).toEqual({ keys: 101, checkpointKeys: 101, records: 0 });
      using client = await server.connect();
      const metricsPort = (await client.run('GET metrics')) as string;
      const text = "-ERR the value could not be read from disk (it is damaged); see the server's log";
      const commands = ['GET key:50', 'MGET key:1 key:50', 'APPEND key:50 x', 'STRLEN key:50', 'DUMP key:50'];
      let errors = 0;
      for (const command of commands) {
        const reply = await client.ask(command);
        if (command.startsWith('STRLEN')) continue; // the index knows it
        expect(reply, command).toBe(text);
        errors++;
      }
      await client.run('MULTI');
      await client.run('SET other 1');
      await client.run('GET key:50');
      expect(await client.ask('EXEC')).toBe(text); // as a whole: nothing of it was done
      expect(await client.run('EXISTS other')).toBe(0);
      expect(await client.run('INFO errorstats')).toContain(`errorstat_ERR:count=${errors + 1}\r\n`);
      const calls = (await client.run('INFO commandstats')) as string;
      for (const name of ['get', 'mget', 'append', 'dump', 'exec'])
        expect(calls).toMatch(new RegExp(`^cmdstat_${name}:.*,failed_calls=1\r$`, 'm'));
      expect(await figure(client, 'corrupt_reads')).toBeGreaterThanOrEqual(errors);
      expect(await figure(client, 'disk_read_errors')).toBe(0);
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      expect(Number(/^cairn_corrupt_reads_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(errors);
      const line = server.logs.split('\n').find((one) => one.includes('reading a value failed'));
      expect(line).toMatch(/ error /);
      expect(line).toMatch(new RegExp(`${file} at offset \\d+: `));

      for (let i = 0; i < 100; i++) {
        if (i !== 50) expect(await client.cmd('GET', `key:${i}`)).toBe(valueOf(i));
      }
      expect(await client.run('EXISTS key:50')).toBe(1);
      expect(await client.ask('SET key:50 new')).toBe('+OK');
      await server.restart('stop');
      using again = await server.connect();
      expect(await again.run('GET key:50')).toBe('new');
    });

    test('an end without a checkpoint: the start reads the log, and refuses', async () => {
      await using server = await prepared('nosave');
      const { file, offset } = find(server.dir, valueOf(50));
      flip({ file, offset: offset + 100 });
      expect(check(server.dir).code).toBe(1);
      await expect(server.start()).rejects.toThrow(new RegExp(`${file} at offset \\d+`));
    });

    test('a segment that is missing, or not the one it should be: refused all the same', async () => {
      for (const harm of ['missing', 'header']) {
        await using server = await prepared();
        const { file } = find(server.dir, valueOf(50));
        if (harm === 'missing') fs.rmSync(file);
        else flip({ file, offset: 12 });
        expect(check(server.dir).code).toBe(1);
        await expect(server.start()).rejects.toThrow(path.basename(file));
      }
    });

    test('a segment that is cut: refused, or an error to who reads what is gone', async () => {
      await using server = await prepared();
      const { file, offset } = find(server.dir, valueOf(50));
      fs.truncateSync(file, offset + 10);
      expect(check(server.dir).code).toBe(1);
      try {
        await server.start();
      } catch (error) {
        expect(String(error)).toContain(path.basename(file));
        return;
      }
      using client = await server.connect();
      expect(await client.run('GET key:99')).toBeInstanceOf(ErrorReply);
      expect(await client.run('GET key:1')).toBe(valueOf(1));
    });
  });
});
