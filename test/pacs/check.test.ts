import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAlara, pacsFile } from '../support/pacs/alara.ts';
import { film, write } from '../support/pacs/films.ts';
import { missing, type Orthanc, openOrthanc, orthancUrl, user } from '../support/pacs/orthanc.ts';
import { reportsOf, save, untilRead } from '../support/pacs/studies.ts';
import { unwrapped } from '../support/unwrapped.ts';

// Each doctor run loads a model.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(missing)(
  `a PACS is checked and listed at the start, and its films are read with its settings${missing}`,
  () => {
    let orthanc: Orthanc;
    beforeAll(async () => {
      orthanc = await openOrthanc();
    }, 60_000);
    afterAll(() => orthanc?.close(), 60_000);

    const doctor = async (more: Record<string, unknown>) => {
      const pacs = pacsFile(orthanc, 'doctor', { dicomWeb: `${orthancUrl}/dicom-web`, orthanc: orthancUrl, ...more });
      const environment = [`ALARA_PACS=${pacs}`, `ALARA_DATA=${join(orthanc.folder, 'doctor')}`];
      const node = [process.execPath, 'functions/cli/main.ts', 'doctor'];
      return orthanc.network.run('env', [...environment, ...node]);
    };

    test('doctor finds DICOMweb and the change log of a real Orthanc', async () => {
      const { status, stdout } = await doctor({});
      expect(stdout).toMatch(/^pass {2}PACS +main, DICOMweb: answers a search by QIDO-RS/m);
      expect(stdout).toMatch(/^pass {2}PACS +main, change log: (is empty|its last entry is \d+)$/m);
      expect(status).toBe(0);
    });

    test.each<[string, Record<string, unknown>, RegExp]>([
      [
        'another user',
        { username: 'nobody' },
        /main, DICOMweb: .*401.*\n {6}fix: set username .*\n.*change log: .*401/,
      ],
      [
        'another root of DICOMweb',
        { dicomWeb: `${orthancUrl}/wado` },
        /main, DICOMweb: .*404.*\n {6}fix: .*dicomWeb to the root/,
      ],
      [
        'DICOMweb in place of the REST API',
        { orthanc: `${orthancUrl}/dicom-web` },
        /main, change log: .*\n {6}fix: .*without \/dicom-web/,
      ],
      [
        'a port without a server',
        { orthanc: 'http://127.0.0.1:8043' },
        /main, change log: main refused the connection .*\n {6}fix: start the PACS/,
      ],
    ])('doctor names %s, with the fix', async (_, more, expected) => {
      const { status, stdout, stderr } = await doctor(more);
      expect(unwrapped(stdout)).toMatch(expected);
      expect(stdout).toMatch(/^FAIL {2}PACS/m);
      expect(stdout + stderr).not.toContain(user.password);
      expect(status).toBe(1);
    });

    test('findings and prevalence of a PACS apply to its reports; the start lists the PACS without its credentials', async () => {
      const pacs = pacsFile(orthanc, 'pacs', {
        ...{ orthanc: orthancUrl, dicomWeb: `${orthancUrl}/dicom-web`, follow: { settleSeconds: 1 } },
        ...{ findings: 'Cardiomegaly,Effusion', prevalence: 'Cardiomegaly:0.37' },
      });
      const alara = createAlara(orthanc, 'serve', { ALARA_DATA: join(orthanc.folder, 'alara'), ALARA_PACS: pacs });
      await alara.start();
      try {
        await orthanc.send(write(join(orthanc.folder, 'films'), { one: await film('prevalence') }));
        await untilRead(orthanc, 'prevalence');
        const [report = ''] = await reportsOf(orthanc, 'prevalence');
        const { stdout } = spawnSync('dsrdump', [await save(orthanc, report)], { encoding: 'utf8' });
        const presumed = [...stdout.matchAll(/NUM:\([^,]*,[^,]*,"Presumed prevalence"\)="([\d.]+)"/g)].map(
          ([, value]) => value,
        );
        expect(presumed, stdout).toHaveLength(2);
        expect(presumed.map(Number)).toContain(0.37);
        expect(alara.said()).toMatch(/"event":"pacs_configured","pacs":"main","kind":"Orthanc","tenant":"local"/);
        expect(alara.said()).not.toContain(user.password);
        expect(alara.said()).not.toContain(Buffer.from(`${user.name}:${user.password}`).toString('base64'));
      } finally {
        await alara.stop();
      }
    }, 120_000);
  },
);
