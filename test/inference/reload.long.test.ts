import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { assemble } from '../../functions/api/service.ts';
import { modelDownloads } from '../../functions/inference/download-on-demand.ts';
import { publishedSource } from '../../functions/inference/provider.ts';
import { createReloading } from '../../functions/inference/reload.ts';
import { openRouter, type Router, usualVariants } from '../../functions/inference/router.ts';
import { keys } from '../../functions/models/manifest.ts';
import { openModelCache } from '../../functions/models/model-cache.ts';
import { promote } from '../../functions/models/release/promote.ts';
import { prepare } from '../../functions/models/release/publish.ts';
import { openPublished, type Published } from '../../functions/models/release-client.ts';
import { folderObjects } from '../../functions/models/store/folder.ts';
import type { Objects } from '../../functions/models/store/object-store.ts';
import { openObjects } from '../../functions/models/store/open-store.ts';
import { ConfigError, readConfig } from '../../functions/platform/config.ts';
import { StoreUnavailable } from '../../functions/platform/store-unavailable.ts';
import type { ReadRequest } from '../../functions/routing/request.ts';
import { type Aws, hasAws, startAws } from '../support/aws.ts';
import { unwrap } from '../support/family.ts';
import { folder, name, place, publishUnchecked, retrained, signOff, variation } from '../support/published.ts';
import { film } from '../support/service.ts';

const small = film('00000100_000.png');

/** A store in a folder with the bundled family on live. */
async function store() {
  const path = folder();
  const objects = folderObjects(path);
  await publishUnchecked(objects, 'models');
  const live = () => promote(objects, name, { from: 'canary', to: 'live', margin: 0.02, device: 'cpu', signOff });
  await live();
  return { path, objects, live, data: folder() };
}

type Line = { event?: string; variant?: string; problem?: string };

const logTo = (lines: Line[]) =>
  pino(
    new Writable({
      write(chunk, _, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    }),
  );

/** A request for a variant that is not loaded at the start. */
const cold = ({ vocabulary }: Router): ReadRequest => ({
  ...{ findings: ['Mass'], variant: 'r512-fp32', minAuroc: {}, prevalence: {} },
  ...{ policy: vocabulary.defaultPolicy, bestEffort: true, explain: false },
});

/** The service on a store, and its log. */
async function open({ path, data }: { path?: string; data: string }, settings: Record<string, string> = {}) {
  const lines: Line[] = [];
  const log = logTo(lines);
  const config = readConfig({
    ...(path !== undefined && { ALARA_MODELS: pathToFileURL(path).href }),
    ...{ ALARA_DATA: data, ALARA_WORKERS: '2', ALARA_DEADLINE_MS: '60000', ALARA_POINTER_SECONDS: '3600' },
    ...settings,
  });
  const service = await assemble(config, log);
  service.begin();
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await service.drain();
    await service.platform.close();
  };
  onTestFinished(close);
  await service.engine.ready;
  const read = (query: string, body = small) =>
    service.fetch(
      new Request(`http://localhost/v1/readings${query}`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'image/png' },
      }),
    );
  return { ...service, look: service.look, lines, read, close, serving: () => service.router.family };
}

const events = (lines: readonly Line[]) => lines.flatMap(({ event }) => event ?? []);

