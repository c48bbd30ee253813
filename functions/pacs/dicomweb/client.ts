import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { createHttpClient, type Endpoint, readJson, unexpectedAnswer } from './http.ts';
import { type Attributes, AttributesList } from './json.ts';
import { storedInstances, stowBody } from './stow-body.ts';
import { readDicomFile } from './wado.ts';

/** The UIDs of an instance in a PACS. */
export type InstanceUids = {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
};

/** A client for three DICOMweb services (PS3.18). */
export type DicomWeb = {
  /** QIDO-RS: all matches, requested in pages. */
  search(
    path: string,
    query: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Result<readonly Attributes[], Fault>>;
  /** WADO-RS: download one instance in its stored transfer syntax. */
  retrieve(uids: InstanceUids, signal?: AbortSignal): Promise<Result<Uint8Array<ArrayBuffer>, Fault>>;
  /** STOW-RS: store instances. Returns the SOP Instance UIDs that the response lists as stored. */
  store(instances: readonly Uint8Array<ArrayBuffer>[], signal?: AbortSignal): Promise<Result<readonly string[], Fault>>;
};

/** The fault of an answer to a search that is not DICOM JSON. */
export const unexpectedSearchAnswer = (name: string, response: Response) =>
  fail<Fault>({
    code: 'pacs_refused',
    problem: `${name} ${unexpectedAnswer(response, 'DICOM JSON')} (request: search by QIDO-RS)`,
    fix: dicomWebFix(name),
  });

/** How to correct the address of DICOMweb. */
export const dicomWebFix = (name: string) =>
  `Set pacs.${name}.dicomWeb to the root of the DICOMweb services; in Orthanc, load the DICOMweb plugin, with the root /dicom-web/.`;

/** Matches per page. */
const pageSize = 200;
/** More matches than any study or day of a department has. A server that returns more ignores the paging parameters. */
const maxMatches = 100_000;

export function createDicomWeb(endpoint: Endpoint & { readonly maxFilmMb: number }, send?: typeof fetch): DicomWeb {
  const request = createHttpClient(endpoint, send);
  const refusal = (what: string) => fail<Fault>({ code: 'pacs_refused', problem: `${endpoint.name} ${what}` });

  const searchPage = (path: string, query: Readonly<Record<string, string>>, offset: number, signal?: AbortSignal) =>
    request<{ readonly matches: readonly Attributes[]; readonly isLast: boolean }>(
      {
        operation: 'search by QIDO-RS',
        path: `${path}?${queryText({ ...query, limit: String(pageSize), offset: String(offset) })}`,
        headers: { accept: 'application/dicom+json' },
        signal,
      },
      async (response) => {
        const parsed = AttributesList.safeParse(await readJson(response));
        if (!parsed.success) return unexpectedSearchAnswer(endpoint.name, response);
        const matches = parsed.data;
        // A server that returns fewer matches than requested states that there are more (PS3.18 8.3.4.4).
        const hasMore = response.status === 206 || /^299\b/.test(response.headers.get('warning') ?? '');
        return ok({ matches, isLast: matches.length < pageSize ? !hasMore : matches.length > pageSize });
      },
    );

  return {
    async search(path, query, signal) {
      const matches: Attributes[] = [];
      for (;;) {
        const next = await searchPage(path, query, matches.length, signal);
        if (!next.ok) return next;
        const { matches: found, isLast } = next.value;
        // A server that ignores `offset` sends the first page again. A server that ignores `limit` sends all matches at once.
        const isRepeated = matches.length > 0 && JSON.stringify(found[0]) === JSON.stringify(matches[0]);
        if (isRepeated || found.length === 0) return ok(matches);
        matches.push(...found);
        if (isLast) return ok(matches);
        if (matches.length > maxMatches)
          return refusal(`answered a search by QIDO-RS with more than ${maxMatches} matches`);
      }
    },

    retrieve({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }, signal) {
      const limitBytes = endpoint.maxFilmMb * 1_000_000;
      return request(
        {
          operation: 'download of an instance by WADO-RS',
          isForOneObject: true,
          path: `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`,
          // Without `transfer-syntax=*` a server may transcode to Explicit VR Little Endian (PS3.18 8.7.3.5.2).
          headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
          signal,
        },
        async (response) => {
          const part = await readDicomFile(response, limitBytes);
          if (part.ok) return part;
          // The film itself is too large, so a retry would fail as well.
          if (part.fault === 'too_large') return fail({ code: 'body_too_large', limitBytes });
          return refusal('answered a download by WADO-RS with something else than a DICOM file');
        },
      );
    },

    store(instances, signal) {
      const { contentType, body } = stowBody(instances);
      return request(
        {
          operation: 'storage of results by STOW-RS',
          path: '/studies',
          method: 'POST',
          headers: { accept: 'application/dicom+json', 'content-type': contentType },
          body,
          // With these statuses some or all instances were not stored. The body lists the stored instances (PS3.18 10.5.3).
          acceptedStatuses: [400, 409],
          signal,
        },
        async (response) => ok(storedInstances(await readJson(response))),
      );
    },
  };
}

/** The query as text. Several tags in `includefield` become several parameters (PS3.18 8.3.4). */
function queryText(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    name === 'includefield' ? value.split(',').map((tag) => [name, tag]) : [[name, value]],
  );
  return new URLSearchParams(pairs).toString();
}
