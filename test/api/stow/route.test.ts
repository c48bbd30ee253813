import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { jobId } from '../../../functions/core/job.ts';
import { fileMeta } from '../../../functions/decode/dicom/parse/meta-group.ts';
import { parseParameters } from '../../../functions/routing/parameters.ts';
import type { Dataset } from '../../support/dicom/element.ts';
import { sopClasses, text } from '../../support/dicom/instance.ts';
import { tags } from '../../support/dicom/tags.ts';
import { unwrap } from '../../support/family.ts';
import { film, filmUid, lateral, studyUid } from '../../support/pacs/films.ts';
import { openService, resolved, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_MAX_UPLOAD_MB: '1' });
});
afterAll(() => service?.close());

const boundary = 'alara-stow';
type Part = Uint8Array | { readonly type: string; readonly bytes: Uint8Array };
const multipart = (parts: readonly Part[], end = `\r\n--${boundary}--\r\n`) =>
  new Uint8Array(
    Buffer.concat([
      ...parts.flatMap((part) => {
        const { type, bytes } = part instanceof Uint8Array ? { type: 'application/dicom', bytes: part } : part;
        return [Buffer.from(`\r\n--${boundary}\r\nContent-Type: ${type}\r\n\r\n`), bytes];
      }),
      Buffer.from(end),
    ]),
  );
const related = `multipart/related; type="application/dicom"; boundary=${boundary}`;
const send = (body: Uint8Array<ArrayBuffer>, path = '/dicom-web/studies', headers: Record<string, string> = {}) =>
  service.app.request(path, { method: 'POST', headers: { 'content-type': related, ...headers }, body });
const store = (parts: readonly Part[], path?: string) => send(multipart(parts), path);

type Item = Record<string, { vr: string; Value?: (string | number)[] }>;
/** The items of a sequence of the answer: SOP Instance UID, or undefined, and the reason. */
const items = (answer: Record<string, { Value?: Item[] }>, sequence: string) =>
  (answer[sequence]?.Value ?? []).map((item) => [
    item['00081155']?.Value?.[0],
    (item['00081196'] ?? item['00081197'])?.Value?.[0],
  ]);
const outcome = async (response: Response) => {
  const answer = await response.json();
  return {
    status: response.status,
    taken: items(answer, '00081199'),
    failed: items(answer, '00081198'),
    other: items(answer, '0008119A'),
  };
};
const jobsOf = (response: Response) =>
  [...(response.headers.get('link') ?? '').matchAll(/<[./]+(\/v1\/jobs\/job_[0-9a-f]{64})>; rel="monitor"/g)].map(
    ([, path = '']) => path,
  );
const ended = async (path: string) => {
  const look = async () => (await service.app.request(path)).json();
  await vi.waitFor(async () => expect(['done', 'failed', 'dead']).toContain((await look()).state), { timeout: 60_000 });
  return look();
};
const blobs = () => readdirSync(join(service.data, 'blobs'));

