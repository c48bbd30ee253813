import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Instance } from '../../../functions/core/instance.ts';
import { concepts, displayName, findingCode, presence } from '../../../functions/results/codes.ts';
import type { DicomReading } from '../../../functions/results/identity.ts';
import { resultObjects } from '../../../functions/results/objects.ts';
import { structuredReport } from '../../../functions/results/sr/report.ts';
import { has } from '../../support/dicom/tools.ts';
import { bare, instance, openReader, type Reader } from '../../support/pacs/reader.ts';
import { codeOf, codesIn, items, type Node, parse, tree, utf8 } from '../../support/pacs/tree.ts';

const install = 'apt-get install dcmtk dicom3tools';

let reader: Reader;
let read: DicomReading;
let bytes: Uint8Array;
let root: Node;

beforeAll(async () => {
  reader = await openReader();
  read = await reader.read('00000442_000.png');
  bytes = structuredReport(read, reader.provenance(read));
  root = tree(parse(bytes));
});
afterAll(() => reader.close());

/** The children with a concept name. */
const named = (node: Node, concept: { readonly value: string; readonly scheme: string }) =>
  node.children.filter((child) => child.concept === codeOf(concept));
function only(node: Node, concept: { readonly value: string; readonly scheme: string }): Node {
  const found = named(node, concept);
  expect(found, codeOf(concept)).toHaveLength(1);
  const [node_] = found;
  if (!node_) throw new Error('unreachable');
  return node_;
}
const groups = (of: Node) => named(only(of, concepts.imagingMeasurements), concepts.measurementGroup);
/** Relationship and value type, as in a row of a template. */
const row = ({ relationship, type }: Node) => `${relationship} ${type}`;

test('replaced pixels under the same SOP Instance UID give other UIDs; the same film gives the same UIDs', async () => {
  const uidsIn = async (film: string) => {
    const of = await reader.read(film, { findings: 'Nodule,Effusion' });
    const report = structuredReport(of, reader.provenance(of));
    const found = groups(tree(parse(report))).map((group) => only(group, concepts.trackingUid).value);
    return [utf8(parse(report), 'x00080018'), ...found];
  };
  const [first, again, replaced] = [
    await uidsIn('00000442_000.png'),
    await uidsIn('00000442_000.png'),
    await uidsIn('00000100_000.png'),
  ];
  expect(again).toEqual(first);
  expect(new Set([...first, ...replaced]).size).toBe(6);
});

describe('the results of the films of a study', () => {
  const films = [
    instance,
    { ...instance, sopInstanceUid: '2.25.2001', instanceNumber: '8' },
    { ...instance, sopInstanceUid: '2.25.2002', seriesInstanceUid: '2.25.2003', seriesNumber: '4' },
    { ...bare, sopInstanceUid: '2.25.2004' },
    { ...bare, sopInstanceUid: '2.25.2005' },
  ];

  test.each([
    ['Series Instance UID', 'x0020000e'],
    ['SOP Instance UID', 'x00080018'],
    ['Instance Number', 'x00200013'],
    ['Series Description', 'x0008103e'],
  ])('have a %s each', (_, tag) => {
    const values = films.map((film) =>
      utf8(parse(structuredReport({ ...read, instance: film }, reader.provenance({ ...read, instance: film }))), tag),
    );
    expect(new Set(values).size, values.join('; ')).toBe(films.length);
    for (const value of values) expect(value).toMatch(/\S/);
  });

  test('have the date and time of their series and content', () => {
    const file = parse(bytes);
    expect(utf8(file, 'x00080021')).toMatch(/^\d{8}$/);
    expect(utf8(file, 'x00080021')).toBe(utf8(file, 'x00080023'));
    expect(utf8(file, 'x00080031')).toMatch(/^\d{6}$/);
    expect(utf8(file, 'x00080031')).toBe(utf8(file, 'x00080033'));
  });

  test('name the view of a film from its header, and no other text of the header', () => {
    const described = (viewPosition: string) => {
      const dicom = {
        ...{ sopClass: 'DX', modality: 'DX', photometric: 'MONOCHROME2' as const, bits: 8, rendering: 'full range' },
        ...{ transferSyntax: '1.2.840.10008.1.2.1', viewPosition },
      };
      return parse(
        structuredReport(
          { ...read, reading: { ...read.reading, dicom } },
          reader.provenance({ ...read, reading: { ...read.reading, dicom } }),
        ),
      );
    };
    expect(utf8(described('PA'), 'x0008103e')).toBe('AI, research only: PA 10:15, series 3, image 7');
    expect(utf8(described('AP AXIAL'), 'x0008103e')).toBe('AI, research only: AP 10:15, series 3, image 7');
    expect(utf8(described('DOE JOHN'), 'x0008103e')).toBe('AI, research only: 10:15, series 3, image 7');
    const [film] = only(only(tree(described('PA')), concepts.imageLibrary), concepts.imageLibraryGroup).children;
    expect(film && only(film, concepts.imageView).value).toBe('272479007^SCT');
  });
});

