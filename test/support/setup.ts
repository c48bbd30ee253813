import fc from 'fast-check';
import { vi } from 'vitest';

// The seed is fixed, so that a commit always gives the same result. SEED=$RANDOM npm test tries other inputs.
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_125) });

// vi.waitFor gives up after one second by default. A busy machine needs more time, and a passing test does not wait longer.
const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: 60_000, ...options });
