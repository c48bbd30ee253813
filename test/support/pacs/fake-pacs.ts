import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { fail, ok } from '../../../functions/core/result.ts';
import type { Change, ChangeLog, OrthancSeries } from '../../../functions/pacs/orthanc/client.ts';

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

/** A fake PACS over HTTP: a server on loopback, and the requests that it received. */
export async function serve(answer: (asked: Asked, response: ServerResponse) => unknown) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const one = { path: pathname, query: searchParams, headers: request.headers, body: Buffer.concat(chunks) };
    asked.push({ method: request.method ?? '', ...one });
    await answer({ method: request.method ?? '', ...one }, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, asked };
}

export const json = (response: ServerResponse, body: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(body));

type Film = { readonly id: string; readonly study: string; readonly modality: string; readonly manufacturer: string };

/**
 * A fake change log of Orthanc, without HTTP. Numbers increase and are never used again. Deleting an object also deletes its
 * entries.
 */
export function createChangeLog(startsAt = '2026-11-23T06:00:00Z') {
  let seq = 0;
  let ms = Date.parse(startsAt);
  let changes: (Change & { readonly study: string })[] = [];
  let films: Film[] = [];
  const studyDates = new Map<string, string>();
  const state = { reachable: true, asked: 0 };

  const note = (ChangeType: string, ID: string, study: string) => {
    seq++;
    const date = new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '');
    changes.push({ ChangeType, ID, Date: date, Seq: seq, study });
  };
  const answer = <Value>(value: Value) => {
    state.asked++;
    return state.reachable ? ok(value) : fail({ code: 'pacs_unavailable' as const, problem: 'main is down' });
  };

  const orthanc: ChangeLog = {
    async changes(since, limit) {
      const after = changes.filter(({ Seq }) => Seq > since);
      return answer({ changes: after.slice(0, limit), done: after.length <= limit });
    },
    lastChange: async () => answer(changes.at(-1)),
    async seriesOf(instances) {
      const named = films.filter(({ id }) => instances.includes(id));
      const series = named.map(({ study, modality, manufacturer }) => `${study} ${modality} ${manufacturer}`);
      return answer(
        [...new Set(series)].map((key): OrthancSeries => {
          const members = films.filter(
            ({ study, modality, manufacturer }) => `${study} ${modality} ${manufacturer}` === key,
          );
          const { study = '', modality = '', manufacturer = '' } = members[0] ?? {};
          return { study, modality, manufacturer, instances: members.map(({ id }) => id) };
        }),
      );
    },
    async studies(ids) {
      const known = ids.filter((id) => films.some(({ study }) => study === id));
      return answer(known.map((id) => ({ id, studyInstanceUid: `1.2.${id}`, studyDate: studyDates.get(id) ?? '' })));
    },
  };

  return {
    orthanc,
    state,
    /** Store a film. Returns the number of its entry. The first film of a study also creates the study. */
    store(study: string, id: string, { modality = 'DX', manufacturer = 'Maker', studyDate = '' } = {}) {
      films.push({ id, study, modality, manufacturer });
      studyDates.set(study, studyDate);
      note('NewInstance', id, study);
      const entry = seq;
      if (films.filter((film) => film.study === study).length === 1) note('NewStudy', study, study);
      return entry;
    },
    /** The time of an entry in seconds. */
    dateOf: (entry: number) => changes.find(({ Seq }) => Seq === entry)?.Date ?? '',
    becomeStable: (study: string) => note('StableStudy', study, study),
    remove(study: string) {
      films = films.filter((film) => film.study !== study);
      changes = changes.filter((change) => change.study !== study);
    },
    pass(seconds: number) {
      ms += seconds * 1000;
    },
    /** The content of a backup. After its restore, Orthanc assigns the later numbers again. Time continues. */
    backup() {
      const then = { seq, changes: [...changes], films: [...films] };
      return () => {
        ({ seq } = then);
        changes = [...then.changes];
        films = [...then.films];
      };
    },
  };
}
