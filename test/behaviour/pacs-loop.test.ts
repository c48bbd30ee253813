import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowBody } from '../../functions/pacs/dicomweb/stow-body.ts';
import { alara as alaraRun, until } from '../support/cli.ts';
import { text } from '../support/dicom/instance.ts';
import { tags } from '../support/dicom/tags.ts';
import { type Alara, alaraUrl, cheapRequest, createAlara, pacsFile } from '../support/pacs/alara.ts';
import { film, filmUid, lateral, studyUid, write } from '../support/pacs/films.ts';
import { missing, type Orthanc, openOrthanc, proxiedUrl } from '../support/pacs/orthanc.ts';
import { objects, reportsOf, save, secondaryCapture, untilRead } from '../support/pacs/studies.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// The real service with a real Orthanc. StableAge is long, so that no part of this test waits for a stable study.
describe.skipIf(missing)(`the service reads a study from a PACS and stores the results there${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  let data: string;
  let key: string;
  const jobs = () => alara.said().match(/"kind":"study","attempts":\d+,"ms":\d+,"state":"done"/g)?.length ?? 0;

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'alara-loop-'));
    const made = await alaraRun(['keys', 'create', '--tenant', 'local', '--scopes', 'pacs'], { ALARA_DATA: data });
    key = made.stdout.trim();
    orthanc = await openOrthanc({ StableAge: 60, OverwriteInstances: true }, key);
    const pacs = pacsFile(orthanc, 'pacs', {
      orthanc: proxiedUrl,
      results: ['sr', 'sc'],
      sendResultsOfStow: true,
      // Films use this setting on both ways into the service.
      findings: 'Cardiomegaly,Effusion',
      // The interval is so long that each film here was found by a notification or at the start.
      follow: { from: 'now', everySeconds: 600, settleSeconds: 1 },
    });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: data, ALARA_PACS: pacs, ALARA_AUTH: 'required' });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
    if (data) rmSync(data, { recursive: true });
  }, 60_000);

  const notify = (withKey: string) =>
    orthanc.network.ask(`${alaraUrl}/v1/hooks/orthanc?pacs=main`, {
      ...{ method: 'POST', headers: { authorization: `Bearer ${withKey}` } },
    });
  const store = async (study: string, films: Record<string, Buffer>) =>
    orthanc.send(write(join(orthanc.folder, 'films', study), films));

  async function stow(bytes: Buffer): Promise<number> {
    const { contentType, body } = stowBody([bytes]);
    const bodyFile = join(orthanc.folder, 'stow.bin');
    writeFileSync(bodyFile, body);
    const { status } = await orthanc.network.ask(`${alaraUrl}/dicom-web/studies`, {
      method: 'POST',
      headers: { 'content-type': contentType, authorization: `Bearer ${key}` },
      bodyFile,
    });
    return status;
  }

  test('a study that is stored by C-STORE is read after a notification, and its results are in the study once', async () => {
    await store('one', { pa: await film('one') });
    await untilRead(orthanc, 'one');
    expect(await reportsOf(orthanc, 'one')).toHaveLength(1);
    await until(async () => (await objects(orthanc, secondaryCapture)).get(studyUid('one'))?.length === 1);
    const { body } = await orthanc.network.ask(`${alaraUrl}/health/ready`);
    expect(JSON.parse(body).pacs).toEqual({ watched: 1, paused: 0, unavailable: 0, starting: 0 });
  });

  test('the report refers to the film, and dsrdump and dciodvfy find no error in it', async () => {
    const [report = ''] = await reportsOf(orthanc, 'one');
    const path = await save(orthanc, report);
    const dump = spawnSync('dsrdump', [path], { encoding: 'utf8' });
    expect(dump.status).toBe(0);
    // This release of dcmtk does not check Unicode text, and prints this.
    expect(
      dump.stderr.replace(/^W: The VR checker does not support this Specific Character Set: ISO_IR 192\n/gm, ''),
    ).toBe('');
    expect(dump.stdout).toContain('Comprehensive 3D SR');
    expect(dump.stdout).toContain('ALARA^TEST');
    expect(readFileSync(path).includes(filmUid('one', 1))).toBe(true);
    const [picture = ''] = (await objects(orthanc, secondaryCapture)).get(studyUid('one')) ?? [];
    for (const file of [path, await save(orthanc, picture)]) {
      const verified = spawnSync('dciodvfy', ['-new', file], { encoding: 'utf8' });
      expect(verified.stderr.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
      expect(verified.status).toBe(0);
    }
  });

  test('own results start no job', async () => {
    const before = jobs();
    expect((await notify(key)).status).toBe(202);
    await pause(2500);
    expect(jobs()).toBe(before);
  });

  test('the same study, stored three times, and the same film, stored twice, have one report', async () => {
    const again = { pa: await film('one') };
    const before = jobs();
    for (let i = 0; i < 3; i++) await store('one', again);
    await until(() => jobs() > before);
    // Longer than the settle time of a study: the results of the last store would be here by now.
    await pause(2500);
    expect(await reportsOf(orthanc, 'one')).toHaveLength(1);
    expect((await objects(orthanc, secondaryCapture)).get(studyUid('one'))).toHaveLength(1);
  });

  test('reads all frontal films of a study, skips a lateral film, and does not read them again after a late film', async () => {
    await store('two', { pa: await film('two', 1), lateral: await film('two', 2, lateral), ap: await film('two', 3) });
    await untilRead(orthanc, 'two', 2);
    const first = await reportsOf(orthanc, 'two');
    expect(first).toHaveLength(2);
    await store('two-late', { late: await film('two', 4) });
    await untilRead(orthanc, 'two', 3);
    expect((await reportsOf(orthanc, 'two')).filter((report) => first.includes(report))).toHaveLength(2);
  });

  test('a refused film is downloaded once, until its header is corrected', async () => {
    const pulls = (number: number) =>
      orthanc.network.count(`/instances/${filmUid('two', number).replaceAll('.', '\\.')}$`);
    expect([await pulls(1), await pulls(2), await pulls(4)]).toEqual([1, 1, 1]);
    const corrected = await film('two', 2, [text(tags.ViewPosition, 'CS', 'AP')]);
    await store('two-corrected', { corrected });
    await untilRead(orthanc, 'two', 4);
    expect([await pulls(1), await pulls(2), await pulls(4)]).toEqual([1, 2, 1]);
  });

  test('a film that comes by STOW-RS, too, gets no second report', async () => {
    const bytes = await film('three');
    expect(await stow(bytes)).toBe(200);
    await untilRead(orthanc, 'three');
    const before = jobs();
    await store('three', { pa: bytes });
    await until(() => jobs() > before);
    await pause(500);
    expect(await reportsOf(orthanc, 'three')).toHaveLength(1);
    expect((await objects(orthanc, secondaryCapture)).get(studyUid('three'))).toHaveLength(1);
  });

  test('a film that comes again by STOW-RS gets its report again if the PACS has lost the report, and otherwise none', async () => {
    const bytes = await film('lost');
    expect(await stow(bytes)).toBe(200);
    await untilRead(orthanc, 'lost');
    const [first] = await reportsOf(orthanc, 'lost');
    const { body } = await orthanc.ask('/tools/lookup', { method: 'POST', body: studyUid('lost') });
    const [{ ID } = { ID: '' }] = JSON.parse(body) as { ID: string }[];
    expect((await orthanc.ask(`/studies/${ID}`, { method: 'DELETE' })).status).toBe(200);
    expect(await reportsOf(orthanc, 'lost')).toEqual([]);
    expect(await stow(bytes)).toBe(200);
    await untilRead(orthanc, 'lost');
    const done = () => alara.said().match(/"kind":"instances","attempts":1,"ms":\d+,"state":"done"/g)?.length ?? 0;
    const before = done();
    expect(await stow(bytes)).toBe(200);
    await until(() => done() > before);
    expect(await reportsOf(orthanc, 'lost')).toEqual([first]);
  });

  test('a film of another tenant in this study is read for that tenant, and its results are not stored in this PACS', async () => {
    const made = await alaraRun(['keys', 'create', '--tenant', 'evil', '--scopes', 'pacs,jobs'], { ALARA_DATA: data });
    const evil = made.stdout.trim();
    const before = await reportsOf(orthanc, 'one');
    const forged = await film('one', 9, [text(tags.PatientName, 'PN', 'EVIL^FORGED')]);
    const { contentType, body } = stowBody([forged]);
    const bodyFile = join(orthanc.folder, 'evil.bin');
    writeFileSync(bodyFile, body);
    const headers = { authorization: `Bearer ${evil}` };
    const { status } = await orthanc.network.ask(`${alaraUrl}/dicom-web/studies`, {
      ...{ method: 'POST', headers: { ...headers, 'content-type': contentType }, bodyFile },
    });
    expect(status).toBe(200);
    const jobsOf = async () => (await orthanc.network.ask(`${alaraUrl}/v1/jobs`, { headers })).body;
    await until(async () => (await jobsOf()).includes('"state":"done"'));
    expect(await jobsOf()).not.toContain('stored');
    expect(await reportsOf(orthanc, 'one')).toEqual(before);

    const hook = await orthanc.network.ask(`${alaraUrl}/v1/hooks/orthanc?pacs=main`, { method: 'POST', headers });
    expect([hook.status, JSON.parse(hook.body)]).toMatchObject([404, { code: 'unknown_pacs', known: [] }]);
  });

  test('rejects a notification without the key', async () => {
    expect((await notify('wrong')).status).toBe(401);
  });

  test('reads a film that came while the service was down and its notification was lost', async () => {
    await alara.stop();
    await store('four', { pa: await film('four') });
    await until(() => orthanc.said().includes('Alara could not be notified'));
    await alara.start();
    await untilRead(orthanc, 'four');
    expect(await reportsOf(orthanc, 'four')).toHaveLength(1);
  });

  test('the log contains no identifier of a patient or an object', () => {
    expect(alara.said()).toMatch(/"kind":"study"/);
    expect(alara.said()).not.toMatch(/ALARA\^TEST|ALARA-TEST|2\.25\.|19700101/);
  });
});

describe.skipIf(missing)(`a PACS without a hook is polled${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;

  beforeAll(async () => {
    orthanc = await openOrthanc({ LuaScripts: [] });
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, poll: { everySeconds: 1, withinHours: 24 } });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: join(orthanc.folder, 'alara'), ALARA_PACS: pacs });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
  }, 60_000);

  test('a study of today is read once, also when it grows; an old study is ignored', async () => {
    const today = text(tags.StudyDate, 'DA', new Date().toISOString().slice(0, 10).replaceAll('-', ''));
    const folder = join(orthanc.folder, 'films');
    await orthanc.send(write(folder, { old: await film('old'), new: await film('new', 1, [today]) }));
    await untilRead(orthanc, 'new');
    rmSync(folder, { recursive: true });
    await orthanc.send(write(folder, { late: await film('new', 2, [today]) }));
    await untilRead(orthanc, 'new', 2);
    await pause(2500);
    expect(await reportsOf(orthanc, 'new')).toHaveLength(2);
    expect(await reportsOf(orthanc, 'old')).toHaveLength(0);
  });
});
