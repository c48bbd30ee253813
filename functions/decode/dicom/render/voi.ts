import { tags } from '../../../core/dicom-dictionary.ts';
import { type Attributes, numbersOf } from '../parse/attributes.ts';
import { foundNumbers } from '../parse/decimal.ts';
import type { Warn } from '../parse/header-error.ts';
import type { Interval } from './interval.ts';
import { type Lut, lookUp, usableLuts } from './lut.ts';

/** The transform from modality values to gray, from 0 (black) to 1 (white): PS3.3, C.11.2. */
export type Voi = { readonly apply: (value: number) => number; readonly description: string };

/** Why a film has no usable VOI LUT and no usable window. */
export type NoVoi = { readonly reason: string };

/** A VOI LUT or a window of the header. `warnIfChosen` must be called for the candidate that is used. */
type Candidate = Voi & { readonly attribute: string; readonly warnIfChosen: () => void };

/** A pair of Window Center and Window Width. */
type Window = { readonly center: number | undefined; readonly width: number | undefined };

const sequence = { tag: tags.voiLutSequence, name: 'VOI LUT Sequence (0028,3010)' };

/**
 * The first usable VOI LUT of a film, otherwise the first usable window. A candidate that renders the film as a single gray is
 * skipped. If all candidates do, none is used.
 *
 * @param input the range of all possible values
 * @param usedRange the range of nearly all values of the film
 */
export function voiTransform(attributes: Attributes, input: Interval, usedRange: Interval, warn: Warn): Voi | NoVoi {
  const tables = usableLuts(attributes, sequence, input, warn).map((table) => tableCandidate(table, warn));
  const { candidates, reason } = windowsOf(attributes, warn);
  const all: readonly Candidate[] = [...tables, ...candidates];
  const [first] = all;
  if (!first) return { reason };
  const isFlat = usedRange.high <= usedRange.low;
  const chosen = isFlat ? first : all.find(({ apply }) => hasContrast(apply, usedRange));
  if (chosen !== first)
    warn({
      code: 'window_unusable',
      message: `The ${first.description} renders the film as a single gray. ${chosen ? `The ${chosen.description}` : 'A window by the pixel values'} was used instead.`,
      attribute: first.attribute,
    });
  if (!chosen) return { reason: `${first.description} renders the film as a single gray` };
  chosen.warnIfChosen();
  return { apply: chosen.apply, description: chosen.description };
}

const sampleCount = 64;
/** Whether a transform renders the values of a film as more than one gray. */
function hasContrast(apply: (value: number) => number, { low, high }: Interval): boolean {
  const grays = Array.from({ length: sampleCount + 1 }, (_, i) => apply(low + ((high - low) * i) / sampleCount));
  return Math.max(...grays) - Math.min(...grays) > 1 / 255;
}

function tableCandidate(table: Lut, warn: Warn): Candidate {
  const { white, bits } = table;
  return {
    apply: (value) => Math.min(1, lookUp(table, value) / white),
    description: 'VOI LUT',
    attribute: sequence.name.slice(-11),
    warnIfChosen() {
      if (white !== 2 ** bits - 1)
        warn({
          code: 'lut_bits',
          message: `LUT Descriptor (0028,3002) of the VOI LUT states ${bits} bits, but the entries need ${Math.log2(white + 1)}. The decoder used ${white} for white.`,
          attribute: '(0028,3002)',
          found: String(bits),
        });
    },
  };
}

function windowsOf(attributes: Attributes, warn: Warn): { candidates: readonly Candidate[]; reason: string } {
  const centers = numbersOf(attributes, tags.windowCenter, 'Window Center (0028,1050)', warn);
  const widths = numbersOf(attributes, tags.windowWidth, 'Window Width (0028,1051)', warn);
  const declared = attributes.term(tags.voiLutFunction);
  const known = voiFunctions.find((name) => name === declared);
  const name = known ?? 'LINEAR';
  const windows = Array.from({ length: Math.max(centers.length, widths.length) }, (_, i): Window => {
    return { center: centers[i], width: widths[i] };
  });
  const usable = windows.filter((window) => isUsable(window, name));
  const candidates = usable.map(({ center = 0, width = 0 }): Candidate => {
    return {
      apply: transferFunctions[name](center, width),
      description: `window ${center} / ${width} ${name}`,
      attribute: '(0028,1050)',
      warnIfChosen() {
        if (declared !== undefined && !known)
          warn({
            code: 'voi_function_unknown',
            message: 'VOI LUT Function (0028,1056) is not a value of the standard. LINEAR was used instead.',
            attribute: '(0028,1056)',
          });
      },
    };
  });
  const isBlank = windows.every(({ center, width }) => center === undefined && width === undefined);
  const [first] = windows;
  const isFirst = first !== undefined && usable[0] === first;
  if (!isBlank && !isFirst) {
    const replacement = usable[0]
      ? `The ${ordinal(windows.indexOf(usable[0]))} window, ${usable[0].center} / ${usable[0].width}`
      : 'A window by the pixel values';
    const textOf = (tag: typeof tags.windowCenter | typeof tags.windowWidth) =>
      foundNumbers(attributes.codes(tag)) ?? '';
    const found = `${textOf(tags.windowCenter)} / ${textOf(tags.windowWidth)}`.slice(0, 64);
    warn({
      code: 'window_unusable',
      message: `Window ${numberText(first?.center)} / ${numberText(first?.width)} (0028,1050) cannot be used with ${name}. ${replacement} was used instead.`,
      attribute: '(0028,1050)',
      found,
    });
  }
  const { center, width } = first ?? {};
  const reason =
    center === undefined || width === undefined
      ? 'no VOI LUT or window'
      : `window ${numberText(center)} / ${numberText(width)} cannot be used with ${name}`;
  return { candidates, reason };
}

const numberText = (value: number | undefined) => {
  if (value === undefined) return '(absent)';
  return Number.isNaN(value) ? '(not a number)' : String(value);
};

const ordinal = (index: number) => ['first', 'second', 'third', 'fourth'][index] ?? `${index + 1}th`;

const voiFunctions = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;
type VoiFunction = (typeof voiFunctions)[number];

/** Whether a VOI LUT Function allows the window (PS3.3, C.11.2.1.2.1 and C.11.2.1.3). DCMTK also skips other windows. */
const isUsable = ({ center = Number.NaN, width = Number.NaN }: Window, name: VoiFunction): boolean =>
  !Number.isNaN(center) && (name === 'LINEAR' ? width >= 1 : width > 0);

const clamp = (share: number) => Math.max(0, Math.min(1, share));

const transferFunctions: Record<VoiFunction, (center: number, width: number) => (value: number) => number> = {
  // PS3.3, C.11.2.1.2.1. A width of 1 is a threshold.
  LINEAR: (center, width) => (value) =>
    width === 1 ? Number(value > center - 0.5) : clamp((value - (center - 0.5)) / (width - 1) + 0.5),
  // PS3.3, C.11.2.1.3.2.
  LINEAR_EXACT: (center, width) => (value) => clamp((value - center) / width + 0.5),
  // PS3.3, C.11.2.1.3.1.
  SIGMOID: (center, width) => (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width)),
};
