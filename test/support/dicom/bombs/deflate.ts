import { constants, deflateRawSync } from 'node:zlib';
import { type Dataset, encode, explicitLittle, head, merge, undefinedLength, without } from '../element.ts';
import { transferSyntaxes, wrap } from '../part10.ts';
import { tags } from '../tags.ts';
import { type Bomb, bomb } from './bomb.ts';

const transferSyntax = transferSyntaxes.deflated;
const block = 64_000_000;

/** Deflated bytes of `start`, followed by zeros. After a full flush a block refers to no previous block, so it can be repeated. */
function inflating(start: Uint8Array, blocks: number): Buffer {
  const flush = { finishFlush: constants.Z_FULL_FLUSH, level: 9 } as const;
  const zeros = deflateRawSync(Buffer.alloc(block), flush);
  return Buffer.concat([
    deflateRawSync(start, flush),
    ...Array<Buffer>(blocks).fill(zeros),
    deflateRawSync(Buffer.alloc(0)),
  ]);
}

/** Data sets that inflate endlessly. */
export function deflateBombs(dataset: Dataset): readonly Bomb[] {
  const headOnly = encode(without(dataset, tags.PixelData), explicitLittle);
  const whole = encode(dataset, explicitLittle);
  const pixelHead = (length: number) => head(tags.PixelData, 'OW', length, explicitLittle);
  const file = (start: Uint8Array, blocks = 100) => wrap(dataset, inflating(start, blocks), { transferSyntax });
  return [
    bomb('6.4 GB of zeros after the data set', () => file(whole)),
    bomb('6.4 GB of zeros as the pixels', () => file(Buffer.concat([headOnly, pixelHead(undefinedLength - 1)]))),
    bomb('6.4 GB of zeros, and no data set', () => file(Buffer.alloc(0))),
    bomb('640 MB of zeros in an element of another group', () =>
      file(
        encode(merge([{ tag: 0x0009_1001, vr: 'OB', value: Buffer.alloc(2), length: 640_000_000 }]), explicitLittle),
        10,
      ),
    ),
    bomb('a stream that is cut off', () => {
      const deflated = deflateRawSync(whole);
      return wrap(dataset, deflated.subarray(0, deflated.length / 2), { transferSyntax });
    }),
    bomb('bytes that do not inflate', () => wrap(dataset, Buffer.alloc(4000, 0xaa), { transferSyntax })),
    { ...bomb('a data set that is not deflated', () => wrap(dataset, whole, { transferSyntax })), readable: true },
    bomb('a data set that was deflated twice', () =>
      wrap(dataset, deflateRawSync(deflateRawSync(whole)), { transferSyntax }),
    ),
  ];
}
