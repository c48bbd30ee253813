import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowBody } from '../../functions/pacs/dicomweb/stow-body.ts';
import { until } from '../support/cli.ts';
import { text } from '../support/dicom/instance.ts';
import { tags } from '../support/dicom/tags.ts';
import { type Alara, alaraUrl, cheapRequest, createAlara, pacsFile } from '../support/pacs/alara.ts';
import { film, filmUid, otherPixels, studyUid, write } from '../support/pacs/films.ts';
import { missing, type Orthanc, openOrthanc, proxiedUrl } from '../support/pacs/orthanc.ts';
import { reportsOf, save, untilRead } from '../support/pacs/studies.ts';
import { unwrapped } from '../support/unwrapped.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// A real Orthanc that overwrites instances. The poller uses only DICOMweb, as with a PACS that offers no digest.
const followed = { orthanc: proxiedUrl, follow: { everySeconds: 1, settleSeconds: 0.5 } };
/** Rejects the requests that alara.lua of an earlier version did not need. */
const fewRights = `function IncomingHttpRequestFilter(method, uri)
  return uri ~= '/tools/find' and not uri:find('/md5$')
end`;

describe.skipIf(missing).each<[string, Record<string, unknown>, string?]>([
  ['with a polled change log', followed],
  ['with polling by QIDO-RS', { poll: { everySeconds: 1, withinHours: 24, verifyMinutes: 0.1 } }],
  ['that refuses requests for digests', followed, fewRights],
])(`films that are deleted or replaced in a PACS %s${missing}`, (_, watched, lua) => {
  let orthanc: Orthanc;
  let alara: Alara;
  let script: string;
  const today = text(tags.StudyDate, 'DA', new Date().toISOString().slice(0, 10).replaceAll('-', ''));

  beforeAll(async () => {
    script = mkdtempSync(join(tmpdir(), 'alara-script-'));
    writeFileSync(join(script, 'rights.lua'), lua ?? '');
    const LuaScripts = lua === undefined ? [] : [join(script, 'rights.lua')];
    orthanc = await openOrthanc({ LuaScripts, OverwriteInstances: true });
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, ...watched });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: join(orthanc.folder, 'alara'), ALARA_PACS: pacs });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
    rmSync(script, { recursive: true, force: true });
  }, 60_000);

  const send = async (bytes: Buffer) => {
    const folder = join(orthanc.folder, 'films');
    rmSync(folder, { recursive: true, force: true });
    await orthanc.send(write(folder, { film: bytes }));
  };
  /** Stop the service when it has downloaded a film of the study. */
  const pulled = (study: string) =>
    orthanc.network.trap({
      ...{ moment: 'after', method: 'GET', resumes: true },
      path: `${filmUid(study, 1).replaceAll('.', '\\.')}$`,
    });
  async function deleteStudy(study: string): Promise<void> {
    const { body } = await orthanc.ask('/tools/lookup', { method: 'POST', body: studyUid(study) });
    for (const { ID } of JSON.parse(body) as { ID: string }[])
      await orthanc.ask(`/studies/${ID}`, { method: 'DELETE' });
  }
  const contents = async (study: string) => {
    const files = (await reportsOf(orthanc, study)).map((report) => save(orthanc, report));
    return (await Promise.all(files)).map((file) => spawnSync('dsrdump', [file], { encoding: 'utf8' }).stdout);
  };

  if (lua !== undefined)
    test('doctor reports a failure for this, with the fix', async () => {
      const pacs = join(orthanc.folder, 'pacs.json');
      const environment = [`ALARA_PACS=${pacs}`, `ALARA_DATA=${join(orthanc.folder, 'doctor')}`];
      const node = [process.execPath, 'functions/cli/main.ts', 'doctor'];
      const { stdout } = await orthanc.network.run('env', [...environment, ...node]);
      expect(unwrapped(stdout)).toMatch(
        /^FAIL {2}PACS +main, change log: .*403.*\n {6}fix: [Gg]ive the user access to POST \/tools\/find/m,
      );
    }, 120_000);

  test('a film that is deleted during its reading gets no result', async () => {
    const stopped = pulled('deleted');
    await send(await film('deleted', 1, [today]));
    await stopped;
    await deleteStudy('deleted');
    orthanc.network.release();
    await until(() => /"kind":"study","attempts":\d+,"ms":\d+,"state":"done"/.test(alara.said()), 30_000);
    await pause(2000);
    expect(await reportsOf(orthanc, 'deleted')).toEqual([]);
  }, 90_000);

  test('a film that is replaced during its reading gets only the result of the new film', async () => {
    const stopped = pulled('meanwhile');
    await send(await film('meanwhile', 1, [today]));
    await stopped;
    await send(await film('meanwhile', 1, [today], await otherPixels()));
    orthanc.network.release();
    await untilRead(orthanc, 'meanwhile');
    await pause(12_000);
    expect(await reportsOf(orthanc, 'meanwhile')).toHaveLength(1);
  }, 120_000);

  test('pixels that are replaced under the same UID are read again, and both readings have a report', async () => {
    await send(await film('replaced', 1, [today]));
    await untilRead(orthanc, 'replaced');
    const [first] = await reportsOf(orthanc, 'replaced');
    await send(await film('replaced', 1, [today], await otherPixels()));
    await untilRead(orthanc, 'replaced', 2);
    expect(await reportsOf(orthanc, 'replaced')).toContain(first);
    expect(new Set(await contents('replaced')).size).toBe(2);
    // Storing the same film again does not replace it.
    await send(await film('replaced', 1, [today], await otherPixels()));
    await pause(12_000);
    expect(await reportsOf(orthanc, 'replaced')).toHaveLength(2);
  }, 180_000);

  if (lua !== undefined)
    test('the log reports this once', () => {
      expect(alara.said().match(/Orthanc refuses the digests of files/g)).toHaveLength(1);
    });
});

