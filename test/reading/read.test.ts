import { describe, expect, test } from 'vitest';
import type { Variant } from '../../functions/core/catalog.ts';
import type { DicomView } from '../../functions/core/dicom-view.ts';
import type { Fault } from '../../functions/core/fault.ts';
import type { Decoded, Film } from '../../functions/core/film.ts';
import type { Instance } from '../../functions/core/instance.ts';
import { ReadingView } from '../../functions/core/reading-view.ts';
import { fail, ok } from '../../functions/core/result.ts';
import { px } from '../../functions/core/units.ts';
import { filmDigest } from '../../functions/decode/film-digest.ts';
import { type Family, type FilmToRead, type Output, read, type Stages } from '../../functions/reading/read.ts';
import { presentReading } from '../../functions/results/present-reading.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { planRequest } from '../../functions/routing/plan-request.ts';
import type { ReadRequest } from '../../functions/routing/request.ts';
import { catalogOf, faultOf, head, policyOf, unwrap, variant } from '../support/family.ts';

// Each variant is sufficient for one finding only, so a plan for both findings runs both variants.
const small = variant('small', 256, 10, { Effusion: head(0.9), Nodule: head(0.6) });
const large = variant('large', 512, 40, { Effusion: head(0.7), Nodule: head(0.8) });
const catalog = catalogOf([large, small]);
const family: Family = {
  catalog,
  catalogDigest: 'c'.repeat(64),
};
const policies = { test: policyOf({}, { auroc: 0.75, bound: 'lower' }) };
const everything: ReadRequest = {
  findings: ['Effusion', 'Nodule'],
  minAuroc: {},
  prevalence: {},
  policy: 'test',
  bestEffort: false,
  explain: false,
};

const gradient = (width: number, height: number): Film => ({
  width: px(width),
  height: px(height),
  pixels: Uint8Array.from({ length: width * height }, (_, i) => (i * 255) / (width * height)),
});

/** The gate accepts the film. Finding i of variant v has the given logit. */
const output = (logits: readonly number[], gate: readonly number[] = [5, 0, 1]): Output => ({
  logits: Float32Array.from(logits),
  activation: { rows: 1, columns: 2, values: Float32Array.of(1, 2, 3, 4) },
  gate: Float32Array.from(gate),
});

const view: DicomView = {
  sopClass: 'Computed Radiography Image Storage',
  transferSyntax: '1.2.840.10008.1.2.1',
  modality: 'CR',
  photometric: 'MONOCHROME2',
  bits: 12,
  rendering: 'window 2048/4096',
};
const instance: Instance = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.1',
  sopInstanceUid: '2.25.1',
  seriesInstanceUid: '2.25.2',
  studyInstanceUid: '2.25.3',
  modality: 'CR',
  rows: 400,
  columns: 600,
  patient: { name: 'ALARA^TEST' },
  study: {},
};

/** Stages that log their calls. Each step takes one millisecond of a simulated clock. */
function stages(film: Film, infer: (variant: Variant, tensor: Float32Array) => Output | Fault = () => output([1, -1])) {
  const log: string[] = [];
  let now = 0;
  const step = (name: string) => {
    now += 1;
    log.push(name);
  };
  const given: Stages = {
    async decode(bytes, mediaType) {
      step(`decode ${bytes.length} bytes of ${mediaType}`);
      return ok({ film });
    },
    async resize(_, { width, height }) {
      step(`resize to ${width} × ${height}`);
      return { width, height, pixels: resample(film, width * height) };
    },
    digest: filmDigest,
    async infer(asked, tensor) {
      step(`infer ${asked.id} on ${tensor.length}`);
      const answer = infer(asked, tensor);
      return 'code' in answer ? fail(answer) : ok(answer);
    },
    clock: () => now,
    now: () => new Date('2026-11-23T12:00:00Z'),
  };
  return { log, given };
}

/** The same levels in the same order, repeated: the result of resizing a gradient. */
const resample = ({ pixels }: Film, length: number) =>
  Uint8Array.from({ length }, (_, i) => pixels[Math.floor((i * pixels.length) / length)] ?? 0);

/** A film of seven bytes and the plan of its request. */
function filmFor({ catalog }: Family, request: ReadRequest, mediaType = 'image/png'): FilmToRead {
  const plan = unwrap(planRequest({ catalog, policies, costs: costTable(catalog, 'cpu') }, request));
  return { id: 'rd_1', bytes: new Uint8Array(7), mediaType, request, plan };
}

const reads = async (given: Stages, request: Partial<ReadRequest> = {}, of: Family = family) => {
  const result = await read(given, of, filmFor(of, { ...everything, ...request }));
  return result.ok ? ok(result.value.reading) : result;
};

