import { z } from 'zod';
import type { Fault } from '../pipeline/fault.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';
import { createExchange, type Endpoint, readJson } from './exchange.ts';

/** One entry of Orthanc's change log. Sequence numbers only ever grow; dates are UTC. */
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

const Study = z.object({
  ID: z.string(),
  MainDicomTags: z.object({ StudyInstanceUID: z.string(), StudyDate: z.string().optional() }),
});
export type OrthancStudy = { readonly id: string; readonly studyInstanceUid: string; readonly studyDate: string };

/** What the follower asks of Orthanc's own REST API (1.9.4 or newer). */
export type Orthanc = {
  /** The changes after `since`, oldest first. */
  changes(since: number, limit: number): Promise<Result<ChangePage, Fault>>;
  lastChange(): Promise<Result<Change | undefined, Fault>>;
  /** The series of instances, by Orthanc's own identifiers; what was deleted meanwhile is left out. */
  seriesOf(instances: readonly string[]): Promise<Result<readonly OrthancSeries[], Fault>>;
  studies(ids: readonly string[]): Promise<Result<readonly OrthancStudy[], Fault>>;
};

export function createOrthanc(endpoint: Endpoint, stopped: AbortSignal, send?: typeof fetch): Orthanc {
  const exchange = createExchange(endpoint, send);

  const ask = <Value>(about: string, path: string, schema: z.ZodType<Value>, body?: unknown) =>
    exchange<Value>(
      {
        ...{ about, path, signal: stopped },
        ...(body !== undefined && { method: 'POST', body: new TextEncoder().encode(JSON.stringify(body)) }),
      },
      async (response) => {
        const parsed = schema.safeParse(await readJson(response));
        if (parsed.success) return ok(parsed.data);
        return fail({
          code: 'pacs_refused',
          problem: `${endpoint.name} does not answer as Orthanc does, asked for ${about}`,
        });
      },
    );
  const bulk = <Value>(
    about: string,
    schema: z.ZodType<Value>,
    level: 'Series' | 'Study',
    resources: readonly string[],
  ) => ask(about, '/tools/bulk-content', z.array(schema), { Resources: resources, Level: level });

  return {
    async changes(since, limit) {
      const page = await ask('its changes', `/changes?since=${since}&limit=${limit}`, Changes);
      return page.ok ? ok({ changes: page.value.Changes, done: page.value.Done }) : page;
    },
    async lastChange() {
      const page = await ask('its last change', '/changes?last', Changes);
      return page.ok ? ok(page.value.Changes.at(-1)) : page;
    },
    async seriesOf(instances) {
      const series = await bulk('the series of new instances', Series, 'Series', instances);
      if (!series.ok) return series;
      return ok(
        series.value.map(({ ParentStudy, Instances, MainDicomTags: { Modality = '', Manufacturer = '' } }) => ({
          ...{ study: ParentStudy, instances: Instances, modality: Modality, manufacturer: Manufacturer },
        })),
      );
    },
    async studies(ids) {
      const studies = await bulk('the studies of new instances', Study, 'Study', ids);
      if (!studies.ok) return studies;
      return ok(
        studies.value.map(({ ID, MainDicomTags: { StudyInstanceUID, StudyDate = '' } }) => ({
          ...{ id: ID, studyInstanceUid: StudyInstanceUID, studyDate: StudyDate },
        })),
      );
    },
  };
}