test('the report contains the warnings of a reading', () => {
  const warnings = [{ code: 'window_unusable', message: 'Window 0 / 0 cannot be used; the second one was.' }];
  const report = structuredReport(
    { ...read, reading: { ...read.reading, warnings } },
    reader.provenance({ ...read, reading: { ...read.reading, warnings } }),
  );
  const comments = named(only(tree(parse(report)), concepts.qualitativeEvaluations), concepts.comment);
  expect(comments.map(({ value }) => value)).toContain(`Warning window_unusable: ${warnings[0]?.message}`);
});

describe('the document', () => {
  test('belongs to the study of the film, in a separate series', () => {
    const file = parse(bytes);
    const uids = reader.provenance(read).identity.uids;
    expect(utf8(file, 'x00020010')).toBe('1.2.840.10008.1.2.1');
    expect(utf8(file, 'x00080016')).toBe('1.2.840.10008.5.1.4.1.1.88.34');
    expect(utf8(file, 'x00020003')).toBe(uids.sr);
    expect(utf8(file, 'x00080018')).toBe(uids.sr);
    expect(utf8(file, 'x0020000e')).toBe(uids.srSeries);
    expect(utf8(file, 'x0020000d')).toBe(instance.studyInstanceUid);
    expect(utf8(file, 'x00080060')).toBe('SR');
  });

  test('is preliminary, complete, unverified, and made by Alara', () => {
    const file = parse(bytes);
    expect(utf8(file, 'x0040a496')).toBe('PRELIMINARY');
    expect(utf8(file, 'x0040a491')).toBe('COMPLETE');
    expect(utf8(file, 'x0040a493')).toBe('UNVERIFIED');
    expect(utf8(file, 'x00080070')).toBe('Alara');
    expect(utf8(file, 'x00181020')).toBe('0.1.0');
    expect(utf8(file, 'x00181000')).toBe(reader.maker.family.digest);
  });

  test('copies the patient and study of the film exactly, in the character sets of the film', () => {
    const file = parse(bytes);
    expect(utf8(file, 'x00080005')).toBe('ISO_IR 192');
    expect(utf8(file, 'x00100010')).toBe(instance.patient.name);
    expect(utf8(file, 'x00100020')).toBe(instance.patient.id);
    expect(utf8(file, 'x00100021')).toBe(instance.patient.issuerOfId);
    expect(utf8(file, 'x00100030')).toBe(instance.patient.birthDate);
    expect(utf8(file, 'x00100040')).toBe(instance.patient.sex);
    expect(utf8(file, 'x00080020')).toBe(instance.study.date);
    expect(utf8(file, 'x00080030')).toBe(instance.study.time);
    expect(utf8(file, 'x00200010')).toBe(instance.study.id);
    expect(utf8(file, 'x00080050')).toBe(instance.study.accessionNumber);
    expect(utf8(file, 'x00081030')).toBe(instance.study.description);
    expect(utf8(file, 'x00080090')).toBe(instance.study.referringPhysician);
  });

  test('pads every value to an even length', () => {
    const walk = (dataset: ReturnType<typeof parse>): void => {
      for (const element of Object.values(dataset.elements)) {
        if (element.items) for (const item of element.items) item.dataSet && walk(item.dataSet);
        else expect(element.length % 2, element.tag).toBe(0);
      }
    };
    walk(parse(bytes));
  });

  test('lists the film as its evidence', () => {
    const [study] = items(parse(bytes), 'x0040a375');
    const [series] = study ? items(study, 'x00081115') : [];
    const [film] = series ? items(series, 'x00081199') : [];
    expect(study && utf8(study, 'x0020000d')).toBe(instance.studyInstanceUid);
    expect(series && utf8(series, 'x0020000e')).toBe(instance.seriesInstanceUid);
    expect(film && utf8(film, 'x00081155')).toBe(instance.sopInstanceUid);
    expect(film && utf8(film, 'x00081150')).toBe(instance.sopClassUid);
  });

  test('is the same, byte for byte, for the same reading', () => {
    expect(Buffer.from(structuredReport(read, reader.provenance(read))).equals(bytes)).toBe(true);
    const later = { ...read, reading: { ...read.reading, createdAt: '2031-01-01T00:00:00.000Z' } };
    const [first, second] = [parse(bytes), parse(structuredReport(later, reader.provenance(later)))];
    expect(utf8(second, 'x00080018')).toBe(utf8(first, 'x00080018'));
  });

  test('keeps a value that is longer than its VR allows', () => {
    const long = 'ALARA TEST '.repeat(20);
    const wide = { ...instance, patient: { ...instance.patient, id: long }, study: { ...instance.study, id: long } };
    const file = parse(structuredReport({ ...read, instance: wide }, reader.provenance({ ...read, instance: wide })));
    expect(utf8(file, 'x00100020')).toBe(long.trimEnd());
    expect(utf8(file, 'x00200010')).toBe(long.trimEnd());
  });

  test('is written without console output, even if the library truncates a value', () => {
    const secret = 'ALARATEST'.repeat(9);
    const dataset = JSON.stringify({ SOPClassUID: '1.2', SOPInstanceUID: '1.3', StudyInstanceUID: secret });
    const script = `import { part10 } from './functions/results/part10/write.ts'; part10(${dataset}, '0'); console.log('written');`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(run.stdout).toBe('written\n');
    expect(run.stderr).not.toContain('ALARATEST');
  });
});

