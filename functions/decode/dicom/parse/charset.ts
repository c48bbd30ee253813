/**
 * Defined terms of Specific Character Set (PS3.3, C.12.1.1.2) to the names that TextDecoder knows. Terms with and
 * without code extensions share a decoder: what escape sequences change is listed below.
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
 * Sets that are there by escape sequence only, as files hold them that leave the sequences out: with the high bit set, or,
 * of Japanese, as the systems that write such files have it.
 */
const unescaped: ReadonlyMap<string, string> = new Map([
  ['ISO_IR 58', 'gbk'],
  ['ISO_IR 149', 'euc-kr'],
  ['ISO_IR 87', 'shift_jis'],
  ['ISO_IR 159', 'euc-jp'],
]);

/**
 * What follows an escape sequence (PS3.3, tables C.12-3 and C.12-4; PS3.5, annexes H to K). Sets of 94 × 94
 * characters in G0 are the low halves of EUC-JP: `lead` is what EUC-JP puts before each character.
 */
type Designation = { readonly half: 'g0' | 'g1'; readonly decoder: string; readonly pairs?: readonly number[] };
const designations: Readonly<Record<string, Designation>> = {
  '(B': { half: 'g0', decoder: '' },
  '(J': { half: 'g0', decoder: '' },
  $B: { half: 'g0', decoder: 'euc-jp', pairs: [] },
  '$(D': { half: 'g0', decoder: 'euc-jp', pairs: [0x8f] },
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
/** PS3.5, 6.1.2.5.3: at these the first character set is in force again. Tab, LF, FF, CR, \, ^ and =. */
const delimiters = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c, 0x5e, 0x3d]);

/**
 * Bytes of a text value to Unicode, by the values of Specific Character Set. Many files hold what they do not declare: a
 * value that is not in the set that is in force is read in another one that the file names, otherwise as UTF-8 where its
 * bytes are, otherwise as Latin-1. A name with a wrong letter can be recognised; one with a hole in it cannot.
 */
export function decodeText(bytes: Uint8Array, charset: readonly string[]): string {
  const [first = '', ...others] = charset.map(termOf);
  const initial = decoders.get(first) ?? 'us-ascii';
  const instead = others.map((term) => decoders.get(term) ?? unescaped.get(term));
  const known = instead.filter((label) => label !== undefined);
  return bytes.includes(escapeByte) ? withExtensions(bytes, initial, known) : legible(bytes, [initial, ...known]);
}

/** A defined term however it is spelled, without code extensions: `iso-ir 100` and `ISO 2022 IR 100` are `ISO_IR 100`. */
const termOf = (given: string) => given.toUpperCase().replace(/^ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)$/, 'ISO_IR $1');

/** Bytes in the first of these sets, then UTF-8, that has all of them; Latin-1 has any. */
function legible(bytes: Uint8Array, labels: readonly string[]): string {
  for (const label of [...labels, 'utf-8']) {
    const text = strictly(bytes, label);
    if (text !== undefined) return text;
  }
  return new TextDecoder('iso-8859-1').decode(bytes);
}

/** Undefined where a set lacks one of the bytes. */
function strictly(bytes: Uint8Array, label: string): string | undefined {
  // TextDecoder takes us-ascii for windows-1252, which has nearly all of them.
  if (label === 'us-ascii' && bytes.some((byte) => byte >= 0x80)) return undefined;
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function withExtensions(bytes: Uint8Array, initial: string, others: readonly string[]): string {
  let text = '';
  let g1 = initial;
  let pairs: readonly number[] | undefined;
  let from = 0;
  const flush = (to: number) => {
    const run = bytes.subarray(from, to);
    text += pairs ? ideographs(run, pairs) : legible(run, [g1, ...others]);
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === escapeByte) {
      flush(at);
      const [sequence, designation] = designated(bytes.subarray(at + 1, at + 4));
      if (designation?.half === 'g0') pairs = designation.pairs;
      else if (designation) g1 = designation.decoder;
      at += sequence.length;
      from = at + 1;
    } else if (!pairs && delimiters.has(byte)) {
      flush(at);
      text += String.fromCharCode(byte);
      g1 = initial;
      from = at + 1;
    }
  }
  flush(bytes.length);
  return text;
}

function designated(following: Uint8Array): readonly [string, Designation | undefined] {
  const text = String.fromCharCode(...following);
  const sequence = Object.keys(designations).find((known) => text.startsWith(known));
  return sequence === undefined ? ['', undefined] : [sequence, designations[sequence]];
}

function asEuc(run: Uint8Array, lead: readonly number[]): Uint8Array {
  const euc: number[] = [];
  for (let at = 0; at + 1 < run.length; at += 2) euc.push(...lead, (run[at] ?? 0) | 0x80, (run[at + 1] ?? 0) | 0x80);
  return Uint8Array.from(euc);
}

/** A cell of the table that is empty is a question mark, as it is for those who cannot write a character. */
const ideographs = (run: Uint8Array, lead: readonly number[]) =>
  new TextDecoder('euc-jp').decode(asEuc(run, lead)).replaceAll('\ufffd', '?');
