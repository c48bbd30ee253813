import { endOfBlock, type HuffmanTable } from './huffman.ts';

/** One block of an MCU in a sequential scan; in a lossless one a sample, which has no AC coefficients. */
export type Block = { readonly dc: HuffmanTable; readonly ac: HuffmanTable | null };

/** The Huffman-coded data of one scan and what the headers say of it. */
export type Scan = {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** The position of the marker after the scan. */
  readonly end: number;
  /** The blocks of one MCU. */
  readonly mcu: readonly Block[];
  readonly mcus: number;
  /** MCUs between restart markers; 0 where there are none. */
  readonly restartInterval: number;
};

/** The data of a sound scan with what does not belong to it left out. */
export type SoundScan = {
  readonly pieces: readonly Uint8Array[];
  readonly restartInterval: number;
  /** Bytes that were left out. */
  readonly surplus: number;
  readonly renumbered: boolean;
};

/** A longer run of equal bytes after the data of a scan is not taken for padding. */
const maxPadding = 8192;
/** Longer leftovers are not looked into: the scan is damaged. */
const maxLeftover = 64;

const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;

/**
 * Follow the codes of a scan to the end without decoding a sample: undefined where the data ends too early, has a code that
 * does not exist or more blocks than the image. A declared restart interval that the data contradicts is replaced by the one
 * that the data has.
 */
export function soundScan(scan: Scan): SoundScan | undefined {
  const declared = follow(scan, scan.restartInterval);
  if (declared) return declared;
  const actual = restartsIn(scan) ? firstInterval(scan) : 0;
  return actual === undefined || actual === scan.restartInterval ? undefined : follow(scan, actual);
}

/** Huffman codes fall into step after some tens of codes, wherever reading starts. */
const tailBytes = 2048;

/**
 * Whether the last codes of a scan end in the last byte of its data, by a look at its tail. False where they do not, where
 * the last byte is zero, and rarely for a sound scan: then {@link soundScan} tells.
 */
export function endsWhole(scan: Scan): boolean {
  const { bytes, end } = scan;
  if (bytes[end - 1] === 0 && bytes[end - 2] !== 0xff) return false;
  let from = Math.max(scan.start, end - tailBytes);
  for (let marker = nextMarker(scan, from); marker < end; marker = nextMarker(scan, from)) from = behind(bytes, marker);
  const reader = new Codes(bytes, from, end);
  while (!reader.isExhausted()) {
    if (!reader.mcus(scan.mcu, 1)) reader.skip(1);
    else if (reader.position() === end && reader.isPadded()) return true;
  }
  return false;
}

/** The position behind a marker, which fill bytes may precede. */
function behind(bytes: Uint8Array, marker: number): number {
  let at = marker;
  while (bytes[at + 1] === 0xff) at++;
  return at + 2;
}

function follow(scan: Scan, restartInterval: number): SoundScan | undefined {
  const { bytes, mcus } = scan;
  const pieces: Uint8Array[] = [];
  const each = restartInterval || mcus;
  let from = scan.start;
  let kept = scan.start;
  let surplus = 0;
  let renumbered = false;
  for (let done = 0, restart = 0; done < mcus; restart = (restart + 1) % 8) {
    const count = Math.min(each, mcus - done);
    const until = nextMarker(scan, from);
    const reader = new Codes(bytes, from, until);
    if (!reader.mcus(scan.mcu, count)) return undefined;
    const end = reader.position();
    if (end < until) {
      if (!reader.isPadded() || !isSurplus(scan, end, until, reader.padding())) return undefined;
      pieces.push(bytes.subarray(kept, end));
      surplus += until - end;
      kept = until;
    }
    done += count;
    if (done === mcus) {
      if (until !== scan.end) return undefined;
      pieces.push(bytes.subarray(kept, until));
      break;
    }
    if (until === scan.end) return undefined;
    const expected = 0xd0 + restart;
    from = behind(bytes, until);
    if (bytes[from - 1] !== expected) {
      pieces.push(bytes.subarray(kept, until), Uint8Array.of(0xff, expected));
      kept = from;
      renumbered = true;
    }
  }
  return { pieces, restartInterval, surplus, renumbered };
}

/** Where the data from a position on ends: at a restart marker or at the end of the scan. */
function nextMarker({ bytes, end }: Scan, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1 && at < end; at = bytes.indexOf(0xff, at + 2)) {
    let marker = at;
    while (bytes[marker + 1] === 0xff && marker + 1 < end) marker++;
    if (marker + 1 >= end || isRestart(bytes[marker + 1] ?? 0)) return at;
    at = marker;
  }
  return end;
}