describe('TID 1500 Measurement Report', () => {
  test('has all its rows', () => {
    expect(root).toMatchObject({ type: 'CONTAINER', concept: codeOf(concepts.report), template: '1500' });
    expect(row(only(root, concepts.language))).toBe('HAS CONCEPT MOD CODE');
    expect(row(only(root, concepts.procedureReported))).toBe('HAS CONCEPT MOD CODE');
    expect(row(only(root, concepts.imageLibrary))).toBe('CONTAINS CONTAINER');
    expect(row(only(root, concepts.imagingMeasurements))).toBe('CONTAINS CONTAINER');
    expect(row(only(root, concepts.qualitativeEvaluations))).toBe('CONTAINS CONTAINER');
    expect(root.children).toHaveLength(10);
  });

  test('names its observer (TID 1001, 1004)', () => {
    expect(only(root, concepts.observerType)).toMatchObject({ value: codeOf(concepts.device) });
    for (const concept of [
      concepts.observerType,
      concepts.deviceManufacturer,
      concepts.deviceModel,
      concepts.deviceUid,
    ])
      expect(only(root, concept).relationship).toBe('HAS OBS CONTEXT');
    expect(only(root, concepts.deviceUid)).toMatchObject({ type: 'UIDREF', value: expect.stringMatching(/^2\.25\./) });
    expect(only(root, concepts.deviceManufacturer).value).toBe('Alara');
    expect(only(root, concepts.deviceModel).value).toBe('Alara chest14');
  });

  test('lists the film in its image library (TID 1600, 1601, 1602)', () => {
    const library = only(root, concepts.imageLibrary);
    expect(library.template).toBe('1600');
    const [film, ...others] = only(library, concepts.imageLibraryGroup).children;
    expect(others).toEqual([]);
    expect(film).toMatchObject({ relationship: 'CONTAINS', type: 'IMAGE', value: instance.sopInstanceUid });
    expect(film?.concept).toBeUndefined();
    for (const child of film?.children ?? []) expect(child.relationship).toBe('HAS ACQ CONTEXT');
    expect(film && only(film, concepts.modality).value).toBe('DX^DCM');
    expect(film && only(film, concepts.pixelRows)).toMatchObject({ value: '1024', unit: '{pixels}^UCUM' });
  });

  test('omits a malformed date or time', () => {
    const study = { ...instance.study, date: '1 November', time: 'morning' };
    const file = parse(
      structuredReport(
        { ...read, instance: { ...instance, study } },
        reader.provenance({ ...read, instance: { ...instance, study } }),
      ),
    );
    expect(utf8(file, 'x00080020') || undefined).toBeUndefined();
    const [film] = only(only(tree(file), concepts.imageLibrary), concepts.imageLibraryGroup).children;
    expect(film?.children.map(({ type }) => type)).toEqual(['CODE', 'CODE', 'NUM', 'NUM']);
  });

  test('starts its conclusion with the notice, and repeats the notice as a comment', () => {
    const evaluations = only(root, concepts.qualitativeEvaluations);
    expect(only(evaluations, concepts.conclusion).value).toMatch(
      /^Research use only\. Not for diagnosis\. (None|\d+) of the 14 requested findings exceeds? .* at the operating point specific/,
    );
    expect(only(evaluations, concepts.comment).value).toBe(read.reading.notice);
    for (const { finding } of read.reading.findings)
      expect(only(evaluations, concepts.conclusion).value).toContain(displayName(finding));
  });
});

