import type { Identifier, Reference } from 'fhir/r4.js';
import type { Instance } from '../../core/instance.ts';
import type { FilmReading } from '../../reading/read.ts';
import { isoDate } from '../part10/values.ts';
import { deriveUuid } from '../uid.ts';
import { dicomUid, hl7 } from './coding.ts';

/** The `fullUrl` of a resource. Equal readings have equal URLs, so a receiver can detect a duplicate. */
export const resourceUrn = (resourceType: string, ...parts: readonly string[]) =>
  `urn:uuid:${deriveUuid(resourceType, ...parts)}`;

/** The patient, the study and the times of a resource. */
export type Context = {
  readonly subject?: Reference;
  readonly study?: Reference;
  readonly film?: Reference;
  readonly basedOn?: Reference[];
  readonly effectiveDateTime?: string;
  readonly issued: string;
};

export function contextOf({ reading, instance }: FilmReading): Context {
  if (!instance) return { issued: reading.createdAt };
  return {
    issued: reading.createdAt,
    study: logicalReference('ImagingStudy', dicomUid(instance.studyInstanceUid)),
    film: logicalReference('Media', dicomUid(instance.sopInstanceUid)),
    // A FHIR time needs a time zone, and the times of a DICOM header have none. So only the date is given.
    effectiveDateTime: isoDate(instance.study.date),
    ...(hasPatient(instance) && { subject: { reference: resourceUrn('Patient', reading.id) } }),
    ...(instance.study.accessionNumber && {
      basedOn: [logicalReference('ServiceRequest', accessionIdentifier(instance.study.accessionNumber))],
    }),
  };
}

/** Whether the header of the film has a patient ID or a patient name. */
export const hasPatient = ({ patient }: Instance) => Boolean(patient.id || patient.name);

/** A reference by identifier, because only the receiver knows the URL of the resource. */
const logicalReference = (type: string, identifier: Identifier): Reference => ({ type, identifier });

const accessionIdentifier = (value: string): Identifier => ({
  type: { coding: [{ system: hl7('v2-0203'), code: 'ACSN', display: 'Accession ID' }] },
  value,
});
