import { linesOf } from '../../core/lines.ts';
import { lineWidth } from './wrap.ts';

type Row = readonly string[];
const gap = 2;

/**
 * Rows in aligned columns of at most 80 characters in all. Columns of numbers align right; the last column is not padded. Cells with spaces
 * are wrapped. If that is not enough, the first cell of a row gets a line of its own, and at last each cell does.
 */
export function table(head: Row, rows: readonly Row[], indent = ''): string {
  const width = lineWidth - indent.length;
  return (inColumns(head, rows, width)?.flat() ?? stacked(head, rows, width) ?? inRecords(head, rows, width))
    .map((line) => `${indent}${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** The lines of each row, one where no cell is wrapped; undefined where a word is too long. */
function inColumns(head: Row, rows: readonly Row[], width: number): string[][] | undefined {
  const widths = widthsOf(head, rows, width);
  if (!widths) return undefined;
  const isNumeric = head.map((_, i) => rows.length > 0 && rows.every((row) => /^[\d.]*$/.test(row[i] ?? '')));
  const pad = (text: string, i: number) => (isNumeric[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0));
  return [head, ...rows].map((row) => {
    const cells = head.map((_, i) => linesOf(row[i] ?? '', widths[i] ?? 0));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      cells.map((lines, i) => pad(lines[line] ?? '', i)).join(' '.repeat(gap)),
    );
  });
}

/** The widths of the columns. Columns with spaces give up width, the widest first, down to their longest word. */
function widthsOf(head: Row, rows: readonly Row[], width: number): number[] | undefined {
  const cells = head.map((name, i) => [name, ...rows.map((row) => row[i] ?? '')]);
  const widths = cells.map((column) => Math.max(...column.map(({ length }) => length)));
  const least = cells.map((column) =>
    Math.max(...column.flatMap((text) => text.split(' ').map(({ length }) => length))),
  );
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, gap * (head.length - 1)) - width;
    if (excess <= 0) return widths;
    const spare = widths.map((each, i) => (each > (least[i] ?? 0) ? each : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if (!spare[widest]) return undefined;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** The first cell of each row on a line of its own, the others below. */
function stacked(head: Row, rows: readonly Row[], width: number): string[] | undefined {
  const [first = '', ...others] = head;
  const below = inColumns(
    others,
    rows.map(([, ...cells]) => cells),
    width - gap,
  );
  const firsts = [first, ...rows.map(([cell = '']) => cell)];
  if (!below || firsts.some(({ length }) => length > width)) return undefined;
  return firsts.flatMap((cell, i) => [cell, ...(below[i] ?? []).map((line) => `${' '.repeat(gap)}${line}`)]);
}

/** Name and value of each cell, with an empty line between rows. A long word is not broken, because a reader copies it. */
function inRecords(head: Row, rows: readonly Row[], width: number): string[] {
  const names = Math.max(...head.map(({ length }) => length)) + gap;
  return rows.flatMap((row, at) => [
    ...(at > 0 ? [''] : []),
    ...head.flatMap((name, i) =>
      linesOf(row[i] ?? '', width - names).map((line, j) => `${(j === 0 ? name : '').padEnd(names)}${line}`),
    ),
  ]);
}

/** A point in time to the minute, in UTC: a table has no room for milliseconds. */
export const minute = (iso: string): string => `${iso.slice(0, 16)}Z`;
