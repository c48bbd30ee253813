import type { OperatingPointName } from '../core/catalog.ts';
import { deriveUid } from './uid.ts';

/** A coded concept, for a DICOM code sequence item and a FHIR coding (PS3.3 8.8). */
export type Code = {
  readonly value: string;
  /** Coding Scheme Designator (PS3.16 8). */
  readonly scheme: string;
  readonly meaning: string;
};

const codesOf = (scheme: string) => (value: string, meaning: string) => ({ value, scheme, meaning }) satisfies Code;
const dcm = codesOf('DCM');
const sct = codesOf('SCT');
const radlex = codesOf('RADLEX');
const ucum = codesOf('UCUM');
const umls = codesOf('UMLS');

/** Designator of the private scheme. The private scheme codes the concepts for which no published code was found. */
export const privateScheme = '99ALARA';
const privateCode = codesOf(privateScheme);
export const privateSchemeUid = deriveUid('coding scheme', privateScheme);

/** The codes of scheme DCM are from PS3.16 Annex D. */
export const concepts = {
  report: dcm('126000', 'Imaging Measurement Report'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  observerType: dcm('121005', 'Observer Type'),
  device: dcm('121007', 'Device'),
  deviceUid: dcm('121012', 'Device Observer UID'),
  deviceManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceModel: dcm('121015', 'Device Observer Model Name'),
  deviceSerial: dcm('121016', 'Device Observer Serial Number'),
  procedureReported: dcm('121058', 'Procedure reported'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  modality: dcm('121139', 'Modality'),
  studyDate: dcm('111060', 'Study Date'),
  studyTime: dcm('111061', 'Study Time'),
  targetRegion: dcm('123014', 'Target Region'),
  imageView: dcm('111031', 'Image View'),
  pixelRows: dcm('110910', 'Pixel Data Rows'),
  pixelColumns: dcm('110911', 'Pixel Data Columns'),
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  finding: dcm('121071', 'Finding'),
  sourceOfMeasurement: dcm('121112', 'Source of Measurement'),
  filmCorners: privateCode('FILM_CORNERS', 'Corners of the film that was read'),
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  algorithmManufacturer: dcm('122405', 'Algorithm Manufacturer'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  // TID 1350 combines this concept with the values of CID 240.
  presence: dcm('121052', 'Presence of property'),
  // The value is a calibrated probability. Certainty of Finding (111012) has another meaning: "the likelihood that the
  // finding detected is in fact the type of finding identified".
  probability: dcm('122157', 'Probability'),
  // TID 300 row 3.
  method: sct('370129005', 'Measurement Method'),
  // TID 1500 row 12.
  qualitativeEvaluations: umls('C0034375', 'Qualitative Evaluations'),
  conclusion: dcm('121077', 'Conclusion'),
  comment: dcm('121106', 'Comment'),
  prevalence: privateCode('PREVALENCE', 'Presumed prevalence'),
  threshold: privateCode('THRESHOLD', 'Operating point, on probability'),
  band: privateCode('BAND', 'Indeterminate band of probability'),
  bandLow: privateCode('BAND_LOW', 'Indeterminate from this probability'),
  bandHigh: privateCode('BAND_HIGH', 'Indeterminate up to this probability'),
  operatingPoint: privateCode('OPERATING_POINT', 'Name of the operating point'),
  likelihoodRatio: privateCode('LIKELIHOOD_RATIO', 'Likelihood ratio of the film for the finding'),
  sensitivity: privateCode('SENSITIVITY', 'Sensitivity at the operating point'),
  specificity: privateCode('SPECIFICITY', 'Specificity at the operating point'),
  auroc: privateCode('AUROC', 'Area under the ROC curve of the variant'),
  interval: privateCode('CI95', '95 % interval of the area under the ROC curve'),
  intervalLow: privateCode('CI95_LOW', 'Lower end of the 95 % interval of that area'),
  intervalHigh: privateCode('CI95_HIGH', 'Upper end of the 95 % interval of that area'),
  positives: privateCode('POSITIVES', 'Films with the finding'),
  negatives: privateCode('NEGATIVES', 'Films without the finding'),
  resolution: privateCode('RESOLUTION', 'Resolution used'),
  basis: privateCode('BASIS', 'Basis of the choice of resolution'),
  target: privateCode('TARGET', 'Accuracy target'),
  why: privateCode('WHY', 'Reason for the choice of resolution'),
} as const;

export const units = {
  one: ucum('1', 'no units'),
  pixels: ucum('{pixels}', 'pixels'),
  films: ucum('{films}', 'films'),
} as const;

/** CID 240 Present-Absent. The call `indeterminate` is coded as Undetermined. */
export const presence = {
  present: sct('52101004', 'Present'),
  absent: sct('272519000', 'Absent'),
  indeterminate: sct('373068000', 'Undetermined'),
} as const;

export const basis = {
  measured: privateCode('MEASURED', "Measured on the family's own labels"),
  published: privateCode('PUBLISHED', 'Taken from a publication'),
  simulated: privateCode('SIMULATED', 'Taken from a simulation'),
  notShown: privateCode('NOT_SHOWN', 'Smallest resolution not shown to be worse'),
} as const;

export const operatingPoints: Readonly<Record<OperatingPointName, Code>> = {
  sensitive: privateCode('SENSITIVE', 'Sensitive operating point'),
  balanced: privateCode('BALANCED', 'Balanced operating point'),
  specific: privateCode('SPECIFIC', 'Specific operating point'),
};

export const target = { met: privateCode('MET', 'Met'), missed: privateCode('MISSED', 'Missed') } as const;

export const protocol = {
  heldOut: privateCode('HELD_OUT', 'Measured on films held out of training'),
  crossValidated: privateCode('CROSS_VALIDATED', 'Measured out of fold, refitted on all films'),
} as const;

/** CID 5000, coded by RFC 5646. */
export const english = { value: 'en', scheme: 'RFC5646', meaning: 'English' } satisfies Code;

/** TID 1500 row 4 prescribes CID 100 Quantitative Diagnostic Imaging Procedures. CID 100 has no code for a chest radiograph. */
export const imagingProcedure = sct('363679005', 'Imaging procedure');

/** CID 4031 Common Anatomic Regions. */
export const chest = sct('51185008', 'Chest');

/** CID 4010 DX View. */
export const views: Readonly<Record<string, Code>> = {
  AP: sct('399348003', 'antero-posterior'),
  PA: sct('272479007', 'postero-anterior'),
};

/** LOINC, as listed in FHIR R4's value set c80-doc-typecodes. */
export const chestRadiograph = { value: '30745-4', scheme: 'LN', meaning: 'XR Chest Views' } satisfies Code;

/** CID 29 Acquisition Modality. OT is from CID 32. */
const modalities: Readonly<Record<string, Code>> = {
  CR: dcm('CR', 'Computed Radiography'),
  DX: dcm('DX', 'Digital Radiography'),
  RG: dcm('RG', 'Radiographic imaging'),
};
export const modality = (definedTerm: string): Code => modalities[definedTerm] ?? dcm('OT', 'Other');

/**
 * Codes of the ChestX-ray14 labels. The first choice is a context group of PS3.16, because every DICOM implementer may use its
 * SNOMED CT codes. The second choice is RadLex 4.3 (RSNA; http://radlex.org/RID/…), which is free of charge. A label that neither
 * of them has gets a code of the private scheme.
 */
const findings: Readonly<Record<string, Code>> = {
  // RadLex 4.3
  Atelectasis: radlex('RID28493', 'atelectasis'),
  // SNOMED CT, as in Huo et al., ICLR 2025 (arXiv 2411.09361). RadLex 4.3 has no class for cardiomegaly. CID 12248 gives the
  // code 287272002, but that code means Enlarged septal foramen of heart in SNOMED CT itself.
  Cardiomegaly: sct('8186001', 'Cardiomegaly'),
  // CID 8134 Anatomic Structure. The label means pleural effusion.
  Effusion: sct('60046008', 'Pleural effusion'),
  // CID 6104 Abnormal Opacity Finding or Feature
  Infiltration: dcm('112121', 'Infiltrate'),
  // CID 6104
  Mass: sct('4147007', 'Mass'),
  // CID 6104
  Nodule: sct('27925004', 'Nodule'),
  // RadLex 4.3
  Pneumonia: radlex('RID5350', 'pneumonia'),
  // CID 6105 Abnormal Lucency Finding or Feature
  Pneumothorax: sct('36118008', 'Pneumothorax'),
  // RadLex 4.3
  Consolidation: radlex('RID43255', 'consolidation'),
  // CID 3700 Cath Diagnosis
  Edema: sct('19242006', 'Pulmonary edema'),
  // RadLex 4.3
  Emphysema: radlex('RID4799', 'emphysema'),
  // CID 6335 and others: a morphologic abnormality
  Fibrosis: sct('112674009', 'Fibrosis'),
  Pleural_Thickening: privateCode('PLEURAL_THICK', 'Pleural thickening'),
  // The label does not specify the type of hernia.
  Hernia: privateCode('HERNIA', 'Hernia'),
};

/** The code of a finding. A finding without an entry in the table has its own name as a code of the private scheme. */
export function findingCode(finding: string): Code {
  return findings[finding] ?? privateCode(shortName(finding), finding.slice(0, 64));
}

/**
 * SNOMED CT codes for the API, of labels whose code above is from another scheme. Each code means the finding on a chest film.
 * Reports keep the codes above, because a receiver may have stored them. Pleural_Thickening and Hernia have no code: none was
 * found that means no more and no less than the label.
 */
const snomed: Readonly<Record<string, Code>> = {
  Atelectasis: sct('46621007', 'Atelectasis'),
  Infiltration: sct('409609008', 'Radiologic infiltrate of lung'),
  Pneumonia: sct('233604007', 'Pneumonia'),
  Consolidation: sct('95436008', 'Lung consolidation'),
  Emphysema: sct('87433001', 'Pulmonary emphysema'),
};

/** The SNOMED CT code of a finding in the form of a FHIR Coding. Undefined if none is known. */
export function snomedCode(finding: string): { system: string; code: string; display: string } | undefined {
  const code = snomed[finding] ?? findings[finding];
  return code?.scheme === 'SCT'
    ? { system: 'http://snomed.info/sct', code: code.value, display: code.meaning }
    : undefined;
}

/** A Code Value has at most 16 characters. A longer name becomes its first 8 characters and a digest. */
const shortName = (name: string) => (name.length <= 16 ? name : `${name.slice(0, 8)}_${deriveUid(name).slice(-7)}`);

/** The label of a finding as text in reports. */
export const labelText = (finding: string) => finding.replaceAll('_', ' ');

/** Labels whose name for people is another one than the label. */
const displayNames: Readonly<Record<string, string>> = {
  Effusion: 'Pleural effusion',
  Edema: 'Pulmonary edema',
  Pleural_Thickening: 'Pleural thickening',
};

/** The name of a finding for people. */
export const displayName = (finding: string): string => displayNames[finding] ?? labelText(finding);
