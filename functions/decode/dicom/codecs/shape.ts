import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { Image } from '../image.ts';

/** What a compressed stream says of itself. */
export type Shape = {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Bits a sample. */
  readonly precision: number;
  readonly signed: boolean;
  /** What is decoded is not to the bit what was encoded, as far as the stream says so. */
  readonly lossy: boolean;
};

/**
 * A stream must be what Rows, Columns and the bits of its header say before a codec sees it: 584 bytes of JPEG 2000
 * that claimed 2³¹ lines kept a codec busy for 25 s.
 */
export function agree(shape: Shape, image: Image): Result<Shape, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  if (shape.rows !== image.rows || shape.columns !== image.columns)
    return wrong(
      `its stream is ${shape.columns} × ${shape.rows} pixels, its header says ${image.columns} × ${image.rows}`,
    );
  if (shape.components !== 1) return wrong(`its stream has ${shape.components} components, its header says 1`);
  const { precision } = shape;
  // A stream may hold fewer bits than the header allows for, unless the position of a bit then says something; samples
  // that have a sign of their own have it at any width.
  const positioned = (image.signed && !shape.signed) || image.highBit !== image.bitsStored - 1;
  if (precision < 2 || precision > image.bitsAllocated || (positioned && precision <= image.highBit))
    return wrong(
      `its stream has ${precision} bits a pixel, its header says ${image.bitsStored} of ${image.bitsAllocated}`,
    );
  return ok(shape);
}