describe('a reading', () => {
  test('of a DICOM instance returns the patient identifiers beside the reading, not inside', async () => {
    const { given } = stages(gradient(600, 400));
    const decoded: Decoded = { film: gradient(600, 400), dicom: { view, instance } };
    const result = await read(
      { ...given, decode: async () => ok(decoded) },
      family,
      filmFor(family, everything, 'application/dicom'),
    );
    const { reading, instance: kept } = unwrap(result);
    expect(kept).toEqual(instance);
    expect(reading.dicom).toEqual(view);
    expect(JSON.stringify(reading)).not.toContain('ALARA^TEST');
  });

  test('runs decode, resize and inference once per variant of the plan, cheapest first', async () => {
    const { log, given } = stages(gradient(600, 400));
    const reading = unwrap(await reads(given));
    expect(log).toEqual([
      'decode 7 bytes of image/png',
      'resize to 256 × 171',
      'infer small on 65536',
      'resize to 512 × 341',
      'infer large on 262144',
    ]);
    expect(reading.timingsMs).toEqual({ decode: 1, preprocess: 2, infer: 2, total: 5 });
  });

  test('matches its schema and names its film', async () => {
    const { given } = stages(gradient(600, 400));
    const reading = unwrap(await reads(given, { explain: true }));
    const shown = presentReading(reading, { catalog, digest: 'c'.repeat(64) });
    expect(ReadingView.parse(shown)).toEqual(shown);
    expect(reading).toMatchObject({
      id: 'rd_1',
      createdAt: '2026-11-23T12:00:00.000Z',
      film: { width: 600, height: 400, bits: 8, digest: `sha256:${filmDigest(gradient(600, 400))}` },
      quality: { frontalChest: true, score: 0.9933 },
      models: { small: `sha256:${'0'.repeat(64)}`, large: `sha256:${'0'.repeat(64)}` },
      catalog: `sha256:${'c'.repeat(64)}`,
    });
  });

  test('is decoded for the resolutions of the plan, and describes the whole film', async () => {
    const { log, given } = stages(gradient(600, 400));
    const asked: (readonly number[] | undefined)[] = [];
    const source = ['stream'];
    const reduced: Decoded = { film: gradient(600, 400), fullSize: { width: px(2400), height: px(1599) }, source };
    const decode: Stages['decode'] = async (_bytes, _mediaType, sides) => {
      asked.push(sides);
      return ok(reduced);
    };
    const reading = unwrap(await reads({ ...given, decode }, { explain: true }));
    expect(asked).toEqual([[256, 512]]);
    // The proportions are those of the whole film: 512 × 1599 / 2400.
    expect(log).toContain('resize to 512 × 341');
    expect(reading.film).toMatchObject({
      width: 2400,
      height: 1599,
      digest: `sha256:${filmDigest(reduced.film, source)}`,
    });
    expect(reading.findings[0]?.heatmap?.region).toEqual({ left: 0, top: -400.5, width: 2400, height: 2400 });
    expect(reading.plan.variants.map(({ upsampled }) => upsampled)).toEqual([false, false]);
  });

  test('takes each finding from the variant of the plan', async () => {
    const { given } = stages(gradient(600, 400), ({ id }) => output(id === 'small' ? [2, 7] : [-7, -2]));
    const { findings } = unwrap(await reads(given));
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    expect(
      findings.map(({ finding, variant, probability, call }) => ({ finding, variant, probability, call })),
    ).toEqual([
      { finding: 'Effusion', variant: 'small', probability: sigmoid(2), call: 'present' },
      { finding: 'Nodule', variant: 'large', probability: sigmoid(-2), call: 'absent' },
    ]);
  });

  test('uses the whole of a film that is not square, centred on black', async () => {
    let fed: Float32Array = new Float32Array(0);
    const { given } = stages(gradient(600, 300), (_, tensor) => {
      fed = tensor;
      return output([1, -1]);
    });
    unwrap(await reads(given, { findings: ['Effusion'] }));
    const black = -2;
    expect(fed.subarray(0, 64 * 256).every((value) => value === black)).toBe(true);
    expect(fed.subarray(192 * 256).every((value) => value === black)).toBe(true);
    expect(fed.subarray(65 * 256, 191 * 256).every((value) => value > black)).toBe(true);
  });

  test('runs only the variants of the requested findings', async () => {
    const { log, given } = stages(gradient(600, 600));
    const reading = unwrap(await reads(given, { findings: ['Effusion'] }));
    expect(log.filter((entry) => entry.startsWith('infer'))).toEqual(['infer small on 65536']);
    expect(reading.findings).toHaveLength(1);
    expect(Object.keys(reading.models)).toEqual(['small']);
  });

  test.each([
    [512, false, false],
    [511, false, true],
    [256, false, true],
    [255, true, true],
  ])('with a short side of %i px flags the variants that are larger: %s, %s', async (side, small, large) => {
    const { given } = stages(gradient(600, side));
    const { plan } = unwrap(await reads(given));
    expect(plan.variants.map(({ id, upsampled }) => [id, upsampled])).toEqual([
      ['small', small],
      ['large', large],
    ]);
  });

  test('reads a 16-bit film in 16 bits', async () => {
    const film: Film = {
      ...gradient(300, 300),
      pixels: Uint16Array.from({ length: 90_000 }, (_, i) => (i * 65_535) / 90_000),
    };
    const { given } = stages(film);
    const deep: Stages = { ...given, resize: async () => film };
    expect(unwrap(await reads(deep, { findings: ['Effusion'] }, widened(300))).film).toMatchObject({
      width: 300,
      height: 300,
      bits: 16,
    });
  });
});

