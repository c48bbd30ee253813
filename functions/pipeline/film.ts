import type { Px } from './units.ts';

/** One decoded radiograph: a single gray band, row by row from the top left, upright, in its own bit depth. */
export type Film = {
  readonly width: Px;
  readonly height: Px;
  /** 8-bit films are bytes, deeper ones 16-bit words that use the full range. */
  readonly pixels: Uint8Array | Uint16Array;
};

/** The largest value a pixel of this film can take. */
export const white = ({ pixels }: Pick<Film, 'pixels'>): number => (pixels instanceof Uint16Array ? 65_535 : 255);