/** The bytes of a film that was not read before: a trailing comment changes the id and not the pixels. */
let films = 0;
function another(): Uint8Array<ArrayBuffer> {
  const end = small.length - 12;
  const text = Buffer.from(`tEXtfilm\0${films++}`, 'latin1');
  const chunk = Buffer.alloc(text.length + 8);
  chunk.writeUInt32BE(text.length - 4);
  text.copy(chunk, 4);
  chunk.writeUInt32BE(crc(text), chunk.length - 4);
  return new Uint8Array(Buffer.concat([small.subarray(0, end), chunk, small.subarray(end)]));
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** The object of a variant's model in a store that is a folder. */
const objectOf = (path: string, { sha256 }: { sha256: string }) => join(path, place.object(sha256));

describe('generations', () => {
  type Generation = { name: string; closed: boolean };
  const generation = (name: string): Generation => ({ name, closed: false });
  const open = (next: (current: Generation) => Promise<Generation | undefined>) => {
    const failures: unknown[] = [];
    const first = generation('first');
    const reloading = createReloading<Generation>({
      ...{ first, next, switched: async () => undefined, failed: (error) => failures.push(error) },
      close: async (one) => {
        one.closed = true;
      },
    });
    return { reloading, first, failures };
  };

  test('the old generation is closed when its last user has left, not before', async () => {
    const second = generation('second');
    const { reloading, first } = open(async (current) => (current.name === 'first' ? second : undefined));
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const uses = gates.map(({ promise }) => reloading.use((one) => promise.then(() => one)));
    await reloading.look();
    expect(reloading.current()).toBe(second);
    expect(await reloading.use(async (one) => one)).toBe(second);
    gates[0]?.resolve();
    await uses[0];
    expect(first.closed).toBe(false);
    gates[1]?.resolve();
    expect(await uses[1]).toBe(first);
    await reloading.stop();
    expect([first.closed, second.closed]).toEqual([true, false]);
  });

  test('a failed reload keeps the current generation, and so does a use that throws', async () => {
    const { reloading, first, failures } = open(() => Promise.reject(new Error('no answer')));
    await reloading.look();
    expect(failures).toMatchObject([{ message: 'no answer' }]);
    await expect(reloading.use(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect([reloading.current(), first.closed]).toEqual([first, false]);
    await reloading.stop();
  });

  test('a generation that becomes ready after the shutdown is closed, not served', async () => {
    const late = generation('late');
    const gate = Promise.withResolvers<void>();
    const { reloading, first } = open(() => gate.promise.then(() => late));
    const looking = reloading.look();
    const stopped = reloading.stop();
    gate.resolve();
    await Promise.all([looking, stopped]);
    expect([reloading.current(), late.closed]).toEqual([first, true]);
  });
});

test('a promoted family is loaded without a failed request, and each request uses one family', async () => {
  const published = await store();
  const service = await open(published);
  const before = service.serving().digest;
  const answers: { status: number; catalog: string; id: string }[] = [];
  let going = true;
  const client = async () => {
    while (going) {
      const response = await service.read('?findings=Mass', another());
      const { catalog, id } = await response.json();
      answers.push({ status: response.status, catalog, id });
      // Refusals are answered at once. Without this stop, no other task would run.
      if (response.status !== 201) going = false;
    }
  };
  const clients = [1, 2, 3, 4].map(client);
  await expect.poll(() => answers.length, { timeout: 60_000 }).toBeGreaterThan(8);
  await publishUnchecked(published.objects, retrained());
  await published.live();
  await service.look();
  const after = service.serving().digest;
  const seen = answers.length;
  await expect.poll(() => answers.length, { timeout: 60_000 }).toBeGreaterThan(seen + 12);
  going = false;
  await Promise.all(clients);

  expect(after).not.toBe(before);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  const digests = answers.map(({ catalog }) => catalog);
  expect(new Set(digests)).toEqual(new Set([`sha256:${before}`, `sha256:${after}`]));
  expect(digests.at(-1)).toBe(`sha256:${after}`);
  expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length);
  expect(events(service.lines)).toContain('models_replaced');
  const view = await service.fetch(new Request('http://localhost/v1/catalog'));
  expect((await view.json()).digest).toBe(`sha256:${after}`);
});

test('a running service polls for promotions', async () => {
  const published = await store();
  const service = await open(published, { ALARA_POINTER_SECONDS: '1' });
  const { digest } = await prepare('models', name);
  const second = await publishUnchecked(published.objects, retrained());
  expect(second).not.toBe(digest);
  await published.live();
  await expect.poll(() => events(service.lines), { timeout: 60_000 }).toContain('models_replaced');
  expect(service.serving().catalog.provenance.dataset).toBe('the same, told otherwise');
});

test('a promoted family with a corrupt object is refused with an alarm, and the old family stays in use', async () => {
  const published = await store();
  const service = await open(published);
  const before = service.serving();
  await publishUnchecked(published.objects, retrained());
  await published.live();
  // Another cache, which lacks the models: the models of the new family equal those of the old family.
  for (const sha256 of readdirSync(join(published.data, 'models', 'sha256')))
    rmSync(join(published.data, 'models', 'sha256', sha256));
  for (const variant of before.catalog.variants) {
    const bytes = readFileSync(objectOf(published.path, variant));
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    writeFileSync(objectOf(published.path, variant), bytes);
  }
  await service.look();
  expect(service.serving()).toBe(before);
  expect(events(service.lines)).toEqual(expect.arrayContaining(['model_corrupt', 'models_refused']));
  expect(readdirSync(join(published.data, 'models', 'sha256'))).toEqual([]);
  // The models of the default request are in memory.
  expect((await service.read('', another())).status).toBe(201);
  // The service does not download a refused family again at every poll.
  const said = service.lines.length;
  await service.look();
  expect(service.lines.slice(said).flatMap(({ event }) => event ?? [])).toEqual([]);
});

test('a model that the store lacks raises an alarm and gives 503 with Retry-After; loaded variants are read', async () => {
  const published = await store();
  const service = await open(published);
  const cold = service.serving().catalog.variants.find(({ id }) => id === 'r512-fp32');
  if (!cold) throw new Error('the bundled family has it');
  const bytes = readFileSync(objectOf(published.path, cold));
  rmSync(objectOf(published.path, cold));
  const refused = await service.read('?findings=Mass&variant=r512-fp32');
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, 5]);
  expect(await refused.json()).toMatchObject({ code: 'model_unavailable', variant: 'r512-fp32' });
  // The model was published and then removed, so the alarm needs a person.
  expect(service.lines).toContainEqual(
    expect.objectContaining({ event: 'model_corrupt', problem: expect.stringContaining('holds no'), level: 50 }),
  );
  expect((await service.read('')).status).toBe(201);
  writeFileSync(objectOf(published.path, cold), bytes);
  await expect
    .poll(async () => (await service.read('?findings=Mass&variant=r512-fp32')).status, {
      timeout: 60_000,
      interval: 500,
    })
    .toBe(201);
});

