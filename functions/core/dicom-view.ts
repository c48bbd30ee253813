import { z } from 'zod';

/** What a DICOM header says about the image, and how its stored values became gray. It contains no patient data. */
export const DicomView = z
  .object({
    sopClass: z.string().meta({ example: 'Digital X-Ray Image Storage - For Presentation' }),
    transferSyntax: z.string().meta({ example: '1.2.840.10008.1.2.4.90' }),
    modality: z.string(),
    bodyPart: z.string().optional(),
    viewPosition: z.string().optional().meta({ description: 'The value of the header, for example PA or AP.' }),
    laterality: z.string().optional(),
    photometric: z.enum(['MONOCHROME1', 'MONOCHROME2']),
    bits: z.int().meta({ description: 'Bits stored.' }),
    rendering: z.string().meta({ description: 'How stored values became gray, in words.' }),
    turned: z
      .string()
      .optional()
      .meta({ description: 'How the image was turned upright, by Patient Orientation (0020,0020).' }),
  })
  .meta({ id: 'DicomView' });
export type DicomView = z.infer<typeof DicomView>;
