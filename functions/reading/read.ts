import type { Catalog, Variant } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { contain, type Decoded, type Film, type PixelSource, type Size } from '../core/film.ts';
import { type Activation, heatmap } from '../core/heatmap.ts';
import type { Instance } from '../core/instance.ts';
import {
  type FamilyDescription,
  type FindingResult,
  notice,
  type PlannedFinding,
  type PlanView,
  type Reading,
} from '../core/reading.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { logit, type Px, px } from '../core/units.ts';
import type { RequestPlan } from '../routing/plan-request.ts';
import type { ReadRequest } from '../routing/request.ts';
import { assess, calibrate } from './calibrate.ts';
import { evaluateGate, type GateResult } from './input-gate.ts';
import { isBlank, letterbox, normalise } from './preprocess.ts';

/** The output of a graph for one film. */
export type Output = {
  /** One per finding, in catalog order. */
  readonly logits: Float32Array;
  readonly activation: Activation;
  /** One logit per gate class, then the feature distance. */
  readonly gate: Float32Array;
};

/** The stages with side effects: everything that touches a codec, a runtime or the clock. */
export type Stages = {
  /** @param sides the resolutions of the models that read the film. Absent means the full size. */
  decode(bytes: Uint8Array, mediaType: string, sides?: readonly Px[]): Promise<Result<Decoded, Fault>>;
  resize(film: Film, size: Size): Promise<Film>;
  /** SHA-256 of a film, in hexadecimal, independent of the resolution at which the film was decoded. */
  digest(film: Film, source?: PixelSource): string;
  infer(variant: Variant, tensor: Float32Array): Promise<Result<Output, Fault>>;
  /** A monotonic clock, in milliseconds. */
  clock(): number;
  now(): Date;
};

/** The model family that reads. `catalogDigest` is the SHA-256 of the catalog file, in hexadecimal. */
export type Family = { readonly catalog: Catalog; readonly catalogDigest: string };

/**
 * A reading, plus patient and study identifiers for DICOM input. The identifiers are kept separate because only the reading
 * may be shown freely.
 */
export type FilmReading = { readonly reading: Reading; readonly instance: Instance | null };

/** One film to read. `id` is the id of its reading. */
export type FilmToRead = {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly request: ReadRequest;
  /** The plan for `request`. */
  readonly plan: RequestPlan;
};

/** Read one film by its plan: one film in, one reading or one fault out. */
export async function read(
  stages: Stages,
  { catalog, catalogDigest }: Family,
  { id, bytes, mediaType, request, plan: { plan, findings: planned } }: FilmToRead,
): Promise<Result<FilmReading, Fault>> {
  const timer = stopwatch(stages.clock);

  const variants = plan.variants.map(variantOf(catalog));
  const sides = variants.map(({ resolution }) => px(resolution));
  const decoded = await timer.time('decode', () => stages.decode(bytes, mediaType, sides));
  if (!decoded.ok) return decoded;
  const { film, fullSize = film, source, dicom, warnings = [] } = decoded.value;

  const outputs = new Map<string, { readonly variant: Variant; readonly output: Output }>();
  let gateResult: GateResult | undefined;
  for (const variant of variants) {
    const side = px(variant.resolution);
    const tensor = await timer.time('preprocess', async () => {
      const resized = await stages.resize(film, contain(fullSize, side));
      return isBlank(resized) ? null : normalise(letterbox(resized, side), variant.input);
    });
    if (!tensor) return fail({ code: 'blank_image' });
    const inferred = await timer.time('infer', () => stages.infer(variant, tensor));
    if (!inferred.ok) return inferred;
    outputs.set(variant.id, { variant, output: inferred.value });
    // The cheapest run decides whether this is a chest film at all, before a more expensive run starts.
    gateResult ??= evaluateGate(inferred.value.gate, catalog.quality, variant.id);
    if (!gateResult.accepted)
      return fail({ code: 'not_a_frontal_chest', looksLike: gateResult.looksLike, score: round(gateResult.score, 4) });
  }

  const findings = planned.map((finding) => {
    const run = outputs.get(finding.variant);
    if (!run) throw new Error(`${finding.variant} was planned but not run`);
    return resultOf(finding, run.variant, run.output, catalog.findings.indexOf(finding.finding), fullSize, request);
  });
  const reading: Reading = {
    id,
    createdAt: stages.now().toISOString(),
    family: describeFamily(catalog),
    request,
    plan: withUpsampling(plan, fullSize),
    findings,
    film: {
      width: fullSize.width,
      height: fullSize.height,
      bits: film.pixels instanceof Uint16Array ? 16 : 8,
      digest: `sha256:${stages.digest(film, source)}`,
    },
    ...(dicom && { dicom: dicom.view }),
    warnings: [...warnings],
    quality: { frontalChest: true, score: round(gateResult?.score ?? 0, 4) },
    timingsMs: timer.timings(),
    models: Object.fromEntries([...outputs].map(([variantId, { variant }]) => [variantId, `sha256:${variant.sha256}`])),
    catalog: `sha256:${catalogDigest}`,
    notice,
  };
  return ok({ reading, instance: dicom?.instance ?? null });
}

const variantOf =
  ({ variants }: Catalog) =>
  ({ id }: { readonly id: string }): Variant => {
    const variant = variants.find((each) => each.id === id);
    if (!variant) throw new Error(`the plan names ${id}, which the catalog does not have`);
    return variant;
  };

/** Set `upsampled` of each variant: whether its resolution exceeds the short side of the film. */
function withUpsampling(plan: PlanView, { width, height }: Size): PlanView {
  const shortSide = Math.min(width, height);
  return {
    ...plan,
    variants: plan.variants.map((variant) => ({ ...variant, upsampled: variant.resolution > shortSide })),
  };
}

/** The family of a catalog, for the readings that it makes. */
export const describeFamily = ({
  family,
  provenance: { date, dataset, films, patients },
}: Catalog): FamilyDescription => ({ name: family, date, dataset, films, patients });

/** Calibrate one finding and convert its result to the prevalence of the request. */
function resultOf(
  planned: PlannedFinding,
  variant: Variant,
  { logits, activation }: Output,
  index: number,
  film: Size,
  request: ReadRequest,
): FindingResult {
  const head = variant.heads[planned.finding];
  const raw = logits[index];
  if (!head || raw === undefined) throw new Error(`${variant.id} has no head for ${planned.finding}`);
  const { operatingPoint } = planned;
  const prevalence = request.prevalence[planned.finding] ?? operatingPoint.prevalence;
  return {
    ...planned,
    ...assess(calibrate(logit(raw), head.calibration), operatingPoint, prevalence),
    ...(request.explain && { heatmap: heatmap(activation, index, film) }),
  };
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

function stopwatch(clock: () => number) {
  const start = clock();
  const elapsedMs = { decode: 0, preprocess: 0, infer: 0 };
  return {
    async time<Value>(stage: keyof typeof elapsedMs, work: () => Promise<Value>): Promise<Value> {
      const from = clock();
      try {
        return await work();
      } finally {
        elapsedMs[stage] += clock() - from;
      }
    },
    timings: () => ({
      decode: round(elapsedMs.decode, 1),
      preprocess: round(elapsedMs.preprocess, 1),
      infer: round(elapsedMs.infer, 1),
      total: round(clock() - start, 1),
    }),
  };
}
