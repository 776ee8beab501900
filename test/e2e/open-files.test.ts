/** The limit of open files: asked for at the start, shared out, and met without harm. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import type { RawClient } from '../support/raw-client.js';
import { show } from '../support/resp.js';
import {
  cairnOnly,
  describeCairn,
  eventually,
  expectLogged,
  sleep,
  startServer,
  type TestServer,
} from '../support/server.js';

const mb = 1 << 20;

/** Root could raise the limit that the test sets. */
function limitedTo(files: number): string[] {
  const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-sys_resource', '--inh-caps=-sys_resource'] : [];
  return [...drop, 'prlimit', `--nofile=${files}:${files}`];
}

function openFiles(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

/** The number that the next file would get. */
function lowestFree(pid: number): number {
  const used = new Set(fs.readdirSync(`/proc/${pid}/fd`).map(Number));
  let free = 0;
  while (used.has(free)) free++;
  return free;
}

/** Seconds of processor time so far. */
function cpuSeconds(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function maxclients(client: RawClient): Promise<number> {
  return Number(((await client.run('CONFIG GET maxclients')) as string[])[1]);
}

/** As many as fit; the others are told so. */
async function fillUp(server: TestServer, tries: number): Promise<RawClient[]> {
  const tried = await Promise.all(Array.from({ length: tries }, () => server.connect()));
  for (const client of tried) client.socket.on('error', () => undefined);
  const replies = await Promise.all(tried.map((client) => client.ask('PING').catch((error: unknown) => String(error))));
  const served = tried.filter((_, i) => replies[i] === '+PONG');
  const refused = replies.filter((reply) => reply === '-ERR max number of clients reached');
  // A refused client that was quick to send may meet a reset instead of the text.
  expect(served.length + refused.length).toBeGreaterThan(tries / 2);
  return served;
}

describe('maxclients', () => {
  test('is lowered at the start to what there is room for, and not raised beyond it', async () => {
    await using server = await startServer({ wrapper: limitedTo(256), flags: { maxclients: 10_000 } });
    using admin = await server.connect();
    const most = await maxclients(admin);
    expect(most).toBeLessThan(256);
    expect(most).toBeGreaterThan(100);
    expect(await admin.run('INFO clients')).toContain(`maxclients:${most}\r`);
    expect(await admin.ask('CONFIG SET maxclients 1000000')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to " +
        `handle the specified number of clients, try with ${most}`,
    );
    expect(await maxclients(admin)).toBe(most);
    expect(await admin.ask('CONFIG SET maxclients 50')).toBe('+OK');
    expect(await admin.ask(`CONFIG SET maxclients ${most}`)).toBe('+OK');
    await expectLogged(server, /maxclients/);
  });

  cairnOnly('the start says what is missing if there is no room for a single client', async () => {
    await expect(startServer({ wrapper: limitedTo(72) })).rejects.toThrow(/the limit of open files .* is too low/);
  });
});

describeCairn('at the limit', () => {
  test('clients take all that is theirs, and the engine has its own', { timeout: 120_000 * patience }, async () => {
    await using server = await startServer({
      wrapper: limitedTo(256),
      cairn: { 'segment-size': '16mb', 'cache-size': '1mb' },
    });
    const clients = await fillUp(server, 300);
    const [admin] = clients;
    if (admin === undefined) throw new Error('nobody was served');
    const most = await maxclients(admin);
    expect(clients.length).toBeGreaterThan(most - 10);
    expect(clients.length).toBeLessThanOrEqual(most);
    // Segments come, are collected and go, checkpoints are written.
    const value = Buffer.alloc(2 * mb, 'v');
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 30; i++) expect(show(await admin.cmd('SET', `key:${i}`, value))).toBe('+OK');
      expect(await admin.ask('SAVE')).toBe('+OK');
    }
    for (const client of clients) expect(await client.ask('GET nokey')).toBe('$nil');
    expect(openFiles(server.pid)).toBeLessThan(256);
    // Beyond: told so, and nobody is harmed.
    const extra = await server.connect();
    extra.socket.on('error', () => undefined);
    expect((await extra.readToEnd()).toString()).toBe('-ERR max number of clients reached\r\n');
    for (const client of clients.slice(1)) client.close();
    await eventually('there is room again', async () => {
      using next = await server.connect();
      next.socket.on('error', () => undefined);
      return (await next.ask('PING').catch(() => '')) === '+PONG';
    });
    expect(await admin.run('STRLEN key:7')).toBe(2 * mb);
  });

  test(
    'who cannot be accepted waits, nobody else notices, and nothing spins',
    { timeout: 60_000 * patience },
    async () => {
      await using server = await startServer();
      using admin = await server.connect();
      const setLimit = (files: number): void => {
        execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${files}:`]);
      };
      const before = Number(execFileSync('prlimit', ['--pid', String(server.pid), '-n', '-o', 'SOFT', '--noheadings']));
      setLimit(lowestFree(server.pid));
      const waiting = await server.connect();
      const answer = waiting.ask('PING');
      const cpu = cpuSeconds(server.pid);
      const begin = Date.now();
      while (Date.now() - begin < 3000) {
        expect(await admin.ask('PING')).toBe('+PONG');
        await sleep(10);
      }
      expect(cpuSeconds(server.pid) - cpu).toBeLessThan(1.5);
      const lines = server.logs.split('\n').filter((line) => /accepting connections fails/.test(line));
      expect(lines.length).toBe(1);
      expect(lines[0]).toMatch(/Too many open files/);
      setLimit(before);
      // The limit is looked at once a second: until then the server believes that there is no room.
      expect(['+PONG', '-ERR max number of clients reached']).toContain(await answer);
      await eventually('clients are served again', async () => {
        using next = await server.connect();
        next.socket.on('error', () => undefined);
        return (await next.ask('PING').catch(() => '')) === '+PONG';
      });
      waiting.close();
    },
  );
});
