import { z } from 'zod';

/**
 * A fault of the film's file that did not prevent reading. `code` is stable; `message` says in one sentence what was found and
 * what was used instead. A warning contains no patient data.
 */
export const ReadingWarning = z
  .object({
    code: z.string().meta({ description: 'Stable: switch on this.', example: 'window_unusable' }),
    message: z.string().meta({
      description: 'What was found, and what was used instead.',
      example:
        'Window 0 / 0 (0028,1050) cannot be used with LINEAR. The second window, 1958.5 / 3316, was used instead.',
    }),
    attribute: z.string().optional().meta({ description: 'The DICOM attribute.', example: '(0028,1051)' }),
    found: z.string().optional().meta({ description: 'The value that was found.', example: '0' }),
  })
  .meta({ id: 'ReadingWarning', description: 'A fault of the film that did not prevent reading.' });
export type ReadingWarning = z.infer<typeof ReadingWarning>;
