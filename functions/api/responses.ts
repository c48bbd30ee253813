import { advice } from '../pipeline/fault.ts';
import { Problem } from './problem.ts';

/** The problem answers of a route, by status, each with the codes it may carry. */
export function answers<Status extends number>(...statuses: Status[]) {
  const entries = statuses.map((status) => {
    const codes = Object.entries(advice).filter(([, a]) => a.status === status);
    const description = codes.map(([code, { title }]) => `\`${code}\`: ${title}`).join('; ');
    return [status, { description, content: { 'application/problem+json': { schema: Problem } } }];
  });
  return Object.fromEntries(entries) as Record<
    Status,
    { description: string; content: { 'application/problem+json': { schema: typeof Problem } } }
  >;
}
