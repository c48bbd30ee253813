import { readFileSync } from 'node:fs';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { advice } from '../../../functions/core/fault-status.ts';
import { ReadingSummary, ReadingView } from '../../../functions/core/reading-view.ts';
import { ms } from '../../../functions/core/units.ts';
import { parseParameters } from '../../../functions/routing/parameters.ts';
import { unwrap } from '../../support/family.ts';
import { film, openService, post, resolved, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_MAX_BODY_MB: '4' });
});
afterAll(() => service?.close());

const native = '00000442_000.png';
const rgba = '00000100_000.png';
const read = async (query: string, name = native, type = 'image/png') => {
  const response = await post(service.app, query, film(name), type);
  expect([200, 201], await response.clone().text()).toContain(response.status);
  return ReadingView.parse(await response.json());
};

describe('POST /v1/readings', () => {
  test('warns of the wrong media type of this request only: the stored reading has no such warning', async () => {
    const codes = async (type: string) =>
      (await read('?findings=Hernia,Consolidation', native, type)).warnings.map(({ code }) => code);
    expect(await codes('image/jpeg')).toEqual(['media_type_mismatch']);
    expect(await codes('image/png')).toEqual([]);
    expect(await codes('application/dicom')).toEqual(['media_type_mismatch']);
    const { id } = await read('?findings=Hernia,Consolidation');
    expect((await (await service.app.request(`/v1/readings/${id}`)).json()).warnings).toEqual([]);
    // The same film by a job.
    const other = await post(service.app, '?findings=Fibrosis', film(native), 'image/jpeg', {
      headers: { 'content-type': 'image/jpeg', prefer: 'respond-async' },
    });
    const { id: job } = await other.json();
    const look = async () => (await service.app.request(`/v1/jobs/${job}`)).json();
    await vi.waitFor(async () => expect((await look()).state).toBe('done'), 60_000);
    const { reading } = (await look()).outcomes[0];
    expect((await (await service.app.request(`/v1/readings/${reading}`)).json()).warnings).toEqual([]);
  });

  test('reads all findings of a film, each with its evidence', async () => {
    const reading = await read('');
    const { catalog } = service.router.family;
    expect(reading.findings.map(({ finding }) => finding)).toEqual(catalog.findings);
    for (const {
      finding,
      variant,
      auroc,
      probability,
      prevalence,
      operatingPoint,
      call,
      passedOver,
    } of reading.findings) {
      const head = catalog.variants.find(({ id }) => id === variant)?.heads[finding];
      const [low, high] = head?.auroc.ci95 ?? [];
      expect(auroc).toEqual({ ...head?.auroc, ci95: { low, high } });
      expect(prevalence).toBe(head?.prevalence);
      const { specific } = head?.operatingPoints ?? expect.fail();
      const [lowest, highest] = specific?.sensitivity.ci95 ?? [];
      expect(operatingPoint).toMatchObject({
        ...{ name: 'specific', low: specific?.low, high: specific?.high },
        ...{ sensitivity: specific?.sensitivity.value, specificity: specific?.specificity.value },
        ci95: { sensitivity: { low: lowest, high: highest } },
      });
      if (call === 'present') expect(probability).toBeGreaterThanOrEqual(operatingPoint.high);
      if (call === 'absent') expect(probability).toBeLessThan(operatingPoint.low);
      if (call === 'indeterminate') expect(operatingPoint.low).toBeLessThan(operatingPoint.high);
      for (const { reason } of passedOver) expect(reason).not.toBe('');
    }
    for (const [id, digest] of Object.entries(reading.models))
      expect(digest).toBe(`sha256:${catalog.variants.find((v) => v.id === id)?.sha256}`);
    expect(reading.notice).toBe('Research use only. Not for diagnosis.');
    expect(reading.film).toEqual({
      ...{ width: 1024, height: 1024, bits: 8 },
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
  });

  test('reads nodules at 448 and emphysema at 512 under the published policy, and warns that the policy was not measured here', async () => {
    const { plan, findings } = await read('?findings=Nodule,Emphysema&policy=sabottke-spieler-2020');
    expect(findings.map(({ finding, basis }) => [finding, basis])).toEqual([
      ['Nodule', 'published'],
      ['Emphysema', 'published'],
    ]);
    // 512 alone satisfies both floors, and is cheaper than 448 and 512 together.
    expect(plan.variants.map(({ resolution }) => resolution)).toEqual([512]);
    const nodule = await read('?findings=Nodule&policy=sabottke-spieler-2020');
    expect(nodule.plan.variants.map(({ resolution }) => resolution)).toEqual([448]);
    expect(nodule.findings[0]?.why).toContain('the published floor for Nodule is 448 px');
    expect(nodule.plan.costVsLargest).toBeLessThan(1);
    const emphysema = await read('?findings=Emphysema&policy=sabottke-spieler-2020');
    expect(emphysema.plan.variants.map(({ resolution }) => resolution)).toEqual([512]);
  });

  test('names the evidence of each policy, and reads fewer pixels where no difference between sizes was shown', async () => {
    const answers = await Promise.all(
      ['chest14-published', 'cheapest'].map((policy) => read(`?findings=Nodule,Emphysema&policy=${policy}`)),
    );
    expect(answers.map(({ plan }) => plan.policy)).toEqual(['chest14-published', 'cheapest']);
    expect(answers.map(({ findings }) => findings.map(({ basis }) => basis))).toEqual([
      ['published', 'published'],
      ['notShown', 'notShown'],
    ]);
    const [published, cheapest] = answers;
    expect(published?.findings[0]?.why).toContain('the floor does not rest on films of this family');
    expect(cheapest?.findings[0]?.why).toMatch(
      /whose difference from the best is not shown .*; not shown is not equal/,
    );
    expect(cheapest?.plan.costMs).toBeLessThan(published?.plan.costMs ?? 0);
  });

  test('calls more findings present at a more sensitive operating point, at equal probabilities', async () => {
    const at = async (name: string) => {
      const { request, findings } = await read(`?findings=Mass,Nodule,Effusion&operatingPoint=${name}`);
      expect(request?.operatingPoint).toBe(name);
      return findings;
    };
    const [sensitive, balanced, specific] = await Promise.all(['sensitive', 'balanced', 'specific'].map(at));
    const probabilities = (findings: typeof specific) => findings?.map(({ probability }) => probability);
    expect(probabilities(sensitive)).toEqual(probabilities(specific));
    specific?.forEach((result, i) => {
      const [more, between] = [sensitive?.[i]?.operatingPoint, balanced?.[i]?.operatingPoint];
      expect(more?.name).toBe('sensitive');
      expect(more?.low).toBeLessThan(between?.low ?? 0);
      expect(between?.low).toBeLessThan(result.operatingPoint.low);
      expect(more?.sensitivity).toBeGreaterThan(result.operatingPoint.sensitivity ?? 1);
      expect(more?.specificity).toBeLessThan(result.operatingPoint.specificity ?? 0);
    });
    expect((await read('?findings=Mass,Nodule,Effusion')).findings).toEqual(specific);
  });

  test('keeps every call at the extremes of the prevalence', async () => {
    const outcomes = async (prevalence: string) =>
      (await read(`?findings=Mass,Effusion&operatingPoint=balanced${prevalence}`)).findings.map(({ call, rank }) => [
        call,
        rank,
      ]);
    const usual = await outcomes('');
    expect(await outcomes(`&prevalence=0.${'0'.repeat(300)}1`)).toEqual(usual);
    expect(await outcomes('&prevalence=0.9999999999999999')).toEqual(usual);
  });

  test('adjusts predictive values and their intervals to the prevalence of the request', async () => {
    const at = async (query: string) => (await read(`?findings=Mass${query}`)).findings[0]?.operatingPoint;
    const [usual, rare] = [await at(''), await at('&prevalence=0.001')];
    expect(rare?.ci95?.sensitivity).toEqual(usual?.ci95?.sensitivity);
    for (const { positivePredictiveValue: value, ci95 } of [usual, rare].filter((point) => point !== undefined)) {
      expect(value).toBeGreaterThan(ci95?.positivePredictiveValue?.low ?? 1);
      expect(value).toBeLessThan(ci95?.positivePredictiveValue?.high ?? 0);
    }
    expect(rare?.positivePredictiveValue).toBeLessThan(usual?.positivePredictiveValue ?? 0);
    expect(rare?.ci95?.negativePredictiveValue?.low).toBeGreaterThan(usual?.ci95?.negativePredictiveValue?.low ?? 1);
  });

  test('reads an RGBA film and a JPEG', async () => {
    expect((await read('?findings=Mass', rgba)).findings).toHaveLength(1);
    const jpeg = new Uint8Array(await sharp(film(native)).jpeg({ quality: 95 }).toBuffer());
    const response = await post(service.app, '?findings=Mass', jpeg, 'image/jpeg');
    expect(response.status).toBe(201);
  });

  test('gives the same reading for a film as 8-bit, 16-bit and RGB PNG', async () => {
    const { data, info } = await sharp(film(native)).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    const raw = { width: info.width, height: info.height, channels: 1 as const };
    const words = Uint16Array.from(data, (v) => v * 257);
    const files = [
      await sharp(data, { raw }).png().toBuffer(),
      await sharp(words, { raw }).toColourspace('grey16').png().toBuffer(),
      await sharp(data, { raw }).toColourspace('srgb').png().toBuffer(),
    ];
    const probabilities = await Promise.all(
      files.map(async (bytes) => {
        const response = await post(service.app, '?findings=Mass,Nodule', new Uint8Array(bytes));
        return ReadingView.parse(await response.json()).findings.map(({ probability }) => probability);
      }),
    );
    const [byte = [], word = [], colour = []] = probabilities;
    expect(colour).toEqual(byte);
    // 16-bit films are resized in 16 bits. The rounding is finer, and the output of an int8 graph changes a little with its input.
    word.forEach((p, i) => {
      expect(Math.abs(p - (byte[i] ?? 0))).toBeLessThan(0.02);
    });
  });

  test('accepts multipart with every boundary of RFC 2046, and bytes that resemble the boundary', async () => {
    const bytes = Buffer.concat([film('00000442_000.png'), Buffer.from('\r\n--A\r--B-\r\n')]);
    const disposition = 'content-disposition: form-data; name=image; filename="a \\" b.png"';
    const head = `--B\r\nContent-Type: image/png\r\n${disposition}\r\n\r\n`;
    const body = new Uint8Array(Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--B--\r\n')]));
    const response = await post(service.app, '?findings=Mass', body, 'multipart/form-data; boundary=B');
    expect(response.status, await response.clone().text()).toBe(201);
    const direct = await post(service.app, '?findings=Mass', new Uint8Array(bytes));
    expect([direct.status, (await direct.json()).id]).toEqual([200, (await response.json()).id]);
  });

  test('accepts multipart with one image part', async () => {
    const form = new FormData();
    form.set('image', new File([film(native)], 'film.png', { type: 'image/png' }));
    const response = await service.app.request('/v1/readings?findings=Mass', { method: 'POST', body: form });
    expect([200, 201]).toContain(response.status);
    expect((await response.json()).findings).toEqual((await read('?findings=Mass')).findings);
  });

  test('gives the same reading for the same film and request: a repeated request is answered from the store', async () => {
    const first = await post(service.app, '?findings=Edema,Mass', film(native));
    const again = await post(service.app, '?findings=Mass,Edema&bestEffort=false', film(native));
    expect([first.status, again.status]).toEqual([201, 200]);
    const reading = await first.json();
    expect(await again.json()).toEqual(reading);
    const location = again.headers.get('location');
    expect(resolved(location, '/v1/readings?findings=Mass')).toBe(`/v1/readings/${reading.id}`);
    expect(resolved(location, '/prod/v1/readings')).toBe(`/prod/v1/readings/${reading.id}`);
    const stored = await service.app.request(`/v1/readings/${reading.id}`);
    expect(await stored.json()).toEqual(reading);
    const other = await (await post(service.app, '?findings=Edema', film(native))).json();
    expect(other.id).not.toBe(reading.id);
  });

  test('adds heat maps on request: one per finding, in the coordinates of the film', async () => {
    const reading = await read('?findings=Mass,Nodule&explain=heatmap');
    for (const { heatmap } of reading.findings) {
      expect(heatmap?.values).toHaveLength((heatmap?.rows ?? 0) * (heatmap?.columns ?? 0));
      expect(new Set(heatmap?.values).size).toBeGreaterThan(1);
      expect(heatmap?.region).toEqual({ left: 0, top: 0, width: 1024, height: 1024 });
    }
    expect((await read('?findings=Mass,Nodule')).findings[0]?.heatmap).toBeUndefined();
  });

  test('recalibrates to a local prevalence without changing the call', async () => {
    const [own] = (await read('?findings=Mass')).findings;
    const [rare] = (await read('?findings=Mass&prevalence=0.001')).findings;
    expect(rare?.probability).toBeLessThan(own?.probability ?? 0);
    expect(rare?.prevalence).toBe(0.001);
    expect(rare?.call).toBe(own?.call);
  });

  test('serves a pinned variant, satisfies minAuroc, and flags best effort', async () => {
    const [dearest] = service.router.family.catalog.variants.toSorted(
      (a, b) => (b.cost.ms['cpu'] ?? 0) - (a.cost.ms['cpu'] ?? 0),
    );
    const pinned = await read(`?findings=Mass&variant=${dearest?.id}`);
    expect(pinned.findings[0]).toMatchObject({ variant: dearest?.id, why: expect.stringContaining('pinned') });
    const low = await read('?findings=Mass&minAuroc=0.01');
    expect(low.findings[0]).toMatchObject({ basis: 'measured', meetsTarget: true });
    const best = await read('?findings=Mass&minAuroc=0.999&bestEffort=true');
    expect(best.findings[0]).toMatchObject({ meetsTarget: false, why: expect.stringContaining('bestEffort') });
  });

  test('flags variants that are larger than the film', async () => {
    const small = new Uint8Array(await sharp(film(native)).resize(300).png().toBuffer());
    const response = await post(service.app, '?findings=Nodule&policy=sabottke-spieler-2020', small);
    expect((await response.json()).plan.variants).toMatchObject([{ resolution: 448, upsampled: true }]);
  });
});

describe('the answer', () => {
  const named = async (query: string) => {
    const response = await post(service.app, `?findings=Hernia&${query}`, film(native));
    return { status: response.status, body: await response.json() };
  };

  test('as a summary lists all findings in the order for display, in less than 2 KiB', async () => {
    const full = await read('');
    const response = await post(service.app, '?view=summary', film(native));
    const text = await response.text();
    expect(Buffer.byteLength(text)).toBeLessThan(2048);
    const summary = ReadingSummary.parse(JSON.parse(text));
    const ranked = full.findings.toSorted((a, b) => a.rank - b.rank);
    expect(summary.id).toBe(full.id);
    expect(full.summary.text.startsWith(summary.summary.text.replace(/\.$/, ''))).toBe(true);
    expect(summary.findings.map(({ finding, displayName, call }) => [finding, displayName, call])).toEqual(
      ranked.map(({ finding, displayName, call }) => [finding, displayName, call]),
    );
    const stored = await service.app.request(`/v1/readings/${full.id}?view=summary`);
    expect(await stored.json()).toEqual(summary);
    expect((await service.app.request(`/v1/readings/${full.id}?view=short`)).status).toBe(400);
  });

  test('repeats the normalised request', async () => {
    const { request } = await read('?findings=nodule,mass&prevalence=Mass:0.2&explain=heatmap');
    expect(request).toEqual({
      ...{ findings: ['Mass', 'Nodule'], policy: 'chest14-published', minAuroc: {}, prevalence: { Mass: 0.2 } },
      operatingPoint: 'specific',
      ...{ bestEffort: false, explain: 'heatmap' },
    });
  });

  test('has one reference: concurrent requests with different references get the one that is stored', async () => {
    const references = ['exam-1', 'exam-2', 'exam-3', 'exam-4'];
    const answers = await Promise.all(
      references.map(async (reference) => {
        const response = await post(service.app, `?findings=Infiltration&reference=${reference}`, film(native));
        return { status: response.status, body: await response.json() };
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 201]);
    const first = answers.findIndex(({ status }) => status === 201);
    const stored = await (await service.app.request(`/v1/readings/${answers[0]?.body.id}`)).json();
    expect(stored.reference).toBe(references[first]);
    for (const { body } of answers) expect(body).toEqual(stored);
  });

  test('repeats the reference and the metadata of the first request; another reference changes neither id nor reading', async () => {
    const metadata = encodeURIComponent('{"ward":"A3","priority":"routine"}');
    const first = await named(`reference=exam-1&metadata=${metadata}`);
    expect(first).toMatchObject({
      status: 201,
      body: { reference: 'exam-1', metadata: { ward: 'A3', priority: 'routine' } },
    });
    const again = await named('reference=exam-2');
    expect(again).toEqual({ status: 200, body: first.body });
    expect((await named('')).body).toEqual(first.body);
    expect((await named('view=summary')).body.reference).toBe('exam-1');
    const stored = await service.app.request(`/v1/readings/${first.body.id}`);
    expect(await stored.json()).toEqual(first.body);
    const digest = await service.router.identify(
      'local',
      film(native),
      unwrap(parseParameters({ findings: 'Hernia' }, service.router.vocabulary)),
    );
    expect(first.body.id).toBe(digest);
  });

  test('counts the characters of a reference and of metadata as JSON Schema does: one character per code point', async () => {
    const light = '\u{1f4a1}';
    const metadata = JSON.stringify({ [light.repeat(40)]: light.repeat(200) });
    const query = `reference=${encodeURIComponent(light.repeat(200))}&metadata=${encodeURIComponent(metadata)}`;
    expect((await named(query)).status).toBe(200);
  });

  test.each([
    ['reference', 'x'.repeat(201)],
    ['reference', ''],
    ['reference', '\u{1f4a1}'.repeat(201)],
    ['metadata', 'ward'],
    ['metadata', JSON.stringify({ ['x'.repeat(41)]: '' })],
    ['metadata', '["A3"]'],
    ['metadata', '{"ward":{"bed":"1"}}'],
    ['metadata', JSON.stringify({ ward: 'x'.repeat(201) })],
    ['metadata', JSON.stringify(Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`key${i}`, ''])))],
  ])('refuses a %s that is not within the limits: %.30s', async (parameter, value) => {
    const { status, body } = await named(`${parameter}=${encodeURIComponent(value)}`);
    expect({ status, ...body }).toMatchObject({ status: 400, code: 'invalid_parameter', parameter });
  });

  test('of a reading that version 0.1.0 stored has the form of today', async () => {
    const reading = JSON.parse(readFileSync('test/results/reading-of-0.1.0.json', 'utf8'));
    await service.platform.readings.put('local', { reading, instance: null });
    const response = await service.app.request(`/v1/readings/${reading.id}`);
    const shown = ReadingView.parse(await response.json());
    expect(shown.findings.map(({ finding, rank }) => [finding, rank])).toHaveLength(3);
    expect(shown).not.toHaveProperty('request');
    const summary = await service.app.request(`/v1/readings/${reading.id}?view=summary`);
    expect(ReadingSummary.parse(await summary.json()).findings).toHaveLength(3);
  });
});

describe('Prefer: respond-async', () => {
  const send = (query: string, body: Uint8Array<ArrayBuffer>, prefer = 'respond-async', type = 'image/png') =>
    service.app.request(`/v1/readings${query}`, {
      method: 'POST',
      headers: { 'content-type': type, prefer },
      body,
    });
  const another = (i: number) => new Uint8Array(Buffer.concat([film(native), Buffer.of(i)]));

  test('answers at once with the job that POST /v1/jobs would make, and the job stores the reading', async () => {
    const answer = await send('?findings=Mass&reference=order-7', another(1));
    const job = await answer.json();
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('preference-applied')]).toEqual([
      202,
      '1',
      'respond-async',
    ]);
    const address = resolved(answer.headers.get('location'), '/v1/readings?findings=Mass');
    expect(address).toBe(`/v1/jobs/${job.id}`);
    const look = async () => (await service.app.request(address)).json();
    await vi.waitFor(async () => expect((await look()).state).toBe('done'));
    const { outcomes } = await look();
    const reading = await (await service.app.request(`/v1/readings/${outcomes[0].reading}`)).json();
    expect(reading).toMatchObject({ reference: 'order-7', findings: [{ finding: 'Mass' }] });

    // The reading is known now, so there is nothing to wait for.
    const again = await send('?findings=Mass', another(1), 'wait=10, Respond-Async; x=1');
    expect([again.status, (await again.json()).id]).toEqual([200, reading.id]);

    const { id, url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
    await service.app.request(resolved(url, '/v1/uploads'), { method: 'PUT', body: another(1) });
    const body = JSON.stringify({ upload: id, findings: 'Mass' });
    const json = { 'content-type': 'application/json' };
    const same = await service.app.request('/v1/jobs', { method: 'POST', headers: json, body });
    expect((await same.json()).id).toBe(job.id);
  });

  test('accepts a film while the queue of the engine is full, and refuses bad input at once', async () => {
    const overload = vi
      .spyOn(service.engine, 'overload')
      .mockReturnValue({ code: 'queue_full', retryAfterMs: ms(1000) });
    try {
      expect((await post(service.app, '?findings=Mass', another(2))).status).toBe(503);
      expect((await send('?findings=Mass', another(2))).status).toBe(202);
      expect(await (await send('?findings=Gout', another(2))).json()).toMatchObject({ code: 'unknown_finding' });
      expect(await (await send('', new TextEncoder().encode('text'))).json()).toMatchObject({ code: 'not_an_image' });
    } finally {
      overload.mockRestore();
    }
  });

  test('is ignored in other words, as an unknown preference is', async () => {
    const answer = await send('?findings=Mass', another(3), 'no-respond-async, return=minimal');
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([201, null]);
  });
});

