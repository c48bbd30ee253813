import { manufacturer, sopClasses, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUid } from '../../core/uid.ts';
import { sniff, unsupportedFormatFault } from '../sniff.ts';
import { notFrontalChestFault } from './frontal-chest.ts';
import { type Image, imageOf } from './image.ts';
import type { Attributes } from './parse/attributes.ts';
import { type Header, type PixelDataStart, parseBeginning, parseHeader, type StoredPixels } from './parse/header.ts';
import { identityFault, readInstance } from './read-instance.ts';
import { safeUid } from './safe-text.ts';

/** A DICOM file whose header has passed every check. The pixels are not decoded. */
export type OpenedImage = Omit<Header, 'pixels'> & {
  readonly image: Image;
  readonly instance: Instance;
  readonly pixels: StoredPixels;
};

/** Parse a file. The result is a fault if the header does not describe a single gray frontal chest film. */
export function openImage(bytes: Uint8Array): Result<OpenedImage, Fault> {
  const header = formatFault(bytes) ?? parseHeader(bytes);
  if (!header.ok) return header;
  const { attributes, transferSyntax, pixels, warnings } = header.value;
  const refusal = unsupportedObjectFault(attributes) ?? notFrontalChestFault(attributes);
  // Check the identity first: the API acknowledges an unsupported object to the PACS, and needs valid UIDs for that.
  if (refusal) return fail(identityFault(attributes, refusal) ?? refusal);
  // Check the pixel data before the image attributes: if both are missing, the file is truncated.
  if (!pixels) return fail(missingPixelsFault(attributes));
  const image = imageOf(attributes);
  if (!image.ok) return image;
  const instance = readInstance(attributes, image.value);
  if (!instance.ok) return instance;
  return ok({ attributes, transferSyntax, pixels, warnings, image: image.value, instance: instance.value });
}

/**
 * The same checks for the beginning of a file. The result includes the position of the pixel data. `corrupt_image` can also
 * mean that more bytes are needed.
 */
export function openImageBeginning(
  bytes: Uint8Array,
): Result<Pick<OpenedImage, 'instance'> & { pixels: PixelDataStart }, Fault> {
  const header = formatFault(bytes) ?? parseBeginning(bytes);
  if (!header.ok) return header;
  const { attributes, pixels } = header.value;
  const missing = fail(missingPixelsFault(attributes));
  // A missing attribute may be in the rest of the file, so it is not a fault yet.
  if (!pixels && attributes.code(tags.sopClassUid) === undefined) return missing;
  const refusal = unsupportedObjectFault(attributes) ?? notFrontalChestFault(attributes);
  if (refusal) return fail((pixels && identityFault(attributes, refusal)) ?? refusal);
  if (!pixels) return missing;
  const image = imageOf(attributes);
  if (!image.ok) return image;
  const instance = readInstance(attributes, image.value);
  return instance.ok ? ok({ instance: instance.value, pixels }) : instance;
}

/** The fault of a data set without Pixel Data. Float Pixel Data contains parametric maps, not radiographs (PS3.3, C.7.6.24). */
function missingPixelsFault(attributes: Attributes): Fault {
  const other = floatPixels.find(({ tag }) => attributes.bytes(tag));
  if (!other) return { code: 'corrupt_image', problem: 'Pixel Data (7FE0,0010) is absent' };
  return { code: 'unusable_header', problem: `the file has ${other.name} instead of Pixel Data (7FE0,0010)` };
}

const floatPixels = [
  { tag: tags.floatPixelData, name: 'Float Pixel Data (7FE0,0008)' },
  { tag: tags.doubleFloatPixelData, name: 'Double Float Pixel Data (7FE0,0009)' },
] as const;

/** The fault of a file that is not a DICOM file; undefined for a DICOM file. */
function formatFault(bytes: Uint8Array): Result<never, Fault> | undefined {
  const declared = 'application/dicom';
  const found = sniff(bytes);
  if (!found) return fail(unsupportedFormatFault(bytes, declared));
  return found === declared ? undefined : fail({ code: 'media_type_mismatch', declared, found });
}

/** The fault of an object that the service does not read; null for a supported object. */
function unsupportedObjectFault(attributes: Attributes): Fault | null {
  const sopClass = attributes.code(tags.sopClassUid) ?? '';
  if (attributes.text(tags.manufacturer) === manufacturer) return { code: 'own_object', sopClass: safeUid(sopClass) };
  // This must not be reported as an unsupported SOP class. Otherwise the API would acknowledge the instance as discarded.
  if (!isUid(sopClass)) return { code: 'unusable_header', problem: 'SOP Class UID (0008,0016) is absent or malformed' };
  const known = sopClasses.map(({ uid }) => uid);
  if (!known.includes(sopClass)) return { code: 'unsupported_sop_class', sopClass: safeUid(sopClass), known };
  // PS3.3, C.8.11.1: this value has the same meaning as the SOP class For Processing, in every SOP class.
  if (attributes.term(tags.presentationIntentType)?.replace(/[ _-]+/g, ' ') === 'FOR PROCESSING')
    return { code: 'unsupported_sop_class', sopClass: `${sopClass} FOR PROCESSING`, known };
  return null;
}
