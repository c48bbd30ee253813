import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { createHttpClient, type Endpoint, readJson } from './http.ts';
import { type Attributes, AttributesList } from './json.ts';
import { storedInstances, stowBody } from './stow.ts';
import { onlyPart } from './wado.ts';

/** A film in a PACS, before it is pulled. */
export type InstanceUids = {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
};

/** The three services of DICOMweb (PS3.18) that the loop uses. */
export type DicomWeb = {
  /** QIDO-RS: every match, page by page. */
  search(
    path: string,
    query: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Result<readonly Attributes[], Fault>>;
  /** WADO-RS: one instance as it is stored. */
  retrieve(place: InstanceUids, signal?: AbortSignal): Promise<Result<Uint8Array<ArrayBuffer>, Fault>>;
  /** STOW-RS: the SOP Instance UIDs that the answer says are stored. */
  store(instances: readonly Uint8Array<ArrayBuffer>[], signal?: AbortSignal): Promise<Result<readonly string[], Fault>>;
};

/** Matches a page. */
const pageSize = 200;
/** More matches than a study or a day of a department has: the server does not page as asked. */
const mostMatches = 100_000;

export function createDicomWeb(endpoint: Endpoint & { readonly maxFilmMb: number }, send?: typeof fetch): DicomWeb {
  const exchange = createHttpClient(endpoint, send);
  const refused = (what: string) => fail<Fault>({ code: 'pacs_refused', problem: `${endpoint.name} ${what}` });

  const page = (path: string, query: Readonly<Record<string, string>>, offset: number, signal?: AbortSignal) =>
    exchange<{ readonly matches: readonly Attributes[]; readonly isLast: boolean }>(
      {
        about: 'a search (QIDO-RS)',
        path: `${path}?${queryText({ ...query, limit: String(pageSize), offset: String(offset) })}`,
        headers: { accept: 'application/dicom+json' },
        signal,
      },
      async (response) => {
        const parsed = AttributesList.safeParse(await readJson(response));
        if (!parsed.success) return refused('answered a search (QIDO-RS) with something else than DICOM JSON');
        const matches = parsed.data;
        // A server that gives fewer than were asked for says that there are more (PS3.18 8.3.4.4).
        const saysMore = response.status === 206 || /^299\b/.test(response.headers.get('warning') ?? '');
        return ok({ matches, isLast: matches.length < pageSize ? !saysMore : matches.length > pageSize });
      },
    );

  return {
    async search(path, query, signal) {
      const matches: Attributes[] = [];
      for (;;) {
        const next = await page(path, query, matches.length, signal);
        if (!next.ok) return next;
        const { matches: found, isLast } = next.value;
        // A server that ignores offset sends its first page again; one that ignores limit sends everything at once.
        const repeats = matches.length > 0 && JSON.stringify(found[0]) === JSON.stringify(matches[0]);
        if (repeats || found.length === 0) return ok(matches);
        matches.push(...found);
        if (isLast) return ok(matches);
        if (matches.length > mostMatches) return refused('does not end its answer to a search (QIDO-RS)');
      }
    },

    retrieve({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }, signal) {
      const limitBytes = endpoint.maxFilmMb * 1_000_000;
      return exchange(
        {
          about: 'an instance (WADO-RS)',
          ofObject: true,
          path: `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`,
          // Without the star a server may transcode to Explicit VR Little Endian (PS3.18 8.7.3.5.2).
          headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
          signal,
        },
        async (response) => {
          const part = await onlyPart(response, limitBytes);
          if (part.ok) return part;
          // The film's fault, not the server's: asking again changes nothing.
          if (part.fault === 'too_large') return fail({ code: 'body_too_large', limitBytes });
          return refused('answered a request for an instance (WADO-RS) with something else than a DICOM file');
        },
      );
    },

    store(instances, signal) {
      const { contentType, body } = stowBody(instances);
      return exchange(
        {
          about: 'the storage of results (STOW-RS)',
          path: '/studies',
          method: 'POST',
          headers: { accept: 'application/dicom+json', 'content-type': contentType },
          body,
          // Some of the instances, or none, were stored: the body says which (PS3.18 10.5.3).
          also: [400, 409],
          signal,
        },
        async (response) => ok(storedInstances(await readJson(response))),
      );
    },
  };
}

/** `includefield` may hold several tags, which is several parameters (PS3.18 8.3.4). */
function queryText(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    name === 'includefield' ? value.split(',').map((tag) => [name, tag]) : [[name, value]],
  );
  return new URLSearchParams(pairs).toString();
}
