import { ruleFor } from '../../routing/rule.ts';
import type { Manifest } from '../manifest.ts';
import { readManifest } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import { type Compared, compareFamilies, type Measured } from './compare.ts';
import { readMeasured, Unmeasured } from './measured.ts';
import { method } from './paired-auroc.ts';
import type { Record } from './record.ts';
import { bestEffort } from './tolerant-read.ts';

type Protocol = NonNullable<Record['modificationProtocol']>;

/** The comparison of a candidate with the family in service. */
export type Assessed =
  | ({ readonly kind: 'compared'; readonly results: readonly Compared[] } & Pick<
      Protocol,
      'data' | 'films' | 'patients' | 'protocol' | 'margins'
    >)
  | { readonly kind: 'first'; readonly problem?: undefined }
  | { readonly kind: 'incomparable'; readonly problem: string };

/** Compare a candidate with the family in service, as far as possible. Throws CatalogError if the candidate has a fault. */
export async function assess(
  objects: Objects,
  candidate: Manifest,
  standing: string | undefined,
  { device, margin }: { readonly device: string; readonly margin: number },
): Promise<Assessed> {
  const { family } = candidate;
  let measured: Measured;
  try {
    measured = await readMeasured(objects, candidate, device);
  } catch (error) {
    // A candidate without scores can be promoted by decision (--uncompared).
    if (error instanceof Unmeasured) return { kind: 'incomparable', problem: error.message };
    throw error;
  }
  if (standing === undefined) return { kind: 'first' };
  const past = bestEffort();
  const before = await past.orNote(
    readManifest(objects, family, standing).then((manifest) => readMeasured(objects, manifest, device)),
  );
  if (before === 'unreadable') return { kind: 'incomparable', problem: past.notes.join(' ').replace(/\.$/, '') };
  const margins = marginsOf(before, margin);
  const comparison = compareFamilies(measured, before, (finding) => margins[finding]?.margin ?? 0);
  if (!comparison.comparable) return { kind: 'incomparable', problem: comparison.problem };
  const { films, patients, results } = comparison;
  const data = before.family.catalog.provenance.dataset;
  return { kind: 'compared', data, films, patients, protocol: before.scores.protocol, margins, results };
}

/** The part of the record that states the comparison. */
export function statement(assessed: Assessed): Pick<Record, 'modificationProtocol' | 'impactAssessment'> {
  if (assessed.kind !== 'compared') {
    const conclusion =
      assessed.kind === 'first'
        ? 'Nothing was on this channel: there is nothing to compare with. The evaluation in the manifest stands by itself.'
        : `Not compared, by decision of the person who signed off: ${assessed.problem}. The evaluation in the manifest stands by itself.`;
    return { modificationProtocol: null, impactAssessment: { conclusion, comparisons: [] } };
  }
  const { kind: _, results, ...data } = assessed;
  return {
    modificationProtocol: {
      ...{ ...data, method },
      acceptance:
        'for every finding, and every variant that both families have or that serves it, the lower end of the interval of the difference, candidate minus what it replaces, is not below minus the margin; all must hold, so none is corrected for their number',
    },
    impactAssessment: {
      conclusion: `No finding loses more than its margin in any of ${results.length} paired comparisons.`,
      comparisons: results,
    },
  };
}

/** The margin per finding: that of the policy in force, otherwise the margin of the caller. */
function marginsOf({ family: { catalog, policies, ownPolicy } }: Measured, otherwise: number): Protocol['margins'] {
  const policy = policies[ownPolicy];
  return Object.fromEntries(
    catalog.findings.map((finding) => {
      const rule = policy && ruleFor(policy, finding);
      if (rule && 'nonInferiorTo' in rule) return [finding, { margin: rule.margin, source: `policy ${ownPolicy}` }];
      return [finding, { margin: otherwise, source: 'declared with the promotion' }];
    }),
  );
}
