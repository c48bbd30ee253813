import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../dicom/element.ts';
import { chest, type Stored, sampleBytes } from '../dicom/film.ts';
import { chestDataset, text, uid } from '../dicom/instance.ts';
import { part10 } from '../dicom/part10.ts';
import { tags } from '../dicom/tags.ts';

/** Small films, so that hundreds are stored, downloaded and read in seconds. */
const side = 512;
let pixels: Promise<Stored> | undefined;

export const studyUid = (study: string) => uid(`study ${study}`);
export const filmUid = (study: string, film: number) => uid(`film ${study} ${film}`);

/** A PA chest film of a study. Each film of a study has its own series, as from an X-ray room. */
export async function film(study: string, number = 1, ...changes: readonly Dataset[]): Promise<Buffer> {
  pixels ??= chest({ columns: side, rows: side, bits: 8 });
  const identity: Dataset = [
    text(tags.StudyInstanceUID, 'UI', studyUid(study)),
    text(tags.SeriesInstanceUID, 'UI', uid(`series ${study} ${number}`)),
    text(tags.SOPInstanceUID, 'UI', filmUid(study, number)),
    text(tags.PatientName, 'PN', 'ALARA^TEST'),
    text(tags.PatientID, 'LO', `ALARA-TEST-${study}`),
    text(tags.SeriesNumber, 'IS', String(number)),
    text(tags.InstanceNumber, 'IS', '1'),
  ];
  return part10(chestDataset(await pixels, identity, ...changes));
}

/** Pixels of another patient's film of the same size. The header stays the same. */
export const otherPixels = async (): Promise<Dataset> => {
  const other = await chest({ columns: side, rows: side, bits: 8 }, 'test/films/00000100_000.png');
  return [{ tag: tags.PixelData, vr: 'OB', value: sampleBytes(other) }];
};

export const lateral: Dataset = [text(tags.ViewPosition, 'CS', 'LL')];

/** Write films into a folder. Returns the path of the folder. */
export function write(folder: string, films: Readonly<Record<string, Buffer>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(films)) writeFileSync(join(folder, `${name}.dcm`), bytes);
  return folder;
}
