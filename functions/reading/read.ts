import type { Catalog, Policy, Variant } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import type { Decoded, Film } from '../core/film.ts';
import { type Activation, heatmap } from '../core/heatmap.ts';
import type { Instance } from '../core/instance.ts';
import { type FindingResult, notice, type Reading } from '../core/reading.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { logit, px } from '../core/units.ts';
import type { CostTable } from '../routing/cost-table.ts';
import { presentAssignment, presentPlan } from '../routing/present.ts';
import type { ReadRequest } from '../routing/request.ts';
import { type Assignment, route } from '../routing/route.ts';
import { atPrevalence, calibrate, call, thresholdAt } from './calibrate.ts';
import { type Gate, gate } from './gate.ts';
import { contain, isBlank, letterbox, normalise } from './preprocess.ts';

/** What a graph says of one film. */
export type Output = {
  /** One a finding, in catalog order. */
  readonly logits: Float32Array;
  readonly activation: Activation;
  /** One logit a gate class, then the feature distance. */
  readonly gate: Float32Array;
};

/** The edges of the pipeline: everything that touches a codec, a runtime or the clock. */
export type Stages = {
  decode(bytes: Uint8Array, mediaType: string): Promise<Result<Decoded, Fault>>;
  resize(film: Film, size: Pick<Film, 'width' | 'height'>): Promise<Film>;
  /** SHA-256 of the pixels and the size of a film, in hexadecimal. */
  digest(film: Film): string;
  infer(variant: Variant, tensor: Float32Array): Promise<Result<Output, Fault>>;
  /** Milliseconds, never going back. */
  clock(): number;
  now(): Date;
};

/** The family that reads, and what routes it. */
export type Family = {
  readonly catalog: Catalog;
  /** SHA-256 of the catalog file, in hexadecimal. */
  readonly catalogDigest: string;
  readonly policies: Readonly<Record<string, Policy>>;
  readonly costs: CostTable;
};

/** A reading, and for a DICOM instance whose it is: kept apart, because only the reading may be shown freely. */
export type Read = { readonly reading: Reading; readonly instance: Instance | null };

/** One film and one request in, one reading or one fault out. */
export async function read(
  stages: Stages,
  { catalog, catalogDigest, policies, costs }: Family,
  id: string,
  bytes: Uint8Array,
  mediaType: string,
  request: ReadRequest,
): Promise<Result<Read, Fault>> {
  const timer = stopwatch(stages.clock);

  const decoded = await timer.time('decode', () => stages.decode(bytes, mediaType));
  if (!decoded.ok) return decoded;
  const { film, dicom, warnings = [] } = decoded.value;

  const policy = policies[request.policy];
  if (!policy) return fail({ code: 'unknown_policy', policy: request.policy, known: Object.keys(policies) });
  const routed = route(catalog, policy, costs, request);
  if (!routed.ok) return routed;
  const plan = routed.value;

  const outputs = new Map<Variant, Output>();
  let quality: Gate | undefined;
  for (const { variant } of plan.runs) {
    const side = px(variant.resolution);
    const tensor = await timer.time('preprocess', async () => {
      const resized = await stages.resize(film, contain(film, side));
      return isBlank(resized) ? null : normalise(letterbox(resized, side), variant.input);
    });
    if (!tensor) return fail({ code: 'blank_image' });
    const inferred = await timer.time('infer', () => stages.infer(variant, tensor));
    if (!inferred.ok) return inferred;
    outputs.set(variant, inferred.value);
    // The cheapest run decides whether this is a chest film at all, before a dearer one is paid for.
    quality ??= gate(inferred.value.gate, catalog.quality, variant.id);
    if (!quality.accepted)
      return fail({ code: 'not_a_frontal_chest', looksLike: quality.looksLike, score: round(quality.score, 4) });
  }

  const findings = plan.assignments.map((assignment) => {
    const output = outputs.get(assignment.variant);
    if (!output) throw new Error(`${assignment.variant.id} was planned but not run`);
    return result(assignment, output, catalog.findings.indexOf(assignment.finding), film, request);
  });
  const reading: Reading = {
    id,
    createdAt: stages.now().toISOString(),
    plan: presentPlan(plan, costs, film),
    findings,
    film: {
      width: film.width,
      height: film.height,
      bits: film.pixels instanceof Uint16Array ? 16 : 8,
      digest: `sha256:${stages.digest(film)}`,
    },
    ...(dicom && { dicom: dicom.view }),
    warnings: [...warnings],
    quality: { frontalChest: true, score: round(quality?.score ?? 0, 4) },
    timingsMs: timer.timings(),
    models: Object.fromEntries(plan.runs.map(({ variant }) => [variant.id, `sha256:${variant.sha256}`])),
    catalog: `sha256:${catalogDigest}`,
    notice,
  };
  return ok({ reading, instance: dicom?.instance ?? null });
}

/** Calibrate one finding and put it into the caller's terms. */
function result(
  assignment: Assignment,
  { logits, activation }: Output,
  index: number,
  film: Film,
  request: ReadRequest,
): FindingResult {
  const head = assignment.variant.heads[assignment.finding];
  const raw = logits[index];
  if (!head || raw === undefined) throw new Error(`${assignment.variant.id} has no head for ${assignment.finding}`);
  const prevalence = request.prevalence[assignment.finding] ?? head.prevalence;
  const probability = atPrevalence(calibrate(logit(raw), head.calibration), head.prevalence, prevalence);
  const threshold = thresholdAt(head.threshold, head.prevalence, prevalence);
  return {
    ...presentAssignment(assignment),
    probability,
    prevalence,
    threshold,
    call: call(probability, threshold),
    ...(request.explain && { heatmap: heatmap(activation, index, film) }),
  };
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

function stopwatch(clock: () => number) {
  const start = clock();
  const spent = { decode: 0, preprocess: 0, infer: 0 };
  return {
    async time<Value>(stage: keyof typeof spent, work: () => Promise<Value>): Promise<Value> {
      const from = clock();
      try {
        return await work();
      } finally {
        spent[stage] += clock() - from;
      }
    },
    timings: () => ({
      decode: round(spent.decode, 1),
      preprocess: round(spent.preprocess, 1),
      infer: round(spent.infer, 1),
      total: round(clock() - start, 1),
    }),
  };
}
