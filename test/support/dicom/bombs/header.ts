import { type Dataset, type Element, encode, explicitLittle, merge, without } from '../element.ts';
import { sequence, short, text } from '../instance.ts';
import { part10, transferSyntaxes, wrap } from '../part10.ts';
import { tags } from '../tags.ts';
import { type Bomb, bomb } from './bomb.ts';

const lut = (...elements: readonly Element[]) => elements;
const words = (tag: number, count: number): Element => ({ tag, vr: 'OW', value: Buffer.alloc(2 * count) });

/** Headers with values that no film has. The last argument of each is the original data set. */
export function headerBombs(dataset: Dataset): readonly Bomb[] {
  const spoilt = (name: string, ...elements: readonly Element[]) => bomb(name, () => part10(merge(dataset, elements)));
  const decimal = (name: string, tag: number, ...values: readonly string[]) =>
    values.map((value) => spoilt(`${name} ${value || 'without a value'}`, text(tag, 'DS', value)));
  // An unusable table is skipped.
  const voi = (name: string, ...elements: readonly Element[]): Bomb => ({
    ...bomb(name, () =>
      part10(
        merge(without(dataset, tags.WindowCenter, tags.WindowWidth), [sequence(tags.VOILUTSequence, lut(...elements))]),
      ),
    ),
    readable: true,
  });
  const modality = (name: string, ...elements: readonly Element[]) =>
    bomb(name, () =>
      part10(
        merge(without(dataset, tags.RescaleIntercept, tags.RescaleSlope, tags.RescaleType), [
          sequence(tags.ModalityLUTSequence, lut(...elements)),
        ]),
      ),
    );
  const huge = [short(tags.Rows, 65_535), short(tags.Columns, 65_535)];
  return [
    spoilt('65535 x 65535 and 512 x 512 pixels', ...huge),
    spoilt('65535 x 65535 and ten bytes', ...huge, { tag: tags.PixelData, vr: 'OW', value: Buffer.alloc(10) }),
    spoilt('65535 x 65535 and as many bytes claimed', ...huge, {
      tag: tags.PixelData,
      vr: 'OW',
      value: Buffer.alloc(10),
      length: 0xfffc_0002,
    }),
    bomb('65535 x 65535, big endian', () =>
      part10(merge(dataset, huge), { transferSyntax: transferSyntaxes.explicitBig }),
    ),
    bomb('65535 x 65535, deflated', () => part10(merge(dataset, huge), { transferSyntax: transferSyntaxes.deflated })),
    spoilt('no rows', short(tags.Rows, 0)),
    spoilt('no columns', short(tags.Columns, 0)),
    spoilt('rows that are text', text(tags.Rows, 'US', 'NaN!')),
    spoilt('rows without a value', { tag: tags.Rows, vr: 'US', value: [] }),
    spoilt('bits allocated of 0', short(tags.BitsAllocated, 0)),
    spoilt('bits allocated of 1', short(tags.BitsAllocated, 1)),
    spoilt('bits allocated of 65535', short(tags.BitsAllocated, 65_535)),
    spoilt('bits allocated of 64', short(tags.BitsAllocated, 64), short(tags.BitsStored, 64), short(tags.HighBit, 63)),
    spoilt('bits stored of 0', short(tags.BitsStored, 0)),
    spoilt('more bits stored than allocated', short(tags.BitsStored, 200), short(tags.HighBit, 199)),
    spoilt('a high bit outside the word', short(tags.HighBit, 255)),
    spoilt('a high bit below the bits stored', short(tags.HighBit, 3)),
    spoilt('a pixel representation of 7', short(tags.PixelRepresentation, 7)),
    spoilt('65535 samples a pixel', short(tags.SamplesPerPixel, 65_535)),
    spoilt('no samples a pixel', short(tags.SamplesPerPixel, 0)),
    spoilt('two thousand million frames', text(tags.NumberOfFrames, 'IS', '2147483647')),
    spoilt('minus one frame', text(tags.NumberOfFrames, 'IS', '-1')),
    spoilt(
      'a photometric interpretation of 60 000 letters',
      text(tags.PhotometricInterpretation, 'CS', 'M'.repeat(60_000)),
    ),
    ...decimal('a rescale slope of', tags.RescaleSlope, '0', 'NaN', '1e999', 'steep'),
    ...decimal('a rescale intercept of', tags.RescaleIntercept, 'NaN', '-1e999', 'low'),
    ...decimal('a pixel spacing of', tags.ImagerPixelSpacing, '0.000000001\\1', '1e308\\1e-308', '1\\1000000'),
    spoilt('a pixel aspect ratio of one to two thousand million', text(0x0028_0034, 'IS', '1\\2000000000')),
    voi('a VOI LUT of 65536 entries and two bytes', short(tags.LUTDescriptor, 0, 0, 16), words(tags.LUTData, 1)),
    voi('a VOI LUT without data', short(tags.LUTDescriptor, 4096, 0, 16)),
    voi('a VOI LUT without a descriptor', words(tags.LUTData, 4096)),
    voi('a VOI LUT of no bits', short(tags.LUTDescriptor, 4096, 0, 0), words(tags.LUTData, 4096)),
    voi('a VOI LUT of 65535 bits', short(tags.LUTDescriptor, 4096, 0, 65_535), words(tags.LUTData, 4096)),
    voi('a VOI LUT of one number', short(tags.LUTDescriptor, 4096), words(tags.LUTData, 4096)),
    modality(
      'a Modality LUT of 65536 entries and two bytes',
      short(tags.LUTDescriptor, 0, 0, 16),
      words(tags.LUTData, 1),
    ),
    modality('a Modality LUT without data', short(tags.LUTDescriptor, 4096, 0, 16)),
    modality('a Modality LUT of 65535 bits', short(tags.LUTDescriptor, 4096, 0, 65_535), words(tags.LUTData, 4096)),
    { ...spoilt('a VOI LUT Sequence that is text', text(tags.VOILUTSequence, 'LT', 'no sequence')), readable: true },
    bomb('a transfer syntax of 60 000 digits', () =>
      wrap(dataset, encode(dataset, explicitLittle), { transferSyntax: '1.2.840.10008.'.padEnd(60_000, '1') }),
    ),
    bomb('a transfer syntax that is none', () =>
      wrap(dataset, encode(dataset, explicitLittle), { transferSyntax: '1.2.840.10008.1.2.4.999' }),
    ),
    // The bytes decide: words are read as words.
    ...['4.50', '4.51', '4.57', '4.70', '4.80', '4.81', '4.90', '4.91', '4.201', '4.202', '4.203', '5'].map(
      (end): Bomb => ({
        ...bomb(`uncompressed pixels that call themselves 1.2.840.10008.1.2.${end}`, () =>
          part10(dataset, { transferSyntax: `1.2.840.10008.1.2.${end}` }),
        ),
        readable: true,
      }),
    ),
  ];
}

