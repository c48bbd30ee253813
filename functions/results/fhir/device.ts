import type { Device } from 'fhir/r4.js';
import { manufacturer } from '../../core/dicom-dictionary.ts';
import { notice, type PlanView, type Reading } from '../../core/reading.ts';
import { concepts, units } from '../codes.ts';
import { modelName } from '../part10/modules.ts';
import type { Provenance } from '../provenance.ts';
import { coding, quantity } from './coding.ts';
import { narrative } from './narrative.ts';

/** The Device of one variant of the model family. A variant is no medical device and has no UDI. */
export function deviceOf(reading: Reading, provenance: Provenance, variant: PlanView['variants'][number]): Device {
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
