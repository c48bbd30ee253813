import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import type { Result } from '../../core/result.ts';
import { ok } from '../../core/result.ts';
import { openImage, openImageBeginning } from './open-image.ts';
import type { PixelDataStart } from './parse/header.ts';
import { type Report, unexpectedErrorFault } from './unexpected-error.ts';

/** Read the identity of a film (patient, study, series, instance) from a DICOM file without decoding any pixel. */
export function inspect(bytes: Uint8Array, report: Report = () => {}): Result<Instance, Fault> {
  try {
    const opened = openImage(bytes);
    return opened.ok ? ok(opened.value.instance) : opened;
  } catch (error) {
    return unexpectedErrorFault(error, report);
  }
}

/** The identity of a film. If only the beginning of the file was inspected, `pixels` has the position of the pixel data. */
export type Inspected = { readonly instance: Instance; readonly pixels?: PixelDataStart };

/**
 * {@link inspect} for a file, or for the beginning of a file. For a beginning, `corrupt_image` can also mean that more bytes
 * are needed.
 *
 * @param isWhole whether `bytes` is the whole file
 */
export function inspectBeginning(
  bytes: Uint8Array,
  isWhole: boolean,
  report: Report = () => {},
): Result<Inspected, Fault> {
  if (isWhole) {
    const instance = inspect(bytes, report);
    return instance.ok ? ok({ instance: instance.value }) : instance;
  }
  try {
    return openImageBeginning(bytes);
  } catch (error) {
    return unexpectedErrorFault(error, report);
  }
}
