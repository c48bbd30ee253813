import { type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Attributes } from './parse/attributes.ts';
import { safeText } from './safe-text.ts';

/** The fault of a film if an attribute proves that the film is not a frontal chest film; otherwise null. */
export function notFrontalChestFault(attributes: Attributes): Fault | null {
  const view = nonFrontalView(attributes);
  if (view !== undefined) return { code: 'not_frontal_view', view };
  const bodyPart = nonChestBodyPart(attributes);
  if (bodyPart !== undefined) return { code: 'not_chest', bodyPart };
  return null;
}

/**
 * Words of View Position for a lateral, an oblique or a decubitus film: the defined terms of PS3.3, C.8.1.1 and
 * C.8.11.5.1.1, and the spellings of devices. A decubitus film is frontal, but the training data of the models has none.
 */
const nonFrontalViews = new Set('LL RL LLD RLD LLO RLO LAO RAO LPO RPO PROFIL PROFILE SEITLICH'.split(' '));
const nonFrontalViewPattern =
  /^([LRXT]|LT|RT|XT|LEFT|RIGHT|CROSS)?LAT[LR]?$|LATERO|(?<!BI)LATERAL(?!ITY)|DECUB|OBLI|OBL$/;

/** Lateral and oblique codes of View Code Sequence (PS3.16, CID 4010), in SNOMED CT and, for older files, SNOMED RT. */
const nonFrontalViewCodes = new Set([
  // Lateral, left lateral, right lateral, sagittal.
  ...['399067008', '399173006', '399198007', '30730003', 'R-102CD', 'R-10236', 'R-10232', 'G-A145'],
  // Oblique, right oblique, left oblique, lateral oblique.
  ...['399182000', '399236003', '399184004', '260427002', 'R-102C1', 'R-10234', 'R-10238', 'R-40783'],
  // Right anterior, left anterior, right posterior, left posterior oblique.
  ...['399356000', '399135007', '399038007', '399006002', 'R-40985', 'R-10220', 'R-10210', 'R-10212'],
]);

const codeText = ({ scheme, value }: SnomedCode) => `${scheme} ${value}`;

function nonFrontalView(attributes: Attributes): string | undefined {
  const position = attributes.code(tags.viewPosition);
  if (position && words(position).some((word) => nonFrontalViews.has(word) || nonFrontalViewPattern.test(word)))
    return safeText(position) ?? 'View Position (the value is hidden, because it may contain patient data)';
  const code = snomedCodes(attributes, tags.viewCodeSequence).find(({ value }) => nonFrontalViewCodes.has(value));
  if (code) return codeText(code);
  // If the rows or columns run in the anterior-posterior direction, the film is lateral (PS3.3, C.7.6.1.1.1).
  const directions = attributes.codes(tags.patientOrientation).map((direction) => direction.toUpperCase());
  return directions.every((direction) => /^[LRAPHF]{0,3}$/.test(direction)) &&
    directions.some((direction) => /^[AP]/.test(direction))
    ? `Patient Orientation ${directions.slice(0, 2).join('\\')}`
    : undefined;
}

/** A word of Body Part Examined for the chest, in the spellings of devices (PS3.16, annex L: CHEST, LUNG). */
const chestWord = /^(CHEST(?!AB)|THORA|TORA|CXR|BRUST|LUNG)/;
/** A word for the spine. The thoracic spine also has a word for the chest, but it is not a chest film. */
const spineWord = /SPIN|VERTEBR|WIRBEL|COLUMN|COLUN|COLONN|RACHIS|LUMB/;
/** A word of Body Part Examined that names no body part. */
const unspecifiedWord = /^(UNKNOWN|OTHER|NONE|UNSPECIFIED|N|A|NA)$/;

