import { constants, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { ReadingWarning } from '../../../core/warning.ts';
import { maxPixels } from '../../limits.ts';
import { firstElement } from '../../sniff.ts';
import { streamKind } from '../codecs/stream-kind.ts';
import { safeUid } from '../safe-text.ts';
import { type Attributes, attributesOf } from './attributes.ts';
import { DataSetParser, type Element, type Fragment, TooManyElements } from './data-set.ts';
import { pixelDataTag, undefinedLength, type VrEncoding } from './element-head.ts';
import { HeaderError, type Warn, Warnings } from './header-error.ts';
import { type MetaGroup, readMetaGroup } from './meta-group.ts';
import {
  explicitBig,
  explicitLittle,
  implicitLittle,
  type TransferSyntax,
  transferSyntaxes,
} from './transfer-syntaxes.ts';

/** Undecoded pixel data: uncompressed words, or the fragments of one compressed stream. */
export type StoredPixels =
  | { readonly kind: 'native'; readonly bytes: Uint8Array; readonly vr: string | undefined }
  | { readonly kind: 'encapsulated'; readonly fragments: readonly Uint8Array[] };

/** The parsed data set of a file. */
export type Header = {
  /** The actual transfer syntax by the bytes. The declared one may be wrong. */
  readonly transferSyntax: TransferSyntax;
  readonly attributes: Attributes;
  readonly pixels: StoredPixels | null;
  /** Faults of the file that did not prevent reading it. */
  readonly warnings: readonly ReadingWarning[];
};

/** Size limit of an inflated data set: the largest film with 16 bits, and 16 MB for the other elements. */
const maxInflatedBytes = 2 * maxPixels + 16_000_000;
/** Limit of tags, lengths and fragments per file. A film has hundreds; with private groups it has some ten thousands. */
const maxReads = 500_000;
/** Limit of surplus bytes after native pixels in Pixel Data. Some devices pad the element to a block size. */
export const maxSurplus = 8192;

/** The parsed beginning of a file. `pixels` is null if Pixel Data starts after the beginning. */
export type Beginning = Omit<Header, 'pixels'> & { readonly pixels: PixelDataStart | null };
/** Position of the pixel data in a file. */
export type PixelDataStart =
  /** `end`: offset after the last word. */
  | { readonly kind: 'native'; readonly end: number }
  /** `items`: offset of the first item. A Sequence Delimitation Item ends the pixel data. */
  | { readonly kind: 'encapsulated'; readonly items: number }
  /** In a deflated file, the end of the pixel data is unknown. */
  | { readonly kind: 'deflated' };

/** The data set of a file before its elements are parsed. */
type OpenedDataSet = {
  readonly bytes: Uint8Array;
  readonly position: number;
  readonly encoding: VrEncoding;
  /** The transfer syntax that the file meta information declares; undefined if it declares none. */
  readonly declared: TransferSyntax | undefined;
  readonly isDeflated: boolean;
  readonly parser: DataSetParser;
  readonly warnings: Warnings;
  readonly meta: MetaGroup;
};

/** Parse a whole file, including its pixel data and misplaced elements after the pixel data. */
export const parseHeader = (bytes: Uint8Array): Result<Header, Fault> => parse(bytes, false, readWholeFile);

/** Parse the beginning of a file, up to the start of the pixel data. */
export const parseBeginning = (bytes: Uint8Array): Result<Beginning, Fault> => parse(bytes, true, readBeginning);

function parse<Parsed>(
  bytes: Uint8Array,
  isPartial: boolean,
  read: (opened: OpenedDataSet) => Parsed,
): Result<Parsed, Fault> {
  try {
    return ok(read(openDataSet(bytes, isPartial)));
  } catch (error) {
    if (error instanceof HeaderError) return fail(error.fault);
    if (error instanceof TooManyElements) return fail({ code: 'too_many_elements', limit: maxReads });
    const problem = inflateProblem(error);
    if (!problem) throw error;
    return fail({ code: 'corrupt_image', problem });
  }
}

/** Find the start and the encoding of the data set by its bytes. Warns if Transfer Syntax UID declares another encoding. */
function openDataSet(bytes: Uint8Array, isPartial: boolean): OpenedDataSet {
  const warnings = new Warnings();
  const meta = readMetaGroup(bytes, firstElement(bytes), warnings.add);
  if (meta.end + 8 > bytes.length)
    throw new HeaderError({
      code: 'corrupt_image',
      problem: `the file ends after the ${meta.isFound ? 'meta group' : 'preamble'}`,
    });
  const uid = meta.attributes.code(tags.transferSyntaxUid);
  const declared = transferSyntaxes.find((known) => known.uid === uid);
  if (uid !== undefined && !declared)
    throw new HeaderError({
      code: 'unsupported_transfer_syntax',
      transferSyntax: safeUid(uid),
      known: transferSyntaxes.map((known) => known.uid),
    });
  if (meta.isFound && uid === undefined)
    warnings.add({
      code: 'transfer_syntax_missing',
      message: 'Transfer Syntax UID (0002,0010) is absent. The encoding was determined from the bytes of the data set.',
      attribute: '(0002,0010)',
    });

  const at = (source: Uint8Array, position: number) => {
    const parser = new DataSetParser(source, warnings, isPartial, maxReads);
    const candidates = [declared ?? [], explicitLittle, implicitLittle, explicitBig].flat().map(vrEncoding);
    return { bytes: source, position, parser, encoding: parser.encodingAt(position, candidates) };
  };
  const inflated = () => at(inflate(bytes.subarray(meta.end), isPartial), 0);
  const plain = declared?.isDeflated ? undefined : at(bytes, meta.end);
  let found = plain;
  if (declared?.isDeflated) {
    found = ignoringZlibErrors(inflated) ?? at(bytes, meta.end);
    // The bytes are neither deflated nor a data set. Inflate again to throw the error of the inflation.
    if (!found.encoding) found = inflated();
  } else if (plain && !plain.encoding) {
    const other = ignoringZlibErrors(inflated);
    if (other?.encoding) found = other;
  }
  if (!found) throw new Error('the data set was neither inflated nor read directly');
  const isDeflated = found.bytes !== bytes;
  const encoding = found.encoding ?? vrEncoding(declared ?? explicitLittle);
  const opened = { ...found, encoding, declared, isDeflated, warnings, meta };
  if (declared) warnOfLabel(opened, declared);
  return opened;
}

const vrEncoding = ({ isBigEndian, isExplicit }: TransferSyntax): VrEncoding => ({
  isLittleEndian: !isBigEndian,
  isExplicit,
});

function warnOfLabel({ encoding, isDeflated, warnings }: OpenedDataSet, declared: TransferSyntax): void {
  const { isLittleEndian, isExplicit } = encoding;
  const isRight =
    declared.isBigEndian !== isLittleEndian && declared.isExplicit === isExplicit && declared.isDeflated === isDeflated;
  if (isRight) return;
  const found = `${isDeflated ? 'deflated ' : ''}${isExplicit ? 'Explicit' : 'Implicit'} VR ${isLittleEndian ? 'Little' : 'Big'} Endian`;
  mislabelledWarning(declared, `the data set is ${found}`, warnings.add);
}

const mislabelledWarning = ({ uid, name }: TransferSyntax, found: string, warn: Warn) =>
  warn({
    code: 'transfer_syntax_mismatch',
    message: `Transfer Syntax UID (0002,0010) states ${name}, but ${found}. The actual encoding was used.`,
    attribute: '(0002,0010)',
    found: uid,
  });

function inflate(bytes: Uint8Array, isPartial: boolean): Uint8Array {
  const options: ZlibOptions = {
    maxOutputLength: maxInflatedBytes,
    ...(isPartial && { finishFlush: constants.Z_SYNC_FLUSH }),
  };
  // Some writers put a zlib header (RFC 1950) before the deflated data. PS3.5, A.5 does not allow it.
  const isZlib = (bytes[0] ?? 0) % 16 === 8 && ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % 31 === 0;
  return (isZlib && ignoringZlibErrors(() => inflateSync(bytes, options))) || inflateRawSync(bytes, options);
}

/** The result of an inflation; undefined if the bytes are not deflated. */
function ignoringZlibErrors<Value>(run: () => Value): Value | undefined {
  try {
    return run();
  } catch (error) {
    if (String(codeOf(error)).startsWith('Z_')) return undefined;
    throw error;
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

function inflateProblem(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'the inflated data set is larger than any film';
  return typeof code === 'string' && code.startsWith('Z_') ? 'the deflated data set cannot be inflated' : undefined;
}

function readWholeFile(opened: OpenedDataSet): Header {
  const { position, encoding, parser, warnings } = opened;
  const elements: Record<string, Element> = {};
  parser.readDataSet(position, encoding, elements);
  const element = elements[tags.pixelData];
  const fragments = element && fragmentsOf(opened, element);
  if (element) {
    // Some writers do not count the padding byte in an odd length.
    const end = fragments?.next ?? element.value + element.length + (element.length % 2);
    parser.readAfterPixelData(end, encoding, elements);
  }
  const attributes = attributesWithUids(opened, elements);
  const { transferSyntax, pixels } =
    element && element.length > 0
      ? storedPixels(opened, element, attributes, fragments?.fragments)
      : { transferSyntax: nativeSyntax(opened), pixels: null };
  return { transferSyntax, attributes, pixels, warnings: warnings.list };
}

function readBeginning(opened: OpenedDataSet): Beginning {
  const { position, encoding, parser, isDeflated, warnings } = opened;
  const elements: Record<string, Element> = {};
  try {
    parser.readDataSet(position, encoding, elements);
  } catch (error) {
    // The beginning ends within an element, or the element is malformed. The caller decides with more bytes of the file.
    if (!(error instanceof HeaderError)) throw error;
  }
  const element = elements[tags.pixelData];
  const transferSyntax = opened.declared ?? nativeSyntax(opened);
  if (!element || element.length === 0) {
    const attributes = attributesOf({ bytes: opened.bytes, isLittleEndian: encoding.isLittleEndian, elements });
    return { transferSyntax, attributes, pixels: null, warnings: warnings.list };
  }
  const attributes = attributesWithUids(opened, elements);
  const { value, length } = element;
  const pixels: PixelDataStart =
    length === undefinedLength ? { kind: 'encapsulated', items: value } : { kind: 'native', end: value + length };
  return { transferSyntax, attributes, pixels: isDeflated ? { kind: 'deflated' } : pixels, warnings: warnings.list };
}

/** The attributes of a data set. If SOP Class UID or SOP Instance UID is absent, the UID of the meta group is used. */
function attributesWithUids(
  { bytes, encoding, meta, warnings }: OpenedDataSet,
  elements: Record<string, Element>,
): Attributes {
  const attributes = attributesOf({ bytes, isLittleEndian: encoding.isLittleEndian, elements });
  const metaUidsUsed = new Map<Tag, string>();
  for (const [tag, metaTag, name, number] of metaUids) {
    const uid = attributes.code(tag) === undefined ? meta.attributes.code(metaTag) : undefined;
    if (uid === undefined) continue;
    metaUidsUsed.set(tag, uid);
    warnings.add({
      code: 'uid_from_meta_group',
      message: `${name} ${number} is absent from the data set. The UID of the file meta information was used.`,
      attribute: number,
    });
  }
  return metaUidsUsed.size === 0
    ? attributes
    : { ...attributes, code: (tag) => metaUidsUsed.get(tag) ?? attributes.code(tag) };
}

const metaUids = [
  [tags.sopClassUid, tags.mediaStorageSopClassUid, 'SOP Class UID', '(0008,0016)'],
  [tags.sopInstanceUid, tags.mediaStorageSopInstanceUid, 'SOP Instance UID', '(0008,0018)'],
] as const;

/** The transfer syntax of a data set with uncompressed pixels, by the bytes. */
function nativeSyntax({ encoding, declared, isDeflated }: OpenedDataSet): TransferSyntax {
  if (isDeflated) return transferSyntaxes.find(({ isDeflated }) => isDeflated) ?? explicitLittle;
  if (
    declared?.encoding === 'native' &&
    declared.isBigEndian !== encoding.isLittleEndian &&
    declared.isExplicit === encoding.isExplicit
  )
    return declared;
  if (!encoding.isLittleEndian) return explicitBig;
  return encoding.isExplicit ? explicitLittle : implicitLittle;
}

/** The undecoded pixel data, and the actual transfer syntax. The bytes decide about fragments and compression. */
function storedPixels(
  opened: OpenedDataSet,
  element: Element,
  attributes: Attributes,
  fragments: readonly Fragment[] | undefined,
): { transferSyntax: TransferSyntax; pixels: StoredPixels } {
  const { bytes, declared } = opened;
  const { value, length, vr } = element;
  if (fragments) return encapsulated(opened, fragments);
  if (value + length > bytes.length)
    throw new HeaderError({ code: 'corrupt_image', problem: 'the file ends within Pixel Data (7FE0,0010)' });
  const stored = bytes.subarray(value, value + length);
  const native = { transferSyntax: nativeSyntax(opened), pixels: { kind: 'native', bytes: stored, vr } as const };
  if (!declared || declared.encoding === 'native') return native;
  const size =
    ((attributes.uint16(tags.rows) ?? 0) *
      (attributes.uint16(tags.columns) ?? 0) *
      (attributes.uint16(tags.bitsAllocated) ?? 0)) /
    8;
  if (size > 0 && length >= size && length <= size + maxSurplus) {
    mislabelledWarning(declared, 'the pixel data is not compressed', opened.warnings.add);
    return native;
  }
  const kind = streamKind(stored);
  if (!kind)
    throw new HeaderError({
      code: 'unusable_header',
      problem: 'Pixel Data (7FE0,0010) is not in fragments, but Transfer Syntax UID (0002,0010) names a compression',
    });
  opened.warnings.add({
    code: 'pixel_data_malformed',
    message: 'The compressed stream in Pixel Data (7FE0,0010) is not in fragments. It was read as one fragment.',
    attribute: '(7FE0,0010)',
  });
  return { transferSyntax: compressedSyntax(opened, kind), pixels: { kind: 'encapsulated', fragments: [stored] } };
}

/** The fragments of Pixel Data; undefined if it has none. The length must be undefined (PS3.5, A.4), but some writers state it. */
function fragmentsOf({ bytes, declared, encoding, parser, warnings }: OpenedDataSet, { value, length }: Element) {
  const from = { tag: pixelDataTag, value };
  if (length === undefinedLength) return parser.readFragments(from, bytes.length, encoding.isLittleEndian);
  const isCompressed = declared !== undefined && declared.encoding !== 'native';
  if (!isCompressed || !parser.isItemAt(value, encoding.isLittleEndian) || value + length > bytes.length)
    return undefined;
  warnings.add({
    code: 'pixel_data_malformed',
    message: 'Pixel Data (7FE0,0010) has fragments, but its length is not undefined. The fragments were read.',
    attribute: '(7FE0,0010)',
    found: String(length),
  });
  return parser.readFragments(from, bytes.length, encoding.isLittleEndian, value + length);
}

function encapsulated(
  opened: OpenedDataSet,
  all: readonly Fragment[],
): { transferSyntax: TransferSyntax; pixels: StoredPixels } {
  const { bytes, declared, warnings } = opened;
  const values = all.map(({ value, length }) => bytes.subarray(value, value + length));
  const [table, ...others] = values;
  // The first item must be the Basic Offset Table, which may be empty (PS3.5, A.4). Some writers omit it.
  const lacksTable = table !== undefined && streamKind(table) !== undefined && table.length > 64;
  if (lacksTable)
    warnings.add({
      code: 'pixel_data_malformed',
      message: 'Pixel Data (7FE0,0010) has no Basic Offset Table. The first item was read as part of the stream.',
      attribute: '(7FE0,0010)',
    });
  const fragments = lacksTable ? values : others;
  const kind = fragments[0] && streamKind(fragments[0]);
  if (!kind && (!declared || declared.encoding === 'native'))
    throw new HeaderError({
      code: 'unusable_header',
      problem:
        'Pixel Data (7FE0,0010) is in fragments of no known compression, but Transfer Syntax UID (0002,0010) names no compression',
    });
  return { transferSyntax: compressedSyntax(opened, kind), pixels: { kind: 'encapsulated', fragments } };
}

/** The declared transfer syntax if it can be the one of the stream; otherwise a transfer syntax of the actual encoding. */
function compressedSyntax({ declared, warnings }: OpenedDataSet, kind: ReturnType<typeof streamKind>): TransferSyntax {
  const matches = (encoding: string) => encoding === kind || (encoding === 'htj2k' && kind === 'jpeg2000');
  if (declared && declared.encoding !== 'native' && (kind === undefined || matches(declared.encoding))) return declared;
  const actual = transferSyntaxes.find(({ encoding }) => encoding === kind);
  if (!actual) throw new Error(`no transfer syntax has the encoding ${kind}`);
  if (declared) mislabelledWarning(declared, `the stream in Pixel Data (7FE0,0010) is ${actual.name}`, warnings.add);
  return actual;
}
