import type { DiagnosticReport } from 'fhir/r4.js';
import type { Read } from '../../reading/read.ts';
import { chestRadiograph } from '../codes.ts';
import type { About } from '../provenance.ts';
import { summary } from '../summary.ts';
import { uidsOf } from '../tracking-uid.ts';
import { deriveUid } from '../uid.ts';
import { concept, dicomUid, hl7 } from './coding.ts';
import { type Context, urn } from './context.ts';
import { narrative } from './narrative.ts';

const readingIds = `urn:oid:${deriveUid('reading ids')}`;

/** The report that holds the observations of one film together: preliminary, as the SR that carries the same UID. */
export function reportOf(
  { reading, instance }: Read,
  about: About,
  { subject, study, basedOn, effectiveDateTime, issued }: Context,
): DiagnosticReport {
  return {
    resourceType: 'DiagnosticReport',
    text: narrative(summary(reading)),
    identifier: [
      { system: readingIds, value: reading.id },
      ...(instance ? [dicomUid(uidsOf({ reading, instance }, about).sr)] : []),
    ],
    basedOn,
    status: 'preliminary',
    category: [{ coding: [{ system: hl7('v2-0074'), code: 'RAD', display: 'Radiology' }] }],
    code: concept(chestRadiograph),
    subject,
    effectiveDateTime,
    issued,
    ...(study && { imagingStudy: [study] }),
    result: reading.findings.map(({ finding }) => ({ reference: urn('Observation', reading.id, finding) })),
    conclusion: summary(reading),
  };
}
