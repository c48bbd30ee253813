import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { ReadingWarning } from '../../../core/warning.ts';
import { type JpegFrame, processOf, startOfFrame } from '../../jpeg/frame.ts';
import { type JpegStream, jpegStream, repairWarning } from '../../jpeg/stream.ts';
import { archiveFormat, otherFormat, sniff } from '../../sniff.ts';
import type { Image } from '../image.ts';
import type { OpenedImage } from '../open-image.ts';
import type { Attributes } from '../parse/attributes.ts';
import { maxSurplus, type StoredPixels } from '../parse/header.ts';
import type { TransferSyntax } from '../parse/transfer-syntaxes.ts';
import type { Codec, Compressed, Undecodable } from './codec-types.ts';
import { codestreamIn } from './jp2.ts';
import { jpeg2000Stream } from './jpeg2000-stream.ts';
import { decodeRle } from './rle.ts';
import { agree, type Shape } from './shape.ts';

/** The words of a frame, one a pixel, as they were before compression. */
export type Words = Uint8Array | Uint16Array;

/** A frame, and of a compressed one what its stream said of itself. */
export type Frame = {
  readonly words: Words;
  readonly stream: Shape | null;
  /** What was wrong with the stream, although it was decoded. */
  readonly warnings: readonly ReadingWarning[];
};

/** Why a codec gave nothing, as what follows the name of the stream. */
const undecodable: Record<Undecodable, string> = {
  damaged: 'does not decode without errors',
  insatiable: 'takes more memory than a film of its size does',
};

const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });

/** Pixel data to a frame. A compressed stream is checked against the header before the codec sees it. */
export async function frameOf(
  {
    attributes,
    image,
    pixels,
    transferSyntax,
  }: Pick<OpenedImage, 'attributes' | 'image' | 'pixels' | 'transferSyntax'>,
  codec: Codec,
): Promise<Result<Frame, Fault>> {
  const asStored = (words: Words) => ok({ words, stream: null, warnings: [] });
  if (pixels.kind === 'native') {
    const words = native(pixels, image, transferSyntax);
    return words.ok ? ok({ words: words.value, stream: null, warnings: surplusOf(pixels.bytes, image) }) : words;
  }
  const streams = streamsIn(pixels.fragments);
  if (streams > 1) return corrupt(`its pixel data has ${streams} compressed images, its header says 1 frame`);
  const bytes = joined(pixels.fragments);
  if (transferSyntax.encoding === 'rle' && !isJpeg(bytes) && !isJpeg2000(bytes)) {
    const unpacked = decodeRle(bytes, image.rows * image.columns, image.bitsAllocated);
    return unpacked.ok ? asStored(inWords(unpacked.value, image)) : unpacked;
  }
  const stream = streamOf(bytes, transferSyntax);
  if (!stream.ok) return stream;
  const { frame } = stream.value;
  const agreed = agree(frame.shape, image);
  if (!agreed.ok) return agreed;
  const words = await decodeStream(stream.value, codec);
  if (!words.ok) return corrupt(`its ${encodingNames[frame.encoding]} stream ${undecodable[words.fault]}`);
  const lossy = frame.shape.lossy || cutDown(frame, attributes);
  const label = mislabelled(frame, transferSyntax);
  return ok({
    words: words.value.words,
    stream: { ...frame.shape, lossy },
    warnings: [...(label ? [label] : []), ...words.value.warnings],
  });
}

/** A stream that a codec can be given, and others to try where the codec finds it damaged. */
type Stream = {
  readonly frame: Compressed;
  readonly warnings: readonly ReadingWarning[];
  readonly alternatives: () => Generator<Pick<Stream, 'frame' | 'warnings'>>;
};

async function decodeStream({ frame, warnings, alternatives }: Stream, codec: Codec) {
  const decoded = await codec(frame);
  if (decoded.ok) return ok({ words: decoded.value, warnings });
  if (decoded.fault !== 'damaged') return decoded;
  for (const other of alternatives()) {
    const words = await codec(other.frame);
    if (words.ok) return ok({ words: words.value, warnings: other.warnings });
  }
  return decoded;
}

const encodingNames: Record<Compressed['encoding'], string> = {
  jpeg: 'JPEG',
  jpegLossless: 'lossless JPEG',
  jpegLs: 'JPEG-LS',
  jpeg2000: 'JPEG 2000',
  htj2k: 'High-Throughput JPEG 2000',
};

/** A warning where the stream is of another codec than the transfer syntax says. */
function mislabelled({ encoding }: Compressed, labelled: TransferSyntax): ReadingWarning | undefined {
  if (encoding === labelled.encoding) return undefined;
  return {
    code: 'transfer_syntax_mismatch',
    message: `Transfer Syntax UID (0002,0010) says ${labelled.name}, but the stream of the pixel data is ${encodingNames[encoding]}; it was read as that.`,
    attribute: '(0002,0010)',
    found: labelled.uid,
  };
}

/**
 * Lossy though its wavelets can be undone: a stream of JPEG 2000 from which something was left out looks like any other.
 * Only Lossy Image Compression says so (PS3.3, C.7.6.1.1.5), which in other encodings may tell of an earlier life.
 */
