import type { Fault } from '../../fault.ts';
import type { Instance } from '../../instance.ts';
import { fail, ok, type Result } from '../../result.ts';
import { sniff } from '../sniff.ts';
import type { Attributes } from './attributes.ts';
import { type Header, parseHeader, type StoredPixels } from './header.ts';
import { type Image, imageOf } from './image.ts';
import { instanceOf } from './instance.ts';
import { manufacturer } from './own.ts';
import { shownUid } from './shown.ts';
import { sopClasses } from './sop-classes.ts';
import { notFrontalChest } from './subject.ts';
import { tags } from './tags.ts';

/** A DICOM file whose header has passed every check; its pixels are as they are stored. */
export type Opened = Omit<Header, 'pixels'> & {
  readonly image: Image;
  readonly instance: Instance;
  readonly pixels: StoredPixels;
};

/** Parse a file and refuse by name what its header says is not a single gray frontal chest film. */
export function open(bytes: Uint8Array): Result<Opened, Fault> {
  if (bytes.length === 0) return fail({ code: 'empty_body' });
  const declared = 'application/dicom';
  const found = sniff(bytes);
  if (!found) return fail({ code: 'not_an_image', declared });
  if (found !== declared) return fail({ code: 'media_type_mismatch', declared, found });

  const header = parseHeader(bytes);
  if (!header.ok) return header;
  const { attributes, transferSyntax, pixels } = header.value;
  const refusal = otherObject(attributes) ?? notFrontalChest(attributes);
  if (refusal) return fail(refusal);
  // Before its image attributes: where both are missing, the file is cut off.
  if (!pixels) return fail({ code: 'corrupt_image', problem: 'it has no pixel data' });
  const image = imageOf(attributes);
  if (!image.ok) return image;
  const instance = instanceOf(attributes, image.value);
  if (!instance.ok) return instance;
  return ok({ attributes, transferSyntax, pixels, image: image.value, instance: instance.value });
}

/** Why this object is none that is read; null where it is one. */
function otherObject(attributes: Attributes): Fault | null {
  const sopClass = attributes.code(tags.sopClassUid) ?? '';
  if (attributes.text(tags.manufacturer) === manufacturer) return { code: 'own_object', sopClass: shownUid(sopClass) };
  const known = sopClasses.map(({ uid }) => uid);
  if (!known.includes(sopClass)) return { code: 'unsupported_sop_class', sopClass: shownUid(sopClass), known };
  // PS3.3, C.8.11.1: as good as the other SOP class, whichever class carries it.
  if (attributes.code(tags.presentationIntentType) === 'FOR PROCESSING')
    return { code: 'unsupported_sop_class', sopClass: `${sopClass} FOR PROCESSING`, known };
  return null;
}
