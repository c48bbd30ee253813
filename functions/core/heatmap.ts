import { z } from 'zod';
import type { Size } from './film.ts';

/** Where the model looked: a coarse grid over a square region of the film. */
export const Heatmap = z
  .object({
    rows: z.int().meta({ description: 'Rows of the grid.' }),
    columns: z.int().meta({ description: 'Columns of the grid.' }),
    values: z.array(z.number()).meta({
      description:
        "Row by row: what each cell adds to the finding's logit. Where the model looked, not where the disease is.",
    }),
    region: z
      .object({
        left: z.number().meta({ description: 'The left side in pixels. It may be negative.' }),
        top: z.number().meta({ description: 'The upper side in pixels. It may be negative.' }),
        width: z.number().meta({ description: 'The width in pixels.' }),
        height: z.number().meta({ description: 'The height in pixels.' }),
      })
      .meta({
        description:
          'The region that the grid covers, in pixels of the upright film. The region reaches beyond a film that is not square.',
      }),
  })
  .meta({ id: 'Heatmap', description: 'Where the model looked: a coarse grid over a square region of the film.' });
export type Heatmap = z.infer<typeof Heatmap>;

/** Class-activation maps as the graph emits them: shape [findings, rows, columns]. */
export type Activation = { readonly rows: number; readonly columns: number; readonly values: Float32Array };

/** The heat map of the finding at `index`, placed on the film. */
export function heatmap({ rows, columns, values }: Activation, index: number, film: Size): Heatmap {
  const cells = rows * columns;
  const side = Math.max(film.width, film.height);
  return {
    rows,
    columns,
    values: Array.from(values.subarray(index * cells, (index + 1) * cells), (v) => Number(v.toPrecision(4))),
    region: { left: (film.width - side) / 2, top: (film.height - side) / 2, width: side, height: side },
  };
}
