import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { route } from '../../routing/cheapest-plan.ts';
import { costTable } from '../../routing/cost-table.ts';
import { CatalogError } from '../catalog-error.ts';
import { type LoadedFamily, loadFamily } from '../load.ts';
import { isModel, type Manifest, parseObject } from '../manifest.ts';
import { readFileOf } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import { type Measured, scoresFault } from './compare.ts';
import { Scores } from './scores.ts';

/** A family without scores: it cannot be compared. */
export class Unmeasured extends CatalogError {
  override name = 'Unmeasured';
}

/** Load the parts of a published family that a comparison needs. Throws CatalogError or {@link Unmeasured}. */
export async function readMeasured(objects: Objects, manifest: Manifest, device: string): Promise<Measured> {
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
function served({ catalog, policies, ownPolicy }: LoadedFamily, device: string): Record<string, string> {
  const policy = policies[ownPolicy];
  if (!policy) throw new Error('a family is loaded with its own policy');
  const costs = costTable(catalog, device);
  const plan = route(catalog, policy, costs, { findings: catalog.findings, minAuroc: {}, bestEffort: true });
  if (!plan.ok) return {};
  return Object.fromEntries(plan.value.assignments.map(({ finding, variant }) => [finding, variant.id]));
}
