import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/cli.ts';
import { type Alara, cheapRequest, createAlara, pacsFile } from '../support/pacs/alara.ts';
import { film, studyUid, write } from '../support/pacs/films.ts';
import { missing, type Orthanc, openOrthanc, orthancUrl } from '../support/pacs/orthanc.ts';
import { reportsOf } from '../support/pacs/studies.ts';

// dcmtk's storescp stands for a PACS that supports only C-STORE.
describe.skipIf(missing)(`Orthanc as the gateway to a PACS that supports only C-STORE${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  let archive: string;
  let pacs: ReturnType<Orthanc['network']['start']> | undefined;

  const startPacs = () => {
    pacs = orthanc.network.start('storescp', ['-od', archive, '-fe', '.dcm', '11112']);
  };
  const stopPacs = () => pacs?.kill('SIGKILL');
  const send = async (study: string) =>
    orthanc.send(write(join(orthanc.folder, 'films', study), { film: await film(study) }));
  /** Studies with a report in the PACS, and the number of other objects there. */
  const received = () => {
    const dumps = readdirSync(archive).map(
      (name) => spawnSync('dcmdump', [join(archive, name)], { encoding: 'utf8' }).stdout,
    );
    const reports = dumps.filter((dump) => dump.includes('=Comprehensive3DSRStorage'));
    const studies = reports.map((dump) => /\(0020,000d\) UI \[([^\]]+)/.exec(dump)?.[1] ?? '');
    return { studies: studies.toSorted(), others: dumps.length - reports.length };
  };
  const studyCount = async () => ((await orthanc.get('/studies')) as string[]).length;

  beforeAll(async () => {
    orthanc = await openOrthanc({
      LuaScripts: ['gateway.lua', 'alara.lua'].map((name) => resolve('functions/pacs/orthanc', name)),
      DicomModalities: { 'alara-pacs': ['PACS', '127.0.0.1', 11112] },
      AlaraGateway: { Modality: 'alara-pacs', KeepHours: 15 / 3600, SweepSeconds: 1 },
    });
    archive = join(orthanc.folder, 'archive');
    mkdirSync(archive);
    startPacs();
    const settings = pacsFile(orthanc, 'pacs', {
      ...{ ...cheapRequest, orthanc: orthancUrl, dicomWeb: `${orthancUrl}/dicom-web` },
      follow: { everySeconds: 1, settleSeconds: 0.5 },
    });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: join(orthanc.folder, 'alara'), ALARA_PACS: settings });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    await alara?.stop();
    stopPacs();
    await orthanc?.close();
  }, 60_000);

  test('receives a film by C-STORE and forwards the report, but not the film, by C-STORE', async () => {
    await send('one');
    await until(() => received().studies.includes(studyUid('one')), 60_000);
    expect(received()).toEqual({ studies: [studyUid('one')], others: 0 });
  }, 90_000);

  test('keeps a report that the PACS rejected, with its film, sends it again, and then deletes old studies', async () => {
    stopPacs();
    await send('two');
    await until(async () => (await reportsOf(orthanc, 'two')).length === 1, 60_000);
    await until(() => orthanc.said().includes('The PACS did not accept a result'), 30_000);
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    // This study is old, but the PACS lacks its report. The first study is old and complete.
    await send('three');
    await until(async () => (await studyCount()) === 2, 30_000);
    expect(await reportsOf(orthanc, 'two')).toHaveLength(1);
    startPacs();
    await send('four');
    await until(() => received().studies.length === 4, 60_000);
    expect(received()).toEqual({ studies: ['one', 'two', 'three', 'four'].map(studyUid).toSorted(), others: 0 });
  }, 240_000);
});
