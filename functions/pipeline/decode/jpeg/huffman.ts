/** A Huffman table for look-up by the next bits of a scan: code length × 256 + symbol, 0 where no code starts so. */
export type HuffmanTable = {
  /** By the next 9 bits: most codes are no longer. */
  readonly short: Uint16Array;
  /** By the next 16 bits. */
  readonly long: Uint16Array;
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
  const [short, long] = [new Uint16Array(512), new Uint16Array(65_536)];
  let next = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 65_536 >> length;
    for (let i = 0; i < (counts[length - 1] ?? 0); i++) {
      if (next + span > 65_536) return undefined;
      const entry = length * 256 + (symbols[symbol] ?? 0);
      long.fill(entry, next, next + span);
      if (length <= 9) short.fill(entry, next >> 7, (next + span) >> 7);
      next += span;
      symbol += 1;
    }
  }
  return { short, long };
}
