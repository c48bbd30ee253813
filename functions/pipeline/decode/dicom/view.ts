import type { DicomView } from '../../reading.ts';
import { modalityOf } from './instance.ts';
import type { Opened } from './open.ts';
import { sopClasses } from './sop-classes.ts';
import { spoken, spokenModality, spokenSide } from './spoken.ts';
import { tags } from './tags.ts';

/** What a reading tells of the header: of codes alone, and only in words that are said of films. */
export function viewOf(
  { attributes, transferSyntax, image, instance }: Pick<Opened, 'attributes' | 'transferSyntax' | 'image' | 'instance'>,
  rendering: string,
  turned: string | undefined,
): DicomView {
  return {
    sopClass: sopClasses.find(({ uid }) => uid === instance.sopClassUid)?.name ?? instance.sopClassUid,
    transferSyntax: transferSyntax.uid,
    modality: spokenModality(modalityOf(attributes)),
    bodyPart: spoken(attributes.code(tags.bodyPartExamined)),
    viewPosition: spoken(attributes.code(tags.viewPosition)),
    laterality: spokenSide(attributes.code(tags.imageLaterality) ?? attributes.code(tags.laterality)),
    photometric: image.photometric,
    bits: image.bitsStored,
    rendering,
    turned,
  };
}
