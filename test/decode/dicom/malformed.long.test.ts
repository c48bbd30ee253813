import { expect, test } from 'vitest';
import { decodeDicom } from '../../../functions/decode/dicom/decode.ts';
import { inspect } from '../../../functions/decode/dicom/inspect.ts';
import { decoded, same } from '../../support/dicom/compare.ts';
import type { Stored } from '../../support/dicom/film.ts';
import { chestDataset } from '../../support/dicom/instance.ts';
import { encodings, malformed } from '../../support/dicom/malform.ts';
import { encodingOf, part10, wrap } from '../../support/dicom/part10.ts';
import { unwrap } from '../../support/family.ts';

const film: Stored = {
  columns: 130,
  rows: 128,
  bits: 12,
  signed: false,
  values: Int32Array.from({ length: 130 * 128 }, (_, i) => (i * 7) % 4096),
};

/**
 * Law: after every fault, the film and its identifiers equal those of the valid file and there is a warning, or the file is
 * refused by name. No data is lost or mixed up silently.
 */
test.each(encodings)(
  'a fault of the header changes nothing silently, in %s',
  { timeout: 900_000 },
  async (transferSyntax) => {
    const dataset = chestDataset(film);
    const sound = await decoded(part10(dataset, { transferSyntax }));
    const outcomes = new Map<string, number>();
    const broken: string[] = [];
    for (const { name, body, isSound } of malformed(dataset, encodingOf(transferSyntax))) {
      const bytes = new Uint8Array(wrap(dataset, body, { transferSyntax }));
      const result = await decodeDicom(bytes, { report: (error) => broken.push(`${name}: ${String(error)}`) });
      const outcome = result.ok ? 'read' : result.fault.code;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (!result.ok) {
        if (isSound) broken.push(`${name}: refused`);
        if (!['unusable_header', 'corrupt_image'].includes(outcome)) broken.push(`${name}: ${outcome}`);
        // Only a truncated file may be called truncated.
        const { fault } = result;
        if (fault.code === 'corrupt_image') broken.push(`${name}: ${fault.problem}`);
        if (JSON.stringify(fault).includes('JANE')) broken.push(`${name}: repeats text`);
        continue;
      }
      const { warnings = [], dicom, film: read } = result.value;
      if (!same(read, sound.film)) broken.push(`${name}: another film, ${JSON.stringify(warnings)}`);
      if (JSON.stringify(dicom?.instance) !== JSON.stringify(sound.dicom?.instance))
        broken.push(`${name}: another identity, ${JSON.stringify(warnings)}`);
      if (JSON.stringify(unwrap(inspect(bytes))) !== JSON.stringify(dicom?.instance))
        broken.push(`${name}: inspected otherwise`);
      if (warnings.length === 0 && !isSound) broken.push(`${name}: in silence`);
    }
    expect(broken).toEqual([]);
  },
);
