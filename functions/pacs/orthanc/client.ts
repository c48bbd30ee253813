import { z } from 'zod';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { createHttpClient, type Endpoint, readJson, unexpectedAnswer } from '../dicomweb/http.ts';

/** One entry of Orthanc's change log. Sequence numbers only grow. Dates are in UTC. */
const Change = z.object({ ChangeType: z.string(), Date: z.string(), ID: z.string(), Seq: z.int() });
export type Change = z.infer<typeof Change>;

const Changes = z.object({ Changes: z.array(Change), Done: z.boolean(), Last: z.int() });
export type ChangePage = { readonly changes: readonly Change[]; readonly done: boolean };

const Series = z.object({
  ParentStudy: z.string(),
  Instances: z.array(z.string()),
  MainDicomTags: z.object({ Modality: z.string().optional(), Manufacturer: z.string().optional() }),
});
export type OrthancSeries = {
  readonly study: string;
  readonly instances: readonly string[];
  readonly modality: string;
  readonly manufacturer: string;
};

const File = z.object({ FileUuid: z.string() });

const Study = z.object({
  ID: z.string(),
  MainDicomTags: z.object({ StudyInstanceUID: z.string(), StudyDate: z.string().optional() }),
});
export type OrthancStudy = { readonly id: string; readonly studyInstanceUid: string; readonly studyDate: string };

/** A client for the change log, by Orthanc's own REST API (1.9.4 or newer). */
export type ChangeLog = {
  /** The changes after `since`, in ascending order. */
  changes(since: number, limit: number): Promise<Result<ChangePage, Fault>>;
  lastChange(): Promise<Result<Change | undefined, Fault>>;
  /** The series of instances, by Orthanc's own identifiers. Deleted instances are omitted. */
  seriesOf(instances: readonly string[]): Promise<Result<readonly OrthancSeries[], Fault>>;
  studies(ids: readonly string[]): Promise<Result<readonly OrthancStudy[], Fault>>;
};

export type Orthanc = ChangeLog & {
  /**
   * A digest of the file of an instance. It changes if the instance is overwritten with other bytes. It is empty if Orthanc
   * does not have the instance.
   */
  fileDigest(studyInstanceUid: string, sopInstanceUid: string, signal: AbortSignal): Promise<Result<string, Fault>>;
};

/** How to correct the address of Orthanc's REST API. */
export const orthancFix = (name: string) =>
  `Set pacs.${name}.orthanc to the root of Orthanc's own REST API, without /dicom-web, and give the user access to /changes and /tools/find.`;

export function createOrthanc(endpoint: Endpoint, stopped: AbortSignal, send?: typeof fetch): Orthanc {
  const request = createHttpClient(endpoint, send);

  const requestJson = <Value>(
    operation: string,
    path: string,
    schema: z.ZodType<Value>,
    body?: unknown,
    signal: AbortSignal = stopped,
  ) =>
    request<Value>(
      {
        operation,
        path,
        signal,
        ...(body !== undefined && { method: 'POST', body: new TextEncoder().encode(JSON.stringify(body)) }),
      },
      async (response) => {
        const parsed = schema.safeParse(await readJson(response));
        if (parsed.success) return ok(parsed.data);
        return fail({
          code: 'pacs_refused',
          problem: `${endpoint.name} ${unexpectedAnswer(response, "JSON of Orthanc's REST API")} (request: ${operation})`,
          fix: orthancFix(endpoint.name),
        });
      },
    );
  const bulkContent = <Value>(
    operation: string,
    schema: z.ZodType<Value>,
    level: 'Series' | 'Study',
    resources: readonly string[],
  ) => requestJson(operation, '/tools/bulk-content', z.array(schema), { Resources: resources, Level: level });

  /** The MD5 of a file. Without stored MD5 values (StoreMD5ForAttachments), it is the name of the file in Orthanc. */
  async function digestOfFile(id: string, signal: AbortSignal): Promise<Result<string, Fault>> {
    const path = `/instances/${id}/attachments/dicom/md5`;
    const md5 = await request<string>(
      { operation: 'MD5 of an instance', path, acceptedStatuses: [400, 404], signal },
      async (response) => ok(response.ok ? (await response.text()).trim() : ''),
    );
    if (!md5.ok || /^[0-9a-f]{32}$/.test(md5.value)) return md5;
    const operation = 'file name of an instance';
    // The list is empty if the instance was deleted.
    const files = await requestJson(
      operation,
      '/tools/bulk-content',
      z.array(File),
      { Resources: [id], Level: 'Instance' },
      signal,
    );
    return files.ok ? ok(files.value.map(({ FileUuid }) => FileUuid).join()) : files;
  }

  return {
    async changes(since, limit) {
      const page = await requestJson('entries of the change log', `/changes?since=${since}&limit=${limit}`, Changes);
      return page.ok ? ok({ changes: page.value.Changes, done: page.value.Done }) : page;
    },
    async lastChange() {
      const page = await requestJson('last entry of the change log', '/changes?last', Changes);
      return page.ok ? ok(page.value.Changes.at(-1)) : page;
    },
    async seriesOf(instances) {
      const series = await bulkContent('series of new instances', Series, 'Series', instances);
      if (!series.ok) return series;
      return ok(
        series.value.map(({ ParentStudy, Instances, MainDicomTags: { Modality = '', Manufacturer = '' } }) => ({
          study: ParentStudy,
          instances: Instances,
          modality: Modality,
          manufacturer: Manufacturer,
        })),
      );
    },
    async studies(ids) {
      const studies = await bulkContent('studies of new instances', Study, 'Study', ids);
      if (!studies.ok) return studies;
      return ok(
        studies.value.map(({ ID, MainDicomTags: { StudyInstanceUID, StudyDate = '' } }) => ({
          id: ID,
          studyInstanceUid: StudyInstanceUID,
          studyDate: StudyDate,
        })),
      );
    },
    async fileDigest(studyInstanceUid, sopInstanceUid, signal) {
      const anySignal = AbortSignal.any([stopped, signal]);
      const Query = { StudyInstanceUID: studyInstanceUid, SOPInstanceUID: sopInstanceUid };
      const ids = await requestJson(
        'search for an instance',
        '/tools/find',
        z.array(z.string()),
        { Level: 'Instance', Query },
        anySignal,
      );
      if (!ids.ok) return ids;
      const digests: string[] = [];
      // There are several instances if patients with different Patient IDs share a study.
      for (const id of ids.value.toSorted()) {
        const digest = await digestOfFile(encodeURIComponent(id), anySignal);
        if (!digest.ok) return digest;
        digests.push(digest.value);
      }
      return ok(digests.join());
    },
  };
}
