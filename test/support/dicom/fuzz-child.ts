/** node test/support/dicom/fuzz-child.ts FIRST COUNT [PROGRESS]: decode damaged files and print the results. */
import { openSync, writeSync } from 'node:fs';
import { corpus } from './corpus.ts';
import { fuzz } from './fuzz.ts';

const [first = '0', count = '1', progress] = process.argv.slice(2);
const file = progress ? openSync(progress, 'w') : undefined;
const report = await fuzz(await corpus(), Number(first), Number(count), (seed) => {
  // The progress is written before each file, so that the seed of a hang or a crash is known.
  if (file !== undefined) writeSync(file, String(seed).padStart(12), 0);
});
console.log(JSON.stringify(report));
