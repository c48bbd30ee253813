import { defineConfig } from 'vitest/config';

// Worker processes inherit it: ONNX Runtime sends usage data to its vendor unless this is set.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

/** Tests named *.long.test.ts take minutes: `npm run test:long` runs these alone. */
const long = process.env['LONG_TESTS'] === '1';

export default defineConfig({
  test: {
    include: [long ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    exclude: long ? [] : ['test/**/*.long.test.ts'],
    setupFiles: ['test/support/seed.ts'],
    // Most tests wait, for a lease, a server or a child process: two at a time even where there are two processors.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      // The pure core: what decides, explains and computes.
      include: ['functions/{core,routing,reading}/*.ts', 'functions/models/json-line.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95 },
    },
  },
});
