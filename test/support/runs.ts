/** How often a test repeats itself: `short` in `npm test`, `long` in `npm run test:long`. */
export const runs = (short: number, long: number): number => (process.env['LONG_TESTS'] === '1' ? long : short);
