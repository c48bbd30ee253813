import type { DicomView } from './dicom-view.ts';
import type { Instance } from './instance.ts';
import { type Px, px } from './units.ts';
import type { ReadingWarning } from './warning.ts';

/** One decoded radiograph: a single gray band, row by row from the top left, upright, in its own bit depth. */
export type Film = {
  readonly width: Px;
  readonly height: Px;
  /** 8-bit films are bytes, deeper ones 16-bit words that use the full range. */
  readonly pixels: Uint8Array | Uint16Array;
};

/** The width and the height of a film in pixels. */
export type Size = Pick<Film, 'width' | 'height'>;

/** A film, and for a DICOM instance the content of its header. */
export type Decoded = {
  readonly film: Film;
  /** The size of the whole film, if the film was decoded at a lower resolution. */
  readonly fullSize?: Size;
  /** All data that determine the pixels of the whole film. Absent for a PNG or JPEG file, whose pixels are always whole. */
  readonly source?: PixelSource;
  /** Faults of the file that did not prevent reading. Absent where there are none. */
  readonly warnings?: readonly ReadingWarning[];
  readonly dicom?: {
    /** Part of the reading: it contains no patient data. */
    readonly view: DicomView;
    readonly instance: Instance;
  };
};

/** Data that determine the pixels of a film: what is stored, and the attributes for its rendering. */
export type PixelSource = readonly (string | Uint8Array)[];

/** The largest value a pixel of this film can take. */
export const white = ({ pixels }: Pick<Film, 'pixels'>): number => (pixels instanceof Uint16Array ? 65_535 : 255);

/** The size of a film that is scaled into a square of `side`, with its aspect ratio kept. */
export function contain({ width, height }: Size, side: Px): Size {
  const scale = side / Math.max(width, height);
  return { width: px(Math.max(1, Math.round(width * scale))), height: px(Math.max(1, Math.round(height * scale))) };
}
