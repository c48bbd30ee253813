import { decodedTags, type Tag } from '../../core/dicom-dictionary.ts';
import type { PixelSource } from '../../core/film.ts';
import type { Attributes } from './parse/attributes.ts';

/** Attributes outside of group 0028 that influence the rendering of a film. */
const otherTags: readonly Tag[] = [
  decodedTags.imagerPixelSpacing,
  decodedTags.nominalScannedPixelSpacing,
  decodedTags.patientOrientation,
  decodedTags.presentationLutShape,
];
/** Every attribute that influences the rendering. Group 0028 describes the image and its presentation. */
const renderingTags = Object.values(decodedTags).filter((tag) => tag.startsWith('0028') || otherTags.includes(tag));

/**
 * All data that determine the pixels of a film: its compressed stream or the digest of its stored words, and the attributes for
 * its rendering.
 */
export const pixelSource = (stored: string | Uint8Array, attributes: Attributes): PixelSource => [
  ...renderingValues(attributes),
  stored,
];

/** The tags and the values of the attributes for the rendering, in the order of the dictionary. */
function renderingValues(attributes: Attributes): PixelSource {
  return renderingTags.flatMap((tag): PixelSource => {
    const items = attributes.items(tag);
    if (items.length > 0) return [tag, ...items.flatMap(renderingValues)];
    const value = attributes.bytes(tag);
    return value ? [tag, value] : [];
  });
}
