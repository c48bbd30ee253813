import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Aws, hasAws, startAws } from '../support/aws.ts';
import { alara, family, serve } from '../support/cli.ts';
import { film } from '../support/service.ts';

const native = film('00000442_000.png');
const cold = 'r512-fp32';
const signedOff = ['--by', 'the test', '--reason', 'to test'];

let films = 0;
/** The same film with trailing bytes: the pixels are equal and the id differs. */
const another = () => Buffer.concat([native, Buffer.from(String(films++))]);

async function read(url: string, query: string, body: Uint8Array<ArrayBuffer> = native) {
  const start = performance.now();
  const headers = { 'content-type': 'image/png' };
  const answer = await fetch(`${url}/v1/readings${query}`, { method: 'POST', headers, body });
  const { timingsMs: _, createdAt: __, ...reading } = await answer.json();
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    reading,
    ms: performance.now() - start,
  };
}

describe.skipIf(!hasAws)('alara serve on AWS (npm run pretest installs SeaweedFS and moto)', () => {
  let aws: Aws;
  let store: string;
  let onAws: Record<string, string>;
  beforeAll(async () => {
    aws = await startAws();
    store = `s3://${aws.bucket}/models`;
    onAws = {
      ...{ ...aws.environment, ...(await aws.createStores()), ALARA_MODELS: store },
      ...{ ALARA_WORKERS: '1', ALARA_DEADLINE_MS: '25000' },
    };
    const publish = await alara(['catalog', 'publish', store, ...signedOff], aws.environment);
    expect(publish.code, publish.stderr).toBe(0);
    const promote = await alara(['catalog', 'promote', '--store', store, ...signedOff], aws.environment);
    expect(promote.code, promote.stderr).toBe(0);
  }, 60_000);
  afterAll(() => aws?.close());

  test('reads the same values with models from S3 as with models from a folder, bit for bit, and continues without S3', {
    timeout: 240_000,
  }, async () => {
    const embedded = (await serve({ ALARA_WORKERS: '1' })).url;
    const { url } = await serve(onAws);
    /** JSON, because each double has its own spelling in JSON. */
    const same = async (query: string) => {
      const [here, there] = [await read(embedded, query), await read(url, query)];
      expect([here.status, there.status], query).toEqual([201, 201]);
      expect(JSON.stringify(there.reading), query).toBe(JSON.stringify(here.reading));
    };
    await same('');
    await same('?explain=heatmap');
    await same('?findings=Effusion&prevalence=0.2&explain=heatmap');
    for (const { id } of family.catalog.variants.filter(({ id }) => id !== cold))
      await same(`?findings=Mass,Nodule&variant=${id}&explain=heatmap`);

    const upload = await (await fetch(`${url}/v1/uploads`, { method: 'POST' })).json();
    const { method, headers } = upload;
    expect((await fetch(upload.url, { method, headers, body: native })).status).toBe(200);
    const submit = () =>
      fetch(`${url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ upload: upload.id, findings: 'Mass' }),
      });

    /** Send requests for half a minute: films of cached models are read, all others get Retry-After. */
    async function outage() {
      const end = performance.now() + 30_000;
      const warm = async () => {
        for (; performance.now() < end; await delay(500)) {
          const { status, ms } = await read(url, '', another());
          expect(status).toBe(201);
          expect(ms).toBeLessThan(10_000);
          expect((await fetch(`${url}/health/ready`)).status).toBe(200);
        }
      };
      const others = async () => {
        for (; performance.now() < end; await delay(500)) {
          const refused = await read(url, `?findings=Mass&variant=${cold}`, another());
          expect(refused).toMatchObject({ status: 503, retryAfter: '5', reading: { code: 'model_unavailable' } });
          expect(refused.ms).toBeLessThan(25_000);
        }
      };
      const jobs = async () => {
        for (; performance.now() < end; await delay(500)) {
          const start = performance.now();
          const refused = await submit();
          expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
          expect((await refused.json()).code).toBe('store_unavailable');
          expect(performance.now() - start).toBeLessThan(25_000);
        }
      };
      await Promise.all([warm(), others(), jobs()]);
    }
    try {
      aws.s3.hang();
      await outage();
      await aws.s3.stop();
      await outage();
    } finally {
      aws.s3.resume();
      await aws.s3.start();
    }

    await vi.waitFor(
      async () => expect((await read(url, `?findings=Mass&variant=${cold}`, another())).status).toBe(201),
      {
        timeout: 60_000,
        interval: 500,
      },
    );
    await same(`?findings=Mass,Nodule&variant=${cold}&explain=heatmap`);
    await vi.waitFor(
      async () => {
        const job = await submit();
        expect(job.status).toBe(202);
        const { id } = await job.json();
        await vi.waitFor(async () => expect((await (await fetch(`${url}/v1/jobs/${id}`)).json()).state).toBe('done'), {
          timeout: 60_000,
          interval: 200,
        });
      },
      { timeout: 60_000 },
    );
  });
});
