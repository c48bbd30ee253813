import { constants, inflateRawSync, type ZlibOptions } from 'node:zlib';
import dicomParser, { type Element } from 'dicom-parser';
import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import { maxPixels } from '../limits.ts';
import { isPart10 } from '../sniff.ts';
import { type Attributes, attributesOf } from './attributes.ts';
import { shownUid } from './shown.ts';
import { BoundedStream, TooManyElements } from './stream.ts';
import { tags } from './tags.ts';
import {
  explicitBig,
  explicitLittle,
  implicitLittle,
  type TransferSyntax,
  transferSyntaxes,
} from './transfer-syntaxes.ts';

/** Pixel data as it is stored: words, or the fragments of one compressed stream. */
export type StoredPixels =
  | { readonly kind: 'native'; readonly bytes: Uint8Array; readonly vr: string | undefined }
  | { readonly kind: 'encapsulated'; readonly fragments: readonly Uint8Array[] };

/** A data set up to its pixel data. */
export type Header = {
  readonly transferSyntax: TransferSyntax;
  readonly attributes: Attributes;
  readonly pixels: StoredPixels | null;
};

/** What an inflated data set may take: the largest film in 16 bits, and room for the rest. */
const maxInflatedBytes = 2 * maxPixels + 16_000_000;
/** Tags, lengths and fragments in one file: a film has hundreds of them, with private groups some ten thousands. */
const maxReads = 500_000;
const undefinedLength = 0xffff_ffff;

/** Where the pixel data of a file lies of which only the beginning is there; null where it begins later. */
export type Beginning = Omit<Header, 'pixels'> & { readonly pixels: PixelsBegin | null };
export type PixelsBegin =
  /** The byte behind the last word. */
  | { readonly kind: 'native'; readonly end: number }
  /** The byte where the first item begins; the last one is a Sequence Delimitation Item. */
  | { readonly kind: 'encapsulated'; readonly items: number }
  /** Inflated, nothing says where it ends in the file. */
  | { readonly kind: 'deflated' };

/** Parse a file to the end of its pixel data. What follows it, padding and signatures, says nothing of the film. */
export const parseHeader = (bytes: Uint8Array): Result<Header, Fault> => parse(bytes, {}, dataSet);

/** Parse as much of a file as is there, to the beginning of its pixel data. */
export const parseBeginning = (bytes: Uint8Array): Result<Beginning, Fault> =>
  parse(bytes, { finishFlush: constants.Z_SYNC_FLUSH }, beginningOf);

function parse<Parsed>(
  bytes: Uint8Array,
  inflating: ZlibOptions,
  parsed: (bytes: Uint8Array, position: number, transferSyntax: TransferSyntax) => Result<Parsed, Fault>,
): Result<Parsed, Fault> {
  try {
    const { transferSyntaxUid, found, position } = metaGroup(bytes);
    if (found && position + 8 > bytes.length)
      return fail({ code: 'corrupt_image', problem: 'the file ends with its meta group' });
    if (found && transferSyntaxUid === undefined)
      return fail({ code: 'unusable_header', problem: 'its meta group names no Transfer Syntax UID (0002,0010)' });
    const transferSyntax =
      transferSyntaxUid === undefined
        ? guess(bytes.subarray(position))
        : transferSyntaxes.find(({ uid }) => uid === transferSyntaxUid);
    if (!transferSyntax)
      return fail({
        code: 'unsupported_transfer_syntax',
        transferSyntax: shownUid(transferSyntaxUid ?? ''),
        known: transferSyntaxes.map(({ uid }) => uid),
      });
    if (!transferSyntax.deflated) return parsed(bytes, position, transferSyntax);
    const inflated = inflateRawSync(bytes.subarray(position), { ...inflating, maxOutputLength: maxInflatedBytes });
    return parsed(inflated, 0, transferSyntax);
  } catch (error) {
    if (error instanceof TooManyElements) return fail({ code: 'too_many_elements', limit: maxReads });
    return fail({ code: 'corrupt_image', problem: complaint(error) });
  }
}

/** PS3.10, 7.1: the meta group is explicit little endian, whatever follows it. */
function metaGroup(bytes: Uint8Array): { transferSyntaxUid?: string; found: boolean; position: number } {
  const start = isPart10(bytes) ? 132 : 0;
  const stream = new BoundedStream(bytes, start, false, maxReads);
  const elements: Record<string, Element> = {};
  let position = start;
  while (position + 8 <= bytes.length && bytes[position] === 0x02 && bytes[position + 1] === 0x00) {
    const element = dicomParser.readDicomElementExplicit(stream);
    elements[element.tag] = element;
    position = stream.position;
  }
  const meta = attributesOf({ byteArray: bytes, byteArrayParser: stream.byteArrayParser, elements });
  return { transferSyntaxUid: meta.code(tags.transferSyntaxUid), found: position > start, position };
}

