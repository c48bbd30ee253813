import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Instance } from '../../core/instance.ts';
import type { FindingResult, Reading } from '../../core/reading.ts';
import {
  basis,
  concepts,
  findingCode,
  labelText,
  operatingPoints,
  presence,
  protocol,
  target,
  units,
} from '../codes.ts';
import type { DicomReading } from '../identity.ts';
import type { KnownOperatingPoint } from '../operating-point.ts';
import { modelName } from '../part10/modules.ts';
import { type InstanceProvenance, operatingPointIn } from '../provenance.ts';
import { likelihoodRatioOf } from '../summary.ts';
import { code, container, type Item, image, number, points, text, uidReference } from './item.ts';

/** TID 1501 Measurement and Qualitative Evaluation Group of one finding, in the order of the rows of the template. */
export function findingGroup(read: DicomReading, provenance: InstanceProvenance, result: FindingResult): Item {
  const { reading, instance } = read;
  const call = presence[result.call];
  const point = operatingPointIn(provenance, result);
  return container(
    concepts.measurementGroup,
    [
      text('HAS OBS CONTEXT', concepts.trackingIdentifier, `${labelText(result.finding)} ${reading.id.slice(0, 11)}`),
      uidReference('HAS OBS CONTEXT', concepts.trackingUid, provenance.identity.findingUid(result.finding)),
      // TID 1350. A receiver that reads only the finding must not take an absent finding for a present one.
      code('CONTAINS', concepts.finding, findingCode(result.finding), [
        code('HAS CONCEPT MOD', concepts.presence, call),
      ]),
      ...algorithmItems(reading, provenance, result),
      ...probabilityItems(result, point),
      ...aurocItems(result),
      number('CONTAINS', concepts.resolution, variantOf(reading, result.variant).resolution, [], units.pixels),
      image('CONTAINS', concepts.sourceOfMeasurement, instance),
      filmCorners(instance),
      code('CONTAINS', concepts.presence, call),
      code('CONTAINS', concepts.operatingPoint, operatingPoints[point.name]),
      code('CONTAINS', concepts.basis, basis[result.basis]),
      code('CONTAINS', concepts.target, result.meetsTarget ? target.met : target.missed),
      text('CONTAINS', concepts.why, result.why),
    ],
    '1501',
  );
}

/** TID 4019 Algorithm Identification. */
function algorithmItems(reading: Reading, provenance: InstanceProvenance, { variant: id }: FindingResult): Item[] {
  const variant = variantOf(reading, id);
  const parameters = [
    `variant=${id}`,
    `resolution=${variant.resolution} px${variant.upsampled ? ' (the film is smaller and was enlarged)' : ''}`,
    `precision=${variant.precision}`,
    `policy=${reading.plan.policy}`,
    `model=${reading.models[id]}`,
    `catalog=${reading.catalog}`,
  ];
  return [
    text('HAS CONCEPT MOD', concepts.algorithmName, modelName(provenance)),
    text('HAS CONCEPT MOD', concepts.algorithmVersion, provenance.version),
    text('HAS CONCEPT MOD', concepts.algorithmManufacturer, manufacturer),
    ...parameters.map((parameter) => text('HAS CONCEPT MOD', concepts.algorithmParameters, parameter)),
  ];
}

/**
 * One TID 300 Measurement per number. Only rows 9 and 10 of TID 300 allow a number below a number, with the relationship
 * INFERRED FROM. The calibrated probability is inferred from the presumed prevalence, so the prevalence is below it. The
 * operating point and its band are beside the probability, because the call is inferred from them and the probability is not.
 */
const probabilityItems = (result: FindingResult, { sensitivity, specificity }: KnownOperatingPoint): Item[] => [
  number('CONTAINS', concepts.probability, result.probability, [
    number('INFERRED FROM', concepts.prevalence, result.prevalence),
  ]),
  number('CONTAINS', concepts.likelihoodRatio, likelihoodRatioOf(result)),
  number('CONTAINS', concepts.threshold, result.threshold.value),
  number('CONTAINS', concepts.bandLow, result.threshold.low),
  number('CONTAINS', concepts.bandHigh, result.threshold.high),
  ...(sensitivity && specificity
    ? [
        number('CONTAINS', concepts.sensitivity, sensitivity.value),
        number('CONTAINS', concepts.specificity, specificity.value),
      ]
    : []),
];

/** TID 300 Measurement of the accuracy of the variant for this finding, on other films. */
const aurocItems = ({ auroc }: FindingResult): Item[] => [
  number('CONTAINS', concepts.auroc, auroc.value, [
    code('HAS CONCEPT MOD', concepts.method, protocol[auroc.protocol]),
    number('INFERRED FROM', concepts.positives, auroc.positives, [], units.films),
    number('INFERRED FROM', concepts.negatives, auroc.negatives, [], units.films),
  ]),
  number('CONTAINS', concepts.intervalLow, auroc.ci95[0]),
  number('CONTAINS', concepts.intervalHigh, auroc.ci95[1]),
];

/**
 * TID 1501 rows 10c and 10d: the corners of the film, because OHIF fails on a group without coordinates. The corners are
 * points and no outline, because OHIF would draw the numbers of all findings on top of each other at an outline, without the
 * names of the findings.
 */
function filmCorners(instance: Instance): Item {
  const { columns, rows } = instance;
  const corners = [
    [0, 0],
    [columns, 0],
    [columns, rows],
    [0, rows],
  ] as const;
  return points('CONTAINS', concepts.filmCorners, corners, image('SELECTED FROM', null, instance));
}

function variantOf({ plan }: Reading, id: string) {
  const variant = plan.variants.find((each) => each.id === id);
  if (!variant) throw new Error(`the variant ${id} of a finding is not in the plan`);
  return variant;
}
