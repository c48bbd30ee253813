import { createHash } from 'node:crypto';
import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import type { Size } from '../../../core/film.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { px } from '../../../core/units.ts';
import type { ReadingWarning } from '../../../core/warning.ts';
import { halved, halvingsFor } from '../../halving.ts';
import { type JpegFrame, processOf, startOfFrame } from '../../jpeg/frame.ts';
import { type JpegStream, jpegStream, repairWarning } from '../../jpeg/stream.ts';
import { archiveFormat, otherFormat, sniff } from '../../sniff.ts';
import type { Image } from '../image.ts';
import type { OpenedImage } from '../open-image.ts';
import type { Attributes } from '../parse/attributes.ts';
import { maxSurplus, type StoredPixels } from '../parse/header.ts';
import type { TransferSyntax } from '../parse/transfer-syntaxes.ts';
import type { Codec, CodecFailure, CompressedFrame } from './codec-types.ts';
import { codestreamIn } from './jpeg2000-headers.ts';
import { jpeg2000Stream } from './jpeg2000-stream.ts';
import { meanOfSquares } from './mean-of-squares.ts';
import { decodeRle } from './rle.ts';
import { checkShape, type Shape } from './shape.ts';

/** The uncompressed words of a frame, one per pixel. */
export type Words = Uint8Array | Uint16Array;

/** An uncompressed frame. */
export type Frame = {
  readonly words: Words;
  /** The size of the frame as decoded. */
  readonly size: Size;
  /** No word is larger. */
  readonly highestWord: number;
  /** What the words of the whole frame follow from: a compressed stream with several resolutions, or the digest of these words. */
  readonly source: string | Uint8Array;
  /** The parameters of the compressed stream; null for native pixel data. */
  readonly stream: Shape | null;
  /** Faults of the stream that did not prevent decoding. */
  readonly warnings: readonly ReadingWarning[];
};

/** The text that follows the name of the stream in a fault. */
const codecFailures: Record<CodecFailure, string> = {
  damaged: 'does not decode without errors',
  memoryExceeded: 'needs more memory than any film of this size',
};

const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });

/**
 * Decode pixel data to a frame. A compressed stream is checked against the header before a codec decodes it.
 *
 * @param longSide the longer side that the models need. Absent means that the frame is decoded in full size.
 */
export async function frameOf(
  {
    attributes,
    image,
    pixels,
    transferSyntax,
  }: Pick<OpenedImage, 'attributes' | 'image' | 'pixels' | 'transferSyntax'>,
  codec: Codec,
  longSide?: number,
): Promise<Result<Frame, Fault>> {
  const fullSize = { width: px(image.columns), height: px(image.rows) };
  const uncompressed = (words: Words, warnings: readonly ReadingWarning[] = []) =>
    ok(halveWords({ words, size: fullSize, stream: null, warnings }, image, longSide));
  if (pixels.kind === 'native') {
    const words = nativeWords(pixels, image, transferSyntax);
    return words.ok ? uncompressed(words.value, surplusWarnings(pixels.bytes, image)) : words;
  }
  const streams = countStreams(pixels.fragments);
  if (streams > 1)
    return corrupt(`Pixel Data (7FE0,0010) has ${streams} compressed images, but the header says 1 frame`);
  const bytes = concatenated(pixels.fragments);
  if (transferSyntax.encoding === 'rle' && !isJpeg(bytes) && !isJpeg2000(bytes)) {
    const unpacked = decodeRle(bytes, image.rows * image.columns, image.bitsAllocated);
    return unpacked.ok ? uncompressed(toWords(unpacked.value, image)) : unpacked;
  }
  const stream = streamOf(bytes, transferSyntax);
  if (!stream.ok) return stream;
  const { frame } = stream.value;
  const checked = checkShape(frame.shape, image);
  if (!checked.ok) return checked;
  const halvings = hasPixelValues(frame, image) ? halvingsFor(fullSize, longSide, frame.halvings ?? 0) : 0;
  const decoded = await decodeStream(stream.value, codec, halvings);
  if (!decoded.ok) return corrupt(`the ${encodingNames[frame.encoding]} stream ${codecFailures[decoded.fault]}`);
  const isLossy = frame.shape.isLossy || isDeclaredLossy(frame, attributes);
  const label = mislabelledWarning(frame, transferSyntax);
  const { words } = decoded.value;
  const result = {
    words,
    size: halvedSize(fullSize, decoded.value.halvings),
    stream: { ...frame.shape, isLossy },
    warnings: [...(label ? [label] : []), ...decoded.value.warnings],
  };
  if (!frame.halvings) return ok(halveWords(result, image, longSide));
  return ok({ ...result, highestWord: highestOf(result, image), source: frame.bytes });
}

/**
 * Whether the samples of a stream are pixel values, without other bits. Signed samples of 8 bits are excluded because a codec
 * loses their sign.
 */
const hasPixelValues = ({ shape }: CompressedFrame, image: Image): boolean =>
  shape.precision <= image.bitsStored && shape.isSigned === image.isSigned && (shape.precision > 8 || !shape.isSigned);

