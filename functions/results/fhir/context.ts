import type { Identifier, Reference } from 'fhir/r4.js';
import type { Instance } from '../../core/instance.ts';
import type { Read } from '../../reading/read.ts';
import { deriveUuid } from '../uid.ts';
import { dicomUid, hl7 } from './coding.ts';
import { date } from './date.ts';

/** The fullUrl of a resource: the same for the same reading, so that a receiver can tell a repetition. */
export const urn = (resourceType: string, ...parts: readonly string[]) =>
  `urn:uuid:${deriveUuid(resourceType, ...parts)}`;

/** Whose study a resource belongs to, and when it was made. */
export type Context = {
  readonly subject?: Reference;
  readonly study?: Reference;
  /** The film itself. */
  readonly film?: Reference;
  readonly basedOn?: Reference[];
  readonly effectiveDateTime?: string;
  readonly issued: string;
};

export function contextOf({ reading, instance }: Read): Context {
  if (!instance) return { issued: reading.createdAt };
  return {
    issued: reading.createdAt,
    study: logical('ImagingStudy', dicomUid(instance.studyInstanceUid)),
    film: logical('Media', dicomUid(instance.sopInstanceUid)),
    // The header's times carry no zone, and a FHIR time must: the date is what is known.
    effectiveDateTime: date(instance.study.date),
    ...(isNamed(instance) && { subject: { reference: urn('Patient', reading.id) } }),
    ...(instance.study.accessionNumber && {
      basedOn: [logical('ServiceRequest', accession(instance.study.accessionNumber))],
    }),
  };
}

/** Whether there is a patient to speak of. */
export const isNamed = ({ patient }: Instance) => Boolean(patient.id || patient.name);

/** A reference by identifier: where the resource lives is for the receiver to know. */
const logical = (type: string, identifier: Identifier): Reference => ({ type, identifier });

const accession = (value: string): Identifier => ({
  type: { coding: [{ system: hl7('v2-0203'), code: 'ACSN', display: 'Accession ID' }] },
  value,
});
