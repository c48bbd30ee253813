import { inflateRawSync } from 'node:zlib';
import dicomParser from 'dicom-parser';
import type { Encoding } from './element.ts';
import { encodingOf, transferSyntaxes } from './part10.ts';

/** The position of a top-level element, from its tag to its end. Its value starts at `value`. */
export type Span = { readonly tag: number; readonly start: number; readonly value: number; readonly end: number };

/** A valid file as the input of mutations. */
export type Subject = {
  readonly name: string;
  /** The file, inflated if it was deflated. */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly encoding: Encoding;
  readonly spans: readonly Span[];
  /** The values of the pixel data fragments; none for native pixel data. */
  readonly fragments: readonly Pick<Span, 'value' | 'end'>[];
  /** The start of the deflated part, if there is one. */
  readonly deflatedFrom?: number;
};

/** Find the elements of a valid file. */
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
