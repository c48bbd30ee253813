import type { DicomView } from '../../reading.ts';
import { modalityOf } from './instance.ts';
import type { Opened } from './open.ts';
import { shown } from './shown.ts';
import { sopClasses } from './sop-classes.ts';
import { type Tag, tags } from './tags.ts';

/** What a reading tells of the header: of codes alone, none of which names a patient. */
export function viewOf(
  { attributes, transferSyntax, image, instance }: Pick<Opened, 'attributes' | 'transferSyntax' | 'image' | 'instance'>,
  rendering: string,
  turned: string | undefined,
): DicomView {
  const code = (tag: Tag) => {
    const value = attributes.code(tag);
    return value === undefined ? undefined : shown(value);
  };
  return {
    sopClass: sopClasses.find(({ uid }) => uid === instance.sopClassUid)?.name ?? instance.sopClassUid,
    transferSyntax: transferSyntax.uid,
    modality: shown(modalityOf(attributes)),
    bodyPart: code(tags.bodyPartExamined),
    viewPosition: code(tags.viewPosition),
    laterality: code(tags.imageLaterality) ?? code(tags.laterality),
    photometric: image.photometric,
    bits: image.bitsStored,
    rendering,
    turned,
  };
}
