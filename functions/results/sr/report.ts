import { resultSopClasses } from '../../core/dicom-dictionary.ts';
import { notice } from '../../core/reading.ts';
import { concepts, privateScheme, privateSchemeUid } from '../codes.ts';
import type { DicomReading } from '../identity.ts';
import { equipment, localTime, patientAndStudy, seriesAttributes } from '../part10/modules.ts';
import { type Dataset, part10 } from '../part10/write.ts';
import type { InstanceProvenance } from '../provenance.ts';
import { summary } from '../summary.ts';
import { imageLibrary, language, observer, procedureReported } from './context.ts';
import { findingGroup } from './finding.ts';
import { codeSequenceItem, container, contentTemplate, type Item, text } from './item.ts';

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
