/**
 * Lookup table with the next 16 bits of a scan as index. An entry is `bits * 256 + coefficients`: the number of bits and of
 * coefficients to advance. 0: no code starts with these bits. The number of bits includes the code and the value after the
 * code. The value itself is not needed to walk through a scan.
 */
export type HuffmanTable = Uint16Array;

/** Number of coefficients to advance at an end-of-block symbol: more than a block has. */
export const endOfBlock = 128;

/** A table in the form of a DHT segment: the number of codes per length from 1 to 16, and the symbols of the codes. */
export type HuffmanSpecification = { readonly counts: Uint8Array; readonly symbols: Uint8Array };

/** The tables of a DHT segment by class × 16 + destination (ITU-T T.81, B.2.4.2); undefined if the segment is malformed. */
export function huffmanSpecifications(segment: Uint8Array): Map<number, HuffmanSpecification> | undefined {
  const specifications = new Map<number, HuffmanSpecification>();
  let at = 0;
  while (at < segment.length) {
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (counts.length < 16 || total > 256 || at + 17 + total > segment.length) return undefined;
    specifications.set(segment[at] ?? 0, { counts, symbols: segment.subarray(at + 17, at + 17 + total) });
    at += 17 + total;
  }
  return specifications;
}

/** A table of DC coefficients, or of the differences in a lossless scan. */
export const dcTable = (specification: HuffmanSpecification) =>
  // T.81, H.1.2.2: no value bits follow the code of the difference 32 768.
  huffmanTable(specification, (size) => (size > 16 ? undefined : { bits: size % 16, coefficients: 1 }));

/** A table of AC coefficients (T.81, F.1.2.2). */
export const acTable = (specification: HuffmanSpecification) =>
  huffmanTable(specification, (symbol) => {
    const bits = symbol & 15;
    if (bits > 0 || symbol === 0xf0) return { bits, coefficients: (symbol >> 4) + 1 };
    return symbol === 0 ? { bits, coefficients: endOfBlock } : undefined;
  });

type Advance = { readonly bits: number; readonly coefficients: number };

/**
 * Assign the codes of a table (T.81, annex C). Codes of one length are consecutive. The first code of the next length is twice
 * the next free code. Undefined if there are more codes than the lengths allow.
 */
function huffmanTable(
  { counts, symbols }: HuffmanSpecification,
  advanceOf: (symbol: number) => Advance | undefined,
): HuffmanTable | undefined {
  const table = new Uint16Array(65_536);
  let next = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 65_536 >> length;
    for (let i = counts[length - 1] ?? 0; i > 0; i--, symbol++, next += span) {
      if (next + span > 65_536) return undefined;
      const advance = advanceOf(symbols[symbol] ?? 0);
      if (advance) table.fill((length + advance.bits) * 256 + advance.coefficients, next, next + span);
    }
  }
  return table;
}
