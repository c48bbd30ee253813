import { data, log } from 'dcmjs';
import { deriveUid } from '../uid.ts';

const { DicomDict, DicomMetaDictionary } = data;

// dcmjs logs the values that it truncates, and a value can name a patient.
log.disableAll();

export type Value = string | number | ArrayBuffer | readonly (string | number)[] | readonly Dataset[] | undefined;
/** Attributes by PS3.6 keyword. Undefined attributes are omitted. An empty list is an empty sequence. */
export type Dataset = { readonly [keyword: string]: Value };

const explicitLittleEndian = '1.2.840.10008.1.2.1';

/** VRs of the attributes for which the dictionary allows several. */
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
    ...withoutUndefined(dataset),
  });
  // Identifying values of the film are copied unchanged, even if they are too long for their VR, because they must match the
  // study.
  return new Uint8Array(file.write({ allowInvalidVRLength: true, fragmentMultiframe: false }));
}

const withoutUndefined = (dataset: Dataset) =>
  Object.fromEntries(Object.entries(dataset).filter(([, value]) => value !== undefined));
