import { type AcTable, endOfBlock, type HuffmanTable, runBits } from './huffman.ts';

/** One block of an MCU in a sequential scan; in a lossless scan one sample, which has no AC coefficients. */
export type Block = { readonly dc: HuffmanTable; readonly ac: AcTable | null };

/** The Huffman-coded data of one scan, and the parameters from the headers of the stream. */
export type Scan = {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** The position of the marker after the scan. */
  readonly end: number;
  /** The blocks of one MCU. */
  readonly mcu: readonly Block[];
  readonly mcus: number;
  /** MCUs between restart markers; 0 if the scan has no restart markers. */
  readonly restartInterval: number;
};

/** The data of an undamaged scan without stray bytes, and with correct numbers of restart markers. */
export type CheckedScan = {
  readonly pieces: readonly Uint8Array[];
  readonly restartInterval: number;
  /** Number of stray bytes that were removed. */
  readonly surplus: number;
  /** Whether restart markers had wrong numbers. */
  readonly renumbered: boolean;
};

/** A longer run of equal bytes after the data of a scan is not padding. */
const maxPadding = 8192;
/** If more bytes than this follow the last code, and they are not padding, the scan is damaged. */
const maxLeftover = 64;

const runMask = 2 ** runBits - 1;

const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;

/**
 * Walk through all codes of a scan without decoding any sample. Undefined if the data ends too early, contains a code that
 * does not exist, or has more blocks than the image. If the data contradicts the declared restart interval, the interval of
 * the data is used.
 */
export function checkScan(scan: Scan): CheckedScan | undefined {
  const checked = checkWithInterval(scan, scan.restartInterval);
  if (checked) return checked;
  const actual = hasRestartMarkers(scan) ? firstInterval(scan) : 0;
  return actual === undefined || actual === scan.restartInterval ? undefined : checkWithInterval(scan, actual);
}

/** Huffman codes synchronise: from any start position, a reader finds the true codes after some tens of codes. */
const tailBytes = 2048;

/**
 * Whether the last code of a scan ends in the last byte of the scan's data. This check is fast, because it reads only the tail
 * of the scan. False also if the last byte is zero, and rarely for an undamaged scan. {@link checkScan} then decides.
 */
export function endsAtLastByte(scan: Scan): boolean {
  const { bytes, end } = scan;
  if (bytes[end - 1] === 0 && bytes[end - 2] !== 0xff) return false;
  let from = Math.max(scan.start, end - tailBytes);
  for (let marker = nextMarker(scan, from); marker < end; marker = nextMarker(scan, from))
    from = afterMarker(bytes, marker);
  const reader = new CodeReader(bytes, from, end);
  while (!reader.isExhausted()) {
    if (!reader.readMcus(scan.mcu, 1)) reader.skipBits(1);
    else if (reader.position() === end && reader.isPadded()) return true;
  }
  return false;
}

/** The position after a marker and the fill bytes before the marker. */
function afterMarker(bytes: Uint8Array, marker: number): number {
  let at = marker;
  while (bytes[at + 1] === 0xff) at++;
  return at + 2;
}

function checkWithInterval(scan: Scan, restartInterval: number): CheckedScan | undefined {
  const { bytes, mcus } = scan;
  const pieces: Uint8Array[] = [];
  const interval = restartInterval || mcus;
  let from = scan.start;
  /** Start of the bytes that are not in `pieces` yet. */
  let pieceStart = scan.start;
  let surplus = 0;
  let renumbered = false;
  for (let done = 0, restart = 0; done < mcus; restart = (restart + 1) % 8) {
    const count = Math.min(interval, mcus - done);
    const intervalEnd = nextMarker(scan, from);
    const reader = new CodeReader(bytes, from, intervalEnd);
    if (!reader.readMcus(scan.mcu, count)) return undefined;
    const end = reader.position();
    if (end < intervalEnd) {
      if (!reader.isPadded() || !isSurplus(scan, end, intervalEnd, reader.paddingBits())) return undefined;
      pieces.push(bytes.subarray(pieceStart, end));
      surplus += intervalEnd - end;
      pieceStart = intervalEnd;
    }
    done += count;
    if (done === mcus) {
      if (intervalEnd !== scan.end) return undefined;
      pieces.push(bytes.subarray(pieceStart, intervalEnd));
      break;
    }
    if (intervalEnd === scan.end) return undefined;
    const expected = 0xd0 + restart;
    from = afterMarker(bytes, intervalEnd);
    if (bytes[from - 1] !== expected) {
      pieces.push(bytes.subarray(pieceStart, intervalEnd), Uint8Array.of(0xff, expected));
      pieceStart = from;
      renumbered = true;
    }
  }
  return { pieces, restartInterval, surplus, renumbered };
}

/** The end of the data that starts at `from`: the next restart marker or the end of the scan. */
function nextMarker({ bytes, end }: Scan, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1 && at < end; at = bytes.indexOf(0xff, at + 2)) {
    let marker = at;
    while (bytes[marker + 1] === 0xff && marker + 1 < end) marker++;
    if (marker + 1 >= end || isRestart(bytes[marker + 1] ?? 0)) return at;
    at = marker;
  }
  return end;
}

const hasRestartMarkers = (scan: Scan): boolean => nextMarker(scan, scan.start) < scan.end;

