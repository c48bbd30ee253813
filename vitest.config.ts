import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/seed.ts'],
    // Most tests wait, for a lease, a server or a child process: two at a time even where there are two processors.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      // The pure core: what decides, explains and computes.
      include: ['functions/pipeline/*.ts', 'functions/catalog/{schema,line}.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95 },
    },
  },
});
