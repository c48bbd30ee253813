import { tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Attributes } from './parse/attributes.ts';
import { chestRegions, otherRegions } from './region-codes.ts';
import { spoken } from './safe-text.ts';
import { type Code, codesIn } from './snomed.ts';

/** Why a header says that this is no frontal chest film; null where it does not say so. */
export function notFrontalChest(attributes: Attributes): Fault | null {
  const view = otherView(attributes);
  if (view !== undefined) return { code: 'not_frontal_view', view };
  const bodyPart = otherBodyPart(attributes);
  if (bodyPart !== undefined) return { code: 'not_chest', bodyPart };
  return null;
}

/**
 * Words of View Position that name a lateral, an oblique or a decubitus film: the defined terms of PS3.3, C.8.1.1
 * and C.8.11.5.1.1, and how devices spell them. A decubitus film is frontal, but no model here has seen one.
 */
const otherViews = new Set('LL RL LLD RLD LLO RLO LAO RAO LPO RPO PROFIL PROFILE SEITLICH'.split(' '));
const otherViewsIn = /^([LRXT]|LT|RT|XT|LEFT|RIGHT|CROSS)?LAT[LR]?$|LATERO|(?<!BI)LATERAL(?!ITY)|DECUB|OBLI|OBL$/;

/** Lateral and oblique codes of View Code Sequence (PS3.16, CID 4010), in SNOMED CT and the SNOMED RT of older files. */
const otherViewCodes = new Set([
  // Lateral, left lateral, right lateral, sagittal.
  ...['399067008', '399173006', '399198007', '30730003', 'R-102CD', 'R-10236', 'R-10232', 'G-A145'],
  // Oblique, right oblique, left oblique, lateral oblique.
  ...['399182000', '399236003', '399184004', '260427002', 'R-102C1', 'R-10234', 'R-10238', 'R-40783'],
  // Right anterior, left anterior, right posterior, left posterior oblique.
  ...['399356000', '399135007', '399038007', '399006002', 'R-40985', 'R-10220', 'R-10210', 'R-10212'],
]);

const told = ({ scheme, value }: Code) => `${scheme} ${value}`;

function otherView(attributes: Attributes): string | undefined {
  const position = attributes.code(tags.viewPosition);
  if (position && words(position).some((word) => otherViews.has(word) || otherViewsIn.test(word)))
    return spoken(position) ?? 'View Position, in words that are not repeated here';
  const code = codesIn(attributes, tags.viewCodeSequence).find(({ value }) => otherViewCodes.has(value));
  if (code) return told(code);
  // Rows or columns that run from front to back: the patient stands sideways (PS3.3, C.7.6.1.1.1).
  const orientation = attributes.codes(tags.patientOrientation).map((direction) => direction.toUpperCase());
  return orientation.every((direction) => /^[LRAPHF]{0,3}$/.test(direction)) &&
    orientation.some((direction) => /^[AP]/.test(direction))
    ? `Patient Orientation ${orientation.slice(0, 2).join('\\')}`
    : undefined;
}

/** Beginnings of words of Body Part Examined for the chest (PS3.16, annex L: CHEST, LUNG), as devices write them. */
const chest = /^(CHEST(?!AB)|THORA|TORA|CXR|BRUST|LUNG)/;
/** The part of the spine that is called after the chest. */
const spine = /SPIN|VERTEBR|WIRBEL|COLUMN|COLUN|COLONN|RACHIS|LUMB/;
/** A body part that says as much as none. */
const unsaid = /^(UNKNOWN|OTHER|NONE|UNSPECIFIED|N|A|NA)$/;

function otherBodyPart(attributes: Attributes): string | undefined {
  const examined = attributes.text(tags.bodyPartExamined) ?? '';
  const named = words(examined);
  const said = named.length > 0 && !named.every((word) => unsaid.test(word));
  const isChest = named.some((word) => chest.test(word)) && !named.some((word) => spine.test(word));
  if (said && !isChest) return spoken(examined) ?? 'Body Part Examined, in words that are not repeated here';

  const regions = codesIn(attributes, tags.anatomicRegionSequence);
  if (regions.some(({ value }) => chestRegions.has(value))) return undefined;
  const other = regions.find(({ value }) => otherRegions.has(value));
  if (other) return told(other);
  // A region that is not known here is another one, unless the body part says that it is the chest.
  return said || regions.length === 0 ? undefined : 'Anatomic Region Sequence, by a code that is not one of the chest';
}

/** Words in capitals, without accents. */
const words = (text: string) =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .split(/[^A-Z]+/)
    .filter((word) => word !== '');
