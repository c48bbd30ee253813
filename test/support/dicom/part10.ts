import { deflateRawSync } from 'node:zlib';
import { type Dataset, type Encoding, encode, explicitLittle, merge } from './element.ts';
import { text } from './instance.ts';
import { tags } from './tags.ts';

export const transferSyntaxes = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBig: '1.2.840.10008.1.2.2',
} as const;

export type FileOptions = {
  readonly transferSyntax?: string;
  /** The 128 bytes and `DICM` (PS3.10 7.1). */
  readonly preamble?: boolean;
  /** The file meta information (PS3.10 7.1). Without it, a file is a bare data set. */
  readonly meta?: boolean;
};

/** A file of a data set in the order of its elements. */
export function part10(
  dataset: Dataset,
  { transferSyntax = transferSyntaxes.explicitLittle, preamble = true, meta = true }: FileOptions = {},
): Buffer<ArrayBuffer> {
  const body = encode(dataset, encodingOf(transferSyntax));
  return wrap(dataset, transferSyntax === transferSyntaxes.deflated ? deflateRawSync(body) : body, {
    transferSyntax,
    preamble,
    meta,
  });
}

/** File meta information of a data set, before arbitrary bytes. */
export function wrap(
  dataset: Dataset,
  body: Uint8Array,
  { transferSyntax = transferSyntaxes.explicitLittle, preamble = true, meta = true }: FileOptions = {},
): Buffer<ArrayBuffer> {
  const value = (tag: number) => {
    const element = dataset.find((candidate) => candidate.tag === tag);
    return element && 'value' in element && typeof element.value === 'string' ? element.value : '';
  };
  const group = encode(
    merge([
      { tag: 0x0002_0001, vr: 'OB', value: Uint8Array.of(0, 1) },
      text(tags.MediaStorageSOPClassUID, 'UI', value(tags.SOPClassUID)),
      text(tags.MediaStorageSOPInstanceUID, 'UI', value(tags.SOPInstanceUID)),
      text(tags.TransferSyntaxUID, 'UI', transferSyntax),
      text(0x0002_0012, 'UI', '2.25.1'),
    ]),
    explicitLittle,
  );
  const groupLength = encode([{ tag: 0x0002_0000, vr: 'UL', value: [group.length] }], explicitLittle);
  return Buffer.concat([
    ...(preamble ? [Buffer.alloc(128), Buffer.from('DICM', 'latin1')] : []),
    ...(meta ? [groupLength, group] : []),
    body,
  ]);
}

export const encodingOf = (transferSyntax: string): Encoding => ({
  little: transferSyntax !== transferSyntaxes.explicitBig,
  explicit: transferSyntax !== transferSyntaxes.implicitLittle,
});
