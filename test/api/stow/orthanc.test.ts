import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alara as alaraRun, until } from '../../support/cli.ts';
import { text } from '../../support/dicom/instance.ts';
import { tags } from '../../support/dicom/tags.ts';
import { type Alara, alaraUrl, cheapRequest, createAlara, pacsFile } from '../../support/pacs/alara.ts';
import { film, lateral, studyUid, write } from '../../support/pacs/films.ts';
import { missing, type Orthanc, openOrthanc } from '../../support/pacs/orthanc.ts';
import { reportsOf, untilRead } from '../../support/pacs/studies.ts';

describe.skipIf(missing !== '')(`Orthanc as the sender by STOW-RS${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  const data = mkdtempSync(join(tmpdir(), 'alara-stow-orthanc-'));
  beforeAll(async () => {
    const servers = { alara: { Url: `${alaraUrl}/dicom-web/`, HasDelete: false } };
    orthanc = await openOrthanc({ DicomWeb: { Enable: true, Root: '/dicom-web/', Servers: servers } });
    // Results are stored in the PACS, but nothing is polled: all films come by STOW-RS.
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, sendResultsOfStow: true });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: data, ALARA_PACS: pacs });
    await alara.start();
  }, 90_000);
  afterAll(async () => {
    await alara?.stop();
    await orthanc?.close();
    rmSync(data, { recursive: true });
  });

  /** Send a whole study from Orthanc. Returns the content of its job. */
  async function send(study: string) {
    const found = (await orthanc.ask('/tools/lookup', { method: 'POST', body: studyUid(study) })).body;
    const [{ ID } = { ID: '' }] = JSON.parse(found) as { ID: string }[];
    const body = JSON.stringify({ Resources: [ID], Synchronous: true });
    return orthanc.ask('/dicom-web/servers/alara/stow', { method: 'POST', body });
  }

  test('a whole study with a lateral film and a report is acknowledged, and one report of Alara is stored', async () => {
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
    // Send the study again, now with Alara's report in it: this starts no loop, and nothing fails.
    expect((await send('sent')).status).toBe(200);
    expect(await reportsOf(orthanc, 'sent')).toHaveLength(1);
    expect(alara.said()).not.toMatch(/ALARA\^TEST|2\.25\./);
  }, 60_000);
});

/** The settings of Orthanc for API Gateway from docs/pacs.md, with the stage and the key of this test. */
function documented(port: number, key: string): { DicomWeb: object } {
  const [, section = ''] = /## Through API Gateway(.*?)\n## /s.exec(readFileSync('docs/pacs.md', 'utf8')) ?? [];
  const [, json = ''] = /```json\n(.*?)```/s.exec(section) ?? [];
  return JSON.parse(json.replace(/https:[^"]*amazonaws\.com/, `http://127.0.0.1:${port}`).replace('<key>', key));
}

describe.skipIf(missing !== '')(`Orthanc as the sender through a stand-in for API Gateway${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  let gateway: ReturnType<Orthanc['network']['start']>;
  let passed = '';
  const data = mkdtempSync(join(tmpdir(), 'alara-stow-gateway-'));
  beforeAll(async () => {
    const { stdout } = await alaraRun(['keys', 'create', '--tenant', 'local', '--scopes', 'pacs'], {
      ALARA_DATA: data,
    });
    const key = stdout.trim();
    const LuaScripts = [resolve('functions/pacs/orthanc/forward.lua')];
    orthanc = await openOrthanc({ ...documented(8099, key), LuaScripts, StableAge: 60 });
    gateway = orthanc.network.start(process.execPath, ['test/support/pacs/gateway.ts', 'prod', '8099', key]);
    gateway.stdout?.setEncoding('utf8').on('data', (line: string) => {
      passed += line;
    });
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, sendResultsOfStow: true });
    alara = createAlara(orthanc, 'serve', { ALARA_DATA: data, ALARA_PACS: pacs, ALARA_AUTH: 'required' });
    await alara.start();
  }, 90_000);
  afterAll(async () => {
    gateway?.kill();
    await alara?.stop();
    await orthanc?.close();
    rmSync(data, { recursive: true });
  });

  test('each stored film is sent separately with the API key alone; reports are stored and not sent', async () => {
    const study = {
      pa: await film('forwarded'),
      ap: await film('forwarded', 2),
      lateral: await film('forwarded', 3, lateral),
    };
    await orthanc.send(write(join(orthanc.folder, 'forwarded'), study));
    await untilRead(orthanc, 'forwarded', 2);
    await until(() => passed.trim().split('\n').length >= 3);
    const requests = passed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(requests.map(({ method, url, status }) => [method, url, status])).toEqual(
      Array.from({ length: 3 }, () => ['POST', '/prod/dicom-web/studies', expect.any(Number)]),
    );
    for (const { status, headers } of requests) {
      // A lateral film is accepted and not read.
      expect([200, 202]).toContain(status);
      // lib/gateway/waf.ts exempts the rule for a missing User-Agent.
      expect(headers).not.toHaveProperty('user-agent');
    }
    expect(await reportsOf(orthanc, 'forwarded')).toHaveLength(2);
  }, 60_000);
});
