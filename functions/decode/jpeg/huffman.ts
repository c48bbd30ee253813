/**
 * Lookup table with the next 16 bits of a scan as index. An entry is `bits * 256 + coefficients`: the number of bits and of
 * coefficients to advance. 0: no code starts with these bits. The number of bits includes the code and the value after the
 * code. The value itself is not needed to walk through a scan.
 */
export type HuffmanTable = Uint16Array;

/** The tables of AC coefficients. */
export type AcTable = {
  readonly codes: HuffmanTable;
  /**
   * Lookup table with the next {@link runBits} bits of a scan as index. An entry covers as many codes as these bits contain, up to an
   * end of block: `bits * 256 + 128 + coefficients` with an end of block, which is not counted, `bits * 256 + coefficients` without.
   * 0: the first code is longer than these bits, or does not exist.
   */
  readonly runs: Uint16Array;
};

/** The index of a table of runs. Such a table stays in the first cache of the processor. */
export const runBits = 12;

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

/** The tables of AC coefficients (T.81, F.1.2.2). */
export function acTable(specification: HuffmanSpecification): AcTable | undefined {
  const codes = huffmanTable(specification, (symbol) => {
    const bits = symbol & 15;
    if (bits > 0 || symbol === 0xf0) return { bits, coefficients: (symbol >> 4) + 1 };
    return symbol === 0 ? { bits, coefficients: endOfBlock } : undefined;
  });
  return codes && { codes, runs: runsOf(codes, codeLengths(specification)) };
}

/** The length of the code with the next {@link runBits} bits of a scan as its beginning. 16 for each longer code. */
function codeLengths({ counts }: HuffmanSpecification): Uint8Array {
  const lengths = new Uint8Array(2 ** runBits).fill(16);
  let next = 0;
  for (let length = 1; length <= runBits; length++) {
    const end = next + (counts[length - 1] ?? 0) * 2 ** (runBits - length);
    lengths.fill(length, next, end);
    next = end;
  }
  return lengths;
}

function runsOf(codes: HuffmanTable, lengths: Uint8Array): Uint16Array {
  const mask = 2 ** runBits - 1;
  return Uint16Array.from({ length: 2 ** runBits }, (_, index) => {
    let bits = 0;
    let coefficients = 0;
    while (bits < runBits) {
      const ahead = (index << bits) & mask;
      const entry = codes[ahead << (16 - runBits)] ?? 0;
      // The value of the last code may lie behind these bits, its code may not.
      if (entry === 0 || bits + (lengths[ahead] ?? 16) > runBits) break;
      const advance = entry & 0xff;
      if (advance !== endOfBlock && coefficients + advance > 64) break;
      bits += entry >> 8;
      if (advance === endOfBlock) return bits * 256 + 128 + coefficients;
      coefficients += advance;
    }
    return bits * 256 + coefficients;
  });
}

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
