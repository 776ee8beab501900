/** DEBUG RELOAD after which the engine is not open again: clients are told, the process ends in good order, nothing is lost. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ErrorReply } from '../support/resp.js';
import { describeCairn, eventually, type Flags, startServer, type TestServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

const mb = 1024 * 1024;
const cairn: Flags = { 'segment-size': '16mb', lanes: 2, 'io-threads': 2, 'enable-debug-command': 'local' };
const notClosed = /^ERR the engine could not be closed in good order: /;
const notOpened = /^ERR the engine was closed and cannot be opened again: /;

/** Asks for the reload beside somebody who waits and somebody who does not; all are told, or closed. */
async function expectEnd(server: TestServer, breakIt: () => void, reason: RegExp): Promise<void> {
  using client = await server.connect();
  using waiter = await server.connect();
  using other = await server.connect();
  await client.run('SET k v');
  await waiter.send('WAIT 1 0\r\n');
  const waits = async (): Promise<boolean> =>
    ((await client.run('INFO clients')) as string).includes('blocked_clients:1');
  await eventually('one waits', waits);
  breakIt();
  const reply = await client.run('DEBUG RELOAD');
  expect(reply).toBeInstanceOf(ErrorReply);
  expect((reply as ErrorReply).text).toMatch(reason);
  const waited = await waiter.read();
  expect(waited).toBeInstanceOf(ErrorReply);
  expect((waited as ErrorReply).text).toMatch(reason);
  await Promise.all([client.closed, waiter.closed, other.closed]);
  expect(await server.waitExit()).toEqual({ code: 1, signal: null });
  expect(server.logs).toContain('DEBUG RELOAD has failed: stopping');
  expect(server.logs).not.toContain('check failed');
}

describeCairn('DEBUG RELOAD', () => {
  const disks = useSmallDisks();

  test('of a directory that cannot be opened again', async () => {
    await using server = await startServer({ cairn });
    const lock = path.join(server.dir, 'LOCK');
    const breakIt = (): void => {
      fs.rmSync(lock);
      fs.mkdirSync(lock);
    };
    await expectEnd(server, breakIt, notOpened);
    fs.rmdirSync(lock);
    await server.start();
    using client = await server.connect();
    expect(await client.run('GET k')).toBe('v');
  });

  test('without file descriptors', async () => {
    await using server = await startServer({ cairn });
    await expectEnd(
      server,
      () => void execFileSync('prlimit', ['--nofile=4:', '--pid', String(server.pid)]),
      notClosed,
    );
    await server.start();
    using client = await server.connect();
    expect(await client.run('GET k')).toBe('v');
  });

  test('on a device that breaks', async (context) => {
    disks.needed(context);
    using disk = new SmallDisk({ bytes: 200 * mb });
    await using server = await startServer({ dir: disk.dir, cairn });
    await expectEnd(server, () => disk.breakBeyond(mb), notClosed);
  });
});
