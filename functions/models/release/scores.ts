import { z } from 'zod';
import { Protocol } from '../../core/catalog.ts';

/**
 * The rank of every film by every variant. An AUROC depends only on ranks, and ranks do not identify a film's patient. `training` writes
 * the scores beside the evaluation; two families are compared by them.
 */
export const Scores = z
  .object({
    /** Version 1 has no folds and strata. */
    schema: z.enum(['alara.scores/1', 'alara.scores/2']),
    family: z.string(),
    /** `crossValidated`: each film was scored by a network that did not see its patient. */
    protocol: Protocol,
    /** The first 16 hexadecimal digits of the SHA-256 of each film's file. */
    films: z.array(z.string().regex(/^[0-9a-f]{16}$/)).min(2),
    /** Films with equal numbers belong to one patient. */
    patients: z.array(z.int().nonnegative()),
    /** The fold of each film, -1 for none. */
    folds: z.array(z.int()).optional(),
    /** The view and source collection of each film, as an index of `names`. */
    strata: z.object({ names: z.array(z.string()), films: z.array(z.int().nonnegative()) }).optional(),
    /** By finding, one character per film: 1 present, 0 absent, - unknown. */
    labels: z.record(z.string(), z.string().regex(/^[01-]+$/)),
    /** Bits of a rank. */
    width: z.union([z.literal(16), z.literal(32)]),
    /** By variant and finding, Base64 of little-endian unsigned integers; equal scores have equal ranks. */
    ranks: z.record(z.string(), z.record(z.string(), z.base64())),
    /** The logits behind the ranks, before calibration: Base64 of little-endian float32. Older families lack them. */
    logits: z.record(z.string(), z.record(z.string(), z.base64())).optional(),
  })
  .superRefine(({ films, patients, folds, strata, labels, ranks, logits = {}, width }, context) => {
    const complain = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', message, path });
    if (new Set(films).size !== films.length) complain('a film is listed twice', 'films');
    if (patients.length !== films.length) complain('expected as many as films', 'patients');
    if (folds && folds.length !== films.length) complain('expected as many as films', 'folds');
    if (strata && strata.films.length !== films.length) complain('expected as many as films', 'strata', 'films');
    for (const [finding, text] of Object.entries(labels))
      if (text.length !== films.length) complain('expected one label per film', 'labels', finding);
    const base64Length = (bytes: number) => Math.ceil(bytes / 3) * 4;
    const length = base64Length((films.length * width) / 8);
    for (const [variant, heads] of Object.entries(ranks))
      for (const [finding, text] of Object.entries(heads)) {
        if (labels[finding] === undefined) complain('a finding without labels', 'ranks', variant, finding);
        if (text.length !== length) complain('expected one rank per film', 'ranks', variant, finding);
      }
    for (const [variant, heads] of Object.entries(logits))
      for (const [finding, text] of Object.entries(heads)) {
        if (ranks[variant]?.[finding] === undefined) complain('logits without ranks', 'logits', variant, finding);
        if (text.length !== base64Length(films.length * 4))
          complain('expected one logit per film', 'logits', variant, finding);
      }
  });
export type Scores = z.infer<typeof Scores>;

/** The ranks of a variant for a finding, in the order of the films. */
export function ranksOf({ ranks, width }: Scores, variant: string, finding: string): readonly number[] | undefined {
  const text = ranks[variant]?.[finding];
  if (text === undefined) return undefined;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const step = width / 8;
  return Array.from({ length: bytes.length / step }, (_, i) =>
    width === 16 ? view.getUint16(i * step, true) : view.getUint32(i * step, true),
  );
}
