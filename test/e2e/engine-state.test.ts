/** That the engine does what it is told by SAVE, CAIRN GC and min-free-bytes, and says so. */
import { expect, test } from 'vitest';
import { ErrorReply, type Reply } from '../support/resp.js';
import type { RawClient } from '../support/raw-client.js';
import { describeCairn, eventually, freePort, startServer, useServer } from '../support/server.js';

async function fields(client: RawClient, section: string): Promise<Map<string, string>> {
  const lines = ((await client.run(`INFO ${section}`)) as string).split('\r\n');
  return new Map(lines.flatMap((line) => (line.includes(':') ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

describeCairn('the engine', () => {
  const server = useServer({ cairn: { lanes: 2, 'segment-size': '16mb' } });

  test('a checkpoint has the time, the keys and the bytes that are told', async () => {
    using client = await server.current.connect();
    for (let i = 0; i < 100; i++) await client.run(`SET key${i} v`);
    const before = Math.floor(Date.now() / 1000);
    const reply = (await client.run('CAIRN CHECKPOINT')) as Reply[];
    const [time, , keys, bytes] = [1, 3, 5, 7].map((at) => Number(reply[at]));
    expect(time).toBeGreaterThanOrEqual(before);
    expect(keys).toBe(100);
    expect(bytes).toBeGreaterThan(0);
    expect(await client.run('LASTSAVE')).toBeGreaterThanOrEqual(before);
    const persistence = await fields(client, 'persistence');
    expect(Number(persistence.get('rdb_saves'))).toBeGreaterThanOrEqual(1);
    expect(Number(persistence.get('rdb_last_bgsave_time_sec'))).toBeGreaterThanOrEqual(0);
    const engine = await fields(client, 'engine');
    expect(Number(engine.get('checkpoint_age_sec'))).toBeLessThan(60);
    expect(Number(engine.get('device_bytes_checkpoint'))).toBeGreaterThan(0);
  });

  test('a restart remembers when the last one was', async () => {
    await using own = await startServer({ cairn: { 'segment-size': '16mb' } });
    const saved = await (async () => {
      using client = await own.connect();
      await client.run('SET k v');
      await client.run('SAVE');
      return Number(await client.run('LASTSAVE'));
    })();
    await own.restart('kill');
    using client = await own.connect();
    expect(await client.run('LASTSAVE')).toBe(saved);
  });

  test('bytes of log are those written, and the same everywhere', async () => {
    using client = await server.current.connect();
    const lanes = (await client.run('CAIRN GC')) as Reply[][];
    const bytes = lanes.reduce((sum, lane) => sum + Number(lane[lane.indexOf('log-bytes') + 1]), 0);
    const engine = await fields(client, 'engine');
    const persistence = await fields(client, 'persistence');
    expect([Number(engine.get('log_bytes')), Number(persistence.get('aof_current_size'))]).toEqual([bytes, bytes]);
    expect(bytes).toBeGreaterThan(Number(engine.get('live_bytes')));
    expect(bytes).toBeLessThan(Number(engine.get('disk_bytes')) / 4);
  });

  test('modes and pauses show, also after DEBUG RELOAD', async () => {
    using client = await server.current.connect();
    const modes = async (): Promise<Reply[]> =>
      ((await client.run('CAIRN GC')) as Reply[][]).map((lane) => lane[3] ?? '');
    await client.run('CAIRN GC MODE 1 throttled');
    await client.run('CAIRN GC PAUSE');
    const expectSet = async (): Promise<void> => {
      expect(await modes()).toEqual(['lazy', 'throttled']);
      const engine = await fields(client, 'engine');
      expect([engine.get('gc_mode'), engine.get('gc_paused')]).toEqual(['mixed', '1']);
    };
    await expectSet();
    await client.run('DEBUG RELOAD');
    await expectSet();
    await client.run('CAIRN GC RESUME');
    await client.run('CONFIG SET gc-mode lazy');
    expect(await modes()).toEqual(['lazy', 'lazy']);
    expect((await fields(client, 'engine')).get('gc_paused')).toBe('0');
  });

  test('too little room: writes are refused, deletes and reads go on, and it heals', async () => {
    const port = await freePort();
    await using own = await startServer({ cairn: { 'segment-size': '16mb', 'metrics-port': port } });
    using client = await own.connect();
    await client.run('MSET a 1 b 2');
    await client.run('SET c 3 PX 3000');
    await client.run('CONFIG SET min-free-bytes 4000gb');
    // What is reserved already is used up first.
    for (const bytes of [100_000, 1000, 1]) {
      const refusal = await eventually('writes are refused', async () => {
        const reply = await client.cmd('SET', 'd', 'x'.repeat(bytes));
        return reply instanceof ErrorReply && reply.text;
      });
      expect(refusal).toMatch(/^MISCONF /);
      expect(refusal).toContain(own.dir);
    }
    expect(await client.ask('INCR a')).toMatch(/^-MISCONF /);
    expect(await client.run('GET a')).toBe('1');
    expect(await client.run('DEL b')).toBe(1);
    expect(await client.run('DEL d')).toBe(1);
    const engine = await fields(client, 'engine');
    expect(Number(engine.get('read_only_lanes'))).toBeGreaterThan(0);
    expect(engine.get('read_only_reason')).toContain(own.dir);
    expect(Number(engine.get('free_bytes'))).toBeGreaterThan(0);
    expect((await fields(client, 'persistence')).get('aof_last_write_status')).toBe('err');
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(503);
    await eventually('the expired key is gone', async () => (await client.run('DBSIZE')) === 1);
    expect(await client.ask('FLUSHALL')).toBe('+OK');
    await eventually('it is in the log', () => /refuses writes until there is room/.test(own.logs));
    await client.run('CONFIG SET min-free-bytes 0');
    await eventually('writes are taken again', async () => (await client.ask('SET d 4')) === '+OK');
    await eventually('it is healthy', async () => (await fetch(`http://127.0.0.1:${port}/health`)).status === 200);
  });

  test('commits are in the histograms', async () => {
    using client = await server.current.connect();
    await client.run('SET k v');
    const engine = await fields(client, 'engine');
    expect(engine.get('commit_usec_percentiles')).toMatch(/^p50=[1-9]/);
    expect(engine.get('commit_bytes_percentiles')).toMatch(/^p50=[1-9]/);
  });
});
