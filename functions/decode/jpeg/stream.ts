import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ReadingWarning } from '../../core/warning.ts';
import { exifOrientation, type Orientation } from '../exif-orientation.ts';
import { maxPixels } from '../limits.ts';
import { frameHeader, isFrame, isSequential, type JpegComponent, type JpegFrame, startOfFrame } from './frame.ts';
import { acTable, dcTable, type HuffmanSpecification, huffmanSpecifications } from './huffman.ts';
import { type Block, checkScan, endsAtLastByte } from './scan.ts';

/** A repaired JPEG or JPEG-LS stream that conforms to the standard and has no metadata, and warnings about the repairs. */
export type JpegStream = {
  readonly bytes: Uint8Array;
  readonly frame: JpegFrame;
  /** NEAR of JPEG-LS: 0 is lossless. */
  readonly near: number;
  readonly orientation: Orientation;
  readonly warnings: readonly ReadingWarning[];
  /** Other repairs of the stream. The caller tries them in order if the codec finds this one damaged. */
  readonly alternatives: () => Generator<JpegStream>;
};

export type JpegOptions = {
  /** The fault of a frame that the caller does not support; undefined for a supported frame. */
  readonly refuse?: (frame: JpegFrame) => Fault | undefined;
};

const marker = {
  temporary: 0x01,
  huffman: 0xc4,
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
  quantisation: 0xdb,
  lines: 0xdc,
  restartInterval: 0xdd,
  application0: 0xe0,
  application1: 0xe1,
  application14: 0xee,
  application15: 0xef,
  comment: 0xfe,
} as const;

/** More scans than encoders of progressive JPEG write. The limit is needed because each scan costs the codec one pass over the image. */
const maxScans = 100;

/** T.81, table B.1: 0x02 to 0xbf are reserved. */
const isReserved = (code: number) => code > marker.temporary && code < 0xc0;
const isRestart = (code: number) => code >= 0xd0 && code <= 0xd7;
const isStandalone = (code: number) => code === marker.temporary || isRestart(code) || code === marker.startOfImage;
const isMetadata = (code: number) =>
  (code >= marker.application0 && code <= marker.application15) || code === marker.comment;
/** The extensions JPGn without SOF55 and LSE of JPEG-LS. The codecs support none of them. */
const isExtension = (code: number) => code >= 0xf0 && code <= 0xfd && code !== startOfFrame.jpegLs && code !== 0xf8;

const latin1 = new TextDecoder('latin1');
const segment = (code: number, body: Uint8Array) =>
  Buffer.concat([Buffer.from([0xff, code, (body.length + 2) >> 8, (body.length + 2) & 0xff]), body]);
/**
 * A JFIF segment states that three components are YCbCr. The original is replaced by this one, because some codecs warn about
 * its version and density, which have no use.
 */
const jfif = segment(marker.application0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1'));

type ScanComponent = JpegComponent & { readonly dc: number; readonly ac: number };

/**
 * Check a stream, and repair the faults whose repair changes no pixel. JPEG files and DICOM instances both use this function.
 * A stream is refused if a part is missing, or if the codes of a checked scan do not match the image exactly.
 *
 * The codes of sequential 8-bit scans are always checked, because their codec does not report damage in the last lines. The
 * check of lossless and 12-bit scans takes long, and their codec reports damage. So these scans are checked only if the
 * stream is irregular: segments break the standard, or the last code does not end with the data. `alternatives` checks them
 * too, because the caller asks for alternatives after the codec has found damage.
 */
export function jpegStream(bytes: Uint8Array, options: JpegOptions = {}): Result<JpegStream, Fault> {
  const parsed = parseStream(bytes, options, false);
  return parsed.ok && parsed.value.isIrregular ? parseStream(bytes, options, true) : parsed;
}

const noTable = 'a Huffman table of the JPEG stream is missing or malformed';

type ParsedStream = JpegStream & { readonly isIrregular: boolean };

function parseStream(bytes: Uint8Array, options: JpegOptions, checksAllScans: boolean): Result<ParsedStream, Fault> {
  const parser = new Parser(bytes, options, checksAllScans);
  try {
    const stream = parser.parse();
    const alternatives = function* (): Generator<JpegStream> {
      if (!hasCheckableCodes(stream.frame)) yield* withoutZeros({ ...stream, alternatives });
      else if (!checksAllScans) {
        const checked = parseStream(bytes, options, true);
        if (checked.ok && checked.value.warnings.length > 0) yield checked.value;
      }
    };
    return ok({ ...stream, alternatives });
  } catch (error) {
    if (error instanceof RefusedError) return fail(error.fault);
    throw error;
  }
}

/** Whether {@link checkScan} supports the coding process of a frame. */
const hasCheckableCodes = (frame: JpegFrame) => isSequential(frame) || frame.marker === startOfFrame.lossless;

class RefusedError extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}

