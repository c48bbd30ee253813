import { readFileSync } from 'node:fs';
import { type Dataset, without } from './element.ts';
import { encoders } from './encoders.ts';
import { chest, complement, type Stored } from './film.ts';
import { chestDataset, monochrome1, named, names, sequence, short, sopClasses, text, voiLut } from './instance.ts';
import { part10 } from './part10.ts';
import { type Subject, subject } from './subject.ts';
import { tags } from './tags.ts';

const size = { columns: 144, rows: 129 };

/** Small valid files of every transfer syntax and of many headers, as seeds for mutations. */
export async function corpus(): Promise<readonly Subject[]> {
  const films = await Promise.all(
    ([8, 12, 16] as const).flatMap((bits) => [false, true].map((signed) => chest({ ...size, bits, signed }))),
  );
  const written = encoders.flatMap((encoder) =>
    encoder.depths.flatMap((depth) => {
      const film = films.find(({ bits, signed }) => bits === depth.bits && signed === depth.signed);
      // One depth per lossless predictor is enough: the header is the same.
      const wanted = film && !(/predictor [2-7]/.test(encoder.name) && depth.bits !== 12);
      return wanted ? [subject(`${encoder.name}, ${depthOf(film)}`, encoder.encode(film))] : [];
    }),
  );
  const twelve = films.find(({ bits, signed }) => bits === 12 && !signed);
  if (!twelve) throw new Error('a 12-bit film was made');
  return [...written, ...headers(twelve), ...pydicom()];
}

const depthOf = ({ bits, signed }: Stored) => `${bits} bits${signed ? ' signed' : ''}`;

/** Files that differ only in their headers. */
function headers(film: Stored): readonly Subject[] {
  const file = (name: string, ...changes: readonly Dataset[]) => subject(name, part10(chestDataset(film, ...changes)));
  const characterSets = Object.keys(names) as (keyof typeof names)[];
  return [
    file('MONOCHROME1', native(complement(film)), monochrome1),
    file('a VOI LUT', voiLut(film, Math.sqrt)),
    file('a Modality LUT', [
      sequence(tags.ModalityLUTSequence, [
        short(tags.LUTDescriptor, 4096, 0, 16),
        text(0x0028_3004, 'LO', 'OD'),
        { tag: tags.LUTData, vr: 'OW', value: Buffer.alloc(8192, 0x3c) },
      ]),
    ]),
    file('a sigmoid', [text(tags.VOILUTFunction, 'CS', 'SIGMOID'), text(tags.WindowWidth, 'DS', '1500')]),
    file('padding', [short(tags.PixelPaddingValue, 0), text(tags.RescaleSlope, 'DS', '2.5')]),
    file('non-square pixels', [text(tags.ImagerPixelSpacing, 'DS', '0.2\\0.1')]),
    file('CR', [text(tags.SOPClassUID, 'UI', sopClasses.computedRadiography), text(tags.Modality, 'CS', 'CR')]),
    ...characterSets.map((set) => file(`the character set ${set}`, named(set))),
    subject('no window', part10(without(chestDataset(film), tags.WindowCenter, tags.WindowWidth))),
    file('sequences of undefined length', [
      {
        tag: tags.ReferencedImageSequence,
        vr: 'SQ',
        undefinedLength: true,
        items: [[{ tag: tags.AnatomicRegionSequence, vr: 'SQ', undefinedLength: true, items: [[], []] }], []],
      },
    ]),
  ];
}

const native = (film: Stored): Dataset => chestDataset(film).filter(({ tag }) => tag === tags.PixelData);

function pydicom(): readonly Subject[] {
  return ['image_dfl.dcm', 'HTJ2KLossless_08_RGB.dcm'].map((name) =>
    subject(`pydicom ${name}`, readFileSync(`test/support/dicom/pydicom/${name}`)),
  );
}
