import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { Image } from '../image.ts';

/** The parameters in the headers of a compressed stream. */
export type Shape = {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Bits per sample. */
  readonly precision: number;
  readonly isSigned: boolean;
  /** Whether the compression is lossy, by the headers of the stream. */
  readonly isLossy: boolean;
};

/**
 * Check that the size and the bits of a stream agree with the DICOM header, before a codec decodes the stream. 584 bytes of
 * JPEG 2000 with a stated height of 2³¹ lines kept a codec busy for 25 s.
 */
export function checkShape(shape: Shape, image: Image): Result<Shape, Fault> {
  const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  if (shape.rows !== image.rows || shape.columns !== image.columns)
    return corrupt(
      `the compressed stream has ${shape.columns} × ${shape.rows} pixels, but the header says ${image.columns} × ${image.rows}`,
    );
  if (shape.components !== 1)
    return corrupt(`the compressed stream has ${shape.components} components, but the header says 1`);
  const { precision } = shape;
  // A stream may have fewer bits than the header states, unless the position of the high bit matters. It does not matter for
  // signed samples of the stream.
  const needsHighBit = (image.isSigned && !shape.isSigned) || image.highBit !== image.bitsStored - 1;
  if (precision < 2 || precision > image.bitsAllocated || (needsHighBit && precision <= image.highBit))
    return corrupt(
      `the compressed stream has ${precision} bits per pixel, but the header says ${image.bitsStored} of ${image.bitsAllocated}`,
    );
  return ok(shape);
}

/** Clamp samples to their precision. Unlike other codecs, OpenJPH does not clamp the samples of a lossy stream. */
export function clampToPrecision(words: Uint16Array, { precision, isSigned }: Shape): Uint16Array {
  const values = isSigned ? new Int16Array(words.buffer, words.byteOffset, words.length) : words;
  const [low, high] = isSigned ? [-(2 ** (precision - 1)), 2 ** (precision - 1) - 1] : [0, 2 ** precision - 1];
  for (let i = 0; i < values.length; i++) values[i] = Math.max(low, Math.min(high, values[i] ?? 0));
  return words;
}
