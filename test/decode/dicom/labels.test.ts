import { deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeDicom } from '../../../functions/decode/dicom/decode.ts';
import { inspect } from '../../../functions/decode/dicom/inspect.ts';
import { decoded, same } from '../../support/dicom/compare.ts';
import {
  type Dataset,
  type Element,
  type Encoding,
  encode,
  explicitLittle,
  merge,
  without,
} from '../../support/dicom/element.ts';
import type { Stored } from '../../support/dicom/film.ts';
import { chestDataset, sequence, text } from '../../support/dicom/instance.ts';
import { encodingOf, part10, transferSyntaxes, wrap } from '../../support/dicom/part10.ts';
import { tags } from '../../support/dicom/tags.ts';
import { faultOf, unwrap } from '../../support/family.ts';

const film: Stored = {
  columns: 130,
  rows: 128,
  bits: 12,
  signed: false,
  values: Int32Array.from({ length: 130 * 128 }, (_, i) => (i * 7) % 4096),
};
const dataset = chestDataset(film);
const sound = await decoded(part10(dataset));
const implicitLittle: Encoding = { little: true, explicit: false };
const bigEndian: Encoding = { little: false, explicit: true };
const uids = Object.values(transferSyntaxes);
const jpeg2000 = '1.2.840.10008.1.2.4.90';

/** Expects the film and the identity of the valid file, with exactly these warnings. */
async function readsAlike(bytes: Uint8Array, ...codes: readonly string[]): Promise<void> {
  const { film, dicom, warnings = [] } = await decoded(bytes);
  expect(same(film, sound.film)).toBe(true);
  expect(dicom?.instance).toEqual(sound.dicom?.instance);
  expect(unwrap(inspect(new Uint8Array(bytes)))).toEqual(sound.dicom?.instance);
  expect(warnings.map(({ code }) => code)).toEqual(codes);
}

/** A data set in one transfer syntax that is labelled as another. */
function labelled(actual: string, label: string): Uint8Array {
  const body = encode(dataset, encodingOf(actual));
  const stored = actual === transferSyntaxes.deflated ? deflateRawSync(body) : body;
  return wrap(dataset, stored, { transferSyntax: label });
}

describe('the bytes decide, not the transfer syntax', () => {
  const names = Object.keys(transferSyntaxes) as (keyof typeof transferSyntaxes)[];
  const pairs = names.flatMap((actual) => names.map((label) => [actual, label] as const));
  test.each(pairs)('%s with the label %s', async (actual, label) => {
    const codes = actual === label ? [] : ['transfer_syntax_mismatch'];
    await readsAlike(labelled(transferSyntaxes[actual], transferSyntaxes[label]), ...codes);
  });

  test('deflated data with a zlib header', async () => {
    const body = deflateSync(encode(dataset, explicitLittle));
    await readsAlike(wrap(dataset, body, { transferSyntax: transferSyntaxes.deflated }));
  });

  test.each([explicitLittle, implicitLittle])(
    'native words with the label of a compressed syntax, %o',
    async (encoding) => {
      const bytes = wrap(dataset, encode(dataset, encoding), { transferSyntax: jpeg2000 });
      const codes = encoding.explicit ? 1 : 2;
      const { film, warnings } = await decoded(bytes);
      expect(same(film, sound.film)).toBe(true);
      expect(new Set(warnings?.map(({ code }) => code))).toEqual(new Set(['transfer_syntax_mismatch']));
      expect(warnings?.length).toBeGreaterThanOrEqual(1);
      expect(warnings?.length).toBeLessThanOrEqual(codes);
    },
  );

  test('an unknown transfer syntax is still refused by its UID', async () => {
    const bytes = wrap(dataset, encode(dataset, explicitLittle), { transferSyntax: '1.2.840.10008.1.2.4.100' });
    expect(faultOf(await decodeDicom(bytes))).toMatchObject({ code: 'unsupported_transfer_syntax' });
  });

  test.each(uids)('items in the other VR encoding than the data set, %s', async (transferSyntax) => {
    if (transferSyntax === transferSyntaxes.deflated) return;
    const encoding = encodingOf(transferSyntax);
    const inner = [text(tags.CodeValue, 'SH', '51185008'), text(tags.CodingSchemeDesignator, 'SH', 'SCT')];
    const item = encode(inner, { ...encoding, explicit: !encoding.explicit });
    const head = Buffer.alloc(8);
    const write = (value: number, at: number, size: number) =>
      encoding.little ? head.writeUIntLE(value, at, size) : head.writeUIntBE(value, at, size);
    write(0xfffe, 0, 2);
    write(0xe000, 2, 2);
    write(item.length, 4, 4);
    const region: Element = { tag: tags.AnatomicRegionSequence, vr: 'SQ', value: Buffer.concat([head, item]) };
    await readsAlike(part10(merge(dataset, [region]), { transferSyntax }), 'sequence_malformed');
  });
});

