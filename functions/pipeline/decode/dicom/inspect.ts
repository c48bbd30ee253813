import type { Fault } from '../../fault.ts';
import type { Instance } from '../../instance.ts';
import type { Result } from '../../result.ts';
import { ok } from '../../result.ts';
import { bugIn, type Report } from './bug.ts';
import { open } from './open.ts';

/** Whose film a DICOM file is, from its header alone; refused by name where it is not one that is read. */
export function inspect(bytes: Uint8Array, report: Report = () => {}): Result<Instance, Fault> {
  try {
    const opened = open(bytes);
    return opened.ok ? ok(opened.value.instance) : opened;
  } catch (error) {
    return bugIn(error, report);
  }
}
