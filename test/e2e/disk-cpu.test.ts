/** disk-cpu: where the disk's completions arrive differs between machines, so both outcomes are right under `auto`. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { describeCairn, freePort, startServer, TestServer } from '../support/server.js';

/** The processors that a thread of the server may run on, as the kernel lists them. */
function processorsOf(server: TestServer, thread: string): string {
  const tasks = `/proc/${server.pid}/task`;
  for (const id of fs.readdirSync(tasks)) {
    try {
      if (fs.readFileSync(`${tasks}/${id}/comm`, 'utf8').trim() !== thread) continue;
      return /^Cpus_allowed_list:\s*(\S+)$/m.exec(fs.readFileSync(`${tasks}/${id}/status`, 'utf8'))?.[1] ?? '';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // it has just ended
    }
  }
  throw new Error(`no thread ${thread}`);
}

function processorsOfProcess(server: TestServer): string {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? '';
}

const diskProcessor = /completions all arrive at processor (\d+)/;

describeCairn('disk-cpu', () => {
  test.each([
    ['no', { 'disk-cpu': 'no' }],
    ['auto', { 'disk-cpu': 'auto' }],
    ['auto', {}],
  ])('%s, by %o, starts and serves', async (value, cairn) => {
    await using server = await startServer({ cairn: { ...cairn, 'segment-size': '16mb', 'io-threads': 2 } });
    using client = await server.connect();
    expect(await client.run('CONFIG GET disk-cpu')).toEqual(['disk-cpu', value]);
    expect(await client.ask('SET k v')).toBe('+OK');
    await server.restart('kill');
    using again = await server.connect();
    expect(await again.run('GET k')).toBe('v');
    expect(fs.readdirSync(server.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);

    const all = processorsOfProcess(server);
    expect(processorsOf(server, 'reactor-1')).toBe(all);
    const [, found] = diskProcessor.exec(server.logs) ?? [];
    if (value === 'no') expect(found).toBeUndefined();
    // The seat may have been given up by now: somebody else may need that processor.
    expect([all, found]).toContain(processorsOf(server, 'reactor-0'));
  });

  test('anything else stops the start, with the option and the reason', async () => {
    const server = new TestServer({ cairn: { 'disk-cpu': 'banana' } });
    server.port = await freePort();
    try {
      await server.launch();
      const { code, signal } = await server.waitExit();
      expect(signal).toBeNull();
      expect(code).not.toBe(0);
      expect(server.logs).toContain('disk-cpu');
      expect(server.logs).toMatch(/must be one of the following: auto, no\b/);
      expect(server.logs).not.toMatch(/ready to accept connections/i);
    } finally {
      await server.dispose();
    }
  });

  test('it cannot be changed while the server runs', async () => {
    await using server = await startServer({ cairn: { 'disk-cpu': 'no' } });
    using client = await server.connect();
    expect(await client.ask('CONFIG SET disk-cpu auto')).toMatch(/^-ERR .*disk-cpu.*immutable/);
    expect(await client.run('CONFIG GET disk-cpu')).toEqual(['disk-cpu', 'no']);
  });
});