describe('the file meta information', () => {
  const meta = (transferSyntax: string): Dataset => [
    { tag: 0x0002_0001, vr: 'OB', value: Uint8Array.of(0, 1) },
    text(tags.MediaStorageSOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.1.1'),
    text(tags.TransferSyntaxUID, 'UI', transferSyntax),
  ];
  const file = (group: Uint8Array, body: Uint8Array) =>
    Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), group, body]);
  const withLength = (encoding: Encoding, transferSyntax: string, off = 0) => {
    const group = encode(meta(transferSyntax), encoding);
    return Buffer.concat([encode([{ tag: 0x0002_0000, vr: 'UL', value: [group.length + off] }], encoding), group]);
  };

  test.each(uids.filter((uid) => uid !== transferSyntaxes.deflated))(
    'may be in Implicit VR or big endian before %s',
    async (uid) => {
      const body = encode(dataset, encodingOf(uid));
      for (const encoding of [implicitLittle, bigEndian]) {
        await readsAlike(file(withLength(encoding, uid), body), 'meta_group_malformed');
        await readsAlike(file(encode(meta(uid), encoding), body), 'meta_group_malformed');
      }
    },
  );

  test.each([-2, 2, 40, 4000])('may have a length that is wrong by %i', async (off) => {
    const body = encode(dataset, explicitLittle);
    await readsAlike(file(withLength(explicitLittle, uids[1] ?? '', off), body), 'meta_group_malformed');
  });

  test('may have no transfer syntax', async () => {
    for (const encoding of [explicitLittle, implicitLittle, bigEndian]) {
      const group = encode(without(meta(''), tags.TransferSyntaxUID), explicitLittle);
      await readsAlike(file(group, encode(dataset, encoding)), 'transfer_syntax_missing');
    }
  });

  test.each(uids)('may have an element in the data set, %s', async (transferSyntax) => {
    const foreign = text(tags.TransferSyntaxUID, 'UI', jpeg2000);
    const before = [foreign, ...dataset];
    const within = [...dataset.slice(0, 5), foreign, ...dataset.slice(5)];
    for (const elements of [before, within])
      await readsAlike(part10(elements, { transferSyntax }), 'meta_element_in_data_set');
  });

  test.each(uids)('may be the only place of the instance UIDs, %s', async (transferSyntax) => {
    const encoded = encode(without(dataset, tags.SOPClassUID, tags.SOPInstanceUID), encodingOf(transferSyntax));
    const body = transferSyntax === transferSyntaxes.deflated ? deflateRawSync(encoded) : encoded;
    await readsAlike(wrap(dataset, body, { transferSyntax }), 'uid_from_meta_group', 'uid_from_meta_group');
  });

  test('without the UIDs gives a header fault, not an unsupported SOP class', async () => {
    for (const uid of ['', 'CR IMAGE', '1..2']) {
      const bytes = part10(merge(dataset, [text(tags.SOPClassUID, 'UI', uid)]), { meta: false });
      const problem = 'SOP Class UID (0008,0016) is absent or malformed';
      expect(faultOf(inspect(new Uint8Array(bytes)))).toEqual({ code: 'unusable_header', problem });
    }
  });
});

test.each(uids)('an icon in fragments is skipped at every position, in %s', async (transferSyntax) => {
  const pixels = [new Uint8Array(0), Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)];
  const icon: Element = { tag: tags.PixelData, vr: 'OB', fragments: pixels };
  const rows = { tag: tags.Rows, vr: 'US', value: [64] };
  const icons: Dataset = [
    text(0x0009_0010, 'LO', 'GEIIS'),
    { tag: 0x0009_1110, vr: 'SQ', undefinedLength: true, items: [[rows, icon]] },
    sequence(0x0088_0200, [rows, icon]),
    { tag: 0x6fff_1010, vr: 'OB', fragments: pixels },
  ];
  await readsAlike(part10(merge(dataset, icons), { transferSyntax }));
});