const corrupt = (problem: string) => new RefusedError({ code: 'corrupt_image', problem });

class Parser {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly options: JpegOptions;
  private readonly checksAllScans: boolean;
  private endsAtLastByte = true;
  private readonly output: Uint8Array[] = [Uint8Array.of(0xff, marker.startOfImage)];
  private readonly repairs = new Set<string>();
  private readonly tables = new Map<number, HuffmanSpecification>();
  private readonly quantisation = new Set<number>();
  /** Per component with a scan: in a progressive stream, the lowest coded bit of each coefficient (-1: not coded). */
  private readonly codedBits = new Map<number, Int8Array>();
  private frame: JpegFrame | undefined;
  private frameIndex = 0;
  private near = 0;
  /** The orientation of the first EXIF segment that has one. An editor may have added another segment without it. */
  private orientation: Orientation | undefined;
  private restartInterval = 0;
  private writtenInterval = 0;
  private scans = 0;
  private surplus = 0;
  private at = 2;

  constructor(bytes: Uint8Array, options: JpegOptions, checksAllScans: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.options = options;
    this.checksAllScans = checksAllScans;
  }

  parse(): Omit<ParsedStream, 'alternatives'> {
    if (this.bytes[0] !== 0xff || this.bytes[1] !== marker.startOfImage)
      throw corrupt('the JPEG stream does not start with an SOI marker');
    while (true) {
      const code = this.nextMarker();
      if (code === undefined) {
        if (this.scans === 0) throw corrupt('the JPEG stream ends before the first scan');
        this.repairs.add('the end marker is missing');
        break;
      }
      if (code === marker.endOfImage) break;
      this.segment(code);
    }
    const frame = this.completeFrame();
    if (this.surplus > 0) this.repairs.add(strayBytes(this.surplus));
    return {
      bytes: Buffer.concat([...this.output, Uint8Array.of(0xff, marker.endOfImage)]),
      frame,
      near: this.near,
      orientation: this.orientation ?? 1,
      warnings: this.repairs.size === 0 ? [] : [repairWarning([...this.repairs])],
      isIrregular: hasCheckableCodes(frame) && (this.repairs.size > 0 || !this.endsAtLastByte),
    };
  }

  /** The code of the next marker. Moves `at` to the byte after the marker. */
  private nextMarker(): number | undefined {
    for (; this.at + 1 < this.bytes.length; this.at++) {
      const code = this.bytes[this.at + 1] ?? 0;
      // T.81, B.1.1.2: any number of fill bytes may precede a marker.
      if (this.bytes[this.at] === 0xff && code === 0xff) continue;
      if (this.bytes[this.at] === 0xff && code !== 0 && !isReserved(code) && !isStandalone(code)) {
        this.at += 2;
        return code;
      }
      this.surplus += 1;
    }
    return undefined;
  }

