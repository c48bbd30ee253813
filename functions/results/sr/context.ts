import { manufacturer } from '../../core/dicom-dictionary.ts';
import { chest, concepts, english, imagingProcedure, modality, units, views } from '../codes.ts';
import { viewOf } from '../film-name.ts';
import type { DicomReading } from '../identity.ts';
import { modelName } from '../part10/modules.ts';
import { validDate, validTime } from '../part10/values.ts';
import type { InstanceProvenance } from '../provenance.ts';
import { code, container, date, type Item, image, number, text, time, uidReference } from './item.ts';

/** TID 1204 Language of Content Item and Descendants. */
export const language: Item = code('HAS CONCEPT MOD', concepts.language, english);

/** TID 1001 Observation Context, with TID 1004 Device Observer Identifying Attributes. */
export const observer = (provenance: InstanceProvenance): Item[] => [
  code('HAS OBS CONTEXT', concepts.observerType, concepts.device),
  uidReference('HAS OBS CONTEXT', concepts.deviceUid, provenance.identity.deviceUid),
  text('HAS OBS CONTEXT', concepts.deviceManufacturer, manufacturer),
  text('HAS OBS CONTEXT', concepts.deviceModel, modelName(provenance)),
  text('HAS OBS CONTEXT', concepts.deviceSerial, provenance.identity.catalogDigest),
];

export const procedureReported: Item = code('HAS CONCEPT MOD', concepts.procedureReported, imagingProcedure);

/** TID 1600 Image Library with the film of the reading. TID 1602 and TID 1603 describe the film. */
export const imageLibrary = (read: DicomReading): Item =>
  container(
    concepts.imageLibrary,
    [container(concepts.imageLibraryGroup, [image('CONTAINS', null, read.instance, descriptors(read))])],
    '1600',
  );

/** The descriptors of the film. A malformed date or time is omitted. */
function descriptors(read: DicomReading): Item[] {
  const { modality: definedTerm, study, rows, columns } = read.instance;
  const view = views[viewOf(read) ?? ''];
  const [studyDate, studyTime] = [validDate(study.date), validTime(study.time)];
  return [
    code('HAS ACQ CONTEXT', concepts.modality, modality(definedTerm)),
    code('HAS ACQ CONTEXT', concepts.targetRegion, chest),
    ...(studyDate ? [date('HAS ACQ CONTEXT', concepts.studyDate, studyDate)] : []),
    ...(studyTime ? [time('HAS ACQ CONTEXT', concepts.studyTime, studyTime)] : []),
    number('HAS ACQ CONTEXT', concepts.pixelRows, rows, [], units.pixels),
    number('HAS ACQ CONTEXT', concepts.pixelColumns, columns, [], units.pixels),
    ...(view ? [code('HAS ACQ CONTEXT', concepts.imageView, view)] : []),
  ];
}
