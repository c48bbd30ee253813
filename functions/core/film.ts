import type { DicomView } from './dicom-view.ts';
import type { Instance } from './instance.ts';
import type { Px } from './units.ts';
import type { ReadingWarning } from './warning.ts';

/** One decoded radiograph: a single gray band, row by row from the top left, upright, in its own bit depth. */
export type Film = {
  readonly width: Px;
  readonly height: Px;
  /** 8-bit films are bytes, deeper ones 16-bit words that use the full range. */
  readonly pixels: Uint8Array | Uint16Array;
};

/** A film, and for a DICOM instance the content of its header. */
export type Decoded = {
  readonly film: Film;
  /** Faults of the file that did not prevent reading. Absent where there are none. */
  readonly warnings?: readonly ReadingWarning[];
  readonly dicom?: {
    /** Part of the reading: it contains no patient data. */
    readonly view: DicomView;
    readonly instance: Instance;
  };
};

/** The largest value a pixel of this film can take. */
export const white = ({ pixels }: Pick<Film, 'pixels'>): number => (pixels instanceof Uint16Array ? 65_535 : 255);
