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

/** Bytes of a text value to Unicode, by the values of Specific Character Set. */
export function decodeText(bytes: Uint8Array, charset: readonly string[]): string {
  const [first = ''] = charset;
  const initial = decoders.get(first.replace('ISO 2022 IR', 'ISO_IR')) ?? 'us-ascii';
  if (!bytes.includes(escapeByte)) return first === '' ? undeclared(bytes) : decode(bytes, initial);
  return withExtensions(bytes, initial);
}

/** A file that names no set and yet holds more than ASCII: UTF-8 where the bytes are, otherwise Latin-1. */
function undeclared(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decode(bytes, 'iso-8859-1');
  }
}

function withExtensions(bytes: Uint8Array, initial: string): string {
  let text = '';
  let g1 = initial;
  let pairs: readonly number[] | undefined;
  let from = 0;
  const flush = (to: number) => {
    const run = bytes.subarray(from, to);
    text += pairs ? decode(asEuc(run, pairs), 'euc-jp') : decode(run, g1);
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

function decode(bytes: Uint8Array, label: string): string {
  // TextDecoder takes us-ascii for windows-1252, which would guess at bytes that ASCII does not have.
  if (label === 'us-ascii')
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : '\ufffd')).join('');
  return new TextDecoder(label).decode(bytes);
}
