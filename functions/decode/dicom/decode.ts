import { sopClasses, tags } from '../../core/dicom-dictionary.ts';
import type { DicomView } from '../../core/dicom-view.ts';
import type { Fault } from '../../core/fault.ts';
import type { Decoded } from '../../core/film.ts';
import { ok, type Result } from '../../core/result.ts';
import { type Px, px } from '../../core/units.ts';
import { releaseMemory } from '../../platform/release-memory.ts';
import { shrinkFor } from '../shrink.ts';
import { baselineCodec } from './codecs/baseline-codec.ts';
import type { Codec, CompressedFrame } from './codecs/codec-types.ts';
import { dcmjsCodec } from './codecs/dcmjs-codec.ts';
import { frameOf } from './codecs/pixels.ts';
import { reducedResolutionCodec } from './codecs/reduced-resolution-codec.ts';
import { type Image, warnOfAssumptions } from './image.ts';
import { type OpenedImage, openImage } from './open-image.ts';
import type { Attributes } from './parse/attributes.ts';
import { Warnings } from './parse/header-error.ts';
import { pixelSource } from './pixel-source.ts';
import { modalityOf } from './read-instance.ts';
import { renderedBits } from './render/default-window.ts';
import { hasSquarePixels, uprightFilm } from './render/geometry.ts';
import { grayOf } from './render/gray.ts';
import { safeLaterality, safeModality, safeText } from './safe-text.ts';
import { CodecUnavailable, type Report, unexpectedErrorFault } from './unexpected-error.ts';

export type DecodeOptions = {
  /** Receives unexpected errors of the DICOM decoder. */
  readonly report?: Report | undefined;
  /**
   * The resolutions of the models that read the film. If the format allows, a larger film is decoded at a lower resolution. Absent
   * means that the film is decoded in full size.
   */
  readonly sides?: readonly Px[] | undefined;
};

/** Decode a DICOM file to one upright gray film and the attributes of the film. Rejects only if a codec cannot run. */
export async function decodeDicom(
  bytes: Uint8Array,
  { report = () => {}, sides }: DecodeOptions = {},
): Promise<Result<Decoded, Fault>> {
  try {
    return await decodeFilm(bytes, sides);
  } catch (error) {
    if (error instanceof CodecUnavailable) throw error;
    return unexpectedErrorFault(error, report);
  }
}

/** The codecs of the service. Rejects only if a codec cannot run. */
export const codec: Codec = (frame, halvings) =>
  codecOf(frame, halvings)(frame, halvings).catch((error: unknown) => {
    throw new CodecUnavailable('the image codec cannot run', { cause: error });
  });

function codecOf({ encoding, shape }: CompressedFrame, halvings: number): Codec {
  if (halvings > 0) return reducedResolutionCodec;
  return encoding === 'jpeg' && shape.precision === 8 ? baselineCodec : dcmjsCodec;
}

async function decodeFilm(bytes: Uint8Array, sides: readonly Px[] | undefined): Promise<Result<Decoded, Fault>> {
  const opened = openImage(bytes);
  if (!opened.ok) return opened;
  const { attributes, image, instance } = opened.value;
  const warnings = new Warnings(opened.value.warnings);
  warnOfAssumptions(attributes, warnings.add);
  const longSide = sides && !needsEveryPixel(image, attributes) ? Math.max(...sides) : undefined;
  const frame = await frameOf(opened.value, codec, longSide);
  if (!frame.ok) return frame;
  frame.value.warnings.forEach(warnings.add);
  const fullSize = { width: px(image.columns), height: px(image.rows) };
  const canShrink = image.bitsStored > 8 && hasSquarePixels(attributes);
  const shrink = sides && canShrink ? shrinkFor(frame.value.size, fullSize, sides) : 1;
  const gray = grayOf(frame.value, image, attributes, shrink, warnings.add);
  releaseMemory(frame.value.words);
  if (!gray.ok) return gray;
  const { source } = frame.value;
  const isReduced = frame.value.size.width < image.columns;
  // The window of the header could not be used.
  if (isReduced && gray.value.isWindowByPixels) return decodeFilm(bytes, undefined);
  const upright = await uprightFilm(gray.value.film, fullSize, attributes, warnings.add);
  if (!upright.ok) return upright;
  const { film, turned } = upright.value;
  return ok({
    film,
    ...((isReduced || shrink > 1) && { fullSize: upright.value.fullSize }),
    source: pixelSource(source, attributes),
    dicom: { view: viewOf(opened.value, gray.value.rendering, turned), instance },
    ...(warnings.list.length > 0 && { warnings: warnings.list }),
  });
}

/**
 * Whether a film must be decoded in full size. A mean of stored values means the mean of their grays only if the rendering is linear
 * and does not follow from the pixels, if no value is padding, and if a word has no bits below the pixel value.
 */
function needsEveryPixel({ bitsStored, highBit }: Image, attributes: Attributes): boolean {
  const hasLut = [tags.modalityLutSequence, tags.voiLutSequence].some((tag) => attributes.items(tag).length > 0);
  return (
    hasLut ||
    attributes.term(tags.voiLutFunction) === 'SIGMOID' ||
    (bitsStored > renderedBits && attributes.code(tags.windowCenter) === undefined) ||
    attributes.bytes(tags.pixelPaddingValue) !== undefined ||
    highBit !== bitsStored - 1
  );
}

/** The attributes that a reading shows. They are only codes, and only words that cannot contain patient data. */
function viewOf(
  {
    attributes,
    transferSyntax,
    image,
    instance,
  }: Pick<OpenedImage, 'attributes' | 'transferSyntax' | 'image' | 'instance'>,
  rendering: string,
  turned: string | undefined,
): DicomView {
  return {
    sopClass: sopClasses.find(({ uid }) => uid === instance.sopClassUid)?.name ?? instance.sopClassUid,
    transferSyntax: transferSyntax.uid,
    modality: safeModality(modalityOf(attributes)),
    bodyPart: safeText(attributes.code(tags.bodyPartExamined)),
    viewPosition: safeText(attributes.code(tags.viewPosition)),
    laterality: safeLaterality(attributes.code(tags.imageLaterality) ?? attributes.code(tags.laterality)),
    photometric: image.photometric,
    bits: image.bitsStored,
    rendering,
    turned,
  };
}
