import type { Fault } from '../../fault.ts';
import type { Instance } from '../../instance.ts';
import type { Result } from '../../result.ts';
import { ok } from '../../result.ts';
import { bugIn, type Report } from './bug.ts';
import type { PixelsBegin } from './header.ts';
import { open, openBeginning } from './open.ts';

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
