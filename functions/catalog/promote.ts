import { ruleFor } from '../pipeline/rule.ts';
import { type Compared, compareFamilies, type Measured } from './compare.ts';
import { CatalogError } from './load.ts';
import type { Channel } from './manifest.ts';
import { readMeasured } from './measured.ts';
import { type Moved, move, type SignOff } from './move.ts';
import type { Objects } from './objects.ts';
import { method } from './paired.ts';
import { readManifest, readPointer } from './read-published.ts';
import type { Record } from './record.ts';

export type Promotion = {
  readonly from: Channel;
  readonly to: Channel;
  /** AUROC that a finding may lose, where the policy that is in force names no margin for it. */
  readonly margin: number;
  /** Whose measured costs decide which variant serves a finding. */
  readonly device: string;
  readonly signOff: SignOff;
};

/** What came of a promotion. */
export type Promoted =
  | { readonly kind: 'moved'; readonly moved: Moved; readonly compared: readonly Compared[] }
  | { readonly kind: 'unchanged'; readonly manifest: string }
  /** A finding may have lost more than its margin: nothing was moved. */
  | { readonly kind: 'refused'; readonly compared: readonly Compared[] };

type Margins = NonNullable<Record['modificationProtocol']>['margins'];

/** Move what one channel points to on to another, if no finding loses more than its margin. Throws CatalogError. */
export async function promote(objects: Objects, family: string, promotion: Promotion): Promise<Promoted> {
  const { from, to, device, signOff } = promotion;
  const [source, standing] = await Promise.all([readPointer(objects, family, from), readPointer(objects, family, to)]);
  if (!source) throw new CatalogError(`${objects.url} has no family ${family} on the channel ${from}: publish one.`);
  const digest = source.pointer.manifest;
  if (standing?.pointer.manifest === digest) return { kind: 'unchanged', manifest: digest };
  const manifest = await readManifest(objects, family, digest);
  const common = { kind: 'promote' as const, channel: to, to: { digest, manifest }, standing, signOff };
  if (!standing) {
    const conclusion = `Nothing was on the channel ${to}: there is nothing to compare with. The evaluation in the manifest stands by itself.`;
    const impactAssessment = { conclusion, comparisons: [] };
    const moved = await move(objects, { ...common, modificationProtocol: null, impactAssessment });
    return { kind: 'moved', moved, compared: [] };
  }

  const candidate = await readMeasured(objects, manifest, device);
  const before = await readMeasured(objects, await readManifest(objects, family, standing.pointer.manifest), device);
  const margins = marginsOf(before, promotion.margin);
  const comparison = compareFamilies(candidate, before, (finding) => margins[finding]?.margin ?? 0);
  if (!comparison.comparable)
    throw new CatalogError(
      `${family} on ${from} cannot be compared with what ${to} points to: ${comparison.problem}. It was not promoted.`,
    );
  const { films, patients, results } = comparison;
  if (!results.every(({ withinMargin }) => withinMargin)) return { kind: 'refused', compared: results };
  const moved = await move(objects, {
    ...common,
    modificationProtocol: {
      data: before.family.catalog.provenance.dataset,
      ...{ films, patients, protocol: before.scores.protocol, method, margins },
      acceptance:
        'for every finding, and every variant that both families have or that serves it, the lower end of the interval of the difference, candidate minus what it replaces, is not below minus the margin; all must hold, so none is corrected for their number',
    },
    impactAssessment: {
      conclusion: `No finding loses more than its margin in any of ${results.length} paired comparisons.`,
      comparisons: results,
    },
  });
  return { kind: 'moved', moved, compared: results };
}

/** What each finding may lose: what the policy in force declares for it, else what was said. */
function marginsOf({ family: { catalog, policies, ownPolicy } }: Measured, otherwise: number): Margins {
  const policy = policies[ownPolicy];
  return Object.fromEntries(
    catalog.findings.map((finding) => {
      const rule = policy && ruleFor(policy, finding);
      if (rule && 'nonInferiorTo' in rule) return [finding, { margin: rule.margin, source: `policy ${ownPolicy}` }];
      return [finding, { margin: otherwise, source: 'declared with the promotion' }];
    }),
  );
}
