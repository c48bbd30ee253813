import type { DiagnosticReport } from 'fhir/r4.js';
import type { FilmReading } from '../../reading/read.ts';
import { chestRadiograph } from '../codes.ts';
import type { Provenance } from '../provenance.ts';
import { summary } from '../summary.ts';
import { deriveUid } from '../uid.ts';
import { concept, dicomUid, hl7 } from './coding.ts';
import { type Context, resourceUrn } from './context.ts';
import { narrative } from './narrative.ts';

const readingIdSystem = `urn:oid:${deriveUid('reading ids')}`;

/** The report that refers to the observations of one film. Its status is preliminary, as in the SR with the same UID. */
export function reportOf(
  { reading }: FilmReading,
  { identity: { uids } }: Provenance,
  { subject, study, basedOn, effectiveDateTime, issued }: Context,
): DiagnosticReport {
  return {
    resourceType: 'DiagnosticReport',
    text: narrative(summary(reading)),
    identifier: [{ system: readingIdSystem, value: reading.id }, ...(uids ? [dicomUid(uids.sr)] : [])],
    basedOn,
    status: 'preliminary',
    category: [{ coding: [{ system: hl7('v2-0074'), code: 'RAD', display: 'Radiology' }] }],
    code: concept(chestRadiograph),
    subject,
    effectiveDateTime,
    issued,
    ...(study && { imagingStudy: [study] }),
    result: reading.findings.map(({ finding }) => ({ reference: resourceUrn('Observation', reading.id, finding) })),
    conclusion: summary(reading),
  };
}
