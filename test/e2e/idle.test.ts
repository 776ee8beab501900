/** A server that nobody has written to for a while gives room back to the file system. The next write comes alone, and may be large. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { OK, QUEUED } from '../support/resp.js';
import { describeCairn, eventually, sleep, startServer } from '../support/server.js';

const mb = 1024 * 1024;
const lanes = 16;
const value = Buffer.alloc(4.5 * mb, 'v');

function segmentBytes(dir: string): number {
  const names = fs.readdirSync(dir).filter((name) => name.endsWith('.vlog'));
  return names.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
}

/** As shards are spread over lanes: 16 neighbouring hash slots each, round robin. */
function laneOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : 0x1021)) & 0xffff;
  }
  return ((crc % 16384) >> 4) % lanes;
}

/** Waits for the event, not for the time: how long lanes wait is theirs to know. */
async function untilGivenBack(dir: string): Promise<void> {
  const before = segmentBytes(dir);
  let last = before;
  await eventually(
    'idle lanes give room back',
    async () => {
      await sleep(300);
      const now = segmentBytes(dir);
      const settled = now === last && now < before;
      last = now;
      return settled;
    },
    60_000,
  );
}

describeCairn.each(['auto', 'threads'])('after a while without a write, io-backend %s', (backend) => {
  test('lone large writes are answered, each command for itself', { timeout: 60_000 * patience }, async () => {
    await using server = await startServer({ cairn: { lanes, 'io-backend': backend } });
    using client = await server.connect();
    expect(await client.cmd('SET', 'source', value)).toEqual(OK);
    await untilGivenBack(server.dir);
    // Keys in different lanes: each finds one that is idle.
    const keys = new Map<number, string>();
    for (let i = 0; keys.size < lanes; i++) keys.set(laneOf(`k${i}`), `k${i}`);
    keys.delete(laneOf('source'));
    const [set, setbit, copy, mset1, mset2, exec1, exec2, append] = [...keys.values()] as string[] as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    expect(await client.cmd('SET', set, value)).toEqual(OK);
    expect(await client.cmd('SETBIT', setbit, String(8 * value.length), '1')).toBe(0);
    expect(await client.cmd('COPY', 'source', copy)).toBe(1);
    expect(await client.cmd('MSET', mset1, value, mset2, value)).toEqual(OK);
    expect(await client.cmd('MULTI')).toEqual(OK);
    expect(await client.cmd('SET', exec1, value)).toEqual(QUEUED);
    expect(await client.cmd('SET', exec2, value)).toEqual(QUEUED);
    expect(await client.cmd('EXEC')).toEqual([OK, OK]);
    expect(await client.cmd('APPEND', append, value)).toBe(value.length);
    for (const key of [set, copy, mset1, mset2, exec1, exec2, append])
      expect(await client.cmd('STRLEN', key)).toBe(value.length);
  });
});
