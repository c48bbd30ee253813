import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { route } from '../../routing/cheapest-plan.ts';
import { costTable } from '../../routing/cost-table.ts';
import { ruleFor } from '../../routing/rule.ts';
import { CatalogError } from '../catalog-error.ts';
import { type LoadedFamily, loadFamily } from '../load.ts';
import { isModel, type Manifest, parseObject } from '../manifest.ts';
import { readFileOf, readManifest } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import { type Compared, compareFamilies, type Measured, scoresFault } from './compare.ts';
import { method } from './paired-auroc.ts';
import type { Record } from './record.ts';
import { Scores } from './scores.ts';
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

/** A family without scores: it cannot be compared. */
class Unmeasured extends CatalogError {
  override name = 'Unmeasured';
}

/** Load the parts of a published family that a comparison needs. Throws CatalogError or {@link Unmeasured}. */
async function readMeasured(objects: Objects, manifest: Manifest, device: string): Promise<Measured> {
  const { family: name, files, policies } = manifest;
  const entry = files['scores.json'];
  if (!entry) throw new Unmeasured(`${name} was published without scores.json`);
  const scores = parseObject(Scores, await readFileOf(objects, name, entry), 'scores.json');
  const folder = await mkdtemp(join(tmpdir(), 'alara-compare-'));
  try {
    const texts = [
      ...Object.entries(files).map(([path, file]) => [join(name, path), file] as const),
      ...Object.entries(policies).map(([path, file]) => [join('policies', path), file] as const),
    ].filter(([path]) => path.endsWith('.json') && !isModel(path));
    for (const [path, file] of texts) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), await readFileOf(objects, name, file));
    }
    const family = loadFamily(folder, name, folder);
    const fault = scoresFault(family, scores);
    if (fault !== undefined) throw new CatalogError(`${name}: ${fault}.`);
    return { family, scores, served: served(family, device) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** By finding, the variant that serves a request without parameters. */
function served({ catalog, policies, ownPolicy }: LoadedFamily, device: string): Measured['served'] {
  const policy = policies[ownPolicy];
  if (!policy) throw new Error('a family is loaded with its own policy');
  const costs = costTable(catalog, device);
  const plan = route(catalog, policy, costs, { findings: catalog.findings, minAuroc: {}, bestEffort: true });
  if (!plan.ok) return {};
  return Object.fromEntries(plan.value.assignments.map(({ finding, variant }) => [finding, variant.id]));
}
