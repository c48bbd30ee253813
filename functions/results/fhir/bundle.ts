import type { Bundle, BundleEntry, Device, DiagnosticReport, HumanName, Patient } from 'fhir/r4.js';
import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Instance } from '../../core/instance.ts';
import { notice, type PlanView, type Reading } from '../../core/reading.ts';
import type { FilmReading } from '../../reading/read.ts';
import { chestRadiograph, concepts, units } from '../codes.ts';
import { modelName } from '../part10/modules.ts';
import { isoDate } from '../part10/values.ts';
import type { Provenance } from '../provenance.ts';
import { summary } from '../summary.ts';
import { deriveUid } from '../uid.ts';
import { coding, concept, dicomUid, hl7, narrative, quantity } from './coding.ts';
import { type Context, contextOf, hasPatient, resourceUrn } from './context.ts';
import { observationOf } from './observation.ts';

export type { Bundle } from 'fhir/r4.js';

/**
 * A reading as FHIR R4 (4.0.1). The bundle is a collection and not a transaction, because the receiver decides which of its
 * patients and studies the resources belong to, and whether to create resources.
 */
export function fhirBundle(read: FilmReading, provenance: Provenance): Bundle {
  const { reading, instance } = read;
  const { id } = reading;
  const context = contextOf(read);
  const entry: BundleEntry[] = [
    { fullUrl: resourceUrn('DiagnosticReport', id), resource: reportOf(read, provenance, context) },
    ...reading.findings.map((finding) => ({
      fullUrl: resourceUrn('Observation', id, finding.finding),
      resource: observationOf(read, provenance, context, finding),
    })),
    ...reading.plan.variants.map((variant) => ({
      fullUrl: resourceUrn('Device', id, variant.id),
      resource: deviceOf(reading, provenance, variant),
    })),
    ...(instance && hasPatient(instance)
      ? [{ fullUrl: resourceUrn('Patient', id), resource: patientOf(instance) }]
      : []),
  ];
  return {
    resourceType: 'Bundle',
    identifier: { system: 'urn:ietf:rfc:3986', value: resourceUrn('Bundle', id) },
    type: 'collection',
    timestamp: reading.createdAt,
    entry,
  };
}

const readingIdSystem = `urn:oid:${deriveUid('reading ids')}`;

/** The report that refers to the observations of one film. Its status is preliminary, as in the SR with the same UID. */
function reportOf(
  { reading }: FilmReading,
  { identity: { uids } }: Provenance,
  { subject, study, basedOn, effectiveDateTime, issued }: Context,
): DiagnosticReport {
  return {
    resourceType: 'DiagnosticReport',
    text: narrative(summary(reading)),
    identifier: [{ system: readingIdSystem, value: reading.id }, ...(uids ? [dicomUid(uids.sr)] : [])],
    basedOn,
    status: 'preliminary',
    category: [{ coding: [{ system: hl7('v2-0074'), code: 'RAD', display: 'Radiology' }] }],
    code: concept(chestRadiograph),
    subject,
    effectiveDateTime,
    issued,
    ...(study && { imagingStudy: [study] }),
    result: reading.findings.map(({ finding }) => ({ reference: resourceUrn('Observation', reading.id, finding) })),
    conclusion: summary(reading),
  };
}

/** The Device of one variant of the model family. A variant is no medical device and has no UDI. */
function deviceOf(reading: Reading, provenance: Provenance, variant: PlanView['variants'][number]): Device {
  const name = `${modelName(provenance)} ${variant.id}`;
  const digest = reading.models[variant.id];
  return {
    resourceType: 'Device',
    text: narrative(
      `${name}, version ${provenance.version}: classifies chest radiographs at ${variant.resolution} px.`,
      notice,
    ),
    identifier: [{ type: { text: 'SHA-256 of the model file' }, value: digest }],
    status: 'active',
    manufacturer,
    deviceName: [{ name, type: 'model-name' }],
    modelNumber: variant.id,
    type: { text: 'Chest radiograph classifier (software)' },
    version: [
      { type: { text: 'software' }, value: provenance.version },
      { type: { text: 'catalog' }, value: reading.catalog },
      { type: { text: 'model' }, value: digest ?? '' },
    ],
    property: [
      {
        type: { coding: [coding(concepts.resolution)] },
        valueQuantity: [quantity(variant.resolution, units.pixels)],
      },
    ],
    note: [{ text: notice }],
  };
}

const genders: Readonly<Record<string, Patient['gender']>> = { M: 'male', F: 'female', O: 'other' };

/** The patient, with only what the header of the film states. */
export function patientOf({ patient }: Instance): Patient {
  const { id, issuerOfId, name, birthDate, sex } = patient;
  const names = name ? humanNames(name) : [];
  return {
    resourceType: 'Patient',
    ...(id && { identifier: [{ value: id, ...(issuerOfId && { assigner: { display: issuerOfId } }) }] }),
    ...(names.length > 0 && { name: names }),
    gender: genders[sex ?? ''],
    birthDate: isoDate(birthDate),
  };
}

/** One name per component group of a PN: alphabetic, ideographic, phonetic (PS3.5 6.2.1). */
function humanNames(pn: string): HumanName[] {
  return pn.split('=').flatMap((group) => {
    const [family, given, middle, prefix, suffix] = group.split('^').map((component) => component.trim());
    const name: HumanName = {
      ...(family && { family }),
      ...((given || middle) && { given: [given, middle].filter(isFilled) }),
      ...(prefix && { prefix: [prefix] }),
      ...(suffix && { suffix: [suffix] }),
    };
    return Object.keys(name).length > 0 ? [name] : [];
  });
}

const isFilled = (text: string | undefined): text is string => Boolean(text);
