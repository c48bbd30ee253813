import { canonical } from '../core/digest.ts';
import type { ReadRequest } from './request.ts';

/** Everything that determines a reading. The id of the reading is its digest. */
export type Identity = {
  readonly tenant: string;
  /** SHA-256 of the body's bytes, in hexadecimal; so are the digests below. */
  readonly body: string;
  readonly catalog: string;
  readonly policy: string;
  readonly costs: string;
  readonly request: ReadRequest;
};

/** `rd_` and the SHA-256 of everything that can change the answer. */
export function readingId({ request, ...identity }: Identity, sha256: (text: string) => string): string {
  // `balanced` is the only operating point that earlier versions had. So the ids of their readings stay the same.
  const { operatingPoint, ...rest } = request;
  const distinguished = operatingPoint === 'balanced' ? rest : request;
  return `rd_${sha256(canonical({ ...identity, request: distinguished }))}`;
}