/** A data set without a meta group says how it is encoded by the order of its first tag and the letters after it. */
function guess(bytes: Uint8Array): TransferSyntax {
  const letter = (at: number) => (bytes[at] ?? 0) >= 0x41 && (bytes[at] ?? 0) <= 0x5a;
  if (bytes[0] === 0x00) return explicitBig;
  return letter(4) && letter(5) ? explicitLittle : implicitLittle;
}

function dataSet(bytes: Uint8Array, position: number, transferSyntax: TransferSyntax): Result<Header, Fault> {
  const { bigEndian, encoding } = transferSyntax;
  const stream = new BoundedStream(bytes, position, bigEndian, maxReads);
  const elements: Record<string, Element> = {};
  // The parser looks into pixel data only where it is in fragments.
  readElements(stream, elements, transferSyntax, encoding === 'native');
  const element = elements[tags.pixelData];
  if (!element && stream.position !== bytes.length)
    return fail({ code: 'corrupt_image', problem: 'the file ends before the last of its elements does' });
  const attributes = attributesOf({ byteArray: bytes, byteArrayParser: stream.byteArrayParser, elements });
  if (!element || element.length === 0) return ok({ transferSyntax, attributes, pixels: null });
  const pixels = stored(bytes, element, encoding === 'native');
  return pixels.ok ? ok({ transferSyntax, attributes, pixels: pixels.value }) : pixels;
}

/** Up to pixel data, and over it unless it is left `untouched`. */
function readElements(
  stream: BoundedStream,
  elements: Record<string, Element>,
  { explicit }: TransferSyntax,
  untouched: boolean,
): void {
  const until = untouched ? tags.pixelData : undefined;
  while (stream.position + 8 <= stream.byteArray.length && !elements[tags.pixelData]) {
    const element = explicit
      ? dicomParser.readDicomElementExplicit(stream, stream.warnings, until)
      : dicomParser.readDicomElementImplicit(stream, until);
    elements[element.tag] = element;
  }
}

function beginningOf(bytes: Uint8Array, position: number, transferSyntax: TransferSyntax): Result<Beginning, Fault> {
  const { bigEndian, encoding, deflated } = transferSyntax;
  const stream = new BoundedStream(bytes, position, bigEndian, maxReads);
  const elements: Record<string, Element> = {};
  try {
    readElements(stream, elements, transferSyntax, true);
  } catch {
    // It ends in the middle of an element, or that element is broken: which of the two cannot be told here.
  }
  const attributes = attributesOf({ byteArray: bytes, byteArrayParser: stream.byteArrayParser, elements });
  const element = elements[tags.pixelData];
  if (!element || element.length === 0) return ok({ transferSyntax, attributes, pixels: null });
  const inFragments = element.length === undefinedLength;
  if (inFragments === (encoding === 'native'))
    return fail({ code: 'corrupt_image', problem: 'its pixel data is not as its transfer syntax says' });
  const { dataOffset, length } = element;
  if (deflated) return ok({ transferSyntax, attributes, pixels: { kind: 'deflated' } });
  const pixels: PixelsBegin = inFragments
    ? { kind: 'encapsulated', items: dataOffset }
    : { kind: 'native', end: dataOffset + length };
  return ok({ transferSyntax, attributes, pixels });
}

function stored(bytes: Uint8Array, element: Element, native: boolean): Result<StoredPixels, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  const within = (start: number, length: number) => start + length <= bytes.length;
  if (native) {
    if (element.length === undefinedLength)
      return wrong('its pixel data is in fragments, but its transfer syntax is one without compression');
    if (!within(element.dataOffset, element.length)) return wrong('the file ends inside its pixel data');
    return ok({
      kind: 'native',
      bytes: bytes.subarray(element.dataOffset, element.dataOffset + element.length),
      vr: element.vr,
    });
  }
  const { fragments } = element;
  if (!fragments) return wrong('its pixel data is not in fragments, but its transfer syntax is one with compression');
  if (!fragments.every(({ position, length }) => within(position, length)))
    return wrong('the file ends inside its pixel data');
  return ok({
    kind: 'encapsulated',
    fragments: fragments.map(({ position, length }) => bytes.subarray(position, position + length)),
  });
}

/** zlib says by its code what dicom-parser says by a string or a plain object, neither of them to be repeated. */
function complaint(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'it inflates to more than any film takes';
  if (typeof code === 'string' && code.startsWith('Z_')) return 'its deflated data set does not inflate';
  return 'its elements do not join up';
}
