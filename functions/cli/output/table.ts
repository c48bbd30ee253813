/** Rows in aligned columns. Columns of numbers align right; the last column is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], indent = ''): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => /^[\d.]*$/.test(row[i] ?? '')));
  const pad = (text: string, i: number) =>
    numeric[i] ? text.padStart(widths[i] ?? 0) : i === head.length - 1 ? text : text.padEnd(widths[i] ?? 0);
  return [head, ...rows].map((row) => `${indent}${row.map(pad).join('  ')}\n`).join('');
}