  private segment(code: number): void {
    const length = this.at + 2 <= this.bytes.length ? this.view.getUint16(this.at) : 0;
    const end = this.at + length;
    if (length < 2 || end > this.bytes.length) {
      if (!isMetadata(code)) throw corrupt('the length of a segment of the JPEG stream is wrong');
      // The content of a metadata segment is not needed, so the parser searches for the next marker.
      this.repairs.add('the length of a metadata segment');
      return;
    }
    const body = this.bytes.subarray(this.at + 2, end);
    const whole = this.bytes.subarray(this.at - 2, end);
    this.at = end;
    if (isMetadata(code)) this.metadata(code, body, whole);
    else if (isFrame(code)) this.frameSegment(code, body, whole);
    else if (code === marker.startOfScan) this.scanSegment(body);
    else if (code === marker.restartInterval)
      this.restartInterval = body.length === 2 ? this.view.getUint16(end - 2) : 0;
    else if (code === marker.lines) this.checkLineCount(body);
    else if (!isExtension(code)) {
      if (code === marker.huffman) this.huffman(body);
      if (code === marker.quantisation) this.quantisationTables(body);
      this.output.push(whole);
    }
  }

  private metadata(code: number, body: Uint8Array, whole: Uint8Array): void {
    if (code === marker.application0 && latin1.decode(body.subarray(0, 5)) === 'JFIF\0') this.output.push(jfif);
    // The segment of Adobe states the colour space of the components.
    if (code === marker.application14) this.output.push(whole);
    if (code === marker.application1 && latin1.decode(body.subarray(0, 6)) === 'Exif\0\0')
      this.orientation ??= exifOrientation(body.subarray(6));
  }

  private frameSegment(code: number, body: Uint8Array, whole: Uint8Array): void {
    if (this.frame) throw corrupt('the JPEG stream has more than one frame');
    const frame = frameHeader(code, body);
    if (!frame) throw corrupt('the frame header of the JPEG stream is malformed');
    const fault = this.options.refuse?.(frame);
    if (fault) throw new RefusedError(fault);
    this.frame = frame;
    this.frameIndex = this.output.length;
    this.output.push(whole);
  }

  private huffman(body: Uint8Array): void {
    const specifications = huffmanSpecifications(body);
    if (!specifications) throw corrupt('a Huffman table of the JPEG stream is malformed');
    for (const [destination, specification] of specifications) this.tables.set(destination, specification);
  }

  private quantisationTables(body: Uint8Array): void {
    for (let at = 0; at < body.length; at += (body[at] ?? 0) >> 4 ? 129 : 65)
      this.quantisation.add((body[at] ?? 0) & 15);
  }

  /** A DNL segment may only follow the first scan, and must agree with the frame (T.81, B.2.5). */
  private checkLineCount(body: Uint8Array): void {
    const lines = body.length === 2 ? 256 * (body[0] ?? 0) + (body[1] ?? 0) : 0;
    if (!this.frame || this.scans !== 1 || lines !== this.frame.rows)
      throw corrupt('the JPEG stream states two different numbers of lines');
  }

  /** If the frame header has no number of lines, read the number from the DNL segment after the first scan. */
  private withLineCount(frame: JpegFrame, scanEnd: number): JpegFrame {
    let at = scanEnd;
    while (this.bytes[at] === 0xff && this.bytes[at + 1] === 0xff) at++;
    const isLines =
      this.bytes[at + 1] === marker.lines && at + 6 <= this.bytes.length && this.view.getUint16(at + 2) === 4;
    const rows = isLines ? this.view.getUint16(at + 4) : 0;
    if (rows === 0) throw corrupt('the JPEG stream has no lines');
    const header = Buffer.from(this.output[this.frameIndex] ?? []);
    header.writeUInt16BE(rows, 5);
    this.output[this.frameIndex] = header;
    const completed = { ...frame, rows };
    const fault = this.options.refuse?.(completed);
    if (fault) throw new RefusedError(fault);
    this.frame = completed;
    return completed;
  }

