import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { text } from '../dicom/instance.ts';
import { tags } from '../dicom/tags.ts';
import { type Alara, alaraUrl, createAlara, little, pacsFile } from '../pacs/alara.ts';
import { film, lateral, studyUid, write } from '../pacs/films.ts';
import { missing, type Orthanc, openOrthanc } from '../pacs/orthanc.ts';
import { reportsOf, untilRead } from '../pacs/studies.ts';

describe.skipIf(missing !== '')(`Orthanc as the sender by STOW-RS${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  const data = mkdtempSync(join(tmpdir(), 'alara-stow-orthanc-'));
  beforeAll(async () => {
    const servers = { alara: { Url: `${alaraUrl}/dicom-web/`, HasDelete: false } };
    orthanc = await openOrthanc({ DicomWeb: { Enable: true, Root: '/dicom-web/', Servers: servers } });
    // Results go back, but nothing is followed: what is read has come by STOW-RS.
    const pacs = pacsFile(orthanc, 'pacs', { ...little, sendResultsOfStow: true });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: data, ALARA_PACS: pacs });
    await alara.start();
  }, 90_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
    rmSync(data, { recursive: true });
  });

  /** Have Orthanc send a whole study; what its job says of it. */
  async function send(study: string) {
    const found = (await orthanc.ask('/tools/lookup', { method: 'POST', body: studyUid(study) })).body;
    const [{ ID } = { ID: '' }] = JSON.parse(found) as { ID: string }[];
    const body = JSON.stringify({ Resources: [ID], Synchronous: true });
    return orthanc.ask('/dicom-web/servers/alara/stow', { method: 'POST', body });
  }

  test('a whole study is taken for sent, with the lateral and the report in it; one report of ours comes back', async () => {
    const report = [text(tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.88.33'), text(tags.Modality, 'CS', 'SR')];
    const study = {
      pa: await film('sent'),
      lateral: await film('sent', 2, lateral),
      sr: await film('sent', 3, report),
    };
    await orthanc.send(write(join(orthanc.folder, 'sent'), study));
    const { status, body } = await send('sent');
    expect([status, body], alara.said().slice(-3000)).toEqual([200, expect.stringContaining('{')]);
    await untilRead(orthanc, 'sent');
    // Again, now with our own report in it: no loop, and nothing that fails.
    expect((await send('sent')).status).toBe(200);
    expect(await reportsOf(orthanc, 'sent')).toHaveLength(1);
    expect(alara.said()).not.toMatch(/ALARA\^TEST|2\.25\./);
  }, 60_000);
});
