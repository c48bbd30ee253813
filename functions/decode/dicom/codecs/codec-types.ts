import type { Result } from '../../../core/result.ts';
import type { Encoding } from '../parse/transfer-syntaxes.ts';
import type { Shape } from './shape.ts';

/** A compressed frame. Its headers have passed the checks. */
export type CompressedFrame = {
  readonly encoding: Exclude<Encoding, 'native' | 'rle'>;
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  /** How often the size can be halved in decoding. */
  readonly halvings?: number;
};

/** Why a codec returned no image: the stream is damaged, or the codec exceeded its memory limit. */
export type CodecFailure = 'damaged' | 'memoryExceeded';

/**
 * Decode one gray frame to its samples, row by row, as bytes or as words in native byte order. Signed samples are in two's
 * complement. Rejects if the codec itself cannot run, which is not a fault of the stream.
 *
 * @param halvings how often to halve the size. Both sides are rounded up.
 */
export type Codec = (
  frame: CompressedFrame,
  halvings: number,
) => Promise<Result<Uint8Array | Uint16Array, CodecFailure>>;

/**
 * Memory limit of a codec in bytes. A codec reserves 268 MB at its start and leaves most of it unused. In tests, the largest films
 * took up to 10 bytes per pixel plus the stream, and HTJ2K in blocks of 4 pixels took 110 MB more than at the start.
 */
export const memoryLimit = ({ bytes, shape }: CompressedFrame) =>
  384_000_000 + bytes.length + 24 * shape.rows * shape.columns;