describe('TID 1501 Measurement and Qualitative Evaluation Group', () => {
  test('exists once per finding, in the order of the reading', () => {
    expect(groups(root).map((group) => only(group, concepts.finding).value)).toEqual(
      read.reading.findings.map(({ finding }) => codeOf(findingCode(finding))),
    );
    for (const group of groups(root)) expect(group.template).toBe('1501');
  });

  test('has all its rows in their order', () => {
    for (const group of groups(root))
      expect(group.children.map((child) => `${row(child)} ${child.concept}`)).toEqual([
        `HAS OBS CONTEXT TEXT ${codeOf(concepts.trackingIdentifier)}`,
        `HAS OBS CONTEXT UIDREF ${codeOf(concepts.trackingUid)}`,
        `CONTAINS CODE ${codeOf(concepts.finding)}`,
        // TID 4019
        `HAS CONCEPT MOD TEXT ${codeOf(concepts.algorithmName)}`,
        `HAS CONCEPT MOD TEXT ${codeOf(concepts.algorithmVersion)}`,
        `HAS CONCEPT MOD TEXT ${codeOf(concepts.algorithmManufacturer)}`,
        ...Array(6).fill(`HAS CONCEPT MOD TEXT ${codeOf(concepts.algorithmParameters)}`),
        // TID 300
        ...[
          ...[concepts.probability, concepts.likelihoodRatio, concepts.threshold, concepts.bandLow, concepts.bandHigh],
          ...[concepts.sensitivity, concepts.specificity],
          ...[concepts.auroc, concepts.intervalLow, concepts.intervalHigh, concepts.resolution],
        ].map((concept) => `CONTAINS NUM ${codeOf(concept)}`),
        `CONTAINS IMAGE ${codeOf(concepts.sourceOfMeasurement)}`,
        `CONTAINS SCOORD ${codeOf(concepts.filmCorners)}`,
        `CONTAINS CODE ${codeOf(concepts.presence)}`,
        `CONTAINS CODE ${codeOf(concepts.operatingPoint)}`,
        `CONTAINS CODE ${codeOf(concepts.basis)}`,
        `CONTAINS CODE ${codeOf(concepts.target)}`,
        `CONTAINS TEXT ${codeOf(concepts.why)}`,
      ]);
  });

  test('never has a finding without its presence or absence (TID 1350)', () => {
    const calls = new Set<string>();
    groups(root).forEach((group, index) => {
      const call = read.reading.findings[index]?.call ?? 'absent';
      calls.add(call);
      const [modifier, ...others] = only(group, concepts.finding).children;
      expect(others).toEqual([]);
      expect(modifier).toMatchObject({
        relationship: 'HAS CONCEPT MOD',
        concept: codeOf(concepts.presence),
        value: codeOf(presence[call]),
      });
      expect(only(group, concepts.presence).value).toBe(codeOf(presence[call]));
    });
    expect([...calls].sort(), 'this film has both').toEqual(expect.arrayContaining(['absent', 'present']));
  });

  test('contains the numbers of the reading, with their units and thresholds', () => {
    groups(root).forEach((group, index) => {
      const result = read.reading.findings[index];
      if (!result) throw new Error('more groups than findings');
      const close = (node: Node, value: number) => expect(Number(node.value) / value).toBeCloseTo(1, 3);
      const probability = only(group, concepts.probability);
      close(probability, result.probability);
      expect(probability.unit).toBe('1^UCUM');
      for (const child of probability.children) expect(row(child)).toBe('INFERRED FROM NUM');
      close(only(probability, concepts.prevalence), result.prevalence);
      close(only(group, concepts.threshold), result.threshold.value);
      close(only(group, concepts.bandLow), result.threshold.low);
      close(only(group, concepts.bandHigh), result.threshold.high);
      const head = reader.maker.family.catalog.variants.find(({ id }) => id === result.variant)?.heads[result.finding];
      close(only(group, concepts.sensitivity), head?.operatingPoints.specific?.sensitivity.value ?? 0);
      close(only(group, concepts.specificity), head?.operatingPoints.specific?.specificity.value ?? 0);
      close(only(group, concepts.likelihoodRatio), result.likelihoodRatio ?? 0);
      expect(only(group, concepts.operatingPoint).value).toBe('SPECIFIC^99ALARA');
      const auroc = only(group, concepts.auroc);
      close(auroc, result.auroc.value);
      expect(row(only(auroc, concepts.method))).toBe('HAS CONCEPT MOD CODE');
      close(only(group, concepts.intervalLow), result.auroc.ci95[0]);
      close(only(group, concepts.intervalHigh), result.auroc.ci95[1]);
      expect(only(auroc, concepts.positives).value).toBe(String(result.auroc.positives));
      expect(only(auroc, concepts.negatives).value).toBe(String(result.auroc.negatives));
      const variant = read.reading.plan.variants.find(({ id }) => id === result.variant);
      expect(only(group, concepts.resolution)).toMatchObject({
        value: String(variant?.resolution),
        unit: '{pixels}^UCUM',
      });
      expect(only(group, concepts.why).value).toBe(result.why);
      expect(only(group, concepts.sourceOfMeasurement).value).toBe(instance.sopInstanceUid);
      const parameters = named(group, concepts.algorithmParameters).map(({ value }) => value);
      expect(parameters).toContain(`model=${read.reading.models[result.variant]}`);
      expect(parameters).toContain(`catalog=${read.reading.catalog}`);
      expect(parameters).toContain(`policy=${read.reading.plan.policy}`);
      expect(parameters).toContain(`variant=${result.variant}`);
    });
  });

  test('tracks each finding by a separate UID', () => {
    const uids = groups(root).map((group) => only(group, concepts.trackingUid).value);
    expect(new Set(uids).size).toBe(read.reading.findings.length);
  });

  test('states that a finding misses its target', async () => {
    const pinned = await reader.read('00000442_000.png', { findings: 'Nodule', variant: 'r256-int8' });
    const [result] = pinned.reading.findings;
    expect(result?.meetsTarget).toBe(false);
    const [group, ...others] = groups(tree(parse(structuredReport(pinned, reader.provenance(pinned)))));
    expect(others).toEqual([]);
    expect(group && only(group, concepts.target).value).toBe('MISSED^99ALARA');
    expect(group && only(group, concepts.why).value).toBe(result?.why);
  });

  test('of an earlier version omits data that are only in a catalog with another digest', () => {
    const { family } = reader.maker;
    const other = { ...reader.provenance(read), family: { ...family, digest: 'f'.repeat(64) } };
    const findings = read.reading.findings.map(({ operatingPoint: _, ...finding }) => finding);
    const report = parse(structuredReport({ ...read, reading: { ...read.reading, findings } }, other));
    const [group] = groups(tree(report));
    expect(group && named(group, concepts.sensitivity)).toEqual([]);
    expect(group && only(group, concepts.operatingPoint).value).toBe('BALANCED^99ALARA');
    expect(utf8(report, 'x00080018'), 'named by the catalog that read').toBe(utf8(parse(bytes), 'x00080018'));
  });
});

