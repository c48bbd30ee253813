import { z } from 'zod';

/** What a DICOM header says about the image, and how its stored values became gray. It contains no patient data. */
export const DicomView = z
  .object({
    sopClass: z
      .string()
      .meta({ description: 'The SOP class, in words.', example: 'Digital X-Ray Image Storage - For Presentation' }),
    transferSyntax: z
      .string()
      .meta({ description: 'The UID of the transfer syntax.', example: '1.2.840.10008.1.2.4.90' }),
    modality: z.string().meta({ description: 'The value of Modality (0008,0060).', example: 'DX' }),
    bodyPart: z
      .string()
      .optional()
      .meta({ description: 'The value of Body Part Examined (0018,0015).', example: 'CHEST' }),
    viewPosition: z.string().optional().meta({ description: 'The value of the header, for example PA or AP.' }),
    laterality: z
      .string()
      .optional()
      .meta({ description: 'The value of Image Laterality (0020,0062) or Laterality (0020,0060).' }),
    photometric: z
      .enum(['MONOCHROME1', 'MONOCHROME2'])
      .meta({ description: 'MONOCHROME1: the least value is white. MONOCHROME2: the least value is black.' }),
    bits: z.int().meta({ description: 'Bits stored.' }),
    rendering: z.string().meta({ description: 'How stored values became gray, in words.' }),
    turned: z
      .string()
      .optional()
      .meta({ description: 'How the image was turned upright, by Patient Orientation (0020,0020).' }),
  })
  .meta({
    id: 'DicomView',
    description: 'What the header of a DICOM film says about the image. It contains no patient data.',
  });
export type DicomView = z.infer<typeof DicomView>;
