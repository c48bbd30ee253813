import type { Fault } from '../../fault.ts';
import { ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import type { Interval } from './interval.ts';
import { lookUp, lutIn } from './lut.ts';
import { tags } from './tags.ts';

/** Values of interest to gray, black 0 to white 1: PS3.3, C.11.2. */
export type Voi = { readonly apply: (value: number) => number; readonly words: string };

/** Why a film has nothing that says how to show it, in words. */
export type NoVoi = { readonly lacks: string };

/** The first VOI LUT of a film, otherwise its first window, where that can be used. */
export function voiTransform(attributes: Attributes, input: Interval): Result<Voi | NoVoi, Fault> {
  const lut = lutIn(attributes, tags.voiLutSequence, input);
  if (!lut.ok) return lut;
  const table = lut.value;
  if (table) return ok({ apply: (value) => Math.min(1, lookUp(table, value) / table.top), words: 'VOI LUT' });
  const [center] = attributes.numbers(tags.windowCenter);
  const [width] = attributes.numbers(tags.windowWidth);
  if (center === undefined || width === undefined) return ok({ lacks: 'no VOI LUT or window' });
  const name = functions.find((known) => known === attributes.code(tags.voiLutFunction)) ?? 'LINEAR';
  // PS3.3, C.11.2.1.2.1 and C.11.2.1.3. DCMTK looks over such a window too.
  if (Number.isNaN(center) || !(name === 'LINEAR' ? width >= 1 : width > 0))
    return ok({ lacks: `window ${center} / ${width} is none that ${name} can use` });
  return ok({ apply: window[name](center, width), words: `window ${center} / ${width} ${name}` });
}

const functions = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;
type VoiFunction = (typeof functions)[number];

const clamp = (share: number) => Math.max(0, Math.min(1, share));

const window: Record<VoiFunction, (center: number, width: number) => (value: number) => number> = {
  // PS3.3, C.11.2.1.2.1. A width of 1 is a threshold.
  LINEAR: (center, width) => (value) =>
    width === 1 ? Number(value > center - 0.5) : clamp((value - (center - 0.5)) / (width - 1) + 0.5),
  // PS3.3, C.11.2.1.3.2.
  LINEAR_EXACT: (center, width) => (value) => clamp((value - center) / width + 0.5),
  // PS3.3, C.11.2.1.3.1.
  SIGMOID: (center, width) => (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width)),
};