/** Halve a frame of full size as often as the models allow, and add the digest of its words. */
function halveWords(frame: Omit<Frame, 'highestWord' | 'source'>, image: Image, longSide: number | undefined): Frame {
  const source = createHash('sha256').update(frame.words).digest('hex');
  const whole = { ...frame, highestWord: highestOf(frame, image), source };
  const halvings =
    image.isSigned || frame.stream?.isSigned ? 0 : halvingsFor(frame.size, longSide, Number.POSITIVE_INFINITY);
  let { words, size } = frame;
  for (let done = 0; done < halvings; done++) {
    const means = meanOfSquares(words, size, image.bitsStored);
    if (!means) return whole;
    [words, size] = [means, halvedSize(size, 1)];
  }
  return halvings > 0 ? { ...whole, words, size, highestWord: 2 ** image.bitsStored - 1 } : whole;
}

/** The highest word that a frame can contain. Native words and signed samples may use all bits. */
function highestOf({ words, stream }: Pick<Frame, 'words' | 'stream'>, { bitsStored }: Image): number {
  if (!(words instanceof Uint16Array)) return 255;
  return stream && !stream.isSigned ? 2 ** Math.max(stream.precision, bitsStored) - 1 : 65_535;
}

const halvedSize = ({ width, height }: Size, halvings: number): Size => ({
  width: px(halved(width, halvings)),
  height: px(halved(height, halvings)),
});

/** A checked stream, and other repairs of the stream to try if the codec finds the stream damaged. */
type Stream = {
  readonly frame: CompressedFrame;
  readonly warnings: readonly ReadingWarning[];
  readonly alternatives: () => Generator<Pick<Stream, 'frame' | 'warnings'>>;
};

async function decodeStream(stream: Stream, codec: Codec, halvings: number) {
  const { frame, warnings, alternatives } = stream;
  const decoded = await codec(frame, halvings);
  if (decoded.ok) return ok({ words: decoded.value, halvings, warnings });
  if (decoded.fault !== 'damaged') return decoded;
  // The codec for the full size decides whether a stream is damaged, so that the answer does not depend on the resolution.
  if (halvings > 0) return decodeStream(stream, codec, 0);
  for (const other of alternatives()) {
    const words = await codec(other.frame, 0);
    if (words.ok) return ok({ words: words.value, halvings, warnings: other.warnings });
  }
  return decoded;
}

const encodingNames: Record<CompressedFrame['encoding'], string> = {
  jpeg: 'JPEG',
  jpegLossless: 'lossless JPEG',
  jpegLs: 'JPEG-LS',
  jpeg2000: 'JPEG 2000',
  htj2k: 'High-Throughput JPEG 2000',
};

/** A warning if the stream has another encoding than the transfer syntax. */
function mislabelledWarning({ encoding }: CompressedFrame, declared: TransferSyntax): ReadingWarning | undefined {
  if (encoding === declared.encoding) return undefined;
  return {
    code: 'transfer_syntax_mismatch',
    message: `Transfer Syntax UID (0002,0010) states ${declared.name}, but the stream in Pixel Data (7FE0,0010) is ${encodingNames[encoding]}. The actual encoding was used.`,
    attribute: '(0002,0010)',
    found: declared.uid,
  };
}

/**
 * Whether Lossy Image Compression states that a JPEG 2000 stream is lossy (PS3.3, C.7.6.1.1.5). A stream with a reversible
 * wavelet transform is also lossy if the encoder discarded data, and the headers of the stream do not tell. For other
 * encodings, the attribute is not used, because it may describe an earlier compression.
 */
const isDeclaredLossy = ({ encoding }: CompressedFrame, attributes: Attributes): boolean =>
  (encoding === 'jpeg2000' || encoding === 'htj2k') && attributes.code(tags.lossyImageCompression) === '01';

/** Count the compressed streams in fragments. A stream starts at the start of a fragment, after the end of another stream. */
function countStreams(fragments: readonly Uint8Array[]): number {
  const filled = fragments.filter(({ length }) => length > 0);
  const startsStream = (bytes: Uint8Array) => isJpeg(bytes) || isJpeg2000(bytes);
  return 1 + filled.filter((bytes, i) => i > 0 && startsStream(bytes) && endsStream(filled[i - 1])).length;
}

