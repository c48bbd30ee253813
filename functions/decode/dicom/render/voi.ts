import { tags } from '../../../core/dicom-dictionary.ts';
import type { Attributes } from '../parse/attributes.ts';
import { foundNumbers } from '../parse/decimal.ts';
import type { Warn } from '../parse/header-error.ts';
import { numbersOf } from '../parse/numbers.ts';
import type { Interval } from './interval.ts';
import { type Lut, lookUp, lutsIn } from './lut.ts';

/** Values of interest to gray, black 0 to white 1: PS3.3, C.11.2. */
export type Voi = { readonly apply: (value: number) => number; readonly words: string };

/** Why a film has nothing that says how to show it, in words. */
export type NoVoi = { readonly lacks: string };

/** A window or a table of the header, in the order of preference. */
type Candidate = Voi & { readonly attribute: string; readonly chosen: () => void };

/** A window of the header: its pair of values, and where it stands among the others. */
type Window = { readonly center: number | undefined; readonly width: number | undefined };

const sequence = { tag: tags.voiLutSequence, name: 'VOI LUT Sequence (0028,3010)' };

/**
 * The first VOI LUT of a film that can be used, otherwise its first window. One that shows the film as a single gray is passed
 * over for a later one that does not; where each of them does, none is used.
 *
 * @param input what values can be
 * @param used the range in which nearly all values of the film lie
 */
export function voiTransform(attributes: Attributes, input: Interval, used: Interval, warn: Warn): Voi | NoVoi {
  const tables = lutsIn(attributes, sequence, input, warn).map((table) => byTable(table, warn));
  const { candidates, lacks } = windowsOf(attributes, warn);
  const all: readonly Candidate[] = [...tables, ...candidates];
  const [first] = all;
  if (!first) return { lacks };
  const isFlat = used.high <= used.low;
  const chosen = isFlat ? first : all.find(({ apply }) => shows(apply, used));
  if (chosen !== first)
    warn({
      code: 'window_unusable',
      message: `The ${first.words} shows the film as a single gray; ${chosen ? `the next that does not, ${chosen.words},` : 'a window by the pixel values'} was used instead.`,
      attribute: first.attribute,
    });
  if (!chosen) return { lacks: `${first.words} shows the film as a single gray` };
  chosen.chosen();
  return { apply: chosen.apply, words: chosen.words };
}

const samples = 64;
/** Whether the values of a film become more than one gray. */
function shows(apply: (value: number) => number, { low, high }: Interval): boolean {
  const grays = Array.from({ length: samples + 1 }, (_, i) => apply(low + ((high - low) * i) / samples));
  return Math.max(...grays) - Math.min(...grays) > 1 / 255;
}

function byTable(table: Lut, warn: Warn): Candidate {
  const { top, bits } = table;
  return {
    apply: (value) => Math.min(1, lookUp(table, value) / top),
    words: 'VOI LUT',
    attribute: sequence.name.slice(-11),
    chosen() {
      if (top !== 2 ** bits - 1)
        warn({
          code: 'lut_bits',
          message: `LUT Descriptor (0028,3002) of the VOI LUT says ${bits} bits, but its entries need ${Math.log2(top + 1)}; white was taken as ${top}.`,
          attribute: '(0028,3002)',
          found: String(bits),
        });
    },
  };
}

function windowsOf(attributes: Attributes, warn: Warn): { candidates: readonly Candidate[]; lacks: string } {
  const centers = numbersOf(attributes, tags.windowCenter, 'Window Center (0028,1050)', warn);
  const widths = numbersOf(attributes, tags.windowWidth, 'Window Width (0028,1051)', warn);
  const declared = attributes.term(tags.voiLutFunction);
  const known = functions.find((name) => name === declared);
  const name = known ?? 'LINEAR';
  const windows = Array.from({ length: Math.max(centers.length, widths.length) }, (_, i): Window => {
    return { center: centers[i], width: widths[i] };
  });
  const usable = windows.filter((window) => isUsable(window, name));
  const candidates = usable.map(({ center = 0, width = 0 }): Candidate => {
    return {
      apply: transfer[name](center, width),
      words: `window ${center} / ${width} ${name}`,
      attribute: '(0028,1050)',
      chosen() {
        if (declared !== undefined && !known)
          warn({
            code: 'voi_function_unknown',
            message: 'VOI LUT Function (0028,1056) is not one of the standard; LINEAR was used instead.',
            attribute: '(0028,1056)',
          });
      },
    };
  });
  const isBlank = windows.every(({ center, width }) => center === undefined && width === undefined);
  const [first] = windows;
  const isFirst = first !== undefined && usable[0] === first;
  if (!isBlank && !isFirst) {
    const instead = usable[0]
      ? `the ${ordinal(windows.indexOf(usable[0]))} window, ${usable[0].center} / ${usable[0].width}`
      : 'a window by the pixel values';
    const shown = (tag: typeof tags.windowCenter | typeof tags.windowWidth) =>
      foundNumbers(attributes.codes(tag)) ?? '';
    const found = `${shown(tags.windowCenter)} / ${shown(tags.windowWidth)}`.slice(0, 64);
    warn({
      code: 'window_unusable',
      message: `Window ${worded(first?.center)} / ${worded(first?.width)} (0028,1050) cannot be used with ${name}; ${instead} was used instead.`,
      attribute: '(0028,1050)',
      found,
    });
  }
  const { center, width } = first ?? {};
  const lacks =
    center === undefined || width === undefined
      ? 'no VOI LUT or window'
      : `window ${worded(center)} / ${worded(width)} is none that ${name} can use`;
  return { candidates, lacks };
}

const worded = (value: number | undefined) => {
  if (value === undefined) return '(absent)';
  return Number.isNaN(value) ? '(not a number)' : String(value);
};

const ordinal = (index: number) => ['first', 'second', 'third', 'fourth'][index] ?? `${index + 1}th`;

const functions = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;
type VoiFunction = (typeof functions)[number];

/** PS3.3, C.11.2.1.2.1 and C.11.2.1.3: DCMTK looks over another window too. */
const isUsable = ({ center = Number.NaN, width = Number.NaN }: Window, name: VoiFunction): boolean =>
  !Number.isNaN(center) && (name === 'LINEAR' ? width >= 1 : width > 0);

const clamp = (share: number) => Math.max(0, Math.min(1, share));

const transfer: Record<VoiFunction, (center: number, width: number) => (value: number) => number> = {
  // PS3.3, C.11.2.1.2.1. A width of 1 is a threshold.
  LINEAR: (center, width) => (value) =>
    width === 1 ? Number(value > center - 0.5) : clamp((value - (center - 0.5)) / (width - 1) + 0.5),
  // PS3.3, C.11.2.1.3.2.
  LINEAR_EXACT: (center, width) => (value) => clamp((value - center) / width + 0.5),
  // PS3.3, C.11.2.1.3.1.
  SIGMOID: (center, width) => (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width)),
};
