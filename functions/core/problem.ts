import type { Fault } from './fault.ts';
import { advice } from './fault-status.ts';

/** A fault as a caller sees it: title, status and fix, plus the members of the fault. */
export function describe<Shown extends Fault>(fault: Shown) {
  const { status, title, fix } = advice[fault.code];
  return { type: `/problems/${fault.code}`, title, status, fix, ...fault };
}
