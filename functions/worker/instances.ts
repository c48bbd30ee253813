import type { Fault } from '../pipeline/fault.ts';
import { parseParameters } from '../pipeline/parameters.ts';
import type { Read } from '../pipeline/read.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';
import type { Deliver } from './deliver.ts';
import type { Reader } from './film.ts';
import type { Handler } from './handler.ts';
import type { JobInput, Outcome } from './job.ts';
import { isTransient } from './retry.ts';

type Instances = Extract<JobInput, { kind: 'instances' }>;

/**
 * Reads the instances of a study that came by STOW-RS and sends each result to the PACS that is configured for them.
 * One that cannot be read now does not hold up the others: it is tried again when they are done.
 */
export const instancesHandler =
  (reader: Reader, deliver: Deliver): Handler<'instances'> =>
  async ({ tenant, input, outcomes: earlier }, { progress, signal }) => {
    const total = input.instances.length;
    // What an earlier try came to the end of stays as it is.
    const outcomes = new Map(earlier.map((outcome) => [outcome.sopInstanceUid, outcome]));
    let later: Fault | undefined;
    for (const instance of input.instances) {
      const { sopInstanceUid } = instance;
      if (outcomes.has(sopInstanceUid)) continue;
      const outcome = await one(reader, deliver, tenant, input, instance, signal);
      if (outcome.ok) {
        outcomes.set(sopInstanceUid, { sopInstanceUid, ...outcome.value });
        await progress(outcomes.size, total, [...outcomes.values()]);
      } else if (isTransient(outcome.fault) && !signal.aborted && !('retryAfterMs' in outcome.fault)) {
        later ??= outcome.fault;
      } else return outcome;
    }
    return later ? fail(later) : ok([...outcomes.values()]);
  };

/** One film: its reading and what the PACS holds of it, or why it is not read. */
async function one(
  reader: Reader,
  deliver: Deliver,
  tenant: string,
  { pacs }: Instances,
  { blob }: Instances['instances'][number],
  signal: AbortSignal,
): Promise<Result<Outcome, Fault>> {
  const read = await readOnce(reader, tenant, blob, signal);
  if (!read.ok) {
    if (isTransient(read.fault) || signal.aborted) return read;
    return ok({ refused: read.fault });
  }
  const { id } = read.value.reading;
  if (pacs === undefined) return ok({ reading: id });
  const stored = await deliver(pacs, read.value, tenant);
  return stored.ok ? ok({ reading: id, stored: [...stored.value] }) : stored;
}

async function readOnce(
  { router, engine, platform: { blobs, readings } }: Reader,
  tenant: string,
  blob: string,
  signal: AbortSignal,
): Promise<Result<Read, Fault>> {
  const request = parseParameters({}, router.vocabulary);
  if (!request.ok) return request;
  const bytes = await blobs.get(blob);
  if (!bytes) return fail({ code: 'upload_not_found', id: blob });
  const id = await router.identify(tenant, bytes, request.value);
  const known = await readings.get(tenant, id);
  if (known) return ok(known);
  const read = await engine.read({ id, bytes, mediaType: 'application/dicom', request: request.value }, signal);
  if (read.ok) await readings.put(tenant, read.value);
  return read;
}