describe('STOW-RS', () => {
  test('accepts a film, reads it, and keeps its patient beside the reading', async () => {
    const response = await store([await film('one')]);
    expect(response.headers.get('content-type')).toBe('application/dicom+json');
    const [job = '', ...more] = jobsOf(response);
    expect(more).toEqual([]);
    const body = await response.json();
    expect([response.status, body]).toEqual([
      200,
      {
        '00081190': { vr: 'UR' },
        '00081199': {
          vr: 'SQ',
          Value: [
            {
              '00081150': { vr: 'UI', Value: [sopClasses.digitalXRayForPresentation] },
              '00081155': { vr: 'UI', Value: [filmUid('one', 1)] },
              '00081190': { vr: 'UR' },
            },
          ],
        },
      },
    ]);
    const { state, kind, outcomes } = await ended(job);
    expect([state, kind, outcomes]).toEqual([
      'done',
      'instances',
      [{ sopInstanceUid: filmUid('one', 1), reading: expect.stringMatching(/^rd_/) }],
    ]);
    const { reading } = outcomes[0];
    expect((await service.app.request(`/v1/readings/${reading}`)).status).toBe(200);
    const kept = await service.platform.readings.get('local', reading);
    expect(kept?.instance?.studyInstanceUid).toBe(studyUid('one'));
    await vi.waitFor(() => expect(blobs()).toEqual([]));
  });

  test('answers each instance separately: one good, one that is not DICOM, one that is damaged', async () => {
    const damaged = (await film('two', 2)).subarray(0, 600);
    const response = await store([await film('two'), Buffer.from('this is not DICOM'), damaged]);
    expect(await outcome(response)).toEqual({
      status: 202,
      taken: [[filmUid('two', 1), undefined]],
      failed: [[filmUid('two', 2), 0xc000]],
      other: [[undefined, 0xc000]],
    });
    expect(jobsOf(response)).toHaveLength(1);
  });

  test('accepts 30 instances of three studies as three jobs; the same instances in another order are the same jobs', async () => {
    const films = await Promise.all(Array.from({ length: 30 }, (_, i) => film(`of three ${i % 3}`, (1 + i / 3) | 0)));
    const first = await store(films);
    const { status, taken, failed } = await outcome(first);
    expect([status, taken.length, failed]).toEqual([200, 30, []]);
    const jobs = jobsOf(first);
    expect(jobs).toHaveLength(3);
    const outcomes = [];
    for (const job of jobs) outcomes.push(...(await ended(job)).outcomes);
    expect(new Set(outcomes.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(30);
    for (const one of outcomes) expect(one).toMatchObject({ reading: expect.stringMatching(/^rd_/) });

    const read = vi.spyOn(service.engine, 'read');
    const again = await store(films.toReversed());
    expect(again.status).toBe(200);
    expect(jobsOf(again).toSorted()).toEqual(jobs.toSorted());
    for (const job of jobsOf(again)) expect((await ended(job)).state).toBe('done');
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
    await vi.waitFor(() => expect(blobs()).toEqual([]));
  });

  test('accepts an instance once that one request contains twice', async () => {
    const twice = await film('twice');
    const response = await store([twice, twice]);
    expect((await outcome(response)).taken).toHaveLength(2);
    const [job = ''] = jobsOf(response);
    expect((await ended(job)).outcomes).toHaveLength(1);
    await vi.waitFor(() => expect(blobs()).toEqual([]));
  });

  test('links to the job from the called address, also behind a stage of a gateway', async () => {
    for (const path of ['/dicom-web/studies', `/dicom-web/studies/${studyUid('linked')}`]) {
      const response = await store([await film('linked')], path);
      const [, reference = ''] = /<(.+)>/.exec(response.headers.get('link') ?? '') ?? [];
      const job = resolved(reference, path);
      expect(resolved(reference, `/prod${path}`)).toBe(`/prod${job}`);
      expect((await ended(job)).state).toBe('done');
    }
  });

  test('stores the first of two films with one SOP Instance UID; the second fails and is not acknowledged', async () => {
    const other = [text(tags.SeriesNumber, 'IS', '7')];
    const response = await store([await film('twins'), await film('twins', 1, other), await film('twins')]);
    const uid = filmUid('twins', 1);
    expect(await outcome(response)).toEqual({
      ...{ status: 202, other: [] },
      taken: [
        [uid, undefined],
        [uid, undefined],
      ],
      failed: [[uid, 0x0110]],
    });
    const { state, outcomes } = await ended(jobsOf(response)[0] ?? '');
    expect([state, outcomes]).toEqual(['done', [{ sopInstanceUid: uid, reading: expect.stringMatching(/^rd_/) }]]);
    await vi.waitFor(() => expect(blobs()).toEqual([]));
  });

  test('acknowledges other instances of a PACS with a warning', async () => {
    const report = [text(tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.88.33'), text(tags.Modality, 'CS', 'SR')];
    const own = [text(tags.Manufacturer, 'LO', 'Alara')];
    const raw = [text(tags.PresentationIntentType, 'CS', 'FOR PROCESSING')];
    const hand = [text(tags.BodyPartExamined, 'CS', 'HAND')];
    const others = [lateral, report, own, raw, hand];
    const along = await Promise.all(others.map((change, i) => film('mixed', 2 + i, change)));
    const warned = others.map((_, i) => [filmUid('mixed', 2 + i), 0xb006]);

    const mixed = await store([await film('mixed'), ...along]);
    const [job = '', ...more] = jobsOf(mixed);
    expect(more).toEqual([]);
    expect(await outcome(mixed)).toEqual({
      ...{ status: 202, failed: [], other: [] },
      taken: [[filmUid('mixed', 1), undefined], ...warned],
    });
    expect((await ended(job)).outcomes).toHaveLength(1);

    const alone = await store(along);
    expect(jobsOf(alone)).toEqual([]);
    expect(await outcome(alone)).toEqual({ status: 202, failed: [], other: [], taken: warned });
  });

  test('refuses instances of another study than the study in the URL', async () => {
    const path = `/dicom-web/studies/${studyUid('mine')}`;
    const response = await store([await film('other')], path);
    expect(jobsOf(response)).toEqual([]);
    expect(await outcome(response)).toEqual({
      ...{ status: 409, taken: [], other: [] },
      failed: [[filmUid('other', 1), 0xa900]],
    });
    expect((await outcome(await store([await film('mine'), await film('other')], path))).status).toBe(202);
    expect(await (await store([await film('mine')], '/dicom-web/studies/no-uid')).json()).toMatchObject({
      code: 'invalid_parameter',
    });
  });

  test('names the object of a part that is too large, and accepts the others', async () => {
    const large = Buffer.concat([await film('large', 2), Buffer.alloc(1_000_000)]);
    expect(await outcome(await store([large, await film('large')]))).toEqual({
      ...{ status: 202, other: [] },
      taken: [[filmUid('large', 1), undefined]],
      failed: [[filmUid('large', 2), 0xa700]],
    });
  });

  describe('a part that is longer than its inspected beginning', () => {
    let large: Service;
    beforeAll(async () => {
      large = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_MAX_UPLOAD_MB: '64' });
    });
    afterAll(() => large?.close());
    /** Pieces of the size of network packets. */
    const pieces = (body: Uint8Array<ArrayBuffer>) => {
      let at = 0;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= body.length) return controller.close();
          controller.enqueue(body.slice(at, at + 65_536));
          at += 65_536;
        },
      });
    };
    const store = async (...parts: Part[]) => {
      const body = pieces(multipart(parts));
      const init = { method: 'POST', headers: { 'content-type': related }, body, duplex: 'half' };
      return large.app.request('/dicom-web/studies', init as RequestInit);
    };
    const kept = async () => {
      const [job] = await large.platform.jobs.list({ limit: 1 });
      const input = job?.input;
      const [instance] = input?.kind === 'instances' ? input.instances : [];
      return instance && large.platform.blobs.get(instance.blob);
    };
    const files = () => readdirSync(join(large.data, 'blobs')).length;
    const fragments = [new Uint8Array(0), ...Array.from({ length: 3 }, (_, i) => new Uint8Array(400_000).fill(i))];
    const inFragments = (study: string) =>
      film(study, 1, [{ tag: tags.PixelData, vr: 'OB', fragments }]).then((bytes) => {
        const at = bytes.indexOf('1.2.840.10008.1.2.1\0');
        return Buffer.concat([bytes.subarray(0, at), Buffer.from('1.2.840.10008.1.2.5\0'), bytes.subarray(at + 20)]);
      });
    const bytesBefore = (bytes: number): [Dataset[number]] => [
      { tag: 0x0009_1010, vr: 'OB', value: new Uint8Array(bytes) },
    ];

    test('is kept unchanged, and the reading has the same id as for a single piece', async () => {
      const bytes = new Uint8Array(await film('long', 1, [{ tag: 0x7fe1_1010, vr: 'OB', value: new Uint8Array(3e6) }]));
      const response = await store(bytes);
      expect(await outcome(response)).toMatchObject({ status: 200, taken: [[filmUid('long', 1), undefined]] });
      expect(Buffer.from((await kept()) ?? []).equals(bytes)).toBe(true);
      const request = unwrap(parseParameters({}, large.router.vocabulary));
      const reading = await large.router.identify('local', bytes, request);
      const identity = { kind: 'instances', tenant: 'local', studyInstanceUid: studyUid('long'), readings: [reading] };
      expect(jobsOf(response)).toEqual([`/v1/jobs/${await jobId(identity)}`]);
    });

    test('with fragmented pixel data is kept as well', async () => {
      const bytes = await inFragments('fragments');
      expect(await outcome(await store(bytes))).toMatchObject({ status: 200, failed: [] });
      expect(Buffer.from((await kept()) ?? []).equals(bytes)).toBe(true);
    });

    test('that is cut off within its pixels fails, and nothing of it is kept', async () => {
      const before = files();
      const [words, items] = [await film('cut'), await inFragments('cut')];
      for (const [i, bytes] of [
        words.subarray(0, -1),
        items.subarray(0, 900_000),
        words.subarray(0, 263_000),
      ].entries())
        expect(await outcome(await store(bytes)), `${i}`).toEqual({
          ...{ status: 409, taken: [], other: [] },
          failed: [[filmUid('cut', 1), 0xc000]],
        });
      expect(files()).toBe(before);
    });

    test('with a header of some megabytes is read to the end; an endless header is given up, and the next part is read', async () => {
      const long = await film('private', 1, bytesBefore(5_000_000));
      const endless = await film('private', 2, bytesBefore(20_000_000));
      const answer = await outcome(await store(long, endless, await film('private', 3)));
      expect(answer.taken).toEqual([1, 3].map((n) => [filmUid('private', n), undefined]));
      expect(answer.failed).toEqual([[filmUid('private', 2), 0xc000]]);
    });

    test('of an unread SOP class is acknowledged, for any length, and is never written to the disk', async () => {
      const put = vi.spyOn(large.platform.blobs, 'put');
      const pdf = [text(tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.104.1'), ...bytesBefore(30_000_000)];
      const others = [await film('along', 1, pdf), await film('along', 2, [...lateral, ...bytesBefore(1000)])];
      expect(await outcome(await store(...others))).toMatchObject({
        status: 202,
        taken: [1, 2].map((n) => [filmUid('along', n), 0xb006]),
      });
      expect(put).not.toHaveBeenCalled();
      put.mockRestore();
    });

    test('is refused with Retry-After when memory is full, and the memory is free afterwards', async () => {
      const narrow = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_BUFFER_MB: '16' });
      try {
        const bytes = multipart([await film('narrow', 1, bytesBefore(1_000_000))]);
        const ask = (body: ReadableStream<Uint8Array>) => {
          const init = { method: 'POST', headers: { 'content-type': related }, body, duplex: 'half' };
          return narrow.app.request('/dicom-web/studies', init as RequestInit);
        };
        // The number of senders that fill the memory one after the other.
        const slow: { readonly answer: Promise<Response>; readonly end: () => Promise<void> }[] = [];
        for (let i = 0; i < 40; i++) {
          const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
          const writer = writable.getWriter();
          void writer.write(new Uint8Array(bytes.subarray(0, 500_000))).catch(() => undefined);
          slow.push({ answer: Promise.resolve(ask(readable)), end: () => writer.close().catch(() => undefined) });
          await delay(5);
        }
        const early = await Promise.race(slow.map(({ answer }) => answer));
        expect([early.status, (await early.json()).code]).toEqual([503, 'queue_full']);
        expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(0);
        for (const { end } of slow) void end();
        const answers = await Promise.all(slow.map(({ answer }) => answer));
        // Accepted requests end with 400 when their senders close. One tenant gets three quarters of the memory; each sender takes 1.5 MB.
        const statuses = Object.groupBy(answers, ({ status }) => status);
        expect(Object.keys(statuses)).toEqual(['400', '503']);
        expect(statuses[400]).toHaveLength(8);
        expect((await ask(pieces(bytes))).status).toBe(200);
      } finally {
        await narrow.close();
      }
    });

    test('of several senders in the same tick is stored if it fits into memory', async () => {
      const narrow = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_BUFFER_MB: '16' });
      try {
        const bytes = multipart([await film('same tick', 1, bytesBefore(1_000_000))]);
        const ask = () =>
          narrow.app.request('/dicom-web/studies', {
            method: 'POST',
            headers: { 'content-type': related },
            body: bytes,
          });
        const answers = await Promise.all(Array.from({ length: 40 }, ask));
        const statuses = Map.groupBy(answers, ({ status }) => status);
        expect([...statuses.keys()].toSorted()).toEqual([200, 503]);
      } finally {
        await narrow.close();
      }
    });
  });

  test('reports an unsupported transfer syntax, because the sender may have another', async () => {
    const bytes = await film('video');
    const at = bytes.indexOf('1.2.840.10008.1.2.1\0');
    Buffer.from('1.2.840.10008.1.2.9\0').copy(bytes, at);
    expect((await outcome(await store([bytes]))).failed).toEqual([[filmUid('video', 1), 0xc122]]);
  });

  test.each([
    [
      'another boundary',
      () => multipart([new Uint8Array(9)]),
      `multipart/related; type="application/dicom"; boundary=other`,
      'malformed_stow',
      400,
    ],
    ['no boundary', () => multipart([]), 'multipart/related; type="application/dicom"', 'malformed_stow', 400],
    ['no parts', () => new Uint8Array(Buffer.from(`--${boundary}--`)), related, 'malformed_stow', 400],
    ['an empty body', () => new Uint8Array(), related, 'malformed_stow', 400],
    [
      'metadata and bulk data',
      () => multipart([]),
      `multipart/related; type="application/dicom+json"; boundary=${boundary}`,
      'unsupported_media_type',
      415,
    ],
    [
      'no type for the parts',
      () => multipart([]),
      `multipart/related; boundary=${boundary}`,
      'unsupported_media_type',
      415,
    ],
    ['a form', () => multipart([]), `multipart/form-data; boundary=${boundary}`, 'unsupported_media_type', 415],
    ['an image', () => multipart([]), 'image/jpeg', 'unsupported_media_type', 415],
    ['text without a type', () => new Uint8Array(1000), '', 'unsupported_media_type', 415],
    ['less than a signature', () => new Uint8Array(100), 'application/octet-stream', 'unsupported_media_type', 415],
  ])('refuses %s, and names the accepted types of STOW-RS', async (_, body, type, code, status) => {
    const response = await send(body(), undefined, { 'content-type': type });
    const problem = await response.json();
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(problem.fix).toMatch(/multipart\/related; type="application\/dicom"; boundary=.*application\/dicom/);
    expect(problem.fix).not.toContain('image/');
  });

  test.each([
    ['application/dicom'],
    ['Application/Dicom; transfer-syntax=1.2.840.10008.1.2.1'],
    ['application/octet-stream'],
    ['application/x-www-form-urlencoded'],
    [''],
  ])('accepts one instance as the body, sent as %s', async (type) => {
    for (const path of ['/dicom-web/studies', `/dicom-web/studies/${studyUid('single')}`]) {
      const response = await send(new Uint8Array(await film('single')), path, { 'content-type': type });
      expect(jobsOf(response)).toHaveLength(1);
      expect(await outcome(response)).toEqual({
        ...{ status: 200, failed: [], other: [] },
        taken: [[filmUid('single', 1), undefined]],
      });
    }
    const broken = await send(new Uint8Array(await film('single')).subarray(0, 600), undefined, {
      'content-type': type,
    });
    expect(await outcome(broken)).toMatchObject({ status: 409, failed: [[filmUid('single', 1), 0xc000]] });
  });

  test.each([
    // dcm4che, Weasis and Karnak, dicomweb-client (PyPI), fo-dicom, and senders that put the parameter inside the quotes.
    [`multipart/related; type="application/dicom"; boundary=${boundary}`],
    [`multipart/related;type="application/dicom";boundary=${boundary}`],
    [`multipart/related; boundary="${boundary}"; type="application/dicom"`],
    [`multipart/related; type=application/dicom; boundary=${boundary}`],
    [`multipart/related; type="application/dicom; transfer-syntax=1.2.840.10008.1.2.1"; boundary=${boundary}`],
    [`multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2.1; boundary=${boundary}`],
    [`Multipart/Related; Type="Application/DICOM;transfer-syntax=*" ; start="<1>"; Boundary="${boundary}"`],
  ])('accepts the Content-Type %s', async (type) => {
    expect((await send(multipart([await film('types')]), undefined, { 'content-type': type })).status).toBe(200);
  });

  test('accepts a boundary with characters outside of RFC 2046', async () => {
    const odd = '{b}<1>@[x]&%';
    const body = Buffer.concat([Buffer.from(`--${odd}\r\n\r\n`), await film('types'), Buffer.from(`\r\n--${odd}--`)]);
    const type = `multipart/related; type="application/dicom"; boundary="${odd}"`;
    expect((await send(new Uint8Array(body), undefined, { 'content-type': type })).status).toBe(200);
  });

  describe('a header fault is a failure and is never acknowledged', () => {
    const reportClass = '1.2.840.10008.5.1.4.1.1.88.33';
    const report = [text(tags.SOPClassUID, 'UI', reportClass), text(tags.Modality, 'CS', 'SR')];
    /** The file with another text of the same length after or within the file meta information. */
    const changed = (bytes: Buffer, from: string, to: string, within: 'meta' | 'data set') => {
      const first = bytes.indexOf(from);
      const at = within === 'meta' ? first : bytes.indexOf(from, first + 1);
      expect(at).toBeGreaterThan(0);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(to), bytes.subarray(at + to.length)]);
    };
    const removed = (tag: number): Dataset => [text(tag, 'UI', '')];

    test.each<[string, () => Promise<Buffer>, number]>([
      [
        'an invalid SOP class',
        async () =>
          changed(
            await film('fault', 1, lateral),
            sopClasses.digitalXRayForPresentation,
            'CR Image Storage',
            'data set',
          ),
        0xc000,
      ],
      [
        'another SOP class than in its file meta information',
        async () =>
          changed(
            await film('fault', 1),
            sopClasses.digitalXRayForPresentation,
            '1.2.840.10008.5.1.4.1.1.88.1',
            'data set',
          ),
        0xa900,
      ],
      ['a report without a Study Instance UID', () => film('fault', 1, report, removed(tags.StudyInstanceUID)), 0xc000],
      [
        'a lateral with a malformed Study Instance UID',
        () => film('fault', 1, lateral, [text(tags.StudyInstanceUID, 'UI', '1.2.x')]),
        0xc000,
      ],
      [
        'a lateral without a Series Instance UID',
        () => film('fault', 1, lateral, removed(tags.SeriesInstanceUID)),
        0xc000,
      ],
      [
        'an object of ours without a Study Instance UID',
        () => film('fault', 1, [text(tags.Manufacturer, 'LO', 'Alara')], removed(tags.StudyInstanceUID)),
        0xc000,
      ],
    ])('%s', async (_, bytes, reason) => {
      const { status, taken, failed, other } = await outcome(await store([await bytes()]));
      expect([status, taken, [...failed, ...other]]).toEqual([409, [], [[expect.anything(), reason]]]);
    });

    test('an SOP class that only the file meta information has is read, or fails', async () => {
      // Group 0002 has its length at byte 140; its elements follow.
      const dataSetAt = (bytes: Buffer) => 144 + bytes.readUInt32LE(140);
      const [sound, without] = [await film('fault', 2), await film('fault', 2, removed(tags.SOPClassUID))];
      const bytes = Buffer.concat([sound.subarray(0, dataSetAt(sound)), without.subarray(dataSetAt(without))]);
      expect(fileMeta(bytes)?.sopClassUid).toBe(sopClasses.digitalXRayForPresentation);
      const { status, taken, failed, other } = await outcome(await store([bytes]));
      for (const [, warning] of taken) expect(warning).toBeUndefined();
      expect([200, 409]).toContain(status);
      expect(taken.length + failed.length + other.length).toBe(1);
    });

    test('also beside a sound lateral film, which is acknowledged', async () => {
      const broken = await film('fault', 3, lateral, removed(tags.StudyInstanceUID));
      expect(await outcome(await store([await film('fault', 4, lateral), broken]))).toEqual({
        ...{ status: 202, other: [] },
        taken: [[filmUid('fault', 4), 0xb006]],
        failed: [[filmUid('fault', 3), 0xc000]],
      });
    });
  });

  test('keeps nothing of a body that breaks off, also of its complete parts', async () => {
    const before = blobs();
    const response = await send(multipart([await film('broken', 1), await film('broken', 2)], '\r\n'));
    expect([response.status, (await response.json()).code]).toEqual([400, 'malformed_stow']);
    expect(before).toEqual(expect.arrayContaining(blobs()));
    expect(await service.platform.jobs.list({ limit: 1000 })).not.toContainEqual(
      expect.objectContaining({ input: expect.objectContaining({ studyInstanceUid: studyUid('broken') }) }),
    );
  });

  test.each([
    ['', 'json'],
    ['*/*', 'json'],
    ['application/*', 'json'],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'json'],
    ['application/dicom+json', 'json'],
    ['application/json', 'json'],
    ['application/dicom+json, application/dicom+xml', 'json'],
    ['application/dicom+xml, */*;q=0.1', 'xml'],
    ['application/dicom+xml;q=0.9, application/*;q=0.5', 'xml'],
    ['application/dicom+xml;q=0.5, application/dicom+json', 'json'],
    ['application/dicom+json;q=0.2, application/dicom+xml;q=0.8', 'xml'],
    ['*/*, application/dicom+json;q=0', 'xml'],
    ['application/dicom+xml', 'xml'],
    ['Application/DICOM+XML', 'xml'],
    ['application/xml', 'xml'],
    ['text/xml', 'xml'],
    ['application/dicom+xml;q=0', undefined],
    ['multipart/related; type="application/dicom+xml"', undefined],
    ['text/html', undefined],
  ])('with Accept: %s answers in %s', async (accept, form) => {
    const response = await send(multipart([await film('accept')]), undefined, { accept });
    expect([response.status, response.headers.get('content-type')]).toEqual(
      form ? [200, `application/dicom+${form}`] : [406, 'application/problem+json'],
    );
    if (!form)
      expect(await response.json()).toMatchObject({
        ...{ code: 'not_acceptable', available: ['application/dicom+json', 'application/dicom+xml'] },
      });
  });

  test('accepts a part with no type, another type or no header: its bytes decide', async () => {
    const bytes = await film('typed');
    for (const headers of [
      '\r\n',
      '',
      'X-Other: 1\r\n\r\n',
      'Content-Type: application/octet-stream\r\n\r\n',
      'Content-Type: image/jpeg\r\n\r\n',
    ]) {
      const part = Buffer.from(`--${boundary}\r\n${headers}`);
      const body = Buffer.concat([part, bytes, Buffer.from(`\r\n--${boundary}--`)]);
      expect((await send(new Uint8Array(body))).status, headers).toBe(200);
    }
    const jpeg = Buffer.from('ffd8ffe000104a46494600', 'hex');
    expect(await outcome(await store([jpeg]))).toMatchObject({ status: 409, other: [[undefined, 0xc000]] });
  });

  test('a film that turns out to be blank is an outcome of the job', async () => {
    const bytes = await film('blank');
    const pixels = bytes.length - 512 * 512;
    const response = await store([bytes.fill(128, pixels)]);
    expect(response.status).toBe(200);
    const { state, outcomes } = await ended(jobsOf(response)[0] ?? '');
    expect([state, outcomes]).toEqual([
      'done',
      [{ sopInstanceUid: filmUid('blank', 1), refused: expect.objectContaining({ code: 'blank_image', status: 422 }) }],
    ]);
  });

  test('a given-up job is processed again when its films come again', async () => {
    const bytes = await film('revived');
    const first = await store([bytes]);
    const [path = ''] = jobsOf(first);
    const id = path.slice('/v1/jobs/'.length);
    await ended(path);
    await service.platform.jobs.update(id, (job) => ({ ...job, state: 'dead', outcomes: [], attempts: 8 }));
    const again = await store([bytes]);
    expect(jobsOf(again)).toEqual([path]);
    expect(await ended(path)).toMatchObject({ state: 'done', attempts: 1 });
    await vi.waitFor(() => expect(blobs()).toEqual([]));
  });
});

