import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encode, Manifest } from '../../../functions/models/manifest.ts';
import { move, Overtaken, rollback } from '../../../functions/models/release/move-pointer.ts';
import { promote as promoteFamily } from '../../../functions/models/release/promote.ts';
import { prepare, upload } from '../../../functions/models/release/publish.ts';
import { chainOf, readRecord } from '../../../functions/models/release/record.ts';
import type { Scores } from '../../../functions/models/release/scores.ts';
import { readManifest, readPointer } from '../../../functions/models/release-reader.ts';
import { folderObjects } from '../../../functions/models/store/folder.ts';
import { sha256Sync } from '../../../functions/platform/digest.ts';
import {
  folder,
  name,
  place,
  pointsTo,
  publishUnchecked,
  retrained,
  signOff,
  variation,
  worse,
} from '../../support/published.ts';

const promotion = { from: 'canary', to: 'live', margin: 0.02, device: 'cpu', signOff } as const;
const promote = (objects: ReturnType<typeof folderObjects>, change: object = {}) =>
  promoteFamily(objects, name, { ...promotion, ...change });

/** A store with the bundled family on both channels. */
async function store() {
  const path = folder();
  const objects = folderObjects(path);
  const first = await publishUnchecked(objects, 'models');
  await promote(objects);
  return { path, objects, first };
}

test('publishes a family by digest, once', async () => {
  const objects = folderObjects(folder());
  const publication = await prepare('models', name);
  const { sent, present } = await upload(objects, publication);
  expect([sent, present]).toEqual([publication.sources.size + 1, 0]);
  expect(await upload(objects, publication)).toMatchObject({ sent: 0, present: sent, bytes: 0 });
  const { files, policies } = publication.manifest;
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining(['catalog.json', 'policy.json', 'scores.json', 'r320-int8.onnx', 'figures/roc.svg']),
  );
  expect(Object.keys(policies)).toEqual(['sabottke-spieler-2020.json']);
  const stored = await objects.read(place.manifest(publication.digest));
  if (!stored || stored === 'unchanged') throw new Error('the manifest was not stored');
  expect(sha256Sync(stored.bytes)).toBe(publication.digest);
  for (const { sha256 } of Object.values(files)) {
    const object = await objects.read(place.object(sha256));
    expect(object && object !== 'unchanged' && sha256Sync(object.bytes)).toBe(sha256);
  }
});

test('a manifest cannot refer outside of its folder', () => {
  const entry = { sha256: '0'.repeat(64), bytes: 1 };
  const of = (path: string) => Manifest.safeParse({ family: name, files: { [path]: entry }, policies: {} }).success;
  expect(['catalog.json', 'figures/roc.svg'].map(of)).toEqual([true, true]);
  expect(['../x', 'a/../../x', '/etc/passwd', 'a//b', '.hidden', 'a\\b', ''].map(of)).toEqual(Array(7).fill(false));
});

test('an object that differs from its digest is refused', async () => {
  const { path, objects, first } = await store();
  writeFileSync(join(path, place.manifest(first)), encode({ family: name, files: {}, policies: {} }));
  await expect(readManifest(objects, name, first)).rejects.toThrow('does not have the SHA-256 that it is named by');
});

test('the first promotion is recorded as the first; the next is compared, finding by finding', async () => {
  const { objects, first } = await store();
  expect(await pointsTo(objects, 'live')).toBe(first);
  expect(await promote(objects)).toEqual({ kind: 'unchanged', manifest: first });

  const second = await publishUnchecked(objects, retrained());
  const promoted = await promote(objects);
  if (promoted.kind !== 'moved') throw new Error(promoted.kind);
  expect(promoted.compared).toHaveLength(8 * 14);
  expect(await pointsTo(objects, 'live')).toBe(second);

  const standing = await readPointer(objects, name, 'live');
  expect(standing?.pointer).toMatchObject({ manifest: second, previous: first, record: promoted.moved.record });
  const [last, initial, ...rest] = await chainOf(objects, name, promoted.moved.record);
  expect(rest).toEqual([]);
  expect(initial?.record).toMatchObject({ kind: 'promote', from: null, to: first, modificationProtocol: null });
  expect(initial?.record.impactAssessment.conclusion).toContain('nothing to compare with');
  expect(last?.record).toMatchObject({
    ...{
      kind: 'promote',
      channel: 'live',
      from: first,
      to: second,
      previousRecord: initial?.name,
      ...{ by: 'the test' },
    },
    descriptionOfModifications: {
      files: {
        'catalog.json': 'replaced',
        'r320-int8.onnx': 'unchanged',
        'scores.json': 'unchanged',
        'card.md': 'removed',
      },
      findings: { added: [], removed: [] },
    },
    modificationProtocol: {
      ...{ films: 1399, patients: 1066, protocol: 'crossValidated' },
      margins: {
        Pneumonia: { margin: 0.02, source: 'declared with the promotion' },
        Mass: { margin: 0.02, source: 'declared with the promotion' },
      },
    },
  });
  expect(last?.record.impactAssessment.comparisons).toEqual(promoted.compared);
});

