/** The width of all text on standard output. A wider terminal gets the same lines, so that examples in documents match. */
export const lineWidth = 80;

/** Break text at spaces into lines of at most `width` characters. A longer word has a line of its own. */
export function linesOf(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A paragraph of at most 80 columns. Its first line starts with `start`, and each further line with `indent`. */
export function paragraph(text: string, indent = '', start = ''): string {
  const [words = '', ...rest] = linesOf(text, lineWidth - start.length);
  const first = `${start}${words}`;
  if (rest.length === 0) return `${first}\n`;
  const further = linesOf(rest.join(' '), lineWidth - indent.length);
  return [first, ...further.map((line) => `${indent}${line}`)].map((line) => `${line}\n`).join('');
}
