import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Worker processes inherit it: ONNX Runtime sends usage data to its vendor unless this is set.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
// Each test file and each command runs in a process of its own: compile the modules once, not once per process.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compile');

/** Tests named *.long.test.ts take minutes: `npm run test:long` runs these alone. */
const long = process.env['LONG_TESTS'] === '1';

export default defineConfig({
  test: {
    include: [long ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(long ? [] : ['test/**/*.long.test.ts'])],
    setupFiles: ['test/support/setup.ts'],
    // Most tests wait, for a lease, a server or a child process: two at a time even where there are two processors.
    maxWorkers: 2,
    // A bound for what hangs, on a machine that is busy with something else.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    coverage: {
      // The pure core: what decides, explains and computes.
      include: ['functions/{core,routing,reading}/*.ts', 'functions/models/json-line.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95 },
    },
  },
});