/** Unusual but harmless headers: each film is read as if the unusual part were absent. */
export function oddities(dataset: Dataset): readonly (Bomb & { readonly plain: Dataset })[] {
  const emptied = (name: string, ...absent: readonly number[]) => ({
    ...bomb(name, () =>
      part10(
        merge(
          dataset,
          absent.map((tag) => text(tag, 'DS', '')),
        ),
      ),
    ),
    plain: without(dataset, ...absent),
  });
  /** An unusable window is ignored. */
  const spoilt = (name: string, element: Element) => ({
    ...bomb(name, () => part10(merge(dataset, [element]))),
    plain: without(dataset, tags.WindowCenter, tags.WindowWidth),
  });
  return [
    {
      ...bomb('a meta group of no length', () => {
        const copy = Buffer.from(part10(dataset));
        copy.writeUInt32LE(0, 140);
        return copy;
      }),
      plain: dataset,
    },
    {
      ...bomb('no preamble and no meta group', () => part10(dataset, { preamble: false, meta: false })),
      plain: dataset,
    },
    {
      ...bomb('bytes after the data set', () => Buffer.concat([part10(dataset), Buffer.alloc(1_000_000, 0xa5)])),
      plain: dataset,
    },
    emptied('a window without values', tags.WindowCenter, tags.WindowWidth),
    emptied('a rescale without values', tags.RescaleSlope, tags.RescaleIntercept),
    ...['0', '-1', '0.5', 'NaN', 'Infinity', '1e999', 'wide', ' ', '\\500'].map((width) =>
      spoilt(`a window width of ${width}`, text(tags.WindowWidth, 'DS', width)),
    ),
    ...['NaN', '1e999', '-Infinity', 'middle', ' '].map((center) =>
      spoilt(`a window centre of ${center}`, text(tags.WindowCenter, 'DS', center)),
    ),
    {
      ...bomb('a VOI LUT Sequence with an empty item', () =>
        part10(merge(dataset, [sequence(tags.VOILUTSequence, [])])),
      ),
      plain: dataset,
    },
    emptied('a pixel spacing without values', tags.ImagerPixelSpacing),
    emptied('frames without a number', tags.NumberOfFrames),
  ];
}