/** The number of MCUs before the first restart marker; undefined if no MCU ends at the marker. */
function firstInterval(scan: Scan): number | undefined {
  const intervalEnd = nextMarker(scan, scan.start);
  const reader = new CodeReader(scan.bytes, scan.start, intervalEnd);
  for (let count = 1; count <= scan.mcus; count++) {
    if (!reader.readMcus(scan.mcu, 1)) return undefined;
    if (reader.position() === intervalEnd && reader.isPadded()) return count;
  }
  return undefined;
}

/**
 * Whether the bytes after the last expected code are stray bytes. If a damaged scan lost some blocks, the bytes after the last
 * expected code are complete blocks that end in a byte padded with 1-bits (T.81, F.1.2.3). Padding and stray bytes have no
 * such structure.
 */
function isSurplus({ bytes, mcu }: Scan, start: number, end: number, paddingBits: number): boolean {
  const leftover = bytes.subarray(start, end);
  const isRun = leftover.every((byte) => byte === leftover[0]);
  // If the last byte of the data has no padding bits, a run of equal bytes may be codes of a damaged scan.
  if (isRun && leftover.length <= (paddingBits > 0 ? maxPadding : maxLeftover)) return true;
  if (leftover.length > maxLeftover) return false;
  const reader = new CodeReader(bytes, start, end);
  for (let blocks = 0; blocks < 8 * maxLeftover; blocks++) {
    if (!reader.readMcus(mcu, 1)) return true;
    if (reader.position() === end && reader.isPadded()) return false;
  }
  return true;
}

/** Reads the codes in the data between two markers. */
class CodeReader {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;
  /** The last bits that were read from the data. The lower `bitCount` bits are not used yet. */
  private bitBuffer = 0;
  /** Number of unused bits in the buffer. A negative number is the number of bits to skip. */
  private bitCount = 0;
  /** Number of zero bits in the buffer that replace bits after the end of the data. */
  private missingBits = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /**
   * Advance over a number of MCUs; false if a code does not exist or is incomplete. The loop uses local variables, because
   * nearly all time of the check is spent here.
   */
  readMcus(blocks: readonly Block[], count: number): boolean {
    const { bytes, end } = this;
    let { at, bitBuffer, bitCount, missingBits } = this;
    let isComplete = true;
    for (let i = 0; isComplete && i < count; i++) {
      for (const { dc, ac } of blocks) {
        const last = ac ? 64 : 1;
        let table = dc;
        let k = 0;
        while (k < last) {
          while (bitCount <= 16) {
            // Two bytes at a time, unless one is 0xff: a stuffed zero byte follows it (T.81, F.1.2.3).
            const first = bytes[at] ?? 0xff;
            const second = bytes[at + 1] ?? 0xff;
            if (first !== 0xff && second !== 0xff && at + 2 <= end) {
              bitBuffer = (bitBuffer << 16) | (first << 8) | second;
              at += 2;
              bitCount += 16;
              continue;
            }
            let byte = 0;
            if (at < end) {
              byte = first;
              at += byte === 0xff ? 2 : 1;
            } else missingBits += 8;
            bitBuffer = (bitBuffer << 8) | byte;
            bitCount += 8;
          }
          if (ac && k > 0) {
            const run = ac.runs[(bitBuffer >>> (bitCount - runBits)) & runMask] ?? 0;
            const isEnd = (run & 128) !== 0;
            const after = k + (run & 127);
            // A run that does not end in this block would count codes of the next block.
            if (run !== 0 && after < last + Number(!isEnd)) {
              bitCount -= run >> 8;
              k = isEnd ? endOfBlock : after;
              continue;
            }
          }
          const entry = table[(bitBuffer >>> (bitCount - 16)) & 0xffff] ?? 0;
          if (entry === 0) break;
          bitCount -= entry >> 8;
          k += entry & 0xff;
          table = ac ? ac.codes : dc;
        }
        isComplete &&= k === last || k >= endOfBlock;
      }
      isComplete &&= missingBits === 0 || bitCount >= missingBits;
    }
    this.at = at;
    this.bitBuffer = bitBuffer;
    this.bitCount = bitCount;
    this.missingBits = missingBits;
    this.fill();
    return isComplete && !this.isExhausted();
  }

  /** Whether more bits were used than the data has. */
  isExhausted(): boolean {
    return this.bitCount < this.missingBits;
  }

  skipBits(bits: number): void {
    this.bitCount -= bits;
    this.fill();
  }

  private fill(): void {
    while (this.bitCount <= 16) {
      let byte = 0;
      if (this.at < this.end) {
        byte = this.bytes[this.at] ?? 0;
        this.at += byte === 0xff ? 2 : 1;
      } else this.missingBits += 8;
      this.bitBuffer = (this.bitBuffer << 8) | byte;
      this.bitCount += 8;
    }
  }

  /** The position after the last byte that was used, completely or in part. */
  position(): number {
    let at = this.at;
    for (let unused = (this.bitCount - this.missingBits) >> 3; unused > 0; unused--)
      at -= this.bytes[at - 1] === 0 && this.bytes[at - 2] === 0xff ? 2 : 1;
    return at;
  }

  /** Number of unused bits in the last byte that was used. */
  paddingBits(): number {
    return (this.bitCount - this.missingBits) & 7;
  }

  /** Whether all padding bits are 1, as T.81, F.1.2.3 requires. */
  isPadded(): boolean {
    const bits = this.paddingBits();
    const mask = (1 << bits) - 1;
    return ((this.bitBuffer >>> (this.bitCount - bits)) & mask) === mask;
  }
}
