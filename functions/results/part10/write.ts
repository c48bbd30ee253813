import { data, log } from 'dcmjs';
import { deriveUid } from '../uid.ts';

const { DicomDict, DicomMetaDictionary } = data;

// dcmjs would print values that it shortens, and values can name a patient.
log.disableAll();

export type Value = string | number | ArrayBuffer | readonly (string | number)[] | readonly Dataset[] | undefined;
/** Attributes by their keyword in PS3.6; undefined ones are left out, an empty list is an empty sequence. */
export type Dataset = { readonly [keyword: string]: Value };

const explicitLittleEndian = '1.2.840.10008.1.2.1';

/** Where the dictionary allows several. */
const vrs = { PixelData: 'OB' };

/** A DICOM file (PS3.10): Explicit VR Little Endian, text as UTF-8. */
export function part10(
  dataset: Dataset & { readonly SOPClassUID: string; readonly SOPInstanceUID: string },
  version: string,
): Uint8Array<ArrayBuffer> {
  const meta = {
    FileMetaInformationVersion: Uint8Array.of(0, 1).buffer,
    MediaStorageSOPClassUID: dataset.SOPClassUID,
    MediaStorageSOPInstanceUID: dataset.SOPInstanceUID,
    TransferSyntaxUID: explicitLittleEndian,
    ImplementationClassUID: deriveUid('implementation'),
    ImplementationVersionName: `ALARA ${version}`.slice(0, 16),
  };
  const file = new DicomDict(DicomMetaDictionary.denaturalizeDataset(meta));
  file.dict = DicomMetaDictionary.denaturalizeDataset({
    _vrMap: vrs,
    SpecificCharacterSet: 'ISO_IR 192',
    ...present(dataset),
  });
  // What the source film says is repeated as it is, even where it is longer than its VR allows: it must match the study.
  return new Uint8Array(file.write({ allowInvalidVRLength: true, fragmentMultiframe: false }));
}

const present = (dataset: Dataset) =>
  Object.fromEntries(Object.entries(dataset).filter(([, value]) => value !== undefined));
