import { spawn } from 'node:child_process';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Reading } from '../../functions/core/reading.ts';
import { fail } from '../../functions/core/result.ts';
import { createHandlers } from '../../functions/jobs/handlers.ts';
import { startRunner } from '../../functions/jobs/runner.ts';
import { submit as submitJob } from '../../functions/jobs/submit.ts';
import { openDynamo, openS3 } from '../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../functions/platform/aws/environment.ts';
import { createLog } from '../../functions/platform/log.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';
import { type Aws, hasAws, startAws } from '../support/aws.ts';
import { film as dicom } from '../support/pacs/films.ts';
import { film, openService, post, type Service } from '../support/service.ts';
import { openReceiver } from '../support/webhook-receiver.ts';

type Environment = Record<string, string>;
const native = film('00000442_000.png');
/** The same film with trailing bytes: the pixels are equal and the id differs. */
const variantOf = (i: number) => new Uint8Array(Buffer.concat([native, Buffer.of(i)]));

describe.skipIf(!hasAws)(
  'the service on AWS (npm run pretest installs SeaweedFS and moto)',
  { timeout: 120_000 },
  () => {
    let aws: Aws;
    beforeAll(async () => {
      aws = await startAws();
    });
    afterAll(() => aws?.close());

    /** A service with its own settings, or with the settings of another service, with which it then shares the platform. */
    async function open(environment: Environment, tuning?: Parameters<typeof openService>[1]): Promise<Service> {
      const service = await openService({ ALARA_WORKERS: '1', ...environment }, tuning);
      onTestFinished(() => service.close());
      return service;
    }
    const edges = async (): Promise<Environment> => ({ ...aws.environment, ...(await aws.createStores()) });

    /** Upload as a client does: to the URL of the answer, which normally belongs to S3. */
    async function upload({ app }: Service, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
      const { id, url, method, headers } = await (await app.request('/v1/uploads', { method: 'POST' })).json();
      const sent = await fetch(url, { method, headers, body: bytes });
      expect(sent.status).toBe(200);
      return id;
    }
    const ask = ({ app }: Service, body: unknown) =>
      app.request('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    async function submit(service: Service, bytes: Uint8Array<ArrayBuffer>, more: object = {}): Promise<string> {
      const answer = await ask(service, { upload: await upload(service, bytes), findings: 'Mass', ...more });
      expect(answer.status).toBe(202);
      return (await answer.json()).id;
    }
    async function ended({ app }: Service, path: string) {
      const look = async () => (await app.request(path)).json();
      await vi.waitFor(async () => expect(['done', 'failed', 'dead']).toContain((await look()).state), {
        timeout: 60_000,
      });
      return look();
    }

    /** Wait until the queue reports twice that it is empty: moto counts visible and invisible messages at different moments. */
    const empty = ({ platform: { queue } }: Service) =>
      vi.waitFor(
        async () => {
          for (let i = 0; i < 2; i++) expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
        },
        { timeout: 60_000 },
      );

    /** The keys in the table and in the bucket. */
    async function kept(environment: Environment) {
      const awsEnvironment = readAwsEnvironment(environment);
      const [dynamo, s3] = [openDynamo(awsEnvironment), openS3(awsEnvironment)];
      const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: environment['ALARA_TABLE'] }));
      const { Contents = [] } = await s3.send(
        new ListObjectsV2Command({ Bucket: environment['ALARA_UPLOADS_BUCKET'] }),
      );
      dynamo.destroy();
      s3.destroy();
      return {
        readings: Items.filter(({ pk }) => pk?.S?.startsWith('reading#')).length,
        objects: Contents.map(({ Key = '' }) => Key),
      };
    }

    test('reads a film as on one machine: the same id, plan and probabilities, bit for bit', async () => {
      const [here, there] = [await open({}), await open(await edges())];
      const fromDicom = new Uint8Array(await dicom('on AWS'));
      for (const [bytes, type] of [
        [native, 'image/png'],
        [fromDicom, 'application/dicom'],
      ] as const) {
        const read = async ({ app }: Service, status: number): Promise<Reading> => {
          const answer = await post(app, '?findings=Mass,Nodule,Effusion&explain=heatmap', bytes, type);
          expect(answer.status).toBe(status);
          return answer.json();
        };
        const [embedded, onAws] = [await read(here, 201), await read(there, 201)];
        const { timingsMs: _, createdAt: __, ...same } = embedded;
        expect(onAws).toMatchObject(same);
        expect(embedded.findings.map(({ finding }) => finding).sort()).toEqual(['Effusion', 'Mass', 'Nodule']);
        for (const [i, { probability }] of embedded.findings.entries())
          expect(Object.is(onAws.findings[i]?.probability, probability)).toBe(true);
        // The stored reading equals the answer, including heat maps.
        expect(await (await there.app.request(`/v1/readings/${onAws.id}`)).json()).toEqual(onAws);
        expect(await read(there, 200)).toEqual(onAws);
      }
    });

    test('finishes the jobs of an upload and of a study by STOW-RS, and keeps no film except the upload', async () => {
      const environment = await edges();
      const service = await open(environment);
      const id = await submit(service, native);
      const job = await ended(service, `/v1/jobs/${id}`);
      expect(job).toMatchObject({ state: 'done', attempts: 1, outcomes: [{ reading: expect.stringMatching(/^rd_/) }] });
      expect((await service.app.request(`/v1/readings/${job.outcomes[0].reading}`)).status).toBe(200);

      const boundary = 'alara-stow';
      const body = new Uint8Array(
        Buffer.concat([
          Buffer.from(`\r\n--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
          await dicom('stowed on AWS'),
          Buffer.from(`\r\n--${boundary}--\r\n`),
        ]),
      );
      const type = `multipart/related; type="application/dicom"; boundary=${boundary}`;
      const headers = { 'content-type': type };
      const stored = await service.app.request('/dicom-web/studies', { method: 'POST', headers, body });
      expect(stored.status).toBe(200);
      const path =
        /<\.\.(\/v1\/jobs\/job_[0-9a-f]{64})>; rel="monitor"/.exec(stored.headers.get('link') ?? '')?.[1] ?? '';
      expect(await ended(service, path)).toMatchObject({ state: 'done', outcomes: [{ reading: expect.any(String) }] });
      await vi.waitFor(async () => expect((await kept(environment)).objects).toHaveLength(1));
      expect((await kept(environment)).readings).toBe(2);
    });

    test('makes one reading of a message that is delivered twice, also at the same time to two runners', async () => {
      const environment = await edges();
      const api = await open({ ...environment, ALARA_ROLE: 'api' });
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push(await submit(api, variantOf(i)));
      for (const id of ids) for (let i = 0; i < 3; i++) await api.platform.queue.send(id);
      const runners = [];
      for (let i = 0; i < 2; i++) runners.push(await open({ ...environment, ALARA_ROLE: 'worker' }));
      for (const id of ids) expect(await ended(api, `/v1/jobs/${id}`)).toMatchObject({ state: 'done' });
      await empty(api);
      expect((await kept(environment)).readings).toBe(3);
      for (const id of ids) expect((await api.platform.jobs.get(id))?.outcomes).toHaveLength(1);
    });

    test('finishes a job with one reading and one webhook, at whatever step its runner is killed', {
      timeout: 400_000,
    }, async () => {
      const environment = await edges();
      const api = await open({ ...environment, ALARA_ROLE: 'api' });
      const receiver = await openReceiver();
      onTestFinished(() => receiver.close());
      await api.platform.access.allowWebhooks('local', receiver.host);

      /** Run a runner that dies at its nth call, or at the first call of a step. Returns the step, or '' if the runner finished. */
      const dieAt = (call: number | string) =>
        new Promise<string>((resolve, reject) => {
          const child = spawn(process.execPath, ['test/support/mortal.ts', String(call)], {
            env: { PATH: process.env['PATH'], ...environment, ALARA_DATA: api.data, ALARA_WORKERS: '1' },
            stdio: ['ignore', 'pipe', 'inherit'],
          });
          let where = '';
          child.stdout.on('data', (chunk) => {
            where += chunk;
          });
          child.once('close', (code, signal) => {
            if (signal === 'SIGKILL') resolve(where);
            else if (code === 0) resolve('');
            else reject(new Error(`the runner ended with ${code ?? signal}`));
          });
        });
      /** Process jobs until the queue is empty. */
      const finish = async (id: string) => {
        const { router, engine, platform } = api;
        const nowhere = async () => fail({ code: 'unknown_pacs', pacs: '', known: [] } as const);
        const runner = startRunner({
          ...{ platform, concurrency: 2, retentionMs: 86_400_000, visibilityMs: 1000, log: createLog('silent') },
          handlers: createHandlers(
            { router, engine, platform, budget: createBudget(1e9) },
            { requestOf: () => undefined, storeResults: nowhere, study: nowhere },
          ),
        });
        await ended(api, `/v1/jobs/${id}`);
        await empty(api);
        await runner.stop();
      };

      let submitted = 0;
      /** Submit a job, kill its runner, and process the job to its end. Returns the call before which the runner died. */
      const killAt = async (call: number | string) => {
        const n = ++submitted;
        const id = await submit(api, variantOf(n), { webhook: `http://${receiver.host}/${n}` });
        const where = await dieAt(call);
        if (where !== '') await finish(id);
        expect(await (await api.app.request(`/v1/jobs/${id}`)).json(), `killed before ${where}`).toMatchObject({
          state: 'done',
          outcomes: [{ reading: expect.any(String) }],
        });
        const delivered = receiver.hooks.filter(({ path }) => path === `/${n}`);
        expect(delivered.length, `killed before ${where}`).toBeGreaterThan(0);
        expect(new Set(delivered.map(({ headers }) => headers['webhook-id'])).size, `killed before ${where}`).toBe(1);
        // Only the uploads are left, for a day.
        expect((await kept(environment)).objects, `killed before ${where}`).toHaveLength(n);
        return where;
      };

      const died: string[] = [];
      for (let where = await killAt(1); where !== ''; where = await killAt(died.length + 1)) died.push(where);
      expect(died.length).toBeGreaterThan(10);
      // On a busy machine a message is delivered again, and the calls have another order: kill at the missing steps by name.
      const steps = ['jobs.update', 'blobs.get', 'readings.put', 'platform.enqueue', 'blobs.remove', 'queue.remove'];
      for (const step of steps.filter((each) => !died.includes(each))) expect(await killAt(step)).toBe(step);
      expect((await kept(environment)).readings).toBe(submitted);
    });

    test('a receiver that never answers delays only its own webhooks, and no film', async () => {
      const environment = await edges();
      const api = await open({ ...environment, ALARA_ROLE: 'api' });
      const silent = await openReceiver(() => undefined);
      onTestFinished(() => silent.close());
      await api.platform.access.allowWebhooks('local', silent.host);
      const job = await submit(api, variantOf(1));
      const hook = { kind: 'webhook' as const, url: `http://${silent.host}/`, job };
      for (let i = 0; i < 40; i++) await submitJob(api.platform, `job_hook_${i}`, 'local', hook);
      const film = await submit(api, variantOf(2));
      await open({ ...environment, ALARA_ROLE: 'worker' }, { graceMs: 10 });
      const started = performance.now();
      expect(await ended(api, `/v1/jobs/${film}`)).toMatchObject({ state: 'done' });
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(silent.hooks.length).toBeGreaterThan(0);
    });

    test('reads films while S3 is unavailable; jobs wait without losing an attempt and finish when S3 is back', async () => {
      const environment = await edges();
      const api = await open({ ...environment, ALARA_ROLE: 'api' });
      const ids = [await submit(api, variantOf(1)), await submit(api, variantOf(2))];
      const waiting = await upload(api, variantOf(3));
      await aws.s3.stop();
      try {
        await open({ ...environment, ALARA_ROLE: 'worker' });
        expect((await post(api.app, '?findings=Mass', native)).status).toBe(201);
        const refused = await ask(api, { upload: waiting, findings: 'Mass' });
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
        expect((await refused.json()).code).toBe('store_unavailable');
        // Long enough to attempt and postpone each job more than once.
        await new Promise((resolve) => setTimeout(resolve, 15_000));
        for (const id of ids)
          expect((await api.platform.jobs.get(id))?.state, 'neither failed nor given up').toMatch(/queued|running/);
      } finally {
        await aws.s3.start();
      }
      for (const id of ids) expect(await ended(api, `/v1/jobs/${id}`)).toMatchObject({ state: 'done', attempts: 1 });
      expect((await ask(api, { upload: waiting, findings: 'Mass' })).status).toBe(202);
    });
  },
);
