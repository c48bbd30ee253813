import type { Fault } from '../core/fault.ts';
import { fail, ok } from '../core/result.ts';
import type { PacsSettings } from './config.ts';
import { createHttpClient, readJson } from './dicomweb/http.ts';
import { AttributesList } from './dicomweb/json.ts';
import { createOrthanc } from './orthanc/client.ts';

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
      if (AttributesList.safeParse(await readJson(response)).success) return ok(undefined);
      const problem = `${name} answered a search by QIDO-RS with something else than DICOM JSON`;
      return fail<Fault>({ code: 'pacs_refused', problem });
    },
  );
  const what = 'DICOMweb';
  if (answer.ok) return { what, found: 'answers a search by QIDO-RS' };
  const root = `set pacs.${name}.dicomWeb to the root of the DICOMweb services; in Orthanc, load the DICOMweb plugin, with the root /dicom-web/.`;
  return { what, ...explain(name, answer.fault, 'dicomWeb', root) };
}

async function checkChangeLog(name: string, settings: PacsSettings, baseUrl: string): Promise<PacsCheck> {
  const { signal } = new AbortController();
  const orthanc = createOrthanc({ name, baseUrl, ...settings }, signal);
  const what = 'change log';
  const root = `set pacs.${name}.orthanc to the root of Orthanc's own REST API, without /dicom-web, and give the user access to /changes and /tools/find.`;
  const last = await orthanc.lastChange();
  if (!last.ok) return { what, ...explain(name, last.fault, 'orthanc', root) };
  // No instance has this UID. The request only checks the rights of the user.
  const digest = await orthanc.fileDigest('2.25.0', '2.25.0', signal);
  if (!digest.ok) {
    const explained = explain(name, digest.fault, 'orthanc', root);
    const rights =
      'give the user access to POST /tools/find and GET /instances/{id}/attachments/dicom/md5; without it, films are read but downloaded twice.';
    return { what, ...explained, ...(digest.fault.code === 'pacs_refused' && { fix: rights }) };
  }
  return { what, found: last.value ? `its last entry is ${last.value.Seq}` : 'is empty' };
}

/** The text of a fault of a PACS, and its fix. */
function explain(name: string, fault: Fault, setting: 'dicomWeb' | 'orthanc', root: string) {
  const found = 'problem' in fault ? fault.problem : fault.code;
  if (fault.code === 'pacs_unavailable')
    return {
      found,
      fix: `start the PACS, or correct the address in pacs.${name}.${setting}; test the address with curl on this machine.`,
    };
  if (/answered 40[13]\b/.test(found))
    return {
      found,
      fix: `set username and passwordFile (or bearerTokenFile) of pacs.${name} to those of a user of the PACS; in Orthanc, a user of RegisteredUsers.`,
    };
  if (/secret/.test(found)) return { found, fix: `make the secret file of pacs.${name} readable for this user.` };
  return { found, fix: root };
}
