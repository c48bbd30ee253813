import type { Fault } from '../core/fault.ts';
import { fail, ok } from '../core/result.ts';
import type { PacsSettings } from './config.ts';
import { createHttpClient, readJson } from './dicomweb/http.ts';
import { AttributesList } from './dicomweb/json.ts';
import { createOrthanc } from './orthanc/client.ts';

/** What a check of a PACS found, and the fix when that is not good enough. */
export type PacsFinding = { readonly what: string; readonly found: string; readonly fix?: string };

/** Whether a PACS answers as it will be asked: DICOMweb, and Orthanc's change log where it is followed. */
export async function checkPacs(name: string, settings: PacsSettings): Promise<readonly PacsFinding[]> {
  const findings = [await checkDicomWeb(name, settings)];
  if (settings.orthanc !== undefined) findings.push(await checkChangeLog(name, settings, settings.orthanc));
  return findings;
}

async function checkDicomWeb(name: string, settings: PacsSettings): Promise<PacsFinding> {
  const exchange = createHttpClient({ name, baseUrl: settings.dicomWeb, ...settings });
  const answer = await exchange(
    {
      about: 'a search (QIDO-RS)',
      path: '/studies?limit=1',
      headers: { accept: 'application/dicom+json' },
    },
    async (response) => {
      if (AttributesList.safeParse(await readJson(response)).success) return ok(undefined);
      const problem = `${name} answered a search (QIDO-RS) with something else than DICOM JSON`;
      return fail<Fault>({ code: 'pacs_refused', problem });
    },
  );
  const what = 'DICOMweb';
  if (answer.ok) return { what, found: 'answers a search (QIDO-RS)' };
  const root = `make pacs.${name}.dicomWeb the root of its DICOMweb services; in Orthanc load the DICOMweb plugin, whose root is /dicom-web/.`;
  return { what, ...explain(name, answer.fault, 'dicomWeb', root) };
}

async function checkChangeLog(name: string, settings: PacsSettings, baseUrl: string): Promise<PacsFinding> {
  const { signal } = new AbortController();
  const orthanc = createOrthanc({ name, baseUrl, ...settings }, signal);
  const what = 'change log';
  const root = `make pacs.${name}.orthanc the root of Orthanc's own REST API, without /dicom-web, and let the user use /changes and /tools/find.`;
  const last = await orthanc.lastChange();
  if (!last.ok) return { what, ...explain(name, last.fault, 'orthanc', root) };
  // No instance has this UID: asked for the rights alone.
  const digest = await orthanc.fileDigest('2.25.0', '2.25.0', signal);
  if (!digest.ok) {
    const explained = explain(name, digest.fault, 'orthanc', root);
    const rights =
      'let the user use POST /tools/find and GET /instances/{id}/attachments/dicom/md5: without them films are read, but pulled twice.';
    return { what, ...explained, ...(digest.fault.code === 'pacs_refused' && { fix: rights }) };
  }
  return { what, found: last.value ? `its last entry is ${last.value.Seq}` : 'is empty' };
}

/** The fix for a fault of a PACS. */
function explain(name: string, fault: Fault, setting: 'dicomWeb' | 'orthanc', root: string) {
  const found = 'problem' in fault ? fault.problem : fault.code;
  if (fault.code === 'pacs_unavailable')
    return {
      found,
      fix: `start the PACS, or correct the address in pacs.${name}.${setting}; try it with curl on this machine.`,
    };
  if (/answered 40[13]\b/.test(found))
    return {
      found,
      fix: `make username and passwordFile (or bearerTokenFile) of pacs.${name} those of a user of the PACS: RegisteredUsers in Orthanc.`,
    };
  if (/secret/.test(found))
    return { found, fix: `make the file of the secret of pacs.${name} readable for this user.` };
  return { found, fix: root };
}