describe('codes', () => {
  test('match their value representations, also for findings of another family', () => {
    const strange = [
      'A finding with a name of more than sixty-four characters, which is longer than a Code Meaning',
      'Ä',
    ];
    const all = [...Object.values(concepts), ...[...reader.maker.family.catalog.findings, ...strange].map(findingCode)];
    for (const { value, meaning } of all) {
      expect(value.length, value).toBeLessThanOrEqual(16);
      expect(meaning.length, meaning).toBeLessThanOrEqual(64);
    }
  });

  test('are different for different findings', () => {
    const { findings } = reader.maker.family.catalog;
    const long = ['Opacity of the left lung', 'Opacity of the right lung'];
    const codes = [...findings, ...long].map((finding) => codeOf(findingCode(finding)));
    expect(new Set(codes).size).toBe(codes.length);
  });
});

test('the table of the documentation has every code with its source', () => {
  const table = readFileSync('docs/results.md', 'utf8');
  const found = new Map<string, string>();
  for (const { value, scheme, meaning } of codesIn(parse(bytes))) found.set(`${value} | ${scheme} | ${meaning}`, value);
  expect(found.size).toBeGreaterThan(50);
  for (const [code] of found) expect(table).toMatch(new RegExp(`\\| ${RegExp.escape(code)} \\| \\S`));
});

