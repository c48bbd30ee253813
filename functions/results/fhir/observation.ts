import type { Observation, ObservationComponent } from 'fhir/r4.js';
import { type FindingResult, notice } from '../../core/reading.ts';
import type { FilmReading } from '../../reading/read.ts';
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
import type { KnownOperatingPoint } from '../operating-point.ts';
import { operatingPointIn, type Provenance } from '../provenance.ts';
import { callLimits, likelihoodRatioOf, percent } from '../summary.ts';
import { concept, dicomUid, hl7, narrative, quantity } from './coding.ts';
import { type Context, resourceUrn } from './context.ts';

const interpretations = {
  present: { code: 'POS', display: 'Positive' },
  absent: { code: 'NEG', display: 'Negative' },
  indeterminate: { code: 'IND', display: 'Indeterminate' },
} as const;

/**
 * The Observation of one finding. Its value is the call. The probability is only a component, because readers could mistake a
 * probability without a call for the result.
 */
export function observationOf(
  read: FilmReading,
  provenance: Provenance,
  context: Context,
  result: FindingResult,
): Observation {
  const { reading } = read;
  const { subject, study, film, effectiveDateTime, issued } = context;
  const { finding, call, probability, threshold, variant, why } = result;
  return {
    resourceType: 'Observation',
    text: narrative(
      `${labelText(finding)}: ${call}. Calibrated probability ${percent(probability)}; ${callLimits(threshold)}.`,
      why,
      notice,
    ),
    identifier: [dicomUid(provenance.identity.findingUid(finding))],
    status: 'preliminary',
    category: [{ coding: [{ system: hl7('observation-category'), code: 'imaging', display: 'Imaging' }] }],
    code: concept(findingCode(finding), labelText(finding)),
    subject,
    effectiveDateTime,
    issued,
    valueCodeableConcept: concept(presence[call]),
    interpretation: [{ coding: [{ system: hl7('v3-ObservationInterpretation'), ...interpretations[call] }] }],
    note: [
      { text: why },
      ...reading.warnings.map(({ message }) => ({ text: `File warning: ${message}` })),
      { text: notice },
    ],
    device: { reference: resourceUrn('Device', reading.id, variant) },
    ...(study && film && { derivedFrom: [study, film] }),
    component: components(reading, result, operatingPointIn(provenance, result)),
  };
}

function components(
  reading: FilmReading['reading'],
  result: FindingResult,
  { name, sensitivity, specificity }: KnownOperatingPoint,
): ObservationComponent[] {
  const { probability, prevalence, threshold, auroc } = result;
  const resolution = reading.plan.variants.find(({ id }) => id === result.variant)?.resolution;
  return [
    { code: concept(concepts.probability), valueQuantity: quantity(probability) },
    { code: concept(concepts.prevalence), valueQuantity: quantity(prevalence) },
    { code: concept(concepts.likelihoodRatio), valueQuantity: quantity(likelihoodRatioOf(result)) },
    { code: concept(concepts.threshold), valueQuantity: quantity(threshold.value) },
    {
      code: concept(concepts.band),
      valueRange: { low: quantity(threshold.low), high: quantity(threshold.high) },
    },
    { code: concept(concepts.operatingPoint), valueCodeableConcept: concept(operatingPoints[name]) },
    ...(sensitivity && specificity
      ? [
          { code: concept(concepts.sensitivity), valueQuantity: quantity(sensitivity.value) },
          { code: concept(concepts.specificity), valueQuantity: quantity(specificity.value) },
        ]
      : []),
    { code: concept(concepts.auroc), valueQuantity: quantity(auroc.value) },
    {
      code: concept(concepts.interval),
      valueRange: { low: quantity(auroc.ci95[0]), high: quantity(auroc.ci95[1]) },
    },
    { code: concept(concepts.method), valueCodeableConcept: concept(protocol[auroc.protocol]) },
    { code: concept(concepts.positives), valueInteger: auroc.positives },
    { code: concept(concepts.negatives), valueInteger: auroc.negatives },
    ...(resolution === undefined
      ? []
      : [{ code: concept(concepts.resolution), valueQuantity: quantity(resolution, units.pixels) }]),
    { code: concept(concepts.basis), valueCodeableConcept: concept(basis[result.basis]) },
    { code: concept(concepts.target), valueCodeableConcept: concept(result.meetsTarget ? target.met : target.missed) },
  ];
}