describe('file meta information', () => {
  test('names the object of a file, and throws for no prefix of the file', async () => {
    const bytes = await film('meta');
    const named = { sopClassUid: sopClasses.digitalXRayForPresentation, sopInstanceUid: filmUid('meta', 1) };
    expect(fileMeta(bytes)).toEqual(named);
    for (let length = 0; length < 500; length++)
      expect([undefined, named]).toContainEqual(fileMeta(bytes.subarray(0, length)));
    expect(fileMeta(bytes.subarray(132))).toBeUndefined();
  });

  test('is read in Implicit VR as well', () => {
    const [sopClassUid, sopInstanceUid] = [sopClasses.computedRadiography, '2.25.12'];
    const element = (number: number, value: string) => {
      const bytes = Buffer.alloc(8 + value.length, value.padStart(8 + value.length));
      bytes.writeUInt16LE(2, 0);
      bytes.writeUInt16LE(number, 2);
      bytes.writeUInt32LE(value.length, 4);
      return bytes;
    };
    const group = [element(1, '\0\x01'), element(2, `${sopClassUid}\0`), element(3, `${sopInstanceUid}\0`)];
    const bytes = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), ...group, Buffer.alloc(12)]);
    expect(fileMeta(bytes)).toEqual({ sopClassUid, sopInstanceUid });
  });
});
