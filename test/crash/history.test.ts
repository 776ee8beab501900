/** Histories under faults are linearizable; `npm run check:history` does the same for as long as wanted. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkFile } from '../history/check-file.js';
import { round } from '../history/check.js';
import { faults } from '../history/nemesis.js';
import { type WorkloadName, workloads } from '../history/workloads.js';
import { makeTempDir, smallSegments, target, TestServer } from '../support/server.js';

test.skipIf(target !== 'cairn')(
  'histories of all workloads, with the server killed, stopped, paused and full',
  async () => {
    const dir = makeTempDir('cairn-history-data-');
    const directory = makeTempDir('cairn-history-');
    const seed = Math.floor(Math.random() * 2 ** 31);
    const server = new TestServer({ dir, cairn: smallSegments });
    try {
      await server.start();
      const names = Object.keys(workloads) as WorkloadName[];
      const options = { seed, seconds: 12, workloads: names, faults, concurrency: 3, directory };
      const result = await round(server, '', options);
      expect(result.verdict, `seed ${seed}; histories: ${directory}, data: ${dir}`).toEqual({
        valid: true,
        reports: [],
      });
      expect([...result.faults.keys()].sort()).toEqual([...faults].sort());
      expect(result.operations).toBeGreaterThan(500);
      expect(result.unknown).toBeGreaterThan(0);

      // What outsiders get is the same history.
      const files = fs.readdirSync(directory).map((name) => path.join(directory, name));
      expect(files.map((file) => checkFile(file).valid)).toEqual(names.map(() => true));
      fs.rmSync(directory, { recursive: true, force: true });
      await server.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    } finally {
      await server.kill();
    }
  },
);
