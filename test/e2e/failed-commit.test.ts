/** Commits that fail: on a device that has less room than it promised, and on one that breaks. Needs root and loop devices. */
import { expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, ErrorReply, OK, type Reply } from '../support/resp.js';
import { describeCairn, eventually, type Flags, freePort, startServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

const mb = 1024 * 1024;
const cairn: Flags = { 'segment-size': '64mb', lanes: 2, 'cache-size': '1mb', 'min-free-bytes': 0 };
const value = 'v'.repeat(1000);
const keys = 200;

async function engineField(client: RawClient, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec((await client.run('INFO engine')) as string)?.[1];
}

async function writeKeys(client: RawClient): Promise<void> {
  const commands = Array.from({ length: keys }, (_, i): Arg[] => ['SET', `key${i}`, value]);
  expect((await client.pipeline(commands)).filter((reply) => reply instanceof ErrorReply)).toEqual([]);
}

/** Large enough to go beyond what is prepared. Every one is answered. */
async function writeUntilRefused(client: RawClient): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const reply = await client.cmd('SET', `large${i}`, Buffer.alloc(mb, 'l'));
    if (reply instanceof ErrorReply) return reply.text;
    expect(reply).toEqual(OK);
  }
  throw new Error('nothing was refused');
}

async function expectReadsGoOn(client: RawClient): Promise<void> {
  const reads = Array.from({ length: keys }, (_, i): Arg[] => ['GET', `key${i}`]);
  expect(new Set(await client.pipeline(reads))).toEqual(new Set([value]));
  expect(await client.run('DBSIZE')).toBeGreaterThanOrEqual(keys);
  expect(((await client.run('KEYS key*')) as Reply[]).length).toBe(keys);
  expect((await client.run('SCAN 0 COUNT 1000')) as Reply[]).toHaveLength(2);
  expect(typeof (await client.run('RANDOMKEY'))).toBe('string');
}

/** In any lane: what it answers is another matter. */
async function expectAnswers(client: RawClient): Promise<void> {
  const commands = ['SET key0 x', 'DEL key1', 'INCR n', 'MSET key2 a key3 b', 'FLUSHDB', 'SWAPDB 0 1', 'SWAPDB 0 1'];
  for (const command of commands) await client.run(command);
}

describeCairn.each(['auto', 'threads'])('a commit fails, io-backend %s', (backend) => {
  const disks = useSmallDisks();

  test('for want of room that was promised: refused and answered, and it heals by itself', async (context) => {
    disks.needed(context);
    using below = new SmallDisk({ bytes: 150 * mb });
    using disk = new SmallDisk({ bytes: 400 * mb, on: below });
    await using server = await startServer({ dir: disk.dir, cairn: { ...cairn, 'io-backend': backend } });
    using client = await server.connect();
    await writeKeys(client);
    below.takeAll();
    const refusal = await writeUntilRefused(client);
    expect(refusal).toMatch(/^MISCONF /);
    expect(refusal).toContain('no space left on the device');
    await expectReadsGoOn(client);
    // In all lanes or in none, and who watches hears of what happened only.
    using watcher = await server.connect();
    await watcher.run('WATCH key0 nokey');
    expect(await client.ask('FLUSHALL')).toMatch(/^-MISCONF /);
    expect(await client.ask('FLUSHDB')).toMatch(/^-MISCONF /);
    expect(await client.ask('SWAPDB 0 1')).toMatch(/^-MISCONF /);
    await watcher.pipeline([['MULTI'], ['GET', 'key0']]);
    expect(await watcher.run('EXEC')).toEqual([value]);
    await expectReadsGoOn(client);
    expect(Number(await engineField(client, 'read_only_lanes'))).toBeGreaterThan(0);
    expect(await engineField(client, 'disk_write_errors')).toBe('0');
    below.giveBack();
    await eventually('every lane takes writes', async () => (await engineField(client, 'read_only_lanes')) === '0');
    await writeKeys(client);
    await watcher.run('WATCH key0');
    for (let swaps = 0; swaps < 2; swaps++) expect(await client.ask('SWAPDB 0 1')).toBe('+OK');
    await watcher.pipeline([['MULTI'], ['GET', 'key0']]);
    expect(await watcher.ask('EXEC')).toBe('*nil');
    await server.restart('kill');
    using again = await server.connect();
    await expectReadsGoOn(again);
  });

  test('because the device breaks: it counts, reads go on, every command is answered', async (context) => {
    disks.needed(context);
    const port = await freePort();
    using disk = new SmallDisk({ bytes: 300 * mb });
    await using server = await startServer({
      dir: disk.dir,
      cairn: { ...cairn, 'io-backend': backend, 'cache-size': '64mb', 'metrics-port': port },
    });
    using client = await server.connect();
    await writeKeys(client);
    expect(await engineField(client, 'disk_write_errors')).toBe('0');
    disk.breakBeyond(mb);
    const refusal = await writeUntilRefused(client);
    expect(refusal).toMatch(/^MISCONF /);
    expect(Number(await engineField(client, 'disk_write_errors'))).toBeGreaterThan(0);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(Number(/^cairn_disk_errors_total\{kind="write"\} (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(0);
    await expectReadsGoOn(client);
    await expectAnswers(client);
    await server.kill();
  });
});