/** The family with another resolution of its cheap variant. */
function widened(resolution: number): Family {
  const other = catalogOf([{ ...small, resolution }]);
  return { ...family, catalog: other };
}

describe('a heat map', () => {
  test('is added to each finding on request, from the variant and the position of the finding', async () => {
    const { given } = stages(gradient(600, 400));
    const { findings } = unwrap(await reads(given, { explain: true }));
    expect(findings.map(({ heatmap }) => heatmap?.values)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(findings[0]?.heatmap?.region).toEqual({ left: 0, top: -100, width: 600, height: 600 });
  });

  test('is omitted otherwise', async () => {
    const { given } = stages(gradient(600, 400));
    for (const finding of unwrap(await reads(given)).findings) expect(finding).not.toHaveProperty('heatmap');
  });
});

describe('a local prevalence', () => {
  test('changes probability and threshold, and keeps the call', async () => {
    const { given } = stages(gradient(600, 400), () => output([2, -3]));
    const usual = unwrap(await reads(given)).findings;
    const local = unwrap(await reads(given, { prevalence: { Effusion: 0.4 } })).findings;
    expect(usual[0]).toMatchObject({ prevalence: 0.05, call: 'present' });
    expect(local[0]).toMatchObject({ prevalence: 0.4, call: 'present' });
    expect(local[0]?.probability).toBeGreaterThan(usual[0]?.probability ?? 1);
    expect(local[0]?.threshold.value).toBeGreaterThan(usual[0]?.threshold.value ?? 1);
    expect(local[1]).toEqual(usual[1]);
  });
});

describe('an operating point', () => {
  test('decides the call, and the result states it as the catalog measured it', async () => {
    // The calibrated probability 0.62 is above the band of `balanced` and inside the band of `specific`.
    const { given } = stages(gradient(600, 400), () => output([0.5, -3]));
    const at = async (operatingPoint?: 'balanced' | 'specific') =>
      unwrap(await reads(given, { operatingPoint })).findings[0] ?? expect.fail();
    const [balanced, specific] = [await at('balanced'), await at('specific')];
    expect([balanced.call, specific.call]).toEqual(['present', 'indeterminate']);
    expect(balanced.operatingPoint).toMatchObject({ name: 'balanced', threshold: 0.5, prevalence: 0.05 });
    expect(specific.operatingPoint?.specificity).toEqual({ value: 0.9, ci95: [0.8, 1] });
    expect(specific.probability).toBe(balanced.probability);
    expect(specific.likelihoodRatio).toBe(balanced.likelihoodRatio);
    expect(await at()).toEqual(specific);
  });
});

describe('a film is refused', () => {
  test('by the gate after the cheapest run, before a more expensive run', async () => {
    const { log, given } = stages(gradient(600, 600), () => output([1, 1], [0, 3, 1]));
    expect(faultOf(await reads(given))).toEqual({ code: 'not_a_frontal_chest', looksLike: 'other', score: 0.0474 });
    expect(log.filter((entry) => entry.startsWith('infer'))).toEqual(['infer small on 65536']);
  });

  test('but the gate runs once: a more expensive run does not overrule the cheapest run', async () => {
    const { given } = stages(gradient(600, 600), ({ id }) => output([1, 1], id === 'small' ? [3, 0, 1] : [0, 3, 1]));
    expect(unwrap(await reads(given)).quality.score).toBeCloseTo(0.9526, 4);
  });

  test('if it is blank, before any inference', async () => {
    const { log, given } = stages({ ...gradient(600, 600), pixels: new Uint8Array(360_000).fill(17) });
    expect(faultOf(await reads(given))).toEqual({ code: 'blank_image' });
    expect(log).toEqual(['decode 7 bytes of image/png', 'resize to 256 × 256']);
  });

  test('by the decoder, before any other step', async () => {
    const { log, given } = stages(gradient(600, 600));
    const fault: Fault = { code: 'corrupt_image', problem: 'cut off' };
    expect(faultOf(await reads({ ...given, decode: async () => fail(fault) }))).toBe(fault);
    expect(log).toEqual([]);
  });
});

describe('a request that cannot be served returns its fault', () => {
  test('a model that cannot run, before the next model is tried', async () => {
    const fault: Fault = { code: 'inference_failed', problem: 'out of memory' };
    const { log, given } = stages(gradient(600, 600), ({ id }) => (id === 'small' ? fault : output([1, 1])));
    expect(faultOf(await reads(given))).toBe(fault);
    expect(log.at(-1)).toBe('infer small on 65536');
  });
});

test('a graph with fewer logits than findings in the catalog throws and is not a fault', async () => {
  const { given } = stages(gradient(600, 600), () => output([1]));
  await expect(reads(given)).rejects.toThrow('large has no head for Nodule');
});