/** Whether a fragment ends with EOI of JPEG (ITU-T T.81, B.2.1) or EOC of JPEG 2000 (T.800, A.4.4), and padding. */
function endsStream(bytes: Uint8Array = new Uint8Array()): boolean {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

/** Concatenate fragments. One frame may have any number of fragments (PS3.5, A.4). */
function concatenated(fragments: readonly Uint8Array[]): Uint8Array {
  const [only] = fragments;
  return only && fragments.length === 1 ? only : Buffer.concat(fragments);
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;
/** Whether the bytes are a codestream (ITU-T T.800, A.4.1) or a JP2 file. */
const isJpeg2000 = (bytes: Uint8Array): boolean => otherFormat(bytes) === 'JPEG 2000';

/** Parse a stream by its own headers, because the transfer syntax may be wrong. */
function streamOf(bytes: Uint8Array, { name }: TransferSyntax): Result<Stream, Fault> {
  if (isJpeg(bytes)) return jpegOf(bytes);
  if (isJpeg2000(bytes)) return jpeg2000Of(bytes);
  const found = sniff(bytes) ?? otherFormat(bytes) ?? archiveFormat(bytes);
  return found
    ? fail({ code: 'mislabelled_stream', transferSyntax: name, found })
    : corrupt('the format of the compressed stream is unknown');
}

const jpegEncodings: Record<number, Extract<CompressedFrame['encoding'], `jpeg${string}`>> = {
  [startOfFrame.baseline]: 'jpeg',
  [startOfFrame.extended]: 'jpeg',
  [startOfFrame.progressive]: 'jpeg',
  [startOfFrame.lossless]: 'jpegLossless',
  [startOfFrame.jpegLs]: 'jpegLs',
};

function jpegOf(bytes: Uint8Array): Result<Stream, Fault> {
  const refuse = (header: JpegFrame): Fault | undefined =>
    jpegEncodings[header.marker] ? undefined : { code: 'unsupported_jpeg', process: processOf(header) };
  const stream = jpegStream(bytes, { refuse });
  if (!stream.ok) return stream;
  return ok({
    ...jpegFrame(stream.value),
    *alternatives() {
      for (const other of stream.value.alternatives()) yield jpegFrame(other);
    },
  });
}

function jpegFrame({ frame: header, near, bytes, warnings }: JpegStream): Pick<Stream, 'frame' | 'warnings'> {
  const encoding = jpegEncodings[header.marker] ?? 'jpeg';
  const shape: Shape = {
    precision: header.precision,
    rows: header.rows,
    columns: header.columns,
    components: header.components.length,
    isSigned: false,
    isLossy: encoding === 'jpeg' || near > 0,
  };
  const progressive = header.marker === startOfFrame.progressive ? [progressiveWarning] : [];
  return { frame: { encoding, bytes, shape }, warnings: [...warnings, ...progressive] };
}

const progressiveWarning: ReadingWarning = {
  code: 'progressive_jpeg',
  message:
    'The pixel data is progressive JPEG, but no supported transfer syntax is progressive. The pixel data was decoded.',
};

function jpeg2000Of(bytes: Uint8Array): Result<Stream, Fault> {
  const codestream = codestreamIn(bytes);
  const stream = jpeg2000Stream(codestream);
  if (!stream.ok) return stream;
  const { repairs, isHighThroughput, ...frame } = stream.value;
  const faults = codestream === bytes ? repairs : [...repairs, 'the codestream is in a JP2 file'];
  return ok({
    frame: { encoding: isHighThroughput ? 'htj2k' : 'jpeg2000', ...frame },
    warnings: faults.length > 0 ? [repairWarning(faults, 'JPEG 2000')] : [],
    *alternatives() {},
  });
}

function nativeWords(
  { bytes, vr }: Extract<StoredPixels, { kind: 'native' }>,
  image: Image,
  { isBigEndian }: TransferSyntax,
): Result<Words, Fault> {
  const expected = (image.rows * image.columns * image.bitsAllocated) / 8;
  // The pixels are padded to an even length (PS3.5, 8.1.1), and by some devices to a block size. More bytes are another image.
  if (bytes.length < expected || bytes.length > expected + maxSurplus)
    return corrupt(`Pixel Data (7FE0,0010) has ${bytes.length} bytes, but the header says ${expected}`);
  const needsSwap = isBigEndian && (image.bitsAllocated === 16 || vr !== 'OB');
  if (!needsSwap && (image.bitsAllocated === 8 || bytes.byteOffset % 2 === 0))
    return ok(toWords(bytes.subarray(0, expected), image));
  // Copy the bytes: they belong to the caller, and words need an even byte offset. `slice` of a Buffer does not copy.
  const copy = new Uint8Array(bytes.subarray(0, expected + (expected % 2)));
  // In OW, a word has two 8-bit pixels, and its bytes are swapped too (PS3.5, 8.1.1 and A.3).
  if (needsSwap) {
    if (copy.length % 2 !== 0) return corrupt('Pixel Data (7FE0,0010) has an odd number of bytes');
    Buffer.from(copy.buffer).swap16();
  }
  return ok(toWords(copy.subarray(0, expected), image));
}

/** A warning if more bytes than the padding to an even length follow the pixels. Rows may be too small. */
function surplusWarnings({ length }: Uint8Array, { rows, columns, bitsAllocated }: Image): readonly ReadingWarning[] {
  const surplus = length - (rows * columns * bitsAllocated) / 8;
  if (surplus < 2) return [];
  return [
    {
      code: 'pixel_data_malformed',
      message: `Pixel Data (7FE0,0010) has ${surplus} bytes more than Rows and Columns require. These bytes were ignored.`,
      attribute: '(7FE0,0010)',
      found: String(surplus),
    },
  ];
}

const toWords = (bytes: Uint8Array, { bitsAllocated }: Image): Words =>
  bitsAllocated === 16 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes;
