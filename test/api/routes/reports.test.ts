import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileMeta } from '../../../functions/decode/dicom/parse/meta-group.ts';
import { resultIdentity } from '../../../functions/results/identity.ts';
import { requestDigest, resultDigest } from '../../../functions/results/request-digest.ts';
import { has } from '../../support/dicom/tools.ts';
import { film as dicom, filmUid, studyUid } from '../../support/pacs/films.ts';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
const ids: Record<string, string> = {};
beforeAll(async () => {
  service = await openService();
  const read = async (query: string, bytes: Uint8Array<ArrayBuffer>, type: string) =>
    (await (await post(service.app, query, bytes, type)).json()).id;
  const instance = new Uint8Array(await dicom('reported'));
  ids['dicom'] = await read('', instance, 'application/dicom');
  ids['rare'] = await read('?prevalence=0.01', instance, 'application/dicom');
  ids['png'] = await read('?findings=Mass', film('00000442_000.png'), 'image/png');
});
afterAll(() => service?.close());

const get = (path: string) => service.app.request(path);
const kept = async (id = '') => {
  const read = await service.platform.readings.get('local', id);
  if (!read) throw new Error(`no reading ${id}`);
  return read;
};

describe('GET /v1/readings/{id}/sr', () => {
  test('is a DICOM file in the study', async () => {
    const response = await get(`/v1/readings/${ids['dicom']}/sr`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/dicom']);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(fileMeta(bytes)?.sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.88.34');
    expect(Buffer.from(bytes).includes(studyUid('reported'))).toBe(true);
    expect(Buffer.from(bytes).includes(filmUid('reported', 1))).toBe(true);
    // The second request returns the same object.
    const again = new Uint8Array(await (await get(`/v1/readings/${ids['dicom']}/sr`)).arrayBuffer());
    expect(Buffer.from(again).equals(bytes)).toBe(true);
  });

  test.skipIf(!has('dsrdump'))('is read by dsrdump (apt-get install dcmtk)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alara-sr-'));
    try {
      const path = join(folder, 'sr.dcm');
      writeFileSync(path, new Uint8Array(await (await get(`/v1/readings/${ids['dicom']}/sr`)).arrayBuffer()));
      expect(execFileSync('dsrdump', [path], { encoding: 'utf8' })).toContain('ALARA^TEST');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('does not exist for a film that was not a DICOM instance', async () => {
    const response = await get(`/v1/readings/${ids['png']}/sr`);
    expect([response.status, (await response.json()).code]).toEqual([409, 'not_from_dicom']);
    expect((await get('/v1/readings/rd_0/sr')).status).toBe(404);
  });

  test('has the UID of the object in the PACS, unless the request asked for other findings or settings', async () => {
    const { router } = service;
    const usual = await kept(ids['dicom']);
    const digest = requestDigest(usual.reading.plan.policy, usual.reading.findings);
    expect(resultDigest(usual.reading, router)).toBe(digest);
    const rare = await kept(ids['rare']);
    expect(resultDigest(rare.reading, router)).toBe(ids['rare']);
    const uidOf = async (id = '') =>
      fileMeta(new Uint8Array(await (await get(`/v1/readings/${id}/sr`)).arrayBuffer()))?.sopInstanceUid;
    const { instance, reading } = usual;
    if (!instance) throw new Error('a DICOM film has an instance');
    expect(await uidOf(ids['dicom'])).toBe(resultIdentity({ reading, instance }, digest).uids.sr);
    expect(await uidOf(ids['rare'])).not.toBe(await uidOf(ids['dicom']));
  });
});

describe('GET /v1/readings/{id}/heatmaps/{finding}', () => {
  test('is a PNG with the aspect ratio of the film, for a finding in upper or lower case', async () => {
    const film = new Uint8Array(
      await sharp('test/films/00000442_000.png').resize(1000, 800, { fit: 'fill' }).png().toBuffer(),
    );
    const { id } = await (await post(service.app, '?findings=Mass&explain=heatmap', film)).json();
    const response = await get(`/v1/readings/${id}/heatmaps/mass`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
    const { width, height, hasAlpha } = await sharp(new Uint8Array(await response.arrayBuffer())).metadata();
    expect([width, height, hasAlpha]).toEqual([512, Math.round((512 * 800) / 1000), true]);
  });

  test('does not exist for a finding without a heat map', async () => {
    for (const finding of ['Mass', 'Edema']) {
      const response = await get(`/v1/readings/${ids['png']}/heatmaps/${finding}`);
      expect(await response.json()).toMatchObject({ status: 404, code: 'heatmap_not_found', finding });
    }
    expect(await (await get(`/v1/readings/${ids['png']}/heatmaps/Edma`)).json()).toMatchObject({
      ...{ code: 'unknown_finding', finding: 'Edma', nearest: 'Edema' },
    });
    expect(await (await get('/v1/readings/rd_0/heatmaps/Mass')).json()).toMatchObject({
      code: 'reading_not_found',
    });
  });
});

describe('GET /v1/readings/{id}/fhir', () => {
  type Entry = { resource: { resourceType: string; subject?: unknown } };
  const bundle = async (id = '') => {
    const response = await get(`/v1/readings/${id}/fhir`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/fhir+json']);
    return (await response.json()) as { resourceType: string; entry: Entry[] };
  };

  test('is a Bundle with one Observation per finding', async () => {
    const { resourceType, entry } = await bundle(ids['dicom']);
    expect(resourceType).toBe('Bundle');
    const kinds = entry.map(({ resource }) => resource.resourceType);
    expect(kinds.filter((kind) => kind === 'Observation')).toHaveLength(service.router.family.catalog.findings.length);
    expect(kinds).toEqual(expect.arrayContaining(['DiagnosticReport', 'Device', 'Patient']));
  });

  test('has no subject if the film had no patient identifiers', async () => {
    const { entry } = await bundle(ids['png']);
    expect(entry.map(({ resource }) => resource.resourceType)).not.toContain('Patient');
    for (const { resource } of entry) expect(resource.subject).toBeUndefined();
  });
});
