import type { Fault } from '../../core/fault.ts';
import type { Decoded } from '../../core/film.ts';
import { ok, type Result } from '../../core/result.ts';
import { px } from '../../core/units.ts';
import { baselineCodec } from './codecs/baseline-codec.ts';
import type { Codec } from './codecs/codec-types.ts';
import { dcmjsCodec } from './codecs/dcmjs-codec.ts';
import { frameOf } from './codecs/pixels.ts';
import { viewOf } from './dicom-view.ts';
import { warnOfAssumptions } from './image.ts';
import { openImage } from './open-image.ts';
import { Warnings } from './parse/header-error.ts';
import { uprightFilm } from './render/geometry.ts';
import { grayOf } from './render/gray.ts';
import { CodecUnavailable, type Report, unexpectedErrorFault } from './unexpected-error.ts';

/** Decode a DICOM file to one upright gray film and the attributes of the film. Rejects only if a codec cannot run. */
export async function decodeDicom(bytes: Uint8Array, report: Report = () => {}): Promise<Result<Decoded, Fault>> {
  try {
    return await decodeFilm(bytes);
  } catch (error) {
    if (error instanceof CodecUnavailable) throw error;
    return unexpectedErrorFault(error, report);
  }
}

const codec: Codec = (frame) =>
  (frame.encoding === 'jpeg' && frame.shape.precision === 8 ? baselineCodec : dcmjsCodec)(frame).catch(
    (error: unknown) => {
      throw new CodecUnavailable('the image codec cannot run', { cause: error });
    },
  );

async function decodeFilm(bytes: Uint8Array): Promise<Result<Decoded, Fault>> {
  const opened = openImage(bytes);
  if (!opened.ok) return opened;
  const { attributes, image, instance } = opened.value;
  const warnings = new Warnings(opened.value.warnings);
  warnOfAssumptions(attributes, warnings.add);
  const frame = await frameOf(opened.value, codec);
  if (!frame.ok) return frame;
  frame.value.warnings.forEach(warnings.add);
  const gray = grayOf(frame.value, image, attributes, warnings.add);
  if (!gray.ok) return gray;
  const stored = { width: px(image.columns), height: px(image.rows), pixels: gray.value.pixels };
  const upright = await uprightFilm(stored, attributes, warnings.add);
  if (!upright.ok) return upright;
  const { film, turned } = upright.value;
  const dicom = { view: viewOf(opened.value, gray.value.rendering, turned), instance };
  return ok(warnings.list.length > 0 ? { film, dicom, warnings: warnings.list } : { film, dicom });
}
