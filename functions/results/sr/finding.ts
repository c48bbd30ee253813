import type { Threshold } from '../../core/catalog.ts';
import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Instance } from '../../core/instance.ts';
import type { FindingResult, Reading } from '../../core/reading.ts';
import { basis, concepts, findingCode, presence, protocol, readable, target, units } from '../codes.ts';
import type { IdentifiedRead } from '../identity.ts';
import { modelName } from '../part10/modules.ts';
import { type InstanceProvenance, operatingPoint } from '../provenance.ts';
import { code, container, type Item, image, number, points, text, uidReference } from './item.ts';

/** TID 1501 Measurement and Qualitative Evaluation Group, in the order of its rows: one finding with all it was decided on. */
export function findingGroup(read: IdentifiedRead, provenance: InstanceProvenance, result: FindingResult): Item {
  const { reading, instance } = read;
  const call = presence[result.call];
  return container(
    concepts.measurementGroup,
    [
      text('HAS OBS CONTEXT', concepts.trackingIdentifier, `${readable(result.finding)} ${reading.id.slice(0, 11)}`),
      uidReference('HAS OBS CONTEXT', concepts.trackingUid, provenance.identity.findingUid(result.finding)),
      // TID 1350: whoever reads the finding alone must not take an absent one for present.
      code('CONTAINS', concepts.finding, findingCode(result.finding), [
        code('HAS CONCEPT MOD', concepts.presence, call),
      ]),
      ...algorithm(reading, provenance, result),
      ...probability(result, operatingPoint(provenance, result)),
      ...auroc(result),
      number('CONTAINS', concepts.resolution, variantOf(reading, result.variant).resolution, [], units.pixels),
      image('CONTAINS', concepts.sourceOfMeasurement, instance),
      wholeFilm(instance),
      code('CONTAINS', concepts.presence, call),
      code('CONTAINS', concepts.basis, basis[result.basis]),
      code('CONTAINS', concepts.target, result.meetsTarget ? target.met : target.missed),
      text('CONTAINS', concepts.why, result.why),
    ],
    '1501',
  );
}

/** TID 4019 Algorithm Identification. */
function algorithm(reading: Reading, provenance: InstanceProvenance, { variant: id }: FindingResult): Item[] {
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
 * TID 300 Measurement, one per number, because rows 9 and 10 are the only ones that take a number below a number: one that
 * it is inferred from. The calibrated probability is inferred from the presumed prevalence; the operating point and its
 * band stand beside it, because the call is inferred from them, not the probability.
 */
const probability = ({ probability, prevalence, threshold }: FindingResult, measured?: Threshold): Item[] => [
  number('CONTAINS', concepts.probability, probability, [number('INFERRED FROM', concepts.prevalence, prevalence)]),
  number('CONTAINS', concepts.threshold, threshold.value),
  number('CONTAINS', concepts.bandLow, threshold.low),
  number('CONTAINS', concepts.bandHigh, threshold.high),
  ...(measured
    ? [
        number('CONTAINS', concepts.sensitivity, measured.sensitivity),
        number('CONTAINS', concepts.specificity, measured.specificity),
      ]
    : []),
];

/** TID 300 Measurement: what the variant measured for this finding, on other films. */
const auroc = ({ auroc }: FindingResult): Item[] => [
  number('CONTAINS', concepts.auroc, auroc.value, [
    code('HAS CONCEPT MOD', concepts.method, protocol[auroc.protocol]),
    number('INFERRED FROM', concepts.positives, auroc.positives, [], units.films),
    number('INFERRED FROM', concepts.negatives, auroc.negatives, [], units.films),
  ]),
  number('CONTAINS', concepts.intervalLow, auroc.ci95[0]),
  number('CONTAINS', concepts.intervalHigh, auroc.ci95[1]),
];

/**
 * TID 1501 rows 10c and 10d: the corners of the film. OHIF fails on a group without coordinates. Points, not an outline,
 * because OHIF draws the numbers of all findings over each other at an outline, without the names of the findings.
 */
function wholeFilm(instance: Instance): Item {
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
  if (!variant) throw new Error(`${id} read a finding but is not in the plan`);
  return variant;
}