describe('the results for a PACS', () => {
  test('are the SR alone, unless the film is available for a picture', async () => {
    const objects = await resultObjects(read, reader.provenance(read), { sr: true });
    const uids = reader.provenance(read).identity.uids;
    expect(objects).toEqual([
      {
        sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
        sopInstanceUid: uids.sr,
        seriesInstanceUid: uids.srSeries,
        studyInstanceUid: instance.studyInstanceUid,
        bytes,
      },
    ]);
  });
});

describe.skipIf(!has('dsrdump', 'dciodvfy'))(`independent tools (${install})`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'alara-sr-'));
    writeFileSync(join(folder, 'sr.dcm'), bytes);
    writeFileSync(
      join(folder, 'bare.dcm'),
      structuredReport({ ...read, instance: bare }, reader.provenance({ ...read, instance: bare })),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['sr.dcm', 'bare.dcm'])('dsrdump prints %s without an error', (name) => {
    const { stdout, stderr, status } = spawnSync('dsrdump', ['+Pl', join(folder, name)], { encoding: 'utf8' });
    expect(status).toBe(0);
    // DCMTK 3.6.7 checks no UTF-8, and prints this for every such file.
    expect(stderr.split('\n').filter((line) => line && !line.includes('ISO_IR 192'))).toEqual([]);
    expect(stdout).toContain('Comprehensive 3D SR Document');
    expect(stdout).toContain('Research use only. Not for diagnosis.');
  });

  test.each(['sr.dcm', 'bare.dcm'])('dciodvfy finds no error in %s, and warns only of the private codes', (name) => {
    const { stdout, stderr } = spawnSync('dciodvfy', [join(folder, name)], { encoding: 'utf8' });
    const lines = `${stdout}${stderr}`.split('\n').filter(Boolean);
    expect(lines).toContain('Comprehensive3DSR');
    const unknown = lines.filter(
      (line) =>
        line !== 'Comprehensive3DSR' &&
        !/Unrecognized defined term <(99ALARA|2\.25\.\d+)> for value 1 of attribute <Coding Scheme/.test(line) &&
        // The header of the film lacks the value.
        !(name === 'bare.dcm' && line.includes('needed to build DICOMDIR')),
    );
    expect(unknown).toEqual([]);
  });

  type Header = Partial<Omit<Instance, 'patient' | 'study'>> & {
    patient?: Partial<Instance['patient']>;
    study?: Partial<Instance['study']>;
  };
  const checked = (name: string, header: Header) => {
    const { patient, study } = instance;
    const malformed = {
      ...{ ...instance, ...header },
      ...{ patient: { ...patient, ...header.patient }, study: { ...study, ...header.study } },
    };
    const path = join(folder, `${name.replaceAll(/\W/g, '')}.dcm`);
    const file = structuredReport(
      { ...read, instance: malformed },
      reader.provenance({ ...read, instance: malformed }),
    );
    writeFileSync(path, file);
    const { stdout, stderr } = spawnSync('dciodvfy', [path], { encoding: 'utf8' });
    return { file: parse(file), errors: `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('Error')) };
  };

  const start = 'AI, research only: 10:15, series 3';
  test.each<[string, Header, string, string | undefined]>([
    ['an instance number that is none', { instanceNumber: 'ABC' }, 'x0008103e', `${start}, UID ends .25.1001`],
    ['one with a fraction', { instanceNumber: '1.5' }, 'x0008103e', `${start}, UID ends .25.1001`],
    ['one of more than 32 bits', { instanceNumber: '99999999999' }, 'x0008103e', `${start}, UID ends .25.1001`],
    ['one that is negative', { instanceNumber: '-7' }, 'x0008103e', `${start}, image -7`],
    ['a time of exposure', { acquisitionTime: '111213' }, 'x0008103e', 'AI, research only: 11:12, series 3, image 7'],
    [
      'numbers of ten digits',
      { seriesNumber: '1234567890', instanceNumber: '2047483647' },
      'x0008103e',
      'AI, research only: 10:15, series 1234567890, image 2047483647',
    ],
    ['a date as ACR-NEMA wrote it', { study: { date: '2026.11.01' } }, 'x00080020', '20261101'],
    ['a day that no calendar has', { study: { date: '20260231' } }, 'x00080020', undefined],
    ['a time as ACR-NEMA wrote it', { study: { time: '10:15:30.25' } }, 'x00080030', '101530.25'],
    ['an hour that no day has', { study: { time: '250000' } }, 'x00080030', undefined],
    ['a birth date in words', { patient: { birthDate: 'unknown' } }, 'x00100030', undefined],
    ['a sex in words', { patient: { sex: 'MALE' } }, 'x00100040', undefined],
    ['two names', { patient: { name: 'A^B\\C^D' } }, 'x00100010', 'A^B'],
    ['two referrers', { study: { referringPhysician: 'A^B\\C^D' } }, 'x00080090', 'A^B'],
    ['two descriptions', { study: { description: 'Thorax\\p.a.' } }, 'x00081030', 'Thorax'],
    ['a description that is too long', { study: { description: 'x'.repeat(70) } }, 'x00081030', 'x'.repeat(64)],
    ['a description of two lines', { study: { description: 'Thorax\r\np.a.' } }, 'x00081030', 'Thorax  p.a.'],
  ])('dciodvfy finds no error for a film with %s', (name, header, tag, expected) => {
    const { file, errors } = checked(name, header);
    expect(errors).toEqual([]);
    // Empty, because the attribute is required.
    expect(file.elements[tag]).toBeDefined();
    expect(utf8(file, tag) || undefined).toBe(expected);
  });

  test.each<[string, Header, string, string]>([
    ['Patient ID', { patient: { id: 'A\\B' } }, 'x00100020', 'A\\B'],
    ['Accession Number', { study: { accessionNumber: 'A\\B' } }, 'x00080050', 'A\\B'],
    ['Study Instance UID', { studyInstanceUid: '1.02.3' }, 'x0020000d', '1.02.3'],
  ])(
    'an identifier is copied exactly, valid or not, because an archive uses it as a key: %s',
    (name, header, tag, as) => {
      const { file, errors } = checked(name, header);
      expect(utf8(file, tag)).toBe(as);
      for (const error of errors)
        expect(error).toMatch(/Value Multiplicity|Value Representation|Value invalid|leading zero/i);
    },
  );
});
