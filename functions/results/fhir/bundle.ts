import type { Bundle, BundleEntry } from 'fhir/r4.js';
import type { FilmReading } from '../../reading/read.ts';
import type { Provenance } from '../provenance.ts';
import { contextOf, hasPatient, resourceUrn } from './context.ts';
import { deviceOf } from './device.ts';
import { observationOf } from './observation.ts';
import { patientOf } from './patient.ts';
import { reportOf } from './report.ts';

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