test('a corrupt model is refused by its digest, with an alarm, and never used', async () => {
  const published = await store();
  const service = await open(published);
  const cold = service.serving().catalog.variants.find(({ id }) => id === 'r512-fp32');
  if (!cold) throw new Error('the bundled family has it');
  const whole = readFileSync(objectOf(published.path, cold));
  for (const spoilt of [whole.subarray(0, 1000), Buffer.concat([whole.subarray(1), Buffer.alloc(1)])]) {
    writeFileSync(objectOf(published.path, cold), spoilt);
    const said = service.lines.length;
    const refused = await service.read('?findings=Mass&variant=r512-fp32');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'model_corrupt', variant: 'r512-fp32' });
    expect(service.lines.slice(said)).toContainEqual(
      expect.objectContaining({ event: 'model_corrupt', variant: 'r512-fp32', level: 50 }),
    );
    expect(readdirSync(join(published.data, 'models', 'sha256'))).not.toContain(cold.sha256);
  }
});

/** New threads can be ended by the test, as a deadline or the memory guard ends them. */
function threads() {
  const all: Worker[] = [];
  const add = (worker: Worker) => all.push(worker);
  process.on('worker', add);
  onTestFinished(() => void process.off('worker', add));
  return { end: () => Promise.all(all.splice(0).map((worker) => worker.terminate())) };
}

/** The first model of a request without parameters, in the cache of a service. */
const usualIn = ({ router }: { router: Router }, data: string) =>
  join(data, 'models', 'sha256', usualVariants(router)[0]?.sha256 ?? '');