function nonChestBodyPart(attributes: Attributes): string | undefined {
  const bodyPart = attributes.text(tags.bodyPartExamined) ?? '';
  const examinedWords = words(bodyPart);
  const isSpecified = examinedWords.length > 0 && !examinedWords.every((word) => unspecifiedWord.test(word));
  const isChest =
    examinedWords.some((word) => chestWord.test(word)) && !examinedWords.some((word) => spineWord.test(word));
  if (isSpecified && !isChest)
    return safeText(bodyPart) ?? 'Body Part Examined (the value is hidden, because it may contain patient data)';

  const regions = snomedCodes(attributes, tags.anatomicRegionSequence);
  if (regions.some(({ value }) => chestRegions.has(value))) return undefined;
  const other = regions.find(({ value }) => nonChestRegions.has(value));
  if (other) return codeText(other);
  // An unknown region code is not the chest, unless Body Part Examined names the chest.
  return isSpecified || regions.length === 0
    ? undefined
    : 'Anatomic Region Sequence (its code is not a code of the chest)';
}

/** The words of a text in capitals, without accents. */
const words = (text: string) =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .split(/[^A-Z]+/)
    .filter((word) => word !== '');

/** A code of SNOMED CT or SNOMED RT. */
type SnomedCode = { readonly scheme: string; readonly value: string };

/**
 * Designators of SNOMED CT and of the older SNOMED RT (PS3.16, 8.1). The two schemes share no code value, so a comparison of
 * codes can ignore the designator.
 */
const snomedDesignators = ['SCT', 'SRT', 'SNM3', '99SDM', 'SNOMED', '2.16.840.1.113883.6.96'];

/** The SNOMED codes of a code sequence (PS3.3, 8). Codes of other schemes are ignored. */
const snomedCodes = (attributes: Attributes, sequence: Tag): readonly SnomedCode[] =>
  attributes.items(sequence).flatMap((item) => {
    const [value, scheme] = [item.code(tags.codeValue), item.code(tags.codingSchemeDesignator)];
    return value !== undefined && scheme !== undefined && snomedDesignators.includes(scheme) ? [{ scheme, value }] : [];
  });

/**
 * Codes of Anatomic Region Sequence (PS3.16, CID 4031), in SNOMED CT and, for older files, SNOMED RT: chest (the code since
 * 2020 and the one before), thoracic cavity, mediastinum and lungs. The code for chest and abdomen is not in the list.
 */
const chestRegions = new Set([
  ...['816094009', '51185008', 'T-D3000', '43799004', 'T-D3200', '72410000', 'T-D3300', '39607008', 'T-28000'],
]);

/** Codes of regions other than the chest. A film with one of them is refused, unless it also has a code of the chest. */
const nonChestRegions = new Set([
  // Skull, head, head and neck, neck, jaw, mandible, sinuses.
  ...['89546000', 'T-11100', '69536005', 'T-D1100', '774007', 'T-D1000', '45048000', 'T-D1600', '661005', 'T-D1213'],
  ...['91609006', 'T-11180', '2095001', 'T-22000'],
  // Spine: all of it, cervical, thoracic, lumbar.
  ...['421060004', 'T-D04FF', '122494005', 'T-11501', '122495006', 'T-11502', '122496007', 'T-11503'],
  // Abdomen, abdomen and pelvis, pelvis, breast.
  ...['818981001', '113345001', 'T-D4000', '818982008', '816092008', '12921003', 'T-D6000', '76752008', 'T-04000'],
  // Upper limb, shoulder, upper arm, humerus, elbow, forearm, wrist, hand, finger, thumb.
  ...[
    '53120007',
    'T-D8000',
    '16982005',
    'T-D2220',
    '40983000',
    'T-D8200',
    '85050009',
    'T-12410',
    '16953009',
    'T-15430',
  ],
  ...['14975008', 'T-D8500', '74670003', 'T-15460', '85562004', 'T-D8700', '7569003', 'T-D8800', '76505004', 'T-D8810'],
  // Lower limb, hip, thigh, femur, knee, patella, lower leg, ankle, foot, heel, toe.
  ...[
    '61685007',
    'T-D9000',
    '29836001',
    'T-D2500',
    '24136001',
    'T-15710',
    '68367000',
    'T-D9100',
    '71341001',
    'T-12710',
  ],
  ...[
    '72696002',
    'T-D9200',
    '64234005',
    'T-12730',
    '30021000',
    'T-D9400',
    '70258002',
    'T-15750',
    '56459004',
    'T-D9700',
  ],
  ...['80144004', 'T-12770', '29707007', 'T-D9800'],
]);
