import type { CodeableConcept, Coding, Narrative, Quantity } from 'fhir/r4.js';
import { type Code, privateScheme, privateSchemeUid, units } from '../codes.ts';
import { rounded } from '../part10/values.ts';

/** The FHIR URI per DICOM coding scheme (PS3.16 Table 8-1; terminology.hl7.org). */
const systems: Readonly<Record<string, string>> = {
  DCM: 'http://dicom.nema.org/resources/ontology/DCM',
  LN: 'http://loinc.org',
  RADLEX: 'http://radlex.org',
  SCT: 'http://snomed.info/sct',
  UCUM: 'http://unitsofmeasure.org',
  [privateScheme]: `urn:oid:${privateSchemeUid}`,
};

export const hl7 = (codeSystem: string) => `http://terminology.hl7.org/CodeSystem/${codeSystem}`;

export function coding({ value, scheme, meaning }: Code): Coding {
  const system = systems[scheme];
  if (!system) throw new Error(`no FHIR system for the coding scheme ${scheme}`);
  return { system, code: value, display: meaning };
}

export const concept = (code: Code, text?: string): CodeableConcept => ({
  coding: [coding(code)],
  ...(text !== undefined && { text }),
});

export function quantity(value: number, unit: Code = units.one): Quantity {
  const { system, code } = coding(unit);
  return { value: rounded(value), ...(unit !== units.one && { unit: unit.meaning }), system, code };
}

export const dicomUid = (uid: string) => ({ system: 'urn:dicom:uid', value: `urn:oid:${uid}` });

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The narrative of a resource, from paragraphs of plain text. */
export const narrative = (...paragraphs: readonly string[]): Narrative => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${paragraphs.map((text) => `<p>${escaped(text)}</p>`).join('')}</div>`,
});

const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
