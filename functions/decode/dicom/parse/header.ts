import { constants, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { ReadingWarning } from '../../../core/warning.ts';
import { maxPixels } from '../../limits.ts';
import { firstElement } from '../../sniff.ts';
import { streamKind } from '../codecs/stream-kind.ts';
import { shownUid } from '../safe-uid.ts';
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

/** Pixel data as it is stored: words, or the fragments of one compressed stream. */
export type StoredPixels =
  | { readonly kind: 'native'; readonly bytes: Uint8Array; readonly vr: string | undefined }
  | { readonly kind: 'encapsulated'; readonly fragments: readonly Uint8Array[] };

/** A data set up to its pixel data. */
export type Header = {
  /** As the bytes are, which is not always as the file says. */
  readonly transferSyntax: TransferSyntax;
  readonly attributes: Attributes;
  readonly pixels: StoredPixels | null;
  /** What was wrong with the file, although it was read. */
  readonly warnings: readonly ReadingWarning[];
};

/** What an inflated data set may take: the largest film in 16 bits, and room for the rest. */
const maxInflatedBytes = 2 * maxPixels + 16_000_000;
/** Tags, lengths and fragments in one file: a film has hundreds of them, with private groups some ten thousands. */
const maxReads = 500_000;
/** How many bytes may follow native pixels within their element: a device may fill its last block up. */
export const maxSurplus = 8192;

/** Where the pixel data of a file lies of which only the beginning is there; null where it begins later. */
export type Beginning = Omit<Header, 'pixels'> & { readonly pixels: PixelsBegin | null };
export type PixelsBegin =
  /** The byte behind the last word. */
  | { readonly kind: 'native'; readonly end: number }
  /** The byte where the first item begins; the last one is a Sequence Delimitation Item. */
  | { readonly kind: 'encapsulated'; readonly items: number }
  /** Inflated, nothing says where it ends in the file. */
  | { readonly kind: 'deflated' };

/** The data set of a file, ready to be parsed. */
type Opened = {
  readonly bytes: Uint8Array;
  readonly position: number;
  readonly encoding: VrEncoding;
  /** By the label of the file, if it has one. */
  readonly labelled: TransferSyntax | undefined;
  readonly isDeflated: boolean;
  readonly parser: DataSetParser;
  readonly warnings: Warnings;
  readonly meta: MetaGroup;
};

/** Parse a whole file, its pixel data and the elements behind the pixel data included. */
export const parseHeader = (bytes: Uint8Array): Result<Header, Fault> => parse(bytes, false, wholeFile);

/** Parse as much of a file as is there, to the beginning of its pixel data. */
export const parseBeginning = (bytes: Uint8Array): Result<Beginning, Fault> => parse(bytes, true, beginning);

function parse<Parsed>(bytes: Uint8Array, partial: boolean, parsed: (opened: Opened) => Parsed): Result<Parsed, Fault> {
  try {
    return ok(parsed(openDataSet(bytes, partial)));
  } catch (error) {
    if (error instanceof HeaderError) return fail(error.fault);
    if (error instanceof TooManyElements) return fail({ code: 'too_many_elements', limit: maxReads });
    const problem = inflateProblem(error);
    if (!problem) throw error;
    return fail({ code: 'corrupt_image', problem });
  }
}

/** Where the data set begins and how it is written: by its bytes, with a warning where the file says otherwise. */
function openDataSet(bytes: Uint8Array, partial: boolean): Opened {
  const warnings = new Warnings();
  const meta = readMetaGroup(bytes, firstElement(bytes), warnings.add);
  if (meta.end + 8 > bytes.length)
    throw new HeaderError({
      code: 'corrupt_image',
      problem: `the file ends with its ${meta.isFound ? 'meta group' : 'preamble'}`,
    });
  const uid = meta.attributes.code(tags.transferSyntaxUid);
  const labelled = transferSyntaxes.find((known) => known.uid === uid);
  if (uid !== undefined && !labelled)
    throw new HeaderError({
      code: 'unsupported_transfer_syntax',
      transferSyntax: shownUid(uid),
      known: transferSyntaxes.map((known) => known.uid),
    });
  if (meta.isFound && uid === undefined)
    warnings.add({
      code: 'transfer_syntax_missing',
      message:
        'The file meta information has no Transfer Syntax UID (0002,0010); the bytes of the data set were followed.',
      attribute: '(0002,0010)',
    });

  const at = (source: Uint8Array, position: number) => {
    const parser = new DataSetParser(source, warnings, partial, maxReads);
    const candidates = [labelled ?? [], explicitLittle, implicitLittle, explicitBig].flat().map(vrEncoding);
    return { bytes: source, position, parser, encoding: parser.encodingAt(position, candidates) };
  };
  const inflated = () => at(inflate(bytes.subarray(meta.end), partial), 0);
  const plain = labelled?.deflated ? undefined : at(bytes, meta.end);
  let found = plain;
  if (labelled?.deflated) {
    found = tolerant(inflated) ?? at(bytes, meta.end);
    // Neither deflated nor a data set: the error of the inflation says most.
    if (!found.encoding) found = inflated();
  } else if (plain && !plain.encoding) {
    const other = tolerant(inflated);
    if (other?.encoding) found = other;
  }
  if (!found) throw new Error('a data set is deflated or not');
  const isDeflated = found.bytes !== bytes;
  const encoding = found.encoding ?? vrEncoding(labelled ?? explicitLittle);
  const opened = { ...found, encoding, labelled, isDeflated, warnings, meta };
  if (labelled) warnOfLabel(opened, labelled);
  return opened;
}

const vrEncoding = ({ bigEndian, explicit }: TransferSyntax): VrEncoding => ({ little: !bigEndian, explicit });

function warnOfLabel({ encoding, isDeflated, warnings }: Opened, labelled: TransferSyntax): void {
  const { little, explicit } = encoding;
  const isRight = labelled.bigEndian !== little && labelled.explicit === explicit && labelled.deflated === isDeflated;
  if (isRight) return;
  const found = `${isDeflated ? 'deflated ' : ''}${explicit ? 'Explicit' : 'Implicit'} VR ${little ? 'Little' : 'Big'} Endian`;
  mislabelled(labelled, `the data set is ${found}`, warnings.add);
}

const mislabelled = ({ uid, name }: TransferSyntax, found: string, warn: Warn) =>
  warn({
    code: 'transfer_syntax_mismatch',
    message: `Transfer Syntax UID (0002,0010) says ${name}, but ${found}; it was read as that.`,
    attribute: '(0002,0010)',
    found: uid,
  });

function inflate(bytes: Uint8Array, partial: boolean): Uint8Array {
  const options: ZlibOptions = {
    maxOutputLength: maxInflatedBytes,
    ...(partial && { finishFlush: constants.Z_SYNC_FLUSH }),
  };
  // RFC 1950: some writers put the header of zlib before the deflated data (PS3.5, A.5 has none).
  const isZlib = (bytes[0] ?? 0) % 16 === 8 && ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % 31 === 0;
  return (isZlib && tolerant(() => inflateSync(bytes, options))) || inflateRawSync(bytes, options);
}

/** The result of an inflation; undefined where the bytes are not deflated. */
function tolerant<Value>(run: () => Value): Value | undefined {
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
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'it inflates to more than any film takes';
  return typeof code === 'string' && code.startsWith('Z_') ? 'its deflated data set does not inflate' : undefined;
}

function wholeFile(opened: Opened): Header {
  const { position, encoding, parser, warnings } = opened;
  const elements: Record<string, Element> = {};
  parser.readDataSet(position, encoding, elements);
  const element = elements[tags.pixelData];
  const fragments = element && fragmentsOf(opened, element);
  if (element) {
    // The padding byte of an odd length is not counted by some writers.
    const end = fragments?.next ?? element.value + element.length + (element.length % 2);
    parser.readBehindPixelData(end, encoding, elements);
  }
  const attributes = complete(opened, elements);
  const { transferSyntax, pixels } =
    element && element.length > 0
      ? storedPixels(opened, element, attributes, fragments?.fragments)
      : { transferSyntax: nativeSyntax(opened), pixels: null };
  return { transferSyntax, attributes, pixels, warnings: warnings.list };
}

function beginning(opened: Opened): Beginning {
  const { position, encoding, parser, isDeflated, warnings } = opened;
  const elements: Record<string, Element> = {};
  try {
    parser.readDataSet(position, encoding, elements);
  } catch (error) {
    // It ends in the middle of an element, or that element is broken: which of the two cannot be told here.
    if (!(error instanceof HeaderError)) throw error;
  }
  const element = elements[tags.pixelData];
  const transferSyntax = opened.labelled ?? nativeSyntax(opened);
  if (!element || element.length === 0) {
    const attributes = attributesOf({ bytes: opened.bytes, little: encoding.little, elements });
    return { transferSyntax, attributes, pixels: null, warnings: warnings.list };
  }
  const attributes = complete(opened, elements);
  const { value, length } = element;
  const pixels: PixelsBegin =
    length === undefinedLength ? { kind: 'encapsulated', items: value } : { kind: 'native', end: value + length };
  return { transferSyntax, attributes, pixels: isDeflated ? { kind: 'deflated' } : pixels, warnings: warnings.list };
}

/** The attributes of a data set that was read to its end. UIDs that only the meta group has are taken from there. */
function complete({ bytes, encoding, meta, warnings }: Opened, elements: Record<string, Element>): Attributes {
  const attributes = attributesOf({ bytes, little: encoding.little, elements });
  const instead = new Map<Tag, string>();
  for (const [tag, metaTag, name, number] of metaUids) {
    const uid = attributes.code(tag) === undefined ? meta.attributes.code(metaTag) : undefined;
    if (uid === undefined) continue;
    instead.set(tag, uid);
    warnings.add({
      code: 'uid_from_meta_group',
      message: `The data set has no ${name} ${number}; the one of the file meta information was used.`,
      attribute: number,
    });
  }
  return instead.size === 0 ? attributes : { ...attributes, code: (tag) => instead.get(tag) ?? attributes.code(tag) };
}

const metaUids = [
  [tags.sopClassUid, tags.mediaStorageSopClassUid, 'SOP Class UID', '(0008,0016)'],
  [tags.sopInstanceUid, tags.mediaStorageSopInstanceUid, 'SOP Instance UID', '(0008,0018)'],
] as const;

/** The transfer syntax of a data set without compression, by its bytes. */
function nativeSyntax({ encoding, labelled, isDeflated }: Opened): TransferSyntax {
  if (isDeflated) return transferSyntaxes.find(({ deflated }) => deflated) ?? explicitLittle;
  if (
    labelled?.encoding === 'native' &&
    labelled.bigEndian !== encoding.little &&
    labelled.explicit === encoding.explicit
  )
    return labelled;
  if (!encoding.little) return explicitBig;
  return encoding.explicit ? explicitLittle : implicitLittle;
}

/** Pixel data as it is: in fragments or not, and by which compression, is decided by its bytes. */
function storedPixels(
  opened: Opened,
  element: Element,
  attributes: Attributes,
  fragments: readonly Fragment[] | undefined,
): { transferSyntax: TransferSyntax; pixels: StoredPixels } {
  const { bytes, labelled } = opened;
  const { value, length, vr } = element;
  if (fragments) return encapsulated(opened, fragments);
  if (value + length > bytes.length)
    throw new HeaderError({ code: 'corrupt_image', problem: 'the file ends inside its pixel data' });
  const stored = bytes.subarray(value, value + length);
  const native = { transferSyntax: nativeSyntax(opened), pixels: { kind: 'native', bytes: stored, vr } as const };
  if (!labelled || labelled.encoding === 'native') return native;
  const size =
    ((attributes.uint16(tags.rows) ?? 0) *
      (attributes.uint16(tags.columns) ?? 0) *
      (attributes.uint16(tags.bitsAllocated) ?? 0)) /
    8;
  if (size > 0 && length >= size && length <= size + maxSurplus) {
    mislabelled(labelled, 'the pixel data is not compressed', opened.warnings.add);
    return native;
  }
  const kind = streamKind(stored);
  if (!kind)
    throw new HeaderError({
      code: 'unusable_header',
      problem: 'its pixel data is not in fragments, but its transfer syntax is one with compression',
    });
  opened.warnings.add({
    code: 'pixel_data_malformed',
    message: 'The compressed stream in Pixel Data (7FE0,0010) is not in fragments; it was read as one.',
    attribute: '(7FE0,0010)',
  });
  return { transferSyntax: compressedSyntax(opened, kind), pixels: { kind: 'encapsulated', fragments: [stored] } };
}

/** The fragments of pixel data; undefined where it has none. Some writers state a length for them (PS3.5, A.4: it shall be undefined). */
function fragmentsOf({ bytes, labelled, encoding, parser, warnings }: Opened, { value, length }: Element) {
  const from = { tag: pixelDataTag, value };
  if (length === undefinedLength) return parser.readFragments(from, bytes.length, encoding.little);
  const isCompressed = labelled !== undefined && labelled.encoding !== 'native';
  if (!isCompressed || !parser.itemAt(value, encoding.little) || value + length > bytes.length) return undefined;
  warnings.add({
    code: 'pixel_data_malformed',
    message: 'Pixel Data (7FE0,0010) has fragments, although its length is stated; the fragments were read.',
    attribute: '(7FE0,0010)',
    found: String(length),
  });
  return parser.readFragments(from, bytes.length, encoding.little, value + length);
}

function encapsulated(
  opened: Opened,
  all: readonly Fragment[],
): { transferSyntax: TransferSyntax; pixels: StoredPixels } {
  const { bytes, labelled, warnings } = opened;
  const values = all.map(({ value, length }) => bytes.subarray(value, value + length));
  const [table, ...others] = values;
  // PS3.5, A.4: the first item is the Basic Offset Table, also where it is empty. Some writers leave it out.
  const lacksTable = table !== undefined && streamKind(table) !== undefined && table.length > 64;
  if (lacksTable)
    warnings.add({
      code: 'pixel_data_malformed',
      message: 'Pixel Data (7FE0,0010) has no Basic Offset Table; its first item was read as part of the stream.',
      attribute: '(7FE0,0010)',
    });
  const fragments = lacksTable ? values : others;
  const kind = fragments[0] && streamKind(fragments[0]);
  if (!kind && (!labelled || labelled.encoding === 'native'))
    throw new HeaderError({
      code: 'unusable_header',
      problem:
        'its pixel data is in fragments of no known compression, but its transfer syntax is one without compression',
    });
  return { transferSyntax: compressedSyntax(opened, kind), pixels: { kind: 'encapsulated', fragments } };
}

/** The labelled transfer syntax where the stream may be of it, otherwise one that the stream is of. */
function compressedSyntax({ labelled, warnings }: Opened, kind: ReturnType<typeof streamKind>): TransferSyntax {
  const isOf = (encoding: string) => encoding === kind || (encoding === 'htj2k' && kind === 'jpeg2000');
  if (labelled && labelled.encoding !== 'native' && (kind === undefined || isOf(labelled.encoding))) return labelled;
  const actual = transferSyntaxes.find(({ encoding }) => encoding === kind);
  if (!actual) throw new Error(`no transfer syntax has ${kind}`);
  if (labelled) mislabelled(labelled, `the stream of its pixel data is ${actual.name}`, warnings.add);
  return actual;
}
