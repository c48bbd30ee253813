/**
 * What to do at each symbol, by the next 16 bits of a scan: bits to go on × 256 + coefficients to go on; 0 where no code starts
 * so. The bits are those of the code and of the value after it, which need not be known to follow a scan.
 */
export type HuffmanTable = Uint16Array;

/** The coefficients that the end of a block goes on: more than a block has. */
export const endOfBlock = 128;

/** A table as a DHT segment brings it: how many codes of each length from 1 to 16, and their symbols. */
export type HuffmanSpecification = { readonly counts: Uint8Array; readonly symbols: Uint8Array };

/**
 * The tables of a DHT segment by class × 16 + destination (ITU-T T.81, B.2.4.2); undefined where the segment is malformed.
 */
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

/** A table of DC coefficients, or of differences in a lossless scan. */
export const dcTable = (specification: HuffmanSpecification) =>
  // T.81, H.1.2.2: a difference of 32 768 has no further bits.
  huffmanTable(specification, (size) => (size > 16 ? undefined : { bits: size % 16, coefficients: 1 }));

/** A table of AC coefficients (T.81, F.1.2.2). */
export const acTable = (specification: HuffmanSpecification) =>
  huffmanTable(specification, (symbol) => {
    const bits = symbol & 15;
    if (bits > 0 || symbol === 0xf0) return { bits, coefficients: (symbol >> 4) + 1 };
    return symbol === 0 ? { bits, coefficients: endOfBlock } : undefined;
  });

type Step = { readonly bits: number; readonly coefficients: number };

/**
 * T.81, annex C: codes of one length follow each other; each longer length goes on from twice the next code. Undefined where
 * there are more codes than their lengths allow.
 */
function huffmanTable(
  { counts, symbols }: HuffmanSpecification,
  step: (symbol: number) => Step | undefined,
): HuffmanTable | undefined {
  const table = new Uint16Array(65_536);
  let next = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 65_536 >> length;
    for (let i = counts[length - 1] ?? 0; i > 0; i--, symbol++, next += span) {
      if (next + span > 65_536) return undefined;
      const is = step(symbols[symbol] ?? 0);
      if (is) table.fill((length + is.bits) * 256 + is.coefficients, next, next + span);
    }
  }
  return table;
}