type Opened = Awaited<ReturnType<typeof open>>;
const ready = async ({ fetch }: Opened) => (await fetch(new Request('http://localhost/health/ready'))).status;
const until = (held: () => Promise<void>) => vi.waitFor(held, { timeout: 60_000, interval: 100 });

test.each([
  ['gone', rmSync],
  ['spoilt', (path: string) => writeFileSync(path, readFileSync(path).subarray(1000))],
])('a thread that replaces another downloads a model again whose file is %s', async (what, damage) => {
  const published = await store();
  const started = threads();
  const service = await open(published);
  damage(usualIn(service, published.data));
  expect([(await service.read('', another())).status, await ready(service)], 'it is in memory').toEqual([201, 200]);
  await started.end();
  await until(async () => expect((await service.read('', another())).status).toBe(201));
  await until(async () => expect(await ready(service)).toBe(200));
  for (let i = 0; i < 4; i++) expect((await service.read('', another())).status).toBe(201);
  expect(events(service.lines).includes('model_corrupt')).toBe(what === 'spoilt');
});

test('the service is not ready while a preloaded model is missing, and downloads it when the store is back', async () => {
  const published = await store();
  const started = threads();
  const service = await open(published);
  const lost = usualVariants(service.router)[0];
  if (!lost) throw new Error('there is one');
  const object = objectOf(published.path, lost);
  const bytes = readFileSync(object);
  rmSync(object);
  rmSync(usualIn(service, published.data));
  await started.end();
  await until(async () => expect(await ready(service)).toBe(503));
  const refused = await service.read('', another());
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({ code: 'model_unavailable', variant: lost.id });
  writeFileSync(object, bytes);
  await until(async () => expect(await ready(service)).toBe(200));
  expect((await service.read('', another())).status).toBe(201);
});

test('a corrupt model in a folder raises the alarm when a thread loads it, and is used after its repair', async () => {
  const models = variation();
  const started = threads();
  const service = await open({ data: folder() }, { ALARA_MODELS: models });
  const path = join(models, name, usualVariants(service.router)[0]?.file ?? '');
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(1));
  await started.end();
  await until(async () => expect(await ready(service)).toBe(503));
  expect((await service.read('', another())).status).toBe(503);
  await until(async () => expect(events(service.lines)).toContain('model_corrupt'));
  writeFileSync(path, bytes);
  await until(async () => expect(await ready(service)).toBe(200));
  expect((await service.read('', another())).status).toBe(201);
});

test('a promoted family that cannot be downloaded is not refused: it is loaded when the store is back', async () => {
  const published = await store();
  // The store returns the catalog, and then no model.
  const away = new Set<string>();
  const objects: Objects = {
    ...published.objects,
    head: async (key) => {
      if (away.has(key)) throw new StoreUnavailable('503 SlowDown');
      return published.objects.head(key);
    },
  };
  const lines: Line[] = [];
  // A refused family would not be tried again for two hours.
  const config = readConfig({ ALARA_WORKERS: '1', ALARA_POINTER_SECONDS: '3600', ALARA_DATA: published.data });
  const cache = openModelCache(join(published.data, 'models'), 1e9);
  const source = publishedSource(openPublished(objects, name, 'live', cache), config, logTo(lines));
  const first = await source.first();
  onTestFinished(() => first.engine.close());
  await first.engine.ready;
  await publishUnchecked(published.objects, retrained());
  await published.live();
  for (const { sha256 } of first.router.family.catalog.variants) {
    await cache.drop(sha256);
    away.add(keys(name).object(sha256));
  }
  for (let i = 0; i < 3; i++) expect(await source.next?.(first)).toBeUndefined();
  expect(new Set(events(lines))).toEqual(new Set(['model_unavailable', 'models_away']));
  away.clear();
  const next = await vi.waitUntil(() => source.next?.(first), { timeout: 60_000, interval: 500 });
  onTestFinished(() => next?.engine.close());
  expect(next?.router.family.catalog.provenance.dataset).toBe('the same, told otherwise');
});

