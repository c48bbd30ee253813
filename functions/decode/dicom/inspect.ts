import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import type { Result } from '../../core/result.ts';
import { ok } from '../../core/result.ts';
import { open, openBeginning } from './open-image.ts';
import type { PixelsBegin } from './parse/header.ts';
import { bugIn, type Report } from './unexpected-error.ts';

/** Whose film a DICOM file is, from its header alone; refused by name where it is not one that is read. */
export function inspect(bytes: Uint8Array, report: Report = () => {}): Result<Instance, Fault> {
  try {
    const opened = open(bytes);
    return opened.ok ? ok(opened.value.instance) : opened;
  } catch (error) {
    return bugIn(error, report);
  }
}

/** The same of a file, or of its beginning: then `pixels` says what must follow. */
export type Inspected = { readonly instance: Instance; readonly pixels?: PixelsBegin };

/** Look at a file, or at the beginning of one: there `corrupt_image` may mean that more of it is needed. */
export function inspectBeginning(
  bytes: Uint8Array,
  whole: boolean,
  report: Report = () => {},
): Result<Inspected, Fault> {
  if (whole) {
    const instance = inspect(bytes, report);
    return instance.ok ? ok({ instance: instance.value }) : instance;
  }
  try {
    return openBeginning(bytes);
  } catch (error) {
    return bugIn(error, report);
  }
}
