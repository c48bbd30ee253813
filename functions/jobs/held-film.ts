import type { Fault } from '../core/fault.ts';
import { fail, type Result } from '../core/result.ts';
import type { Budget } from '../platform/memory-budget.ts';
import type { Platform } from '../storage/platform.ts';

export type Holding = { readonly platform: Pick<Platform, 'blobs'>; readonly budget: Pick<Budget, 'inTurn'> };

/** Work on the film of a blob while it is in memory, once there is room for it. */
export async function withFilm<Value>(
  { platform: { blobs }, budget }: Holding,
  blob: string,
  signal: AbortSignal,
  work: (bytes: Uint8Array<ArrayBuffer>) => Promise<Result<Value, Fault>>,
): Promise<Result<Value, Fault>> {
  const gone = fail<Fault>({ code: 'upload_not_found', id: blob });
  const size = await blobs.size(blob);
  if (size === undefined) return gone;
  return budget.inTurn(size, signal, async () => {
    const bytes = await blobs.get(blob);
    return bytes ? work(bytes) : gone;
  });
}
