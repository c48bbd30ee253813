import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../core/fault.ts';
import type { Instance } from '../core/instance.ts';
import { fail, type Result } from '../core/result.ts';
import type { StoreResults } from '../jobs/result-sink.ts';
import { type ResultObject, resultObjects } from '../results/objects.ts';
import { provenanceOf, type ResultMaker } from '../results/provenance.ts';
import { requestDigestOf } from '../results/request-digest.ts';
import type { DicomWeb } from './dicomweb/client.ts';
import { listedInstances } from './listed-instances.ts';

/** What delivering needs of one PACS. */
export type ResultTarget = {
  readonly dicomWeb: Pick<DicomWeb, 'search' | 'store'>;
  /** Whose results it takes. Nobody else writes into it, or learns what it holds. */
  readonly tenant: string;
  readonly results: readonly ('sr' | 'sc')[];
};

/** Between looks for what was stored: some servers answer before they list it. */
const pausesMs = [0, 250, 1000, 3000];

/** Sends results by STOW-RS. Done is what QIDO-RS lists afterwards, whatever the answer of STOW-RS was. */
export const storeResultsIn =
  (targets: ReadonlyMap<string, ResultTarget>, maker: ResultMaker): StoreResults =>
  async (pacs, tenant, { reading, instance }, film, unchanged) => {
    const target = targets.get(pacs);
    if (target?.tenant !== tenant) {
      const known = [...targets].flatMap(([name, of]) => (of.tenant === tenant ? [name] : []));
      return fail({ code: 'unknown_pacs', pacs, known });
    }
    if (!instance) return fail({ code: 'not_from_dicom', id: reading.id });
    const read = { reading, instance };
    const provenance = provenanceOf(read, maker, requestDigestOf(reading));
    const { uids } = provenance.identity;
    const withPicture = target.results.includes('sc');
    const wanted = withPicture ? [uids.sr, uids.sc] : [uids.sr];

    const before = await listedInstances(target.dicomWeb, instance, wanted);
    if (!before.ok) return before;
    if (before.value.length === wanted.length) return before;

    const picture = withPicture ? await film() : undefined;
    if (picture && !picture.ok) return picture;
    const objects = await resultObjects(read, provenance, { sr: true, ...(picture && { sc: picture.value }) });
    const missing = objects.filter(({ sopInstanceUid }) => !before.value.includes(sopInstanceUid));
    const confirmed = await unchanged?.();
    if (confirmed && !confirmed.ok) return confirmed;
    return store(pacs, target.dicomWeb, instance, wanted, missing);
  };

async function store(
  pacs: string,
  dicomWeb: ResultTarget['dicomWeb'],
  instance: Instance,
  wanted: readonly string[],
  missing: readonly ResultObject[],
): Promise<Result<readonly string[], Fault>> {
  const stored = await dicomWeb.store(missing.map(({ bytes }) => bytes));
  if (!stored.ok) return stored;
  const taken = missing.filter(({ sopInstanceUid }) => stored.value.includes(sopInstanceUid)).length;
  for (const pauseMs of pausesMs) {
    await delay(pauseMs);
    const after = await listedInstances(dicomWeb, instance, wanted);
    if (!after.ok || after.value.length === wanted.length) return after;
    // What was not taken will not appear by waiting.
    if (taken < missing.length) break;
  }
  const problem =
    taken < missing.length
      ? `${pacs} stored ${taken} of ${missing.length} results (STOW-RS)`
      : `${pacs} says that it stored the results (STOW-RS), but does not list them (QIDO-RS)`;
  return fail({ code: 'pacs_refused', problem });
}
