import fc from 'fast-check';

// The seed is fixed, so that a commit always gives the same result. SEED=$RANDOM npm test tries other inputs.
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_125) });
