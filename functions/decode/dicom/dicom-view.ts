import { sopClasses, tags } from '../../core/dicom-dictionary.ts';
import type { DicomView } from '../../core/dicom-view.ts';
import type { Opened } from './open-image.ts';
import { modalityOf } from './read-instance.ts';
import { spoken, spokenModality, spokenSide } from './safe-text.ts';

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
