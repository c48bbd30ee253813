import type { Fault } from '../../fault.ts';
import type { Attributes } from './attributes.ts';
import { codesIn } from './codes.ts';
import { shown } from './shown.ts';
import { tags } from './tags.ts';

/** Why a header says that this is no frontal chest film; null where it does not say so. */
export function notFrontalChest(attributes: Attributes): Fault | null {
  const view = otherView(attributes);
  if (view !== undefined) return { code: 'not_frontal_view', view: shown(view) };
  const bodyPart = otherBodyPart(attributes);
  if (bodyPart !== undefined) return { code: 'not_chest', bodyPart: shown(bodyPart) };
  return null;
}

/**
 * Words of View Position that name a lateral, an oblique or a decubitus film: the defined terms of PS3.3, C.8.1.1
 * and C.8.11.5.1.1, and their usual spellings. A decubitus film is frontal, but no model here has seen one.
 */
const otherViews = new Set(
  'LL RL LLAT RLAT LAT LATERAL LATERALE LLD RLD DECUB DECUBITUS LLO RLO LAO RAO LPO RPO OBL OBLIQUE'.split(' '),
);

/** Lateral and oblique codes of View Code Sequence (PS3.16, CID 4010), in SNOMED CT and the SNOMED-RT of older files. */
const otherViewCodes = new Set([
  // Lateral, left lateral, right lateral, sagittal.
  ...['SCT 399067008', 'SCT 399173006', 'SCT 399198007', 'SCT 30730003'],
  ...['SRT R-102CD', 'SRT R-10236', 'SRT R-10232', 'SRT G-A145'],
  // Oblique, right oblique, left oblique, lateral oblique.
  ...['SCT 399182000', 'SCT 399236003', 'SCT 399184004', 'SCT 260427002'],
  ...['SRT R-102C1', 'SRT R-10234', 'SRT R-10238', 'SRT R-40783'],
  // Right anterior, left anterior, right posterior, left posterior oblique.
  ...['SCT 399356000', 'SCT 399135007', 'SCT 399038007', 'SCT 399006002'],
  ...['SRT R-40985', 'SRT R-10220', 'SRT R-10210', 'SRT R-10212'],
]);

function otherView(attributes: Attributes): string | undefined {
  const position = attributes.code(tags.viewPosition);
  if (position && words(position).some((word) => otherViews.has(word))) return position;
  const code = codesIn(attributes, tags.viewCodeSequence).find((found) => otherViewCodes.has(found));
  if (code) return code;
  // Rows or columns that run from front to back: the patient stands sideways (PS3.3, C.7.6.1.1.1).
  const orientation = attributes.codes(tags.patientOrientation);
  return orientation.some((direction) => /^[AP]/.test(direction))
    ? `Patient Orientation ${orientation.join('\\')}`
    : undefined;
}

/** Words of Body Part Examined for the chest (PS3.16, annex L: CHEST, LUNG), and what else devices write. */
const chest = new Set('CHEST THORAX TORAX LUNG LUNGS'.split(' '));

/** Anatomic Region Sequence for the chest (PS3.16, CID 4031; before 2020 another code) and the lung (annex L). */
const chestCodes = new Set([
  ...['SCT 816094009', 'SCT 51185008', 'SRT T-D3000', 'SNM3 T-D3000'],
  ...['SCT 39607008', 'SRT T-28000', 'SNM3 T-28000'],
]);

function otherBodyPart(attributes: Attributes): string | undefined {
  const examined = attributes.code(tags.bodyPartExamined);
  if (examined) return words(examined).some((word) => chest.has(word)) ? undefined : examined;
  const regions = codesIn(attributes, tags.anatomicRegionSequence);
  return regions.some((code) => chestCodes.has(code)) ? undefined : regions[0];
}

const words = (text: string) => text.toUpperCase().split(/[^A-Z]+/);
