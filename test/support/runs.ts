/** The number of repetitions: `short` in `npm test`, `long` in `npm run test:long`. */
export const runs = (short: number, long: number): number => (process.env['LONG_TESTS'] === '1' ? long : short);
