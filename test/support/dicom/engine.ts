import type { Fault } from '../../../functions/core/fault.ts';
import type { Instance } from '../../../functions/core/instance.ts';
import { ok, type Result } from '../../../functions/core/result.ts';
import { openEngine, openRouter } from '../../../functions/inference/router.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import type { FilmReading } from '../../../functions/reading/read.ts';
import type { ReadRequest } from '../../../functions/routing/request.ts';

export type DicomReader = {
  read(file: Uint8Array, request?: Partial<ReadRequest>): Promise<Result<FilmReading, Fault>>;
  inspect(file: Uint8Array): Promise<Result<Instance, Fault>>;
  close(): Promise<void>;
};

/** The real engine with the bundled family and one thread, for DICOM files. */
export async function openDicomReader(deadlineMs: number): Promise<DicomReader> {
  const config = readConfig({ ALARA_WORKERS: '1', ALARA_DEADLINE_MS: String(deadlineMs) });
  const router = openRouter(config);
  const engine = openEngine(router, config);
  const ready = await engine.ready;
  if (!ready.ok) throw new Error(JSON.stringify(ready.fault));
  const usual: ReadRequest = {
    findings: router.family.catalog.findings,
    minAuroc: {},
    prevalence: {},
    policy: router.vocabulary.defaultPolicy,
    bestEffort: true,
    explain: false,
  };
  let films = 0;
  return {
    // The engine transfers the bytes to a thread, so pass a copy.
    read: (file, request = {}) =>
      engine.read({
        id: `rd_${++films}`,
        bytes: new Uint8Array(file),
        mediaType: 'application/dicom',
        request: { ...usual, ...request },
      }),
    async inspect(file) {
      const inspected = await engine.inspect({ bytes: new Uint8Array(file), whole: true });
      return inspected.ok ? ok(inspected.value.instance) : inspected;
    },
    close: engine.close,
  };
}
