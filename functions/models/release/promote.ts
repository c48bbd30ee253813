import { CatalogError } from '../catalog-error.ts';
import type { Channel } from '../manifest.ts';
import { readManifest, readPointer } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import { assess, statement } from './assess.ts';
import type { Compared } from './compare.ts';
import { type Moved, move, type SignOff } from './move-pointer.ts';

export type Promotion = {
  readonly from: Channel;
  readonly to: Channel;
  /** The AUROC that a finding may lose if the policy in force has no margin for it. */
  readonly margin: number;
  /** The device whose measured costs decide which variant serves a finding. */
  readonly device: string;
  /** Promote a family that cannot be compared, and state that in the record. A family that can be compared is compared anyway. */
  readonly uncompared?: boolean;
  readonly signOff: SignOff;
};

/** The result of a promotion. */
export type Promoted =
  | {
      readonly kind: 'moved';
      readonly moved: Moved;
      readonly compared: readonly Compared[];
      /** Why a comparison was not possible. */
      readonly uncompared?: string;
    }
  | { readonly kind: 'unchanged'; readonly manifest: string }
  /** A finding may have lost more than its margin, so the pointer was not moved. */
  | { readonly kind: 'refused'; readonly compared: readonly Compared[] };

/** Promote the family of one channel to another, if no finding may lose more than its margin. Throws CatalogError. */
export async function promote(objects: Objects, family: string, promotion: Promotion): Promise<Promoted> {
  const { from, to, signOff } = promotion;
  const [source, standing] = await Promise.all([readPointer(objects, family, from), readPointer(objects, family, to)]);
  if (!source) throw new CatalogError(`${objects.url} has no family ${family} on the channel ${from}: publish one.`);
  const digest = source.pointer.manifest;
  if (standing?.pointer.manifest === digest) return { kind: 'unchanged', manifest: digest };
  const manifest = await readManifest(objects, family, digest);
  const assessed = await assess(objects, manifest, standing?.pointer.manifest, promotion);
  if (assessed.kind === 'compared' && !assessed.results.every(({ withinMargin }) => withinMargin))
    return { kind: 'refused', compared: assessed.results };
  if (assessed.kind === 'incomparable' && !promotion.uncompared)
    throw new CatalogError(
      `${family} on ${from} was not promoted to ${to}, because it cannot be compared: ${assessed.problem}. alara-train scores writes scores.json; --uncompared promotes without a comparison, and the record states that.`,
    );
  const moved = await move(objects, {
    ...{ kind: 'promote', channel: to, to: { digest, manifest }, standing, signOff },
    ...statement(assessed),
  });
  if (assessed.kind === 'compared') return { kind: 'moved', moved, compared: assessed.results };
  return { kind: 'moved', moved, compared: [], ...(assessed.problem && { uncompared: assessed.problem }) };
}
