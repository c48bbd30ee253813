/**
 * The floor of the benchmark: a process that decodes a film, resizes it and runs one graph, and does nothing else. It has the libraries,
 * the pixels and the tensors of the service. PNG and JPEG are decoded and resized in one libvips pipeline.
 */
import '../../functions/platform/no-telemetry.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp, { type Sharp } from 'sharp';
import { contain } from '../../functions/core/film.ts';
import { px } from '../../functions/core/units.ts';
import { frameOf } from '../../functions/decode/dicom/codecs/pixels.ts';
import { codec } from '../../functions/decode/dicom/decode.ts';
import { openImage } from '../../functions/decode/dicom/open-image.ts';
import { openRouter } from '../../functions/inference/router.ts';
import { runtimeOptions } from '../../functions/inference/session.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { letterbox, normalise } from '../../functions/reading/preprocess.ts';
import type { BenchFilm } from './films.ts';

export type FloorTask = { readonly film: BenchFilm; readonly variant: string };

sharp.concurrency(1);
sharp.cache(false);
const { family } = openRouter(readConfig(process.env));

/** A decoder that prepares everything but the pixels once. */
type Decoder = {
  readonly width: number;
  readonly height: number;
  readonly decode: (longSide: number) => Promise<Sharp>;
};

async function decoderOf({ path, mediaType }: BenchFilm): Promise<Decoder> {
  const bytes = readFileSync(path);
  if (mediaType !== 'application/dicom') {
    const { width, height } = await sharp(bytes).metadata();
    // The extraction of the whole image turns off shrink-on-load, as in the service.
    const decode = async () => sharp(bytes).extract({ left: 0, top: 0, width, height }).toColourspace('b-w');
    return { width, height, decode };
  }
  const opened = openImage(bytes);
  if (!opened.ok) throw new Error(opened.fault.code);
  const { columns: width, rows: height } = opened.value.image;
  const decode = async (longSide: number) => {
    const frame = await frameOf(opened.value, codec, longSide);
    if (!frame.ok) throw new Error(frame.fault.code);
    return sharp(frame.value.words, { raw: { ...frame.value.size, channels: 1 } }).toColourspace('grey16');
  };
  return { width, height, decode };
}

const decoders = new Map<string, Promise<Decoder>>();
const sessions = new Map<string, Promise<InferenceSession>>();
function once<Value>(known: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}

async function read({ film, variant: id }: FloorTask): Promise<void> {
  const variant = family.catalog.variants.find((each) => each.id === id);
  if (!variant) throw new Error(`no variant ${id}`);
  const { file, resolution } = variant;
  const session = await once(sessions, id, () =>
    InferenceSession.create(join(family.folder, file), runtimeOptions('cpu', 1)),
  );
  const { width, height, decode } = await once(decoders, film.path, () => decoderOf(film));
  const target = contain({ width: px(width), height: px(height) }, px(resolution));
  const is16Bit = film.mediaType === 'application/dicom';
  const { data } = await (await decode(resolution))
    .resize({ ...target, fit: 'fill', kernel: 'lanczos3' })
    .raw({ depth: is16Bit ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const pixels = is16Bit ? new Uint16Array(Uint8Array.from(data).buffer) : data;
  const tensor = normalise(letterbox({ ...target, pixels }, px(resolution)), variant.input);
  await session.run({ film: new Tensor('float32', tensor, [1, 1, resolution, resolution]) });
}

process.on('message', async (task: FloorTask) => {
  const start = performance.now();
  await read(task);
  process.send?.(performance.now() - start);
});
process.send?.('ready');