const restartsIn = (scan: Scan): boolean => nextMarker(scan, scan.start) < scan.end;

/** How many MCUs lie before the first restart marker; undefined where they do not end at it. */
function firstInterval(scan: Scan): number | undefined {
  const until = nextMarker(scan, scan.start);
  const reader = new Codes(scan.bytes, scan.start, until);
  for (let count = 1; count <= scan.mcus; count++) {
    if (!reader.mcus(scan.mcu, 1)) return undefined;
    if (reader.position() === until && reader.isPadded()) return count;
  }
  return undefined;
}

/**
 * Whether bytes after the last code of a sound scan do not belong to it. Where a damaged scan lost some blocks, what is left
 * are whole blocks that end in a padded byte (T.81, F.1.2.3: with 1-bits). Padding and stray bytes do not look so.
 */
function isSurplus({ bytes, mcu }: Scan, start: number, end: number, padding: number): boolean {
  const left = bytes.subarray(start, end);
  const isRun = left.every((byte) => byte === left[0]);
  // Without padding in the last byte of the data, a run may be codes of a damaged scan.
  if (isRun && left.length <= (padding > 0 ? maxPadding : maxLeftover)) return true;
  if (left.length > maxLeftover) return false;
  const reader = new Codes(bytes, start, end);
  for (let blocks = 0; blocks < 8 * maxLeftover; blocks++) {
    if (!reader.mcus(mcu, 1)) return true;
    if (reader.position() === end && reader.isPadded()) return false;
  }
  return true;
}

/** The codes in the data between two markers. */
class Codes {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;
  /** The last bits that were read from the data; the lower `left` of them are not used yet. Below 0 are bits to be passed over. */
  private held = 0;
  private left = 0;
  /** Zero bits that stand for data that is not there. */
  private missing = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Go over MCUs; false where their codes are not whole. One loop on local variables: this is where following takes its time. */
  mcus(blocks: readonly Block[], count: number): boolean {
    const { bytes, end } = this;
    let { at, held, left, missing } = this;
    let isWhole = true;
    for (let i = 0; isWhole && i < count; i++) {
      for (const { dc, ac } of blocks) {
        const last = ac ? 64 : 1;
        let table = dc;
        let k = 0;
        while (k < last) {
          while (left <= 16) {
            let byte = 0;
            if (at < end) {
              byte = bytes[at] ?? 0;
              // A zero byte is stuffed behind 0xff (T.81, F.1.2.3).
              at += byte === 0xff ? 2 : 1;
            } else missing += 8;
            held = (held << 8) | byte;
            left += 8;
          }
          const entry = table[(held >>> (left - 16)) & 0xffff] ?? 0;
          if (entry === 0) break;
          left -= entry >> 8;
          k += entry & 0xff;
          table = ac ?? dc;
        }
        isWhole &&= k === last || k >= endOfBlock;
      }
      isWhole &&= missing === 0 || left >= missing;
    }
    this.at = at;
    this.held = held;
    this.left = left;
    this.missing = missing;
    this.fill();
    return isWhole && !this.isExhausted();
  }

  /** Whether bits were taken that the data does not have. */
  isExhausted(): boolean {
    return this.left < this.missing;
  }

  skip(bits: number): void {
    this.left -= bits;
    this.fill();
  }

  private fill(): void {
    while (this.left <= 16) {
      let byte = 0;
      if (this.at < this.end) {
        byte = this.bytes[this.at] ?? 0;
        this.at += byte === 0xff ? 2 : 1;
      } else this.missing += 8;
      this.held = (this.held << 8) | byte;
      this.left += 8;
    }
  }

  /** The position behind the byte that was used last. */
  position(): number {
    let at = this.at;
    for (let unused = (this.left - this.missing) >> 3; unused > 0; unused--)
      at -= this.bytes[at - 1] === 0 && this.bytes[at - 2] === 0xff ? 2 : 1;
    return at;
  }

  /** How many bits of the byte that was used last are not used. */
  padding(): number {
    return (this.left - this.missing) & 7;
  }

  /** Whether those bits are all 1, as they have to be. */
  isPadded(): boolean {
    const bits = this.padding();
    const mask = (1 << bits) - 1;
    return ((this.held >>> (this.left - bits)) & mask) === mask;
  }
}
