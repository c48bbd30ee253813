import { linesOf } from '../../core/lines.ts';

/** The width of all text on standard output. A wider terminal gets the same lines, so that examples in documents match. */
export const lineWidth = 80;

/** A paragraph of at most 80 columns. Its first line starts with `start`, and each further line with `indent`. */
export function paragraph(text: string, indent = '', start = ''): string {
  const [words = '', ...rest] = linesOf(text, lineWidth - start.length);
  const first = `${start}${words}`;
  if (rest.length === 0) return `${first}\n`;
  const further = linesOf(rest.join(' '), lineWidth - indent.length);
  return [first, ...further.map((line) => `${indent}${line}`)].map((line) => `${line}\n`).join('');
}