const cutDown = ({ encoding }: Compressed, attributes: Attributes): boolean =>
  (encoding === 'jpeg2000' || encoding === 'htj2k') && attributes.code(tags.lossyImageCompression) === '01';

/** How many compressed streams fragments hold: each begins a fragment, behind the end of the one before. */
function streamsIn(fragments: readonly Uint8Array[]): number {
  const filled = fragments.filter(({ length }) => length > 0);
  const begins = (bytes: Uint8Array) => isJpeg(bytes) || isJpeg2000(bytes);
  return 1 + filled.filter((bytes, i) => i > 0 && begins(bytes) && endsStream(filled[i - 1])).length;
}

/** EOI of JPEG (ITU-T T.81, B.2.1) or EOC of JPEG 2000 (T.800, A.4.4), and the padding of its fragment. */
function endsStream(bytes: Uint8Array = new Uint8Array()): boolean {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

/** PS3.5, A.4: the one frame of an image may be in any number of fragments. */
function joined(fragments: readonly Uint8Array[]): Uint8Array {
  const [only] = fragments;
  return only && fragments.length === 1 ? only : Buffer.concat(fragments);
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;
/** A codestream (ITU-T T.800, A.4.1), or a JP2 file around one. */
const isJpeg2000 = (bytes: Uint8Array): boolean => otherFormat(bytes) === 'JPEG 2000';

/** A stream by its own headers: the transfer syntax only says what it should be. */
function streamOf(bytes: Uint8Array, { name }: TransferSyntax): Result<Stream, Fault> {
  if (isJpeg(bytes)) return jpegOf(bytes);
  if (isJpeg2000(bytes)) return jpeg2000Of(bytes);
  const found = sniff(bytes) ?? otherFormat(bytes) ?? archiveFormat(bytes);
  return found
    ? fail({ code: 'mislabelled_stream', transferSyntax: name, found })
    : corrupt('its stream is of no codec that is read');
}

const jpegEncodings: Record<number, Extract<Compressed['encoding'], `jpeg${string}`>> = {
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
    signed: false,
    lossy: encoding === 'jpeg' || near > 0,
  };
  const progressive = header.marker === startOfFrame.progressive ? [progressiveWarning] : [];
  return { frame: { encoding, bytes, shape }, warnings: [...warnings, ...progressive] };
}

const progressiveWarning: ReadingWarning = {
  code: 'progressive_jpeg',
  message: 'The pixel data is progressive JPEG, which no transfer syntax that is read names; it was decoded as that.',
};

function jpeg2000Of(bytes: Uint8Array): Result<Stream, Fault> {
  const codestream = codestreamIn(bytes);
  const stream = jpeg2000Stream(codestream);
  if (!stream.ok) return stream;
  const { repairs, isHighThroughput, ...frame } = stream.value;
  const faults = codestream === bytes ? repairs : [...repairs, 'it lies in a JP2 file'];
  return ok({
    frame: { encoding: isHighThroughput ? 'htj2k' : 'jpeg2000', ...frame },
    warnings: faults.length > 0 ? [repairWarning(faults, 'JPEG 2000')] : [],
    *alternatives() {},
  });
}

function native(
  { bytes, vr }: Extract<StoredPixels, { kind: 'native' }>,
  image: Image,
  { isBigEndian }: TransferSyntax,
): Result<Words, Fault> {
  const expected = (image.rows * image.columns * image.bitsAllocated) / 8;
  // Padded to an even length (PS3.5, 8.1.1), and by some devices to their blocks. More is another image.
  if (bytes.length < expected || bytes.length > expected + maxSurplus)
    return corrupt(`its pixel data has ${bytes.length} bytes where its header says ${expected}`);
  // A copy, which slice() of a Buffer is not: the bytes are the caller's, and words need an even address.
  const copy = new Uint8Array(bytes.subarray(0, expected + (expected % 2)));
  // PS3.5, 8.1.1 and A.3: in OW, 8-bit pixels lie two to a word, and the word is swapped too.
  if (isBigEndian && (image.bitsAllocated === 16 || vr !== 'OB')) {
    if (copy.length % 2 !== 0) return corrupt('its pixel data has an odd number of bytes');
    Buffer.from(copy.buffer).swap16();
  }
  return ok(inWords(copy.subarray(0, expected), image));
}

/** A warning where more follows the pixels than the padding to an even length: Rows may be too small. */
function surplusOf({ length }: Uint8Array, { rows, columns, bitsAllocated }: Image): readonly ReadingWarning[] {
  const surplus = length - (rows * columns * bitsAllocated) / 8;
  if (surplus < 2) return [];
  return [
    {
      code: 'pixel_data_malformed',
      message: `Pixel Data (7FE0,0010) has ${surplus} bytes more than Rows and Columns say; they were left out.`,
      attribute: '(7FE0,0010)',
      found: String(surplus),
    },
  ];
}

const inWords = (bytes: Uint8Array, { bitsAllocated }: Image): Words =>
  bitsAllocated === 16 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes;
