import { z } from 'zod';

const Text = z.string().optional();

/**
 * Whose film a DICOM instance is and where it belongs: what an object that goes back into the study must repeat.
 * This is patient data: it is stored sealed, leaves only inside DICOM and FHIR objects, and is never logged.
 * Strings are Unicode, whatever the file's character set; absent attributes are absent.
 */
export const Instance = z.object({
  sopClassUid: z.string(),
  sopInstanceUid: z.string(),
  seriesInstanceUid: z.string(),
  studyInstanceUid: z.string(),
  modality: z.string(),
  seriesNumber: Text,
  instanceNumber: Text,
  /** Of the exposure, or of the image where the header says only that (TM). */
  acquisitionTime: Text,
  /** Of the image as it is stored, in pixels: not turned, not resampled. */
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
