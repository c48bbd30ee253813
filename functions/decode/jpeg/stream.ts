import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ReadingWarning } from '../../core/warning.ts';
import { type Orientation, orientation } from '../exif-orientation.ts';
import { maxPixels } from '../limits.ts';
import { frameHeader, isFrame, isSequential, type JpegComponent, type JpegFrame, startOfFrame } from './frame.ts';
import { acTable, dcTable, type HuffmanSpecification, huffmanSpecifications } from './huffman.ts';
import { type Block, endsWhole, soundScan } from './scan.ts';

/** A JPEG or JPEG-LS stream without metadata, as the standard has it, and what had to be repaired for that. */
export type JpegStream = {
  readonly bytes: Uint8Array;
  readonly frame: JpegFrame;
  /** NEAR of JPEG-LS: 0 is lossless. */
  readonly near: number;
  readonly orientation: Orientation;
  readonly warnings: readonly ReadingWarning[];
  /** Repaired streams to try where a codec finds this one damaged. */
  readonly alternatives: () => Generator<JpegStream>;
};

export type JpegOptions = {
  /** Why a frame is not read; undefined where it is. */
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

/** More scans than encoders of progressive JPEG write: each costs a codec a pass over the image. */
const maxScans = 100;

/** T.81, table B.1: 0x02 to 0xbf are reserved. */
const isReserved = (code: number) => code > marker.temporary && code < 0xc0;
const isRestart = (code: number) => code >= 0xd0 && code <= 0xd7;
const standsAlone = (code: number) => code === marker.temporary || isRestart(code) || code === marker.startOfImage;
const isMetadata = (code: number) =>
  (code >= marker.application0 && code <= marker.application15) || code === marker.comment;
/** Extensions that no decoder here knows (JPGn), but for SOF55 and LSE of JPEG-LS. */
const isExtension = (code: number) => code >= 0xf0 && code <= 0xfd && code !== startOfFrame.jpegLs && code !== 0xf8;

const latin1 = new TextDecoder('latin1');
const segment = (code: number, body: Uint8Array) =>
  Buffer.concat([Buffer.from([0xff, code, (body.length + 2) >> 8, (body.length + 2) & 0xff]), body]);
/** JFIF says that three components are YCbCr; of its version and density codecs make nothing but complaints. */
const jfif = segment(marker.application0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1'));

type ScanComponent = JpegComponent & { readonly dc: number; readonly ac: number };

/**
 * Judge a stream and repair what can be repaired without a change to any pixel. Both routes use this, a JPEG file and
 * a DICOM instance. Refused are streams with a part missing, and followed scans whose codes do not make up the image
 * exactly. To follow the codes of a lossless or 12-bit scan takes long, and their codec notices damage: they are followed only
 * where the stream is odd, which is where its segments are not as the standard has them, its last codes do not end with its
 * data, or the codec finds it damaged. The codec of 8 bits notices no damage in the last lines.
 */
export function jpegStream(bytes: Uint8Array, options: JpegOptions = {}): Result<JpegStream, Fault> {
  const plain = parseStream(bytes, options, false);
  return plain.ok && plain.value.isOdd ? parseStream(bytes, options, true) : plain;
}

const noTable = 'a Huffman table of its JPEG stream is missing or malformed';

type ParsedStream = JpegStream & { readonly isOdd: boolean };

function parseStream(bytes: Uint8Array, options: JpegOptions, follows: boolean): Result<ParsedStream, Fault> {
  const parser = new Parser(bytes, options, follows);
  try {
    const stream = parser.parse();
    const alternatives = function* (): Generator<JpegStream> {
      if (!isFollowed(stream.frame)) yield* withoutZeros({ ...stream, alternatives });
      else if (!follows) {
        const followed = parseStream(bytes, options, true);
        if (followed.ok && followed.value.warnings.length > 0) yield followed.value;
      }
    };
    return ok({ ...stream, alternatives });
  } catch (error) {
    if (error instanceof Refused) return fail(error.fault);
    throw error;
  }
}

/** Whether the codes of a process are followed here. */
const isFollowed = (frame: JpegFrame) => isSequential(frame) || frame.marker === startOfFrame.lossless;

class Refused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}

const corrupt = (problem: string) => new Refused({ code: 'corrupt_image', problem });

class Parser {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly options: JpegOptions;
  private readonly follows: boolean;
  private endsWhole = true;
  private readonly kept: Uint8Array[] = [Uint8Array.of(0xff, marker.startOfImage)];
  private readonly repairs = new Set<string>();
  private readonly tables = new Map<number, HuffmanSpecification>();
  private readonly quantisation = new Set<number>();
  /** How many scans have coded each component, and of progressive ones the lowest bit of each coefficient that is there. */
  private readonly coded = new Map<number, Int8Array>();
  private frame: JpegFrame | undefined;
  private frameAt = 0;
  private near = 0;
  /** By the first EXIF segment that says one: an editor may have added another without it. */
  private turn: Orientation | undefined;
  private restartInterval = 0;
  private writtenInterval = 0;
  private scans = 0;
  private surplus = 0;
  private at = 2;

  constructor(bytes: Uint8Array, options: JpegOptions, follows: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.options = options;
    this.follows = follows;
  }

  parse(): Omit<ParsedStream, 'alternatives'> {
    if (this.bytes[0] !== 0xff || this.bytes[1] !== marker.startOfImage)
      throw corrupt('its JPEG stream does not start as one does');
    while (true) {
      const code = this.nextMarker();
      if (code === undefined) {
        if (this.scans === 0) throw corrupt('its JPEG stream ends before its first scan');
        this.repairs.add('the end marker is missing');
        break;
      }
      if (code === marker.endOfImage) break;
      this.segment(code);
    }
    const frame = this.whole();
    if (this.surplus > 0) this.repairs.add(strayBytes(this.surplus));
    return {
      bytes: Buffer.concat([...this.kept, Uint8Array.of(0xff, marker.endOfImage)]),
      frame,
      near: this.near,
      orientation: this.turn ?? 1,
      warnings: this.repairs.size === 0 ? [] : [repaired([...this.repairs])],
      isOdd: isFollowed(frame) && (this.repairs.size > 0 || !this.endsWhole),
    };
  }

  /** The code of the next marker, which `at` is then behind. */
  private nextMarker(): number | undefined {
    for (; this.at + 1 < this.bytes.length; this.at++) {
      const code = this.bytes[this.at + 1] ?? 0;
      // T.81, B.1.1.2: any number of fill bytes may precede a marker.
      if (this.bytes[this.at] === 0xff && code === 0xff) continue;
      if (this.bytes[this.at] === 0xff && code !== 0 && !isReserved(code) && !standsAlone(code)) {
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
      if (!isMetadata(code)) throw corrupt('the segments of its JPEG stream do not join up');
      // What the segment says is not needed: the next marker is looked for instead.
      this.repairs.add('the length of a metadata segment');
      return;
    }
    const body = this.bytes.subarray(this.at + 2, end);
    const whole = this.bytes.subarray(this.at - 2, end);
    this.at = end;
    if (isMetadata(code)) this.metadata(code, body, whole);
    else if (isFrame(code)) this.frameSegment(code, body, whole);
    else if (code === marker.startOfScan) this.scan(body);
    else if (code === marker.restartInterval)
      this.restartInterval = body.length === 2 ? this.view.getUint16(end - 2) : 0;
    else if (code === marker.lines) this.lines(body);
    else if (!isExtension(code)) {
      if (code === marker.huffman) this.huffman(body);
      if (code === marker.quantisation) this.quantisationTables(body);
      this.kept.push(whole);
    }
  }

  private metadata(code: number, body: Uint8Array, whole: Uint8Array): void {
    if (code === marker.application0 && latin1.decode(body.subarray(0, 5)) === 'JFIF\0') this.kept.push(jfif);
    // Adobe's segment says which colour space the components are in.
    if (code === marker.application14) this.kept.push(whole);
    if (code === marker.application1 && latin1.decode(body.subarray(0, 6)) === 'Exif\0\0')
      this.turn ??= orientation(body.subarray(6));
  }

  private frameSegment(code: number, body: Uint8Array, whole: Uint8Array): void {
    if (this.frame) throw corrupt('its JPEG stream has more than one frame');
    const frame = frameHeader(code, body);
    if (!frame) throw corrupt('the frame header of its JPEG stream is malformed');
    const fault = this.options.refuse?.(frame);
    if (fault) throw new Refused(fault);
    this.frame = frame;
    this.frameAt = this.kept.length;
    this.kept.push(whole);
  }

  private huffman(body: Uint8Array): void {
    const specifications = huffmanSpecifications(body);
    if (!specifications) throw corrupt('a Huffman table of its JPEG stream is malformed');
    for (const [destination, specification] of specifications) this.tables.set(destination, specification);
  }

  private quantisationTables(body: Uint8Array): void {
    for (let at = 0; at < body.length; at += (body[at] ?? 0) >> 4 ? 129 : 65)
      this.quantisation.add((body[at] ?? 0) & 15);
  }

  /** T.81, B.2.5: the number of lines, which the frame header may leave open, behind the first scan. */
  private lines(body: Uint8Array): void {
    const lines = body.length === 2 ? 256 * (body[0] ?? 0) + (body[1] ?? 0) : 0;
    if (!this.frame || this.scans !== 1 || lines !== this.frame.rows)
      throw corrupt('its JPEG stream names two numbers of lines');
  }

  /** The lines that a DNL segment behind the first scan names, for a frame header that leaves them open. */
  private takeLines(frame: JpegFrame, scanEnd: number): JpegFrame {
    let at = scanEnd;
    while (this.bytes[at] === 0xff && this.bytes[at + 1] === 0xff) at++;
    const isLines =
      this.bytes[at + 1] === marker.lines && at + 6 <= this.bytes.length && this.view.getUint16(at + 2) === 4;
    const rows = isLines ? this.view.getUint16(at + 4) : 0;
    if (rows === 0) throw corrupt('its JPEG stream has no lines');
    const header = Buffer.from(this.kept[this.frameAt] ?? []);
    header.writeUInt16BE(rows, 5);
    this.kept[this.frameAt] = header;
    const named = { ...frame, rows };
    const fault = this.options.refuse?.(named);
    if (fault) throw new Refused(fault);
    this.frame = named;
    return named;
  }

  private scan(body: Uint8Array): void {
    if (!this.frame) throw corrupt('its JPEG stream has no frame header before its scan');
    this.scans += 1;
    if (this.scans > maxScans) throw corrupt('its JPEG stream has more scans than any film');
    const end = this.endOfScan(this.frame.marker === startOfFrame.jpegLs);
    const frame = this.frame.rows === 0 ? this.takeLines(this.frame, end) : this.frame;
    const count = body[0] ?? 0;
    if (count < 1 || count > frame.components.length || body.length !== 4 + 2 * count)
      throw corrupt('the scan header of its JPEG stream is malformed');
    const header = Buffer.from(body);
    const components = Array.from({ length: count }, (_, i): ScanComponent => {
      const [only] = frame.components;
      const isOnly = frame.components.length === 1;
      const component = isOnly ? only : frame.components.find(({ id }) => id === header[1 + 2 * i]);
      if (!component) throw corrupt('a scan of its JPEG stream is of no component of its frame');
      header[1 + 2 * i] = component.id;
      const selectors = header[2 + 2 * i] ?? 0;
      return { ...component, dc: selectors >> 4, ac: selectors & 15 };
    });
    this.parameters(frame, header);
    if (!header.equals(body)) this.repairs.add('the parameters of a scan header');
    this.count(frame, components, header.subarray(-3));
    const pieces = this.data(frame, components, end);
    if (this.restartInterval !== this.writtenInterval)
      this.kept.push(
        segment(marker.restartInterval, Uint8Array.of(this.restartInterval >> 8, this.restartInterval & 0xff)),
      );
    this.writtenInterval = this.restartInterval;
    this.kept.push(segment(marker.startOfScan, header), ...pieces);
    this.at = end;
  }

  /** The last three bytes of a scan header, where the process leaves no choice (T.81, table B.3). */
  private parameters(frame: JpegFrame, header: Buffer): void {
    const at = header.length - 3;
    if (isSequential(frame)) header.set([0, 63, 0], at);
    if (frame.marker === startOfFrame.lossless) header.set([0, (header[at + 2] ?? 0) & 15], at + 1);
    if (frame.marker === startOfFrame.jpegLs) this.near = Math.max(this.near, header[at] ?? 0);
  }

  /** A component has one scan, which a codec would decode over the whole image again; progressive ones add to each other. */
  private count(frame: JpegFrame, components: readonly ScanComponent[], [from = 0, to = 0, bits = 0]: Buffer): void {
    for (const { id } of components) {
      const coded = this.coded.get(id) ?? new Int8Array(64).fill(-1);
      if (frame.marker === startOfFrame.progressive) coded.fill(bits & 15, from, to + 1);
      else if (this.coded.has(id)) throw corrupt('its JPEG stream has a second scan of the same component');
      this.coded.set(id, coded);
    }
  }

  /** The data of a scan, without what does not belong to it. */
  private data(frame: JpegFrame, components: readonly ScanComponent[], end: number): readonly Uint8Array[] {
    const asItIs = [this.bytes.subarray(this.at, end)];
    // A larger frame is refused by its size before it is decoded.
    if (!isFollowed(frame) || frame.rows * frame.columns > maxPixels) return asItIs;
    const units = this.units(frame, components, frame.marker === startOfFrame.lossless);
    const scan = { bytes: this.bytes, start: this.at, end, restartInterval: this.restartInterval, ...units };
    if (!this.follows && !(isSequential(frame) && frame.precision === 8)) {
      this.endsWhole &&= endsWhole(scan);
      return asItIs;
    }
    const sound = soundScan(scan);
    if (!sound) throw corrupt('a scan of its JPEG stream is cut off or damaged');
    this.surplus += sound.surplus;
    if (sound.renumbered) this.repairs.add('the numbers of restart markers');
    if (sound.restartInterval !== this.restartInterval) this.repairs.add('the restart interval');
    this.restartInterval = sound.restartInterval;
    return sound.pieces;
  }

  /** The MCUs of a scan (T.81, A.2). */
  private units(frame: JpegFrame, components: readonly ScanComponent[], isLossless: boolean) {
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
    const [only] = components;
    if (only && components.length === 1) {
      const columns = Math.ceil(Math.ceil((frame.columns * only.across) / across) / side);
      const rows = Math.ceil(Math.ceil((frame.rows * only.down) / down) / side);
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
      // What follows 0xff in a scan is a stuffed zero byte (T.81, F.1.2.3) or, in JPEG-LS, a zero bit (T.87, A.1).
      const isData = isLs ? code < 0x80 : code === 0;
      if (!isData && !isRestart(code)) return start;
    }
    return bytes.length;
  }

  /** The frame, if everything is there that a codec needs for all of it. */
  private whole(): JpegFrame {
    const { frame } = this;
    if (!frame || this.scans === 0) throw corrupt('its JPEG stream has no scan');
    const isTransformed = isSequential(frame) || frame.marker === startOfFrame.progressive;
    for (const { id, quantisation } of frame.components) {
      const coded = this.coded.get(id);
      if (!coded) throw corrupt('its JPEG stream has no scan of one of its components');
      if (frame.marker === startOfFrame.progressive && coded.some((bit) => bit !== 0))
        throw corrupt('its progressive JPEG stream has not all of its scans');
      if (isTransformed && !this.quantisation.has(quantisation))
        throw corrupt('a quantisation table of its JPEG stream is missing');
    }
    return frame;
  }
}

const strayBytes = (count: number) => `${count} stray ${count === 1 ? 'byte' : 'bytes'} left out`;

/** What was repaired in a compressed stream. */
export const repaired = (faults: readonly string[], format = 'JPEG'): ReadingWarning => ({
  code: 'stream_repaired',
  message: `The ${format} stream breaks the standard, which changes no pixel; repaired before it was decoded: ${faults.join('; ')}.`,
});

/**
 * A stream without the zero bytes before its end marker, and without all of them but one. For codes that are not followed
 * here: only their codec can tell whether a zero byte belongs to them.
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
        warnings: [...warnings, repaired([strayBytes(end - cut)])],
      };
}