describe('bad input', () => {
  const noise = (width: number, height: number, channels: 1 | 3) =>
    Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2_654_435_761) >>> 24);
  const png = async (pipeline: Sharp) => new Uint8Array(await pipeline.png().toBuffer());
  const header = (width: number, height: number) => {
    const bytes = new Uint8Array(film(native));
    new DataView(bytes.buffer).setUint32(16, width);
    new DataView(bytes.buffer).setUint32(20, height);
    return bytes;
  };
  const photograph = () =>
    png(
      sharp(
        Uint8Array.from({ length: 300 * 200 * 3 }, (_, i) => (i % 3 === 0 ? 200 : i % 3 === 1 ? (i / 900) % 256 : 30)),
        { raw: { width: 300, height: 200, channels: 3 } },
      ),
    );

  test.each<[string, string, () => Promise<BodyInit> | BodyInit, string, string, number]>([
    ['an empty body', '', () => new Uint8Array(), 'image/png', 'empty_body', 400],
    ['text without a content type', '', () => new TextEncoder().encode('/films/1.png'), '', 'not_an_image', 415],
    ['a PDF', '', () => '%PDF-1.7', 'application/pdf', 'unsupported_image_format', 415],
    ['text named .png', '', () => 'this is not an image', 'image/png', 'not_an_image', 415],
    ['a truncated PNG', '', () => film(native).slice(0, 100_000), 'image/png', 'corrupt_image', 422],
    ['a 30 000 × 30 000 bomb', '', () => header(30_000, 30_000), 'image/png', 'corrupt_image|too_many_pixels', 0],
    [
      'a 20 px image',
      '',
      () => png(sharp(noise(20, 20, 1), { raw: { width: 20, height: 20, channels: 1 } })),
      'image/png',
      'too_small',
      422,
    ],
    ['a colour photograph', '', photograph, 'image/png', 'colour_image', 422],
    [
      'a blank image',
      '',
      () => png(sharp({ create: { width: 512, height: 512, channels: 3, background: '#555' } })),
      'image/png',
      'blank_image|not_a_frontal_chest',
      422,
    ],
    ['an inverted film', '', () => png(sharp(film(native)).negate()), 'image/png', 'not_a_frontal_chest', 422],
    ['a sideways film', '', () => png(sharp(film(native)).rotate(90)), 'image/png', 'not_a_frontal_chest', 422],
    [
      'noise',
      '',
      () => png(sharp(noise(512, 512, 1), { raw: { width: 512, height: 512, channels: 1 } })),
      'image/png',
      'not_a_frontal_chest',
      422,
    ],
    ['an oversize body', '', () => new Uint8Array(4_500_000), 'image/png', 'body_too_large', 413],
    ['an unknown finding', '?findings=Gout', () => film(native), 'image/png', 'unknown_finding', 400],
    ['an unknown policy', '?policy=none', () => film(native), 'image/png', 'unknown_policy', 400],
    ['an unknown variant', '?variant=r9', () => film(native), 'image/png', 'unknown_variant', 400],
    ['an unknown operating point', '?operatingPoint=best', () => film(native), 'image/png', 'invalid_parameter', 400],
    ['an unknown parameter', '?finding=Mass', () => film(native), 'image/png', 'unknown_parameter', 400],
    ['a parameter given twice', '?policy=a&policy=b', () => film(native), 'image/png', 'invalid_parameter', 400],
    ['an unreachable target', '?minAuroc=0.999', () => film(native), 'image/png', 'unreachable_target', 422],
    ['a broken multipart body', '', () => 'nothing', 'multipart/form-data; boundary=x', 'malformed_multipart', 400],
  ])('%s has its own code and fix, and the next film is read', async (_, query, body, type, codes, status) => {
    const init = { body: await body(), headers: new Headers(type ? { 'content-type': type } : {}) };
    const response = await service.app.request(`/v1/readings${query}`, { method: 'POST', ...init });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = await response.json();
    expect(codes.split('|')).toContain(problem.code);
    expect(response.status).toBe(status || advice[problem.code as keyof typeof advice].status);
    expect(problem).toMatchObject({
      status: response.status,
      type: `/problems/${problem.code}`,
      fix: expect.stringMatching(/\w/),
      requestId: expect.stringMatching(/\w/),
    });
    expect((await service.app.request(problem.type)).status).toBe(200);
    expect((await post(service.app, '?findings=Mass', film(native))).status).toBeLessThan(300);
  });

  test('a multipart body with other parts is refused by name', async () => {
    const form = new FormData();
    form.set('picture', new File([film(native)], 'film.png', { type: 'image/png' }));
    const response = await service.app.request('/v1/readings', { method: 'POST', body: form });
    expect(await response.json()).toMatchObject({ code: 'malformed_multipart', problem: 'unknown part picture' });
  });

  test('a reading that is not stored, and an unknown path', async () => {
    expect(await (await service.app.request('/v1/readings/rd_0')).json()).toMatchObject({ code: 'reading_not_found' });
    const response = await service.app.request('/v2');
    expect([response.status, (await response.json()).code]).toEqual([404, 'not_found']);
  });
});
