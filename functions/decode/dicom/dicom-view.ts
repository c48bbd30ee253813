import { sopClasses, tags } from '../../core/dicom-dictionary.ts';
import type { DicomView } from '../../core/dicom-view.ts';
import type { OpenedImage } from './open-image.ts';
import { modalityOf } from './read-instance.ts';
import { safeLaterality, safeModality, safeText } from './safe-text.ts';

/** The attributes that a reading shows. They are only codes, and only words that cannot contain patient data. */
export function viewOf(
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
