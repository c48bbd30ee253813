import type { Fault, Shortfall } from './fault.ts';
import { advice } from './fault-status.ts';

/** A fault as a caller sees it: title, status and fix, plus the members of the fault. */
export function describe<Shown extends Fault>(fault: Shown) {
  const { status, title, fix } = advice[fault.code];
  return { type: `/problems/${fault.code}`, title, status, fix, ...fault };
}

/** The members of a fault in one line. `nameOf` names a parameter as its user writes it. The cause is for the log. */
export function detailsText(
  { cause: _, ...members }: Readonly<Record<string, unknown>>,
  nameOf: (parameter: string) => string,
): string {
  return Object.entries(members)
    .map(([name, value]) => {
      if (name === 'shortfalls') return (value as readonly Shortfall[]).map(shortfallText).join('; ');
      if (name === 'parameter') return nameOf(String(value));
      if (name === 'problem') return String(value);
      return `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`;
    })
    .join('; ');
}

const shortfallText = ({ finding, required, best }: Shortfall) =>
  `${finding} needs ${required}, ${best ? `the best is ${best.variant} with ${best.attains}` : 'and no variant reads it'}`;
