import { manufacturer, sopClasses, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUid } from '../../core/uid.ts';
import { sniff, unsupportedFormatFault } from '../sniff.ts';
import { notFrontalChest } from './frontal-chest.ts';
import { type Image, imageOf } from './image.ts';
import type { Attributes } from './parse/attributes.ts';
import { type Header, type PixelsBegin, parseBeginning, parseHeader, type StoredPixels } from './parse/header.ts';
import { instanceOf, unidentified } from './read-instance.ts';
import { shownUid } from './safe-uid.ts';

/** A DICOM file whose header has passed every check; its pixels are as they are stored. */
export type Opened = Omit<Header, 'pixels'> & {
  readonly image: Image;
  readonly instance: Instance;
  readonly pixels: StoredPixels;
};

/** Parse a file and refuse by name what its header says is not a single gray frontal chest film. */
export function open(bytes: Uint8Array): Result<Opened, Fault> {
  const header = otherFile(bytes) ?? parseHeader(bytes);
  if (!header.ok) return header;
  const { attributes, transferSyntax, pixels, warnings } = header.value;
  const refusal = otherObject(attributes) ?? notFrontalChest(attributes);
  // Only an object with a sound identity is one of another kind: a PACS is told that this one was discarded.
  if (refusal) return fail(unidentified(attributes, refusal) ?? refusal);
  // Before its image attributes: where both are missing, the file is cut off.
  if (!pixels) return fail(withoutPixels(attributes));
  const image = imageOf(attributes);
  if (!image.ok) return image;
  const instance = instanceOf(attributes, image.value);
  if (!instance.ok) return instance;
  return ok({ attributes, transferSyntax, pixels, warnings, image: image.value, instance: instance.value });
}

/**
 * The same checks of a file of which only the beginning is there, and where its pixel data lies. `corrupt_image` may mean
 * that more of it is needed.
 */
export function openBeginning(bytes: Uint8Array): Result<Pick<Opened, 'instance'> & { pixels: PixelsBegin }, Fault> {
  const header = otherFile(bytes) ?? parseBeginning(bytes);
  if (!header.ok) return header;
  const { attributes, pixels } = header.value;
  const missing = fail(withoutPixels(attributes));
  // What is not there may follow: nothing is refused for it.
  if (!pixels && attributes.code(tags.sopClassUid) === undefined) return missing;
  const refusal = otherObject(attributes) ?? notFrontalChest(attributes);
  if (refusal) return fail((pixels && unidentified(attributes, refusal)) ?? refusal);
  if (!pixels) return missing;
  const image = imageOf(attributes);
  if (!image.ok) return image;
  const instance = instanceOf(attributes, image.value);
  return instance.ok ? ok({ instance: instance.value, pixels }) : instance;
}

/** Why a data set without Pixel Data is refused. PS3.3, C.7.6.24: Float Pixel Data holds parametric maps, not radiographs. */
function withoutPixels(attributes: Attributes): Fault {
  const other = floatPixels.find(({ tag }) => attributes.bytes(tag));
  if (!other) return { code: 'corrupt_image', problem: 'it has no pixel data' };
  return { code: 'unusable_header', problem: `it has ${other.name} instead of Pixel Data (7FE0,0010) with integers` };
}

const floatPixels = [
  { tag: tags.floatPixelData, name: 'Float Pixel Data (7FE0,0008)' },
  { tag: tags.doubleFloatPixelData, name: 'Double Float Pixel Data (7FE0,0009)' },
] as const;

/** Why a file is none of DICOM; undefined where it is one. */
function otherFile(bytes: Uint8Array): Result<never, Fault> | undefined {
  const declared = 'application/dicom';
  const found = sniff(bytes);
  if (!found) return fail(unsupportedFormatFault(bytes, declared));
  return found === declared ? undefined : fail({ code: 'media_type_mismatch', declared, found });
}

/** Why this object is none that is read; null where it is one. */
function otherObject(attributes: Attributes): Fault | null {
  const sopClass = attributes.code(tags.sopClassUid) ?? '';
  if (attributes.text(tags.manufacturer) === manufacturer) return { code: 'own_object', sopClass: shownUid(sopClass) };
  // A fault of the header, not another kind of object: a PACS must not take the instance for one that is just not read.
  if (!isUid(sopClass))
    return { code: 'unusable_header', problem: 'its SOP Class UID (0008,0016) is absent or malformed' };
  const known = sopClasses.map(({ uid }) => uid);
  if (!known.includes(sopClass)) return { code: 'unsupported_sop_class', sopClass: shownUid(sopClass), known };
  // PS3.3, C.8.11.1: as good as the other SOP class, whichever class carries it.
  if (attributes.term(tags.presentationIntentType)?.replace(/[ _-]+/g, ' ') === 'FOR PROCESSING')
    return { code: 'unsupported_sop_class', sopClass: `${sopClass} FOR PROCESSING`, known };
  return null;
}
