import { defineConfig } from 'vitest/config';

const minute = 60_000;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/tidy.test.ts'] },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          pool: 'forks',
          testTimeout: minute / 2,
          hookTimeout: minute,
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 20 * minute,
          hookTimeout: minute,
        },
      },
      // The long run has a project of its own so that it never starts by accident: CAIRN_SOAK=1 brings it in.
      ...(process.env['CAIRN_SOAK'] === undefined
        ? []
        : [
            {
              test: {
                name: 'soak',
                include: ['test/crash/soak.ts'],
                pool: 'forks' as const,
                testTimeout: 24 * 60 * minute,
                hookTimeout: minute,
              },
            },
          ]),
    ],
  },
});
