/** A Huffman table for look-up by the next bits of a scan. */
export type HuffmanTable = {
  /** By the next 9 bits: code length × 256 + symbol, 0 where no code of at most 9 bits starts so. */
  readonly short: Uint16Array;
  /** By code length: the first code of the length, and the first that is behind its last one, as 16 bits from the left. */
  readonly first: Int32Array;
  readonly limit: Int32Array;
  /** By code length: where the symbols of the length begin. */
  readonly offset: Int32Array;
  readonly symbols: Uint8Array;
};

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

/**
 * T.81, annex C: codes of one length follow each other; each longer length goes on from twice the next code. Undefined where
 * there are more codes than their lengths allow.
 */
export function huffmanTable({ counts, symbols }: HuffmanSpecification): HuffmanTable | undefined {
  const short = new Uint16Array(512);
  const [first, limit, offset] = [new Int32Array(17), new Int32Array(17), new Int32Array(17)];
  let next = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 65_536 >> length;
    const count = counts[length - 1] ?? 0;
    first[length] = next;
    offset[length] = symbol;
    if (next + count * span > 65_536) return undefined;
    for (let i = 0; i < count; i++, symbol++, next += span)
      if (length <= 9) short.fill(length * 256 + (symbols[symbol] ?? 0), next >> 7, (next + span) >> 7);
    limit[length] = next;
  }
  return { short, first, limit, offset, symbols };
}

/** The entry of a code that is longer than 9 bits, as in the table of short ones; 0 where there is none. */
export function longCode({ first, limit, offset, symbols }: HuffmanTable, next: number): number {
  for (let length = 10; length <= 16; length++)
    if (next < (limit[length] ?? 0)) {
      const index = (offset[length] ?? 0) + ((next - (first[length] ?? 0)) >> (16 - length));
      return length * 256 + (symbols[index] ?? 0);
    }
  return 0;
}
