import { manufacturer, resultSopClasses } from '../../core/dicom-dictionary.ts';
import { notice } from '../../core/reading.ts';
import {
  chest,
  concepts,
  english,
  imagingProcedure,
  modality,
  privateScheme,
  privateSchemeUid,
  units,
  views,
} from '../codes.ts';
import type { DicomReading } from '../identity.ts';
import { equipment, localTime, modelName, patientAndStudy, seriesAttributes, viewOf } from '../part10/modules.ts';
import { validDate, validTime } from '../part10/values.ts';
import { type Dataset, part10 } from '../part10/write.ts';
import type { InstanceProvenance } from '../provenance.ts';
import { summary } from '../summary.ts';
import { findingGroup } from './finding.ts';
import {
  code,
  codeSequenceItem,
  container,
  contentTemplate,
  date,
  type Item,
  image,
  number,
  text,
  time,
  uidReference,
} from './item.ts';

/** A DICOM file with a reading as a Comprehensive 3D SR by TID 1500, as IHE AI Results (AIR) requires. */
export function structuredReport(read: DicomReading, provenance: InstanceProvenance): Uint8Array<ArrayBuffer> {
  const { reading, instance } = read;
  const { sr, srSeries } = provenance.identity.uids;
  const { date, time } = localTime(reading.createdAt);
  return part10(
    {
      SOPClassUID: resultSopClasses.comprehensive3dSr,
      SOPInstanceUID: sr,
      InstanceCreationDate: date,
      InstanceCreationTime: time,
      CodingSchemeIdentificationSequence: [privateCodingScheme],
      ...patientAndStudy(instance),
      ...equipment(provenance),
      // SR Document Series (PS3.3 C.17.1)
      Modality: 'SR',
      SeriesInstanceUID: srSeries,
      SeriesNumber: '9901',
      ...seriesAttributes(read, sr),
      ReferencedPerformedProcedureStepSequence: [],
      // SR Document General (PS3.3 C.17.2)
      PreliminaryFlag: 'PRELIMINARY',
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      ContentDate: date,
      ContentTime: time,
      PerformedProcedureCodeSequence: [],
      CurrentRequestedProcedureEvidenceSequence: [evidence(read)],
      // SR Document Content (PS3.3 C.17.3)
      ValueType: 'CONTAINER',
      ConceptNameCodeSequence: [codeSequenceItem(concepts.report)],
      ContinuityOfContent: 'SEPARATE',
      ContentTemplateSequence: contentTemplate('1500'),
      ContentSequence: content(read, provenance),
    },
    provenance.version,
  );
}

/** The items below the root of TID 1500 Measurement Report, in the order of the rows of the template. */
const content = (read: DicomReading, provenance: InstanceProvenance): Item[] => [
  language,
  ...observer(provenance),
  procedureReported,
  imageLibrary(read),
  container(
    concepts.imagingMeasurements,
    read.reading.findings.map((finding) => findingGroup(read, provenance, finding)),
  ),
  container(concepts.qualitativeEvaluations, [
    text('CONTAINS', concepts.conclusion, summary(read.reading)),
    text('CONTAINS', concepts.comment, notice),
    ...read.reading.warnings.map(({ code, message }) =>
      text('CONTAINS', concepts.comment, `Warning ${code}: ${message}`),
    ),
  ]),
];

/** All composite objects that the content refers to (PS3.3 C.17.2). The only one is the film. */
const evidence = ({ instance }: DicomReading): Dataset => ({
  ReferencedSeriesSequence: [
    {
      ReferencedSOPSequence: [
        { ReferencedSOPClassUID: instance.sopClassUid, ReferencedSOPInstanceUID: instance.sopInstanceUid },
      ],
      SeriesInstanceUID: instance.seriesInstanceUid,
    },
  ],
  StudyInstanceUID: instance.studyInstanceUid,
});

const privateCodingScheme: Dataset = {
  CodingSchemeDesignator: privateScheme,
  CodingSchemeUID: privateSchemeUid,
  CodingSchemeName: 'Alara private codes',
};

/** TID 1204 Language of Content Item and Descendants. */
const language: Item = code('HAS CONCEPT MOD', concepts.language, english);

/** TID 1001 Observation Context, with TID 1004 Device Observer Identifying Attributes. */
const observer = (provenance: InstanceProvenance): Item[] => [
  code('HAS OBS CONTEXT', concepts.observerType, concepts.device),
  uidReference('HAS OBS CONTEXT', concepts.deviceUid, provenance.identity.deviceUid),
  text('HAS OBS CONTEXT', concepts.deviceManufacturer, manufacturer),
  text('HAS OBS CONTEXT', concepts.deviceModel, modelName(provenance)),
  text('HAS OBS CONTEXT', concepts.deviceSerial, provenance.identity.catalogDigest),
];

const procedureReported: Item = code('HAS CONCEPT MOD', concepts.procedureReported, imagingProcedure);

/** TID 1600 Image Library with the film of the reading. TID 1602 and TID 1603 describe the film. */
const imageLibrary = (read: DicomReading): Item =>
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