test('a family is not promoted if a finding may lose more than its margin', async () => {
  const { objects, first } = await store();
  await publishUnchecked(objects, worse('Nodule', 0.1));
  const refused = await promote(objects);
  if (refused.kind !== 'refused') throw new Error(refused.kind);
  const beyond = refused.compared.filter(({ withinMargin }) => !withinMargin);
  expect(new Set(beyond.map(({ finding }) => finding))).toEqual(new Set(['Nodule']));
  for (const { ci95, margin } of beyond) expect(ci95[0]).toBeLessThan(-margin);
  expect(await pointsTo(objects, 'live')).toBe(first);
  // A wider declared margin allows the promotion, and the record contains the margin.
  const allowed = await promote(objects, { margin: 0.2 });
  if (allowed.kind !== 'moved') throw new Error(allowed.kind);
  const { record } = await readRecord(objects, name, allowed.moved.record);
  expect(record.modificationProtocol?.margins['Nodule']).toEqual({
    margin: 0.2,
    source: 'declared with the promotion',
  });
  expect(record.impactAssessment.comparisons.find(({ finding }) => finding === 'Nodule')?.difference).toBeLessThan(
    -0.02,
  );
});

test('the margin of the policy in force has priority over the declared margin', async () => {
  const { objects } = await store();
  const models = variation();
  const path = join(models, name, 'policy.json');
  const policy = JSON.parse(readFileSync(path, 'utf8'));
  policy.rules.Pneumonia = { nonInferiorTo: 'best', margin: 0.02 };
  writeFileSync(path, JSON.stringify(policy));
  await publishUnchecked(objects, models);
  expect(await promote(objects)).toMatchObject({ kind: 'moved' });
  await publishUnchecked(objects, worse('Pneumonia', 0.1));
  expect(await promote(objects, { margin: 1 })).toMatchObject({ kind: 'refused' });
});

test.each<[string, string, (scores: Scores) => Scores | undefined]>([
  [
    'other films',
    'not measured on the same films',
    (s) => ({ ...s, films: ['0123456789abcdef', ...s.films.slice(1)] }),
  ],
  ['no scores', 'without scores.json', () => undefined],
  [
    "scores that are not its models'",
    'the catalog says',
    (s) => ({ ...s, ranks: { ...s.ranks, 'r256-int8': s.ranks['r512-fp32'] ?? {} } }),
  ],
])('a family with %s is not promoted', async (_, problem, scores) => {
  const { objects, first } = await store();
  await publishUnchecked(objects, variation({ scores }));
  await expect(promote(objects)).rejects.toThrow(problem);
  expect(await pointsTo(objects, 'live')).toBe(first);
});

test('the first family of a channel needs scores, too: the next family is compared with it', async () => {
  const objects = folderObjects(folder());
  const unmeasured = variation({ scores: () => undefined });
  const first = await publishUnchecked(objects, unmeasured);
  await expect(promote(objects)).rejects.toThrow('without scores.json');
  expect(await pointsTo(objects, 'live')).toBeUndefined();
  const uncompared = expect.stringContaining('published without scores.json');
  expect(await promote(objects, { uncompared: true })).toMatchObject({
    kind: 'moved',
    moved: { to: first },
    uncompared,
  });

  // The alternative: a person decides and is on record.
  const second = await publishUnchecked(objects, 'models');
  await expect(promote(objects)).rejects.toThrow('--uncompared');
  const promoted = await promote(objects, { uncompared: true });
  if (promoted.kind !== 'moved') throw new Error(promoted.kind);
  expect(promoted).toMatchObject({ moved: { from: first, to: second }, compared: [], uncompared });
  const { record } = await readRecord(objects, name, promoted.moved.record);
  expect(record).toMatchObject({ kind: 'promote', ...signOff, modificationProtocol: null });
  expect(record.impactAssessment).toEqual({
    conclusion: expect.stringMatching(/^Not compared, by decision of the person who signed off: .*scores\.json/),
    comparisons: [],
  });
});

test('a comparable candidate is compared despite a decision; a candidate at fault is never promoted', async () => {
  const { objects, first } = await store();
  await publishUnchecked(objects, worse('Nodule', 0.1));
  expect(await promote(objects, { uncompared: true })).toMatchObject({ kind: 'refused' });
  await publishUnchecked(objects, retrained());
  const compared = await promote(objects, { uncompared: true });
  if (compared.kind !== 'moved') throw new Error(compared.kind);
  expect([compared.compared.length, compared.uncompared]).toEqual([8 * 14, undefined]);
  const swapped = (s: Scores) => ({ ...s, ranks: { ...s.ranks, 'r256-int8': s.ranks['r512-fp32'] ?? {} } });
  await publishUnchecked(objects, variation({ scores: swapped }));
  await expect(promote(objects, { uncompared: true })).rejects.toThrow('the catalog says');
  expect(await pointsTo(objects, 'live')).toBe(compared.moved.to);
  expect(compared.moved.from).toBe(first);
});

