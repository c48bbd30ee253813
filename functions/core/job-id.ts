import { canonical, sha256 } from './digest.ts';

/** `job_` and the SHA-256 of everything that defines the job. The same request gives the same job. */
export const jobId = async (identity: { readonly kind: string } & Readonly<Record<string, unknown>>): Promise<string> =>
  `job_${await sha256(canonical(identity))}`;