describe.skipIf(missing)(`films that come by STOW-RS and are also in the PACS${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  beforeAll(async () => {
    orthanc = await openOrthanc({ LuaScripts: [], OverwriteInstances: true });
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, sendResultsOfStow: true });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: join(orthanc.folder, 'alara'), ALARA_PACS: pacs });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
  }, 60_000);

  test('a film that is deleted from the PACS during its reading gets no result there', async () => {
    const bytes = await film('stow');
    await orthanc.send(write(join(orthanc.folder, 'films'), { film: bytes }));
    // The service searches for the film before it is read, and for its report after it is read.
    const read = orthanc.network.trap({
      ...{ moment: 'before', method: 'GET', resumes: true, skip: 1 },
      path: `${studyUid('stow').replaceAll('.', '\\.')}/instances\\?SOPInstanceUID`,
    });
    const { contentType, body } = stowBody([bytes]);
    const bodyFile = join(orthanc.folder, 'stow.bin');
    writeFileSync(bodyFile, body);
    const url = `${alaraUrl}/dicom-web/studies`;
    const headers = { 'content-type': contentType };
    expect((await orthanc.network.ask(url, { method: 'POST', headers, bodyFile })).status).toBe(200);
    await read;
    const lookup = await orthanc.ask('/tools/lookup', { method: 'POST', body: studyUid('stow') });
    for (const { ID } of JSON.parse(lookup.body) as { ID: string }[])
      await orthanc.ask(`/studies/${ID}`, { method: 'DELETE' });
    orthanc.network.release();
    await until(() => /"kind":"instances","attempts":\d+,"ms":\d+,"state":"done"/.test(alara.said()), 60_000);
    const jobs = await orthanc.network.ask(`${alaraUrl}/v1/jobs`);
    expect(jobs.body).toContain('film_gone');
    expect(await reportsOf(orthanc, 'stow')).toEqual([]);
  }, 120_000);
});
