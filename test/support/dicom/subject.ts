import { inflateRawSync } from 'node:zlib';
import dicomParser from 'dicom-parser';
import type { Encoding } from './element.ts';
import { encodingOf, transferSyntaxes } from './part10.ts';

/** Where an element of the top level lies, from its tag to its end; its value from `value` on. */
export type Span = { readonly tag: number; readonly start: number; readonly value: number; readonly end: number };

/** A good file that mutations start from. */
export type Subject = {
  readonly name: string;
  /** The file, inflated where it was deflated. */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly encoding: Encoding;
  readonly spans: readonly Span[];
  /** The values of the pixel data's fragments; none where it is not encapsulated. */
  readonly fragments: readonly Pick<Span, 'value' | 'end'>[];
  /** Where the deflated part starts, if there is one. */
  readonly deflatedFrom?: number;
};

/** Find the elements of a good file. */
export function subject(name: string, file: Uint8Array): Subject {
  let deflatedFrom: number | undefined;
  const dataSet = dicomParser.parseDicom(file, {
    inflater: (bytes, position) => {
      deflatedFrom = position;
      return Buffer.concat([bytes.subarray(0, position), inflateRawSync(bytes.subarray(position))]);
    },
  });
  const bytes = Buffer.from(dataSet.byteArray);
  const elements = Object.values(dataSet.elements).sort((a, b) => a.dataOffset - b.dataOffset);
  let start = bytes.toString('latin1', 128, 132) === 'DICM' ? 132 : 0;
  const spans = elements.map(({ tag, dataOffset, length }, i): Span => {
    const end = i + 1 < elements.length ? dataOffset + length : bytes.length;
    const span = { tag: Number.parseInt(tag.slice(1), 16), start, value: dataOffset, end };
    start = end;
    return span;
  });
  const pixels = dataSet.elements['x7fe00010'];
  const fragments = pixels?.encapsulatedPixelData
    ? [...(pixels.fragments ?? [])].map(({ position, length }) => ({ value: position, end: position + length }))
    : [];
  const transferSyntax = dataSet.string('x00020010') ?? transferSyntaxes.explicitLittle;
  return {
    name,
    bytes,
    encoding: encodingOf(transferSyntax),
    spans,
    fragments,
    ...(deflatedFrom !== undefined && { deflatedFrom }),
  };
}
