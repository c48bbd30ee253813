import type { Result } from '../../../core/result.ts';
import type { Encoding } from '../parse/transfer-syntaxes.ts';
import type { Shape } from './shape.ts';

/** A compressed frame that has passed the checks of its header. */
export type Compressed = {
  readonly encoding: Exclude<Encoding, 'native' | 'rle'>;
  readonly bytes: Uint8Array;
  readonly shape: Shape;
};

/** Why a codec gave nothing: damage, as far as that can be told, or more memory than a frame of its size takes. */
export type Undecodable = 'damaged' | 'insatiable';

/**
 * What a codec library has to do: one gray frame to its samples, row by row, in bytes or in words of this machine,
 * signed ones in two's complement. Rejects when the codec itself cannot run, which is no fault of the stream.
 */
export type Codec = (frame: Compressed) => Promise<Result<Uint8Array | Uint16Array, Undecodable>>;