  private scanSegment(body: Uint8Array): void {
    if (!this.frame) throw corrupt('the JPEG stream has no frame header before the first scan');
    this.scans += 1;
    if (this.scans > maxScans) throw corrupt(`the JPEG stream has more than ${maxScans} scans`);
    const end = this.endOfScan(this.frame.marker === startOfFrame.jpegLs);
    const frame = this.frame.rows === 0 ? this.withLineCount(this.frame, end) : this.frame;
    const count = body[0] ?? 0;
    if (count < 1 || count > frame.components.length || body.length !== 4 + 2 * count)
      throw corrupt('a scan header of the JPEG stream is malformed');
    const header = Buffer.from(body);
    const components = Array.from({ length: count }, (_, i): ScanComponent => {
      const [first] = frame.components;
      const isSingle = frame.components.length === 1;
      const component = isSingle ? first : frame.components.find(({ id }) => id === header[1 + 2 * i]);
      if (!component) throw corrupt('a scan of the JPEG stream names a component that the frame does not have');
      header[1 + 2 * i] = component.id;
      const selectors = header[2 + 2 * i] ?? 0;
      return { ...component, dc: selectors >> 4, ac: selectors & 15 };
    });
    this.correctParameters(frame, header);
    if (!header.equals(body)) this.repairs.add('the parameters of a scan header');
    this.recordScan(frame, components, header.subarray(-3));
    const pieces = this.scanData(frame, components, end);
    if (this.restartInterval !== this.writtenInterval)
      this.output.push(
        segment(marker.restartInterval, Uint8Array.of(this.restartInterval >> 8, this.restartInterval & 0xff)),
      );
    this.writtenInterval = this.restartInterval;
    this.output.push(segment(marker.startOfScan, header), ...pieces);
    this.at = end;
  }

  /** Set the last three bytes of a scan header if the coding process allows only one value (T.81, table B.3). */
  private correctParameters(frame: JpegFrame, header: Buffer): void {
    const at = header.length - 3;
    if (isSequential(frame)) header.set([0, 63, 0], at);
    if (frame.marker === startOfFrame.lossless) header.set([0, (header[at + 2] ?? 0) & 15], at + 1);
    if (frame.marker === startOfFrame.jpegLs) this.near = Math.max(this.near, header[at] ?? 0);
  }

  /**
   * Record which components have a scan. Only in a progressive stream may a component have several scans: otherwise the codec
   * would decode the second scan over the image of the first one.
   */
  private recordScan(
    frame: JpegFrame,
    components: readonly ScanComponent[],
    [from = 0, to = 0, bits = 0]: Buffer,
  ): void {
    for (const { id } of components) {
      const codedBits = this.codedBits.get(id) ?? new Int8Array(64).fill(-1);
      if (frame.marker === startOfFrame.progressive) codedBits.fill(bits & 15, from, to + 1);
      else if (this.codedBits.has(id)) throw corrupt('the JPEG stream has a second scan of the same component');
      this.codedBits.set(id, codedBits);
    }
  }

  /** The data of a scan. If the scan is checked, stray bytes are removed and restart markers are corrected. */
  private scanData(frame: JpegFrame, components: readonly ScanComponent[], end: number): readonly Uint8Array[] {
    const unchanged = [this.bytes.subarray(this.at, end)];
    // The caller refuses a larger frame by its size before the frame is decoded.
    if (!hasCheckableCodes(frame) || frame.rows * frame.columns > maxPixels) return unchanged;
    const layout = this.mcuLayout(frame, components, frame.marker === startOfFrame.lossless);
    const scan = { bytes: this.bytes, start: this.at, end, restartInterval: this.restartInterval, ...layout };
    if (!this.checksAllScans && !(isSequential(frame) && frame.precision === 8)) {
      this.endsAtLastByte &&= endsAtLastByte(scan);
      return unchanged;
    }
    const checked = checkScan(scan);
    if (!checked) throw corrupt('a scan of the JPEG stream is truncated or damaged');
    this.surplus += checked.surplus;
    if (checked.renumbered) this.repairs.add('the numbers of restart markers');
    if (checked.restartInterval !== this.restartInterval) this.repairs.add('the restart interval');
    this.restartInterval = checked.restartInterval;
    return checked.pieces;
  }