describe('the model cache', () => {
  test('in a read-only folder is a wrong setting, named in the error', async () => {
    const published = await store();
    const file = join(folder(), 'not-a-folder');
    writeFileSync(file, '');
    const opened = open(published, { ALARA_MODEL_CACHE: join(file, 'models') });
    await expect(opened).rejects.toThrow(ConfigError);
    await expect(opened).rejects.toThrow(/^ALARA_MODEL_CACHE=/);
  });

  test.each(['EROFS', 'ENOSPC', 'EACCES'])(
    'with %s while it serves gives a 503 and an error in the log',
    async (code) => {
      const router = openRouter(readConfig({}));
      const lines: Line[] = [];
      const full = { fetch: () => Promise.reject(Object.assign(new Error('no'), { code })) } as unknown as Published;
      const ensureModels = modelDownloads(router, full, { deadlineMs: 1000, queue: 1 }, logTo(lines));
      const refused = await ensureModels(unwrap(router.plan(cold(router))), true);
      expect(refused).toMatchObject({ ok: false, fault: { code: 'model_unavailable' } });
      expect(lines).toMatchObject([{ event: 'model_cache_unwritable', level: 50 }]);
    },
  );
});

test('a start without the store uses the last served family', async () => {
  const published = await store();
  const first = await open(published);
  const { digest } = first.serving();
  await first.close();
  const away = folder();
  rmSync(published.path, { recursive: true });
  // The address is the same, and no server listens there.
  writeFileSync(published.path, 'not a folder');
  const service = await open(published);
  expect(service.serving().digest).toBe(digest);
  expect(events(service.lines)).toContain('pointer_unreadable');
  expect((await service.read('')).status).toBe(201);
  await expect(open({ path: published.path, data: away })).rejects.toThrow(
    /a part of its path is a file, not a folder/,
  );
});

describe.skipIf(!hasAws)('on S3 (npm run pretest)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
    for (const [key, value] of Object.entries(aws.environment)) vi.stubEnv(key, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await aws?.close();
  });

  test('serves a family, replaces it, and continues while S3 is unavailable, also across a restart', {
    timeout: 90_000,
  }, async () => {
    const ALARA_MODELS = `s3://${aws.bucket}/alara`;
    const objects = await openObjects(ALARA_MODELS);
    await publishUnchecked(objects, 'models');
    const live = () => promote(objects, name, { from: 'canary', to: 'live', margin: 0.02, device: 'cpu', signOff });
    await live();
    const data = folder();
    const service = await open({ data }, { ALARA_MODELS });
    expect((await service.read('')).status).toBe(201);

    await publishUnchecked(objects, retrained());
    await live();
    await service.look();
    const { digest } = service.serving();
    expect((await (await service.read('')).json()).catalog).toBe(`sha256:${digest}`);
    expect(service.serving().catalog.provenance.dataset).toBe('the same, told otherwise');

    await aws.s3.stop();
    try {
      await service.look();
      expect(events(service.lines)).toContain('models_not_looked_up');
      expect((await service.read('', another())).status).toBe(201);
      const cold = await service.read('?findings=Mass&variant=r512-fp32');
      expect([cold.status, cold.headers.get('retry-after')]).toEqual([503, '5']);
      await service.close();
      const again = await open({ data }, { ALARA_MODELS });
      expect(again.serving().digest).toBe(digest);
      expect((await again.read('', another())).status).toBe(201);
      await expect(open({ data: folder() }, { ALARA_MODELS })).rejects.toThrow('S3 does not answer');
      await aws.s3.start();
      await expect
        .poll(async () => (await again.read('?findings=Mass&variant=r512-fp32')).status, {
          timeout: 60_000,
          interval: 500,
        })
        .toBe(201);
    } finally {
      await aws.s3.start();
    }
  });
});
