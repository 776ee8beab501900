import { defineConfig } from 'vitest/config';
import { patience } from './test/support/patience.js';
import { sanitizerSkips } from './test/support/sanitizer-skips.js';

const minute = 60_000;

const tools = {
  soak: 'test/crash/soak.ts',
  'fuzz-commands': 'test/fuzz-commands/run.ts',
  history: 'test/history/run.ts',
};

const commandTests = [
  'acl',
  'bits',
  'changes',
  'dump-restore',
  'exec-order',
  'expiry',
  'gone-clients',
  'hits',
  'keyspace',
  'large-values',
  'scan',
  'strings',
  'transactions',
  'values',
  'watch-order',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: { name: 'unit', testTimeout: 5_000 * patience, include: ['test/unit/**/*.test.ts', 'test/tidy.test.ts'] },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: process.env['CAIRN_TEST_PRELOAD'] === undefined ? [] : sanitizerSkips.map(({ file }) => file),
          setupFiles: ['test/support/sanitizer.ts'],
          pool: 'forks',
          // Only the last resort: what a test waits for has a limit of its own.
          testTimeout: minute * patience,
          hookTimeout: minute * patience,
        },
      },
      {
        // What clients see of data must not depend on the engine.
        test: {
          name: 'e2e-lsm',
          include: commandTests.map((name) => `test/e2e/${name}.test.ts`),
          env: { CAIRN_TEST_ENGINE: 'lsm' },
          setupFiles: ['test/support/sanitizer.ts'],
          pool: 'forks',
          testTimeout: minute * patience,
          hookTimeout: minute * patience,
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 20 * minute,
          hookTimeout: minute * patience,
        },
      },
      // Long runs and tools have projects of their own so that they never start by accident: CAIRN_TOOL brings one in.
      ...Object.entries(tools)
        .filter(([name]) => process.env['CAIRN_TOOL'] === name)
        .map(([name, file]) => ({
          test: { name, include: [file], pool: 'forks' as const, testTimeout: 24 * 60 * minute, hookTimeout: minute },
        })),
    ],
  },
});
