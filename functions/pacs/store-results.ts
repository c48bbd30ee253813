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

/** A PACS to store results in. */
export type ResultTarget = {
  readonly dicomWeb: Pick<DicomWeb, 'search' | 'store'>;
  /** The tenant of the PACS. Other tenants cannot store results in the PACS or search it. */
  readonly tenant: string;
  readonly results: readonly ('sr' | 'sc')[];
};

/** Delays before the searches for the stored results. Some servers confirm an object before they list it. */
const listingDelaysMs = [0, 250, 1000, 3000];

/** Stores results by STOW-RS. A result counts as stored when QIDO-RS lists it, independent of the STOW-RS response. */
export const createStoreResults =
  (targets: ReadonlyMap<string, ResultTarget>, maker: ResultMaker): StoreResults =>
  async (pacs, tenant, { reading, instance }, film, verifyUnchanged) => {
    const target = targets.get(pacs);
    if (target?.tenant !== tenant) {
      const known = [...targets].flatMap(([name, other]) => (other.tenant === tenant ? [name] : []));
      return fail({ code: 'unknown_pacs', pacs, known });
    }
    if (!instance) return fail({ code: 'not_from_dicom', id: reading.id });
    const read = { reading, instance };
    const provenance = provenanceOf(read, maker, requestDigestOf(reading));
    const { uids } = provenance.identity;
    const withPicture = target.results.includes('sc');
    const expected = withPicture ? [uids.sr, uids.sc] : [uids.sr];

    const before = await listedInstances(target.dicomWeb, instance, expected);
    if (!before.ok) return before;
    if (before.value.length === expected.length) return before;

    const picture = withPicture ? await film() : undefined;
    if (picture && !picture.ok) return picture;
    const objects = await resultObjects(read, provenance, { sr: true, ...(picture && { sc: picture.value }) });
    const missing = objects.filter(({ sopInstanceUid }) => !before.value.includes(sopInstanceUid));
    const verified = await verifyUnchanged?.();
    if (verified && !verified.ok) return verified;
    return store(pacs, target.dicomWeb, instance, expected, missing);
  };

async function store(
  pacs: string,
  dicomWeb: ResultTarget['dicomWeb'],
  instance: Instance,
  expected: readonly string[],
  missing: readonly ResultObject[],
): Promise<Result<readonly string[], Fault>> {
  const stored = await dicomWeb.store(missing.map(({ bytes }) => bytes));
  if (!stored.ok) return stored;
  const storedCount = missing.filter(({ sopInstanceUid }) => stored.value.includes(sopInstanceUid)).length;
  for (const delayMs of listingDelaysMs) {
    await delay(delayMs);
    const after = await listedInstances(dicomWeb, instance, expected);
    if (!after.ok || after.value.length === expected.length) return after;
    // A result that the PACS did not accept is never listed, so waiting does not help.
    if (storedCount < missing.length) break;
  }
  const problem =
    storedCount < missing.length
      ? `${pacs} stored ${storedCount} of ${missing.length} results (STOW-RS)`
      : `${pacs} confirmed the results (STOW-RS) but does not list them (QIDO-RS)`;
  return fail({ code: 'pacs_refused', problem });
}
