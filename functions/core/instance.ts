import { z } from 'zod';

const Text = z.string().optional();

/**
 * Patient, study and series identifiers of a DICOM instance. An object that goes back into the study must repeat them. They are
 * patient data: they are stored encrypted, leave the service only inside DICOM and FHIR objects, and are never logged. Strings are
 * Unicode, whatever the character set of the file.
 */
export const Instance = z.object({
  sopClassUid: z.string(),
  sopInstanceUid: z.string(),
  seriesInstanceUid: z.string(),
  studyInstanceUid: z.string(),
  modality: z.string(),
  seriesNumber: Text,
  instanceNumber: Text,
  /** Time of the exposure (TM), or of the image where the header has no other time. */
  acquisitionTime: Text,
  /** Size of the stored image in pixels, neither turned nor resampled. */
  rows: z.int(),
  columns: z.int(),
  /** PS3.3 C.7.1.1, names and dates in their DICOM spelling. */
  patient: z.object({ name: Text, id: Text, issuerOfId: Text, birthDate: Text, sex: Text }),
  /** PS3.3 C.7.2.1. */
  study: z.object({
    date: Text,
    time: Text,
    id: Text,
    accessionNumber: Text,
    description: Text,
    referringPhysician: Text,
  }),
});
export type Instance = z.infer<typeof Instance>;
