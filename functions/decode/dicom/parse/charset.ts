/**
 * The label of TextDecoder for each defined term of Specific Character Set (PS3.3, C.12.1.1.2). Terms with and without code
 * extensions share a decoder. `designations` has the decoders that escape sequences select.
 */
const decoders: ReadonlyMap<string, string> = new Map([
  ['', 'us-ascii'],
  ['ISO_IR 6', 'us-ascii'],
  ['ISO_IR 100', 'iso-8859-1'],
  ['ISO_IR 101', 'iso-8859-2'],
  ['ISO_IR 109', 'iso-8859-3'],
  ['ISO_IR 110', 'iso-8859-4'],
  ['ISO_IR 144', 'iso-8859-5'],
  ['ISO_IR 127', 'iso-8859-6'],
  ['ISO_IR 126', 'iso-8859-7'],
  ['ISO_IR 138', 'iso-8859-8'],
  ['ISO_IR 148', 'iso-8859-9'],
  ['ISO_IR 203', 'iso-8859-15'],
  ['ISO_IR 13', 'shift_jis'],
  ['ISO_IR 166', 'windows-874'],
  ['ISO_IR 192', 'utf-8'],
  ['GB18030', 'gb18030'],
  ['GBK', 'gbk'],
]);

/**
 * Decoders for character sets that need escape sequences, for files that omit these sequences. Such files use the encoding of
 * the operating system: the bytes have the high bit set, or are Shift JIS or EUC-JP for Japanese.
 */
const decodersWithoutEscape: ReadonlyMap<string, string> = new Map([
  ['ISO_IR 58', 'gbk'],
  ['ISO_IR 149', 'euc-kr'],
  ['ISO_IR 87', 'shift_jis'],
  ['ISO_IR 159', 'euc-jp'],
]);

/** The character set that an escape sequence selects (PS3.3, tables C.12-3 and C.12-4; PS3.5, annexes H to K). */
type Designation = {
  readonly half: 'g0' | 'g1';
  readonly decoder: string;
  /**
   * Only for a set of 94 × 94 characters in G0: the prefix of each character in EUC-JP. Such a set has two bytes per character,
   * and is EUC-JP without the high bits.
   */
  readonly eucPrefix?: readonly number[];
};
const designations: Readonly<Record<string, Designation>> = {
  '(B': { half: 'g0', decoder: '' },
  '(J': { half: 'g0', decoder: '' },
  $B: { half: 'g0', decoder: 'euc-jp', eucPrefix: [] },
  '$(D': { half: 'g0', decoder: 'euc-jp', eucPrefix: [0x8f] },
  ')I': { half: 'g1', decoder: 'shift_jis' },
  '-A': { half: 'g1', decoder: 'iso-8859-1' },
  '-B': { half: 'g1', decoder: 'iso-8859-2' },
  '-C': { half: 'g1', decoder: 'iso-8859-3' },
  '-D': { half: 'g1', decoder: 'iso-8859-4' },
  '-L': { half: 'g1', decoder: 'iso-8859-5' },
  '-G': { half: 'g1', decoder: 'iso-8859-6' },
  '-F': { half: 'g1', decoder: 'iso-8859-7' },
  '-H': { half: 'g1', decoder: 'iso-8859-8' },
  '-M': { half: 'g1', decoder: 'iso-8859-9' },
  '-b': { half: 'g1', decoder: 'iso-8859-15' },
  '-T': { half: 'g1', decoder: 'windows-874' },
  '$)C': { half: 'g1', decoder: 'euc-kr' },
  '$)A': { half: 'g1', decoder: 'gbk' },
};

const escapeByte = 0x1b;
/** Characters that select the first character set again (PS3.5, 6.1.2.5.3): tab, LF, FF, CR, \, ^ and =. */
const delimiters = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c, 0x5e, 0x3d]);

/**
 * Decode the bytes of a text value by the values of Specific Character Set. In many files, the declared character set is wrong.
 * If the bytes are invalid in the first set, the other declared sets are tried, then UTF-8. Latin-1 is the last choice,
 * because all bytes are valid in it. A person can recognise a name with a wrong letter, but not a name with missing letters.
 */
export function decodeText(bytes: Uint8Array, charset: readonly string[]): string {
  const [first = '', ...others] = charset.map(definedTerm);
  const initial = decoders.get(first) ?? 'us-ascii';
  const otherLabels = others
    .map((term) => decoders.get(term) ?? decodersWithoutEscape.get(term))
    .filter((label) => label !== undefined);
  return bytes.includes(escapeByte)
    ? decodeWithEscapes(bytes, initial, otherLabels)
    : decodeFirstValid(bytes, [initial, ...otherLabels]);
}

/** The standard spelling of a defined term, without code extensions. `iso-ir 100` and `ISO 2022 IR 100` are `ISO_IR 100`. */
const definedTerm = (given: string) =>
  given.toUpperCase().replace(/^ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)$/, 'ISO_IR $1');

/** Decode bytes by the first label for which all bytes are valid. UTF-8 is tried after the labels, and then Latin-1 is used. */
function decodeFirstValid(bytes: Uint8Array, labels: readonly string[]): string {
  for (const label of [...labels, 'utf-8']) {
    const text = decodeStrict(bytes, label);
    if (text !== undefined) return text;
  }
  return new TextDecoder('iso-8859-1').decode(bytes);
}

/** Decode bytes by one label; undefined if a byte is invalid. */
function decodeStrict(bytes: Uint8Array, label: string): string | undefined {
  // TextDecoder uses windows-1252 for us-ascii. In windows-1252, nearly all bytes are valid.
  if (label === 'us-ascii' && bytes.some((byte) => byte >= 0x80)) return undefined;
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeWithEscapes(bytes: Uint8Array, initial: string, others: readonly string[]): string {
  let text = '';
  let g1 = initial;
  let eucPrefix: readonly number[] | undefined;
  let from = 0;
  const flush = (to: number) => {
    const run = bytes.subarray(from, to);
    text += eucPrefix ? decodeTwoByte(run, eucPrefix) : decodeFirstValid(run, [g1, ...others]);
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === escapeByte) {
      flush(at);
      const [sequence, designation] = designationAt(bytes.subarray(at + 1, at + 4));
      if (designation?.half === 'g0') eucPrefix = designation.eucPrefix;
      else if (designation) g1 = designation.decoder;
      at += sequence.length;
      from = at + 1;
    } else if (!eucPrefix && delimiters.has(byte)) {
      flush(at);
      text += String.fromCharCode(byte);
      g1 = initial;
      from = at + 1;
    }
  }
  flush(bytes.length);
  return text;
}

function designationAt(following: Uint8Array): readonly [string, Designation | undefined] {
  const text = String.fromCharCode(...following);
  const sequence = Object.keys(designations).find((known) => text.startsWith(known));
  return sequence === undefined ? ['', undefined] : [sequence, designations[sequence]];
}

function toEuc(run: Uint8Array, prefix: readonly number[]): Uint8Array {
  const euc: number[] = [];
  for (let at = 0; at + 1 < run.length; at += 2) euc.push(...prefix, (run[at] ?? 0) | 0x80, (run[at + 1] ?? 0) | 0x80);
  return Uint8Array.from(euc);
}

/** Decode a set of 94 × 94 characters. An unassigned code becomes a question mark. */
const decodeTwoByte = (run: Uint8Array, prefix: readonly number[]) =>
  new TextDecoder('euc-jp').decode(toEuc(run, prefix)).replaceAll('\ufffd', '?');
