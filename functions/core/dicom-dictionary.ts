/**
 * The attributes that the decoder reads from a file, by keyword (PS3.6). A tag is eight hexadecimal digits in upper case,
 * as in the DICOM JSON model (PS3.18 F.2.2).
 */
export const decodedTags = {
  mediaStorageSopClassUid: '00020002',
  mediaStorageSopInstanceUid: '00020003',
  transferSyntaxUid: '00020010',
  specificCharacterSet: '00080005',
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  studyDate: '00080020',
  studyTime: '00080030',
  acquisitionTime: '00080032',
  contentTime: '00080033',
  accessionNumber: '00080050',
  modality: '00080060',
  presentationIntentType: '00080068',
  manufacturer: '00080070',
  referringPhysicianName: '00080090',
  codeValue: '00080100',
  codingSchemeDesignator: '00080102',
  studyDescription: '00081030',
  anatomicRegionSequence: '00082218',
  patientName: '00100010',
  patientId: '00100020',
  issuerOfPatientId: '00100021',
  patientBirthDate: '00100030',
  patientSex: '00100040',
  bodyPartExamined: '00180015',
  imagerPixelSpacing: '00181164',
  nominalScannedPixelSpacing: '00182010',
  viewPosition: '00185101',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  studyId: '00200010',
  seriesNumber: '00200011',
  instanceNumber: '00200013',
  patientOrientation: '00200020',
  laterality: '00200060',
  imageLaterality: '00200062',
  samplesPerPixel: '00280002',
  photometricInterpretation: '00280004',
  numberOfFrames: '00280008',
  rows: '00280010',
  columns: '00280011',
  pixelSpacing: '00280030',
  pixelAspectRatio: '00280034',
  bitsAllocated: '00280100',
  bitsStored: '00280101',
  highBit: '00280102',
  pixelRepresentation: '00280103',
  pixelPaddingValue: '00280120',
  pixelPaddingRangeLimit: '00280121',
  windowCenter: '00281050',
  windowWidth: '00281051',
  rescaleIntercept: '00281052',
  rescaleSlope: '00281053',
  voiLutFunction: '00281056',
  lossyImageCompression: '00282110',
  modalityLutSequence: '00283000',
  lutDescriptor: '00283002',
  lutData: '00283006',
  voiLutSequence: '00283010',
  presentationLutShape: '20500020',
  viewCodeSequence: '00540220',
  overlayBitPosition: '60000102',
  floatPixelData: '7FE00008',
  doubleFloatPixelData: '7FE00009',
  pixelData: '7FE00010',
} as const;

/** Every attribute that this software reads: from a file, or from an answer in the DICOM JSON model. */
export const tags = {
  ...decodedTags,
  instanceCreationDate: '00080012',
  instanceCreationTime: '00080013',
  acquisitionDate: '00080022',
  contentDate: '00080023',
  referencedSopClassUid: '00081150',
  referencedSopInstanceUid: '00081155',
  retrieveUrl: '00081190',
  warningReason: '00081196',
  failureReason: '00081197',
  failedSopSequence: '00081198',
  referencedSopSequence: '00081199',
  otherFailuresSequence: '0008119A',
  numberOfStudyRelatedInstances: '00201208',
} as const;
export type Tag = (typeof tags)[keyof typeof tags];

/**
 * The storage SOP classes that are read (PS3.6 annex A). Digital X-Ray For Processing is not one of them: its values are
 * those of the detector, not yet processed for display, and the device sends the same exposure For Presentation. The two
 * multi-frame Secondary Capture classes are read if they hold one gray frame.
 */
export const sopClasses: readonly { readonly uid: string; readonly name: string }[] = [
  { uid: '1.2.840.10008.5.1.4.1.1.1', name: 'Computed Radiography Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.1.1', name: 'Digital X-Ray Image Storage - For Presentation' },
  { uid: '1.2.840.10008.5.1.4.1.1.7', name: 'Secondary Capture Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.7.2', name: 'Multi-frame Grayscale Byte Secondary Capture Image Storage' },
  { uid: '1.2.840.10008.5.1.4.1.1.7.3', name: 'Multi-frame Grayscale Word Secondary Capture Image Storage' },
];

/** The SOP classes of result objects (PS3.6 annex A). */
export const resultSopClasses = {
  comprehensive3dSr: '1.2.840.10008.5.1.4.1.1.88.34',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
} as const;

/** Transfer syntaxes with lossy compression, of those that are read (PS3.6 annex A). */
export const lossyTransferSyntaxes: readonly string[] = [
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.91',
  '1.2.840.10008.1.2.4.203',
];

/** Manufacturer (0008,0070) of every result object. An object with this manufacturer is never read. */
export const manufacturer = 'Alara';
