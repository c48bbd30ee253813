import type { DicomReading } from '../../../functions/results/identity.ts';
import { structuredReport } from '../../../functions/results/sr/report.ts';
import type { Dataset } from '../dicom/element.ts';
import { chest, complement } from '../dicom/film.ts';
import { chestDataset, text } from '../dicom/instance.ts';
import { part10 } from '../dicom/part10.ts';
import { tags } from '../dicom/tags.ts';
import { bare, type Reader } from './reader.ts';

/** Reports of real readings, with headers that are difficult for readers of SR documents. */
export async function sampleReports(reader: Reader): Promise<Readonly<Record<string, Uint8Array>>> {
  const report = (read: DicomReading) => structuredReport(read, reader.provenance(read));
  const warned = await reader.read('00000100_000.png', { findings: 'Nodule,Effusion', explain: 'heatmap' });
  const warnings = [{ code: 'window_unusable', message: 'Window 0 / 0 cannot be used; the second one was.' }];
  return {
    'all findings of a MONOCHROME1 film': report(await reader.readDicom(await negative())),
    'one finding under a header without optional attributes': report(
      await reader.read('00003272_000.png', { findings: 'Nodule' }, bare),
    ),
    'a name in three scripts, a heat map, a warning': report({ ...warned, reading: { ...warned.reading, warnings } }),
  };
}

async function negative(): Promise<Buffer> {
  const film = complement(await chest({ columns: 700, rows: 600, bits: 12 }));
  const changes: Dataset = [
    text(tags.PhotometricInterpretation, 'CS', 'MONOCHROME1'),
    text(tags.PresentationLUTShape, 'CS', 'INVERSE'),
  ];
  return part10(chestDataset(film, changes));
}
