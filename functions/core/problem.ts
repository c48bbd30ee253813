import { advice, type Fault } from './fault.ts';

/** A fault as callers are shown it: what it is and what to do about it, beside what it carries. */
export function describe<Shown extends Fault>(fault: Shown) {
  const { status, title, fix } = advice[fault.code];
  return { type: `/problems/${fault.code}`, title, status, fix, ...fault };
}
