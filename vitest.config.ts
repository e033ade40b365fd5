import { defineConfig } from 'vitest/config';

const notOurs = ['node_modules/**', 'dist/**', '.local/**'];

/** Three levels: unit does no I/O; integration has a real API server; e2e a real node with pods. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{api,cli,controller,deploy,exporter,scripts,pulumi}/**/*.test.ts',
            'test/{sandbox,dataverse,cluster,simulation,support}/**/*.test.ts',
          ],
          exclude: notOurs,
          setupFiles: ['test/support/seed.ts'],
          // Patience with a machine that does much else, not how long they take.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: notOurs,
          setupFiles: ['test/support/seed.ts'],
          globalSetup: ['test/support/rundirectory.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: notOurs,
          // One node, one cluster: files that run at once would count each other's pods.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
