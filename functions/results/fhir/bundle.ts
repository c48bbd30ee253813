import type { Bundle, BundleEntry } from 'fhir/r4.js';
import type { Read } from '../../reading/read.ts';
import type { Provenance } from '../provenance.ts';
import { contextOf, isNamed, urn } from './context.ts';
import { deviceOf } from './device.ts';
import { observationOf } from './observation.ts';
import { patientOf } from './patient.ts';
import { reportOf } from './report.ts';

export type { Bundle } from 'fhir/r4.js';

/**
 * A reading as FHIR R4 (4.0.1). A collection, not a transaction: which patient and study of the receiver these belong
 * to, and whether to create anything, is for the receiver to decide.
 */
export function fhirBundle(read: Read, provenance: Provenance): Bundle {
  const { reading, instance } = read;
  const { id } = reading;
  const context = contextOf(read);
  const entry: BundleEntry[] = [
    { fullUrl: urn('DiagnosticReport', id), resource: reportOf(read, provenance, context) },
    ...reading.findings.map((finding) => ({
      fullUrl: urn('Observation', id, finding.finding),
      resource: observationOf(read, provenance, context, finding),
    })),
    ...reading.plan.variants.map((variant) => ({
      fullUrl: urn('Device', id, variant.id),
      resource: deviceOf(reading, provenance, variant),
    })),
    ...(instance && isNamed(instance) ? [{ fullUrl: urn('Patient', id), resource: patientOf(instance) }] : []),
  ];
  return {
    resourceType: 'Bundle',
    identifier: { system: 'urn:ietf:rfc:3986', value: urn('Bundle', id) },
    type: 'collection',
    timestamp: reading.createdAt,
    entry,
  };
}