  /** The blocks of one MCU and the number of MCUs of a scan (T.81, A.2). */
  private mcuLayout(frame: JpegFrame, components: readonly ScanComponent[], isLossless: boolean) {
    const specification = (destination: number) => {
      const found = this.tables.get(destination);
      if (!found) throw corrupt(noTable);
      return found;
    };
    const blocks = components.map((component): Block => {
      const dc = dcTable(specification(component.dc));
      const ac = isLossless ? null : acTable(specification(0x10 + component.ac));
      if (!dc || ac === undefined) throw corrupt(noTable);
      return { dc, ac };
    });
    const side = isLossless ? 1 : 8;
    const across = Math.max(...frame.components.map((component) => component.across));
    const down = Math.max(...frame.components.map((component) => component.down));
    const [first] = components;
    if (first && components.length === 1) {
      const columns = Math.ceil(Math.ceil((frame.columns * first.across) / across) / side);
      const rows = Math.ceil(Math.ceil((frame.rows * first.down) / down) / side);
      return { mcu: blocks, mcus: columns * rows };
    }
    const mcu = components.flatMap((component, i) =>
      Array.from({ length: component.across * component.down }, () => blocks[i]).filter((block) => block !== undefined),
    );
    const mcus = Math.ceil(frame.columns / (side * across)) * Math.ceil(frame.rows / (side * down));
    return { mcu, mcus };
  }

  /** The position of the marker that ends the data of a scan. */
  private endOfScan(isLs: boolean): number {
    const { bytes } = this;
    for (let at = bytes.indexOf(0xff, this.at); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
      const start = at;
      while (bytes[at + 1] === 0xff) at++;
      const code = bytes[at + 1];
      if (code === undefined) return start;
      // In scan data, a stuffed zero byte follows 0xff (T.81, F.1.2.3). In JPEG-LS, a zero bit follows 0xff (T.87, A.1).
      const isData = isLs ? code < 0x80 : code === 0;
      if (!isData && !isRestart(code)) return start;
    }
    return bytes.length;
  }

  /** The frame. Throws if the stream lacks a part that a codec needs to decode every coefficient. */
  private completeFrame(): JpegFrame {
    const { frame } = this;
    if (!frame || this.scans === 0) throw corrupt('the JPEG stream has no scan');
    const isTransformed = isSequential(frame) || frame.marker === startOfFrame.progressive;
    for (const { id, quantisation } of frame.components) {
      const codedBits = this.codedBits.get(id);
      if (!codedBits) throw corrupt('a component of the JPEG stream has no scan');
      if (frame.marker === startOfFrame.progressive && codedBits.some((bit) => bit !== 0))
        throw corrupt('a scan of the progressive JPEG stream is missing');
      if (isTransformed && !this.quantisation.has(quantisation))
        throw corrupt('a quantisation table of the JPEG stream is missing');
    }
    return frame;
  }
}

const strayBytes = (count: number) => `${count} stray ${count === 1 ? 'byte' : 'bytes'}`;

/** A warning that lists the repaired faults of a compressed stream. */
export const repairWarning = (faults: readonly string[], format = 'JPEG'): ReadingWarning => ({
  code: 'stream_repaired',
  message: `The ${format} stream breaks the standard. These faults were repaired before decoding and change no pixel: ${faults.join('; ')}.`,
});

/**
 * First the stream without the zero bytes before the end marker, then the stream with one of these zero bytes. Used for coding
 * processes that {@link checkScan} does not support: only the codec can tell whether a zero byte belongs to the data.
 */
function* withoutZeros(stream: JpegStream): Generator<JpegStream> {
  const { bytes, warnings } = stream;
  const end = bytes.length - 2;
  let data = end;
  while (data > 0 && bytes[data - 1] === 0) data--;
  for (const cut of [data, data + 1])
    if (cut < end)
      yield {
        ...stream,
        bytes: Buffer.concat([bytes.subarray(0, cut), bytes.subarray(end)]),
        warnings: [...warnings, repairWarning([strayBytes(end - cut)])],
      };
}
