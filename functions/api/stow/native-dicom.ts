import { tags } from '../../core/dicom-dictionary.ts';
import type { StoreResponse } from './response.ts';

/** The keywords of the attributes of a Store Instances Response (PS3.6). */
const keywords: Readonly<Record<string, string>> = {
  [tags.referencedSopClassUid]: 'ReferencedSOPClassUID',
  [tags.referencedSopInstanceUid]: 'ReferencedSOPInstanceUID',
  [tags.retrieveUrl]: 'RetrieveURL',
  [tags.warningReason]: 'WarningReason',
  [tags.failureReason]: 'FailureReason',
  [tags.failedSopSequence]: 'FailedSOPSequence',
  [tags.referencedSopSequence]: 'ReferencedSOPSequence',
  [tags.otherFailuresSequence]: 'OtherFailuresSequence',
};

/** A Store Instances Response as XML, in the Native DICOM Model (PS3.19 A.1), from its DICOM JSON model. */
export const nativeDicomModel = (response: StoreResponse): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">${attributes(response)}</NativeDicomModel>
`;

const attributes = (dataSet: StoreResponse): string =>
  Object.entries(dataSet)
    .map(([tag, { vr, Value = [] }]) => {
      const values = Value.map((value, i) =>
        typeof value === 'object' && value !== null
          ? `<Item number="${i + 1}">${attributes(value as StoreResponse)}</Item>`
          : `<Value number="${i + 1}">${escaped(String(value))}</Value>`,
      );
      return `<DicomAttribute tag="${tag}" vr="${vr}" keyword="${keywords[tag]}">${values.join('')}</DicomAttribute>`;
    })
    .join('');

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
