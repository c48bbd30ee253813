import type { Fault } from '../core/fault.ts';
import { advice } from '../core/fault-status.ts';
import { ok } from '../core/result.ts';
import type { PacsSettings } from './config.ts';
import { dicomWebFix, unexpectedSearchAnswer } from './dicomweb/client.ts';
import { createHttpClient, readJson } from './dicomweb/http.ts';
import { AttributesList } from './dicomweb/json.ts';
import { createOrthanc, orthancFix } from './orthanc/client.ts';

/** The result of one check of a PACS. `fix` is set if the check failed. */
export type PacsCheck = { readonly what: string; readonly found: string; readonly fix?: string };

/** Send the requests of the service to a PACS: to DICOMweb, and to Orthanc's change log if the service polls it. */
export async function checkPacs(name: string, settings: PacsSettings): Promise<readonly PacsCheck[]> {
  const checks = [await checkDicomWeb(name, settings)];
  if (settings.orthanc !== undefined) checks.push(await checkChangeLog(name, settings, settings.orthanc));
  return checks;
}

async function checkDicomWeb(name: string, settings: PacsSettings): Promise<PacsCheck> {
  const request = createHttpClient({ name, baseUrl: settings.dicomWeb, ...settings });
  const answer = await request(
    {
      operation: 'search by QIDO-RS',
      path: '/studies?limit=1',
      headers: { accept: 'application/dicom+json' },
    },
    async (response) => {
      const isDicomJson = AttributesList.safeParse(await readJson(response)).success;
      return isDicomJson ? ok(undefined) : unexpectedSearchAnswer(name, response);
    },
  );
  const what = 'DICOMweb';
  if (answer.ok) return { what, found: 'answers a search by QIDO-RS' };
  return { what, ...explain(answer.fault, dicomWebFix(name)) };
}

async function checkChangeLog(name: string, settings: PacsSettings, baseUrl: string): Promise<PacsCheck> {
  const { signal } = new AbortController();
  const orthanc = createOrthanc({ name, baseUrl, ...settings }, signal);
  const what = 'change log';
  const last = await orthanc.lastChange();
  if (!last.ok) return { what, ...explain(last.fault, orthancFix(name)) };
  // No instance has this UID. The request only checks the rights of the user.
  const digest = await orthanc.fileDigest('2.25.0', '2.25.0', signal);
  if (!digest.ok) {
    const explained = explain(digest.fault, orthancFix(name));
    const rights =
      'Give the user access to POST /tools/find and GET /instances/{id}/attachments/dicom/md5; without it, films are read but downloaded twice.';
    return { what, ...explained, ...(digest.fault.code === 'pacs_refused' && { fix: rights }) };
  }
  return { what, found: last.value ? `its last entry is ${last.value.Seq}` : 'is empty' };
}

/** The text of a fault of a PACS, and its fix. A fault without a fix of its own comes from a wrong address. */
function explain(fault: Fault, addressFix: string) {
  const found = 'problem' in fault ? fault.problem : advice[fault.code].title;
  const own = 'fix' in fault ? fault.fix : undefined;
  const fix = own ?? (fault.code === 'pacs_unavailable' ? advice[fault.code].fix : addressFix);
  // `alara doctor` continues a line with it.
  return { found, fix: fix.charAt(0).toLowerCase() + fix.slice(1) };
}
