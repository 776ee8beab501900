/**
 * Directories of this format version and of older ones: a server opens them, and finds every key, value, type and expiry.
 * `CAIRN_MAKE_GOLDEN=v3 npm test -- golden` makes those of the version that this server writes.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { check, find } from '../support/damage.js';
import {
  everything,
  type Golden,
  goldenDir,
  goldenFlags,
  makeGolden,
  type Row,
  unpackGolden,
} from '../support/golden.js';
import { describeCairn, makeTempDir, startServer, type TestServer } from '../support/server.js';

const making = process.env['CAIRN_MAKE_GOLDEN'];
const ends = ['closed', 'killed'] as const;
const names = fs
  .readdirSync(goldenDir)
  .filter((name) => name.endsWith('.br'))
  .map((name) => name.slice(0, -'.br'.length));

const segmentsIn = (dir: string): Buffer[] =>
  fs
    .readdirSync(dir)
    .filter((name) => name.endsWith('.vlog'))
    .map((name) => fs.readFileSync(path.join(dir, name)));

async function expectRows(server: TestServer, rows: readonly Row[]): Promise<void> {
  using client = await server.connect();
  expect(await everything(client)).toEqual(rows);
}

describeCairn('golden directories', () => {
  const dirs: string[] = [];
  afterAll(() => {
    for (const dir of dirs) fs.rmSync(dir, { recursive: true });
  });
  const unpacked = (name: string): Golden & { dir: string } => {
    const dir = makeTempDir();
    dirs.push(dir);
    return { dir, ...unpackGolden(name, dir) };
  };

  test.runIf(making !== undefined).each(ends)('making one that was %s', async (end) => {
    await using server = await startServer({ cairn: { ...goldenFlags, 'gc-mode': 'aggressive' } });
    await makeGolden(`${making}-${end}`, server, end === 'closed');
  });

  describe.each(names)('%s', (name) => {
    test('has every kind of file', () => {
      const { dir, rows } = unpacked(name);
      const version = Number(/^v(\d+)/.exec(name)?.[1]);
      const segments = segmentsIn(dir);
      expect(segments.map((bytes) => bytes.readUInt32LE(8))).toEqual(segments.map(() => version));
      expect(fs.readFileSync(path.join(dir, 'MANIFEST')).readUInt32LE(8)).toBe(version);
      expect(segments.filter((bytes) => bytes.readUInt32LE(40) === 1)).not.toEqual([]); // recycled
      expect(segments.filter((bytes) => bytes.readUInt32LE(48) !== 0)).not.toEqual([]); // survivors
      expect(new Set(segments.map((bytes) => bytes.readUInt32LE(20)))).toEqual(new Set([0, 1, 2])); // lanes
      expect(fs.readdirSync(dir).filter((file) => file.endsWith('.ckpt'))).toHaveLength(2);
      expect(rows.length).toBeGreaterThan(400);
    });

    test.each(['as it is', 'without its newest checkpoint'])(
      'opens %s, and again after each kind of end',
      async (how) => {
        const { dir, rows } = unpacked(name);
        if (how !== 'as it is') {
          const newest = fs.readdirSync(dir).filter((file) => file.endsWith('.ckpt'));
          fs.rmSync(path.join(dir, newest.sort().at(-1) ?? ''));
        }
        expect(check(dir).code).toBe(how === 'as it is' ? 0 : 1);
        await using server = await startServer({ dir, cairn: goldenFlags });
        await expectRows(server, rows);
        for (const end of ['kill', 'stop', 'nosave'] as const) {
          await server.restart(end);
          await expectRows(server, rows);
          using client = await server.connect();
          await client.run('SET between ends');
          await client.run('DEL between');
        }
        await server.restart('kill', { lanes: 1 });
        await expectRows(server, rows);
        await server.stop();
        expect(check(dir)).toMatchObject({ code: 0 });
      },
    );

    test.runIf(name.endsWith('killed'))('opens with its last commit torn', async () => {
      const { dir, torn } = unpacked(name);
      const { file, offset } = find(dir, torn.text);
      const bytes = fs.readFileSync(file);
      bytes.fill(0, offset + 5, offset + torn.text.length);
      fs.writeFileSync(file, bytes);
      await using server = await startServer({ dir, cairn: goldenFlags });
      await expectRows(server, torn.rows);
      await server.restart('kill');
      await expectRows(server, torn.rows);
    });
  });
});