test('a family that replaces a corrupt family is promoted only by a decision', async () => {
  const { path, objects, first } = await store();
  writeFileSync(join(path, place.manifest(first)), '{}');
  const second = await publishUnchecked(objects, retrained());
  await expect(promote(objects)).rejects.toThrow('does not have the SHA-256');
  expect(await promote(objects, { uncompared: true })).toMatchObject({ kind: 'moved', moved: { to: second } });
});

test('the loser of two concurrent promotions gets an error', async () => {
  const { objects } = await store();
  const publications = await Promise.all([retrained('one'), retrained('two')].map((models) => prepare(models, name)));
  await Promise.all(publications.map((publication) => upload(objects, publication)));
  const standing = await readPointer(objects, name, 'canary');
  const outcomes = await Promise.allSettled(
    publications.map((to) =>
      move(objects, {
        ...{ kind: 'publish' as const, channel: 'canary' as const, to, standing, signOff, modificationProtocol: null },
        impactAssessment: { conclusion: 'none', comparisons: [] },
      }),
    ),
  );
  const [lost, ...others] = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(others).toEqual([]);
  expect(lost).toBeInstanceOf(Overtaken);
  expect(lost.message).toContain('moved by somebody else meanwhile');
  const won = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.to] : []));
  expect(won).toEqual([await pointsTo(objects, 'canary')]);
});

test('a rollback restores the previous family, and a second rollback the family before that', async () => {
  const { objects, first } = await store();
  const back = async () =>
    rollback(objects, name, 'live', await readPointer(objects, name, 'live'), {
      ...signOff,
      reason: 'worse in practice',
    });
  await expect(back()).rejects.toThrow('nothing to go back to');
  const manifests = [first];
  for (const dataset of ['two', 'three']) {
    manifests.push(await publishUnchecked(objects, retrained(dataset)));
    await promote(objects);
  }
  expect(await back()).toMatchObject({ from: manifests[2], to: manifests[1] });
  expect(await back()).toMatchObject({ from: manifests[1], to: first });
  await expect(back()).rejects.toThrow('nothing to go back to');
  const chain = await chainOf(objects, name, (await readPointer(objects, name, 'live'))?.pointer.record ?? '');
  expect(chain.map(({ record }) => record.kind)).toEqual(['rollback', 'rollback', 'promote', 'promote', 'promote']);
  expect(chain[0]?.record).toMatchObject({ reason: 'worse in practice', modificationProtocol: null });
});

test('rollbacks end, also if a family was promoted twice', { timeout: 120_000 }, async () => {
  const { objects, first } = await store();
  const back = async () => rollback(objects, name, 'live', await readPointer(objects, name, 'live'), signOff);
  const second = await publishUnchecked(objects, retrained());
  await promote(objects);
  await publishUnchecked(objects, 'models');
  await promote(objects);
  expect(await back()).toMatchObject({ from: first, to: second });
  expect(await back()).toMatchObject({ from: second, to: first });
  await expect(back()).rejects.toThrow('nothing to go back to');
  // After a rollback and a promotion, a further rollback restores the target of the first rollback.
  const third = await publishUnchecked(objects, retrained('three'));
  await promote(objects);
  const fourth = await publishUnchecked(objects, retrained('four'));
  await promote(objects);
  expect(await back()).toMatchObject({ from: fourth, to: third });
  const fifth = await publishUnchecked(objects, retrained('five'));
  await promote(objects);
  expect(await back()).toMatchObject({ from: fifth, to: third });
  expect(await back()).toMatchObject({ from: third, to: first });
  await expect(back()).rejects.toThrow('nothing to go back to');
});

test('a changed record and a wrong signature are refused', async () => {
  const path = folder();
  const objects = folderObjects(path);
  await publishUnchecked(objects, 'models');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const promoted = await promote(objects, { signOff: { ...signOff, key: privateKey } });
  if (promoted.kind !== 'moved') throw new Error(promoted.kind);
  const { record: recordName } = promoted.moved;
  const read = await readRecord(objects, name, recordName);
  expect(read.signedBy).toBe(publicKey.export({ type: 'spki', format: 'der' }).toString('base64'));

  const file = join(path, place.record(recordName));
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...stored, record: { ...stored.record, by: 'somebody else' } }));
  await expect(readRecord(objects, name, recordName)).rejects.toThrow('was changed');
  const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  writeFileSync(file, JSON.stringify({ ...stored, signature: { ...stored.signature, publicKey: other } }));
  await expect(readRecord(objects, name, recordName)).rejects.toThrow('its signature does not match');
});

test('hidden files, links and files that the catalog does not name are not published', async () => {
  const models = retrained();
  writeFileSync(join(models, name, '.env'), 'secret');
  writeFileSync(join(models, name, 'old.onnx'), 'a model that no catalog names');
  symlinkSync('/etc/hostname', join(models, name, 'link.txt'));
  const { manifest } = await prepare(models, name);
  for (const file of ['.env', 'old.onnx', 'link.txt']) expect(Object.keys(manifest.files)).not.toContain(file);
});
