import type { RouteRequest } from './route.ts';

/** One request, normalised: equal requests are equal values, whatever order or spelling they came in. */
export type ReadRequest = RouteRequest & {
  readonly policy: string;
  readonly explain: boolean;
  /** Local prevalence by finding; findings not named keep the training films'. */
  readonly prevalence: Readonly<Record<string, number>>;
};

/** What a reading's id is the digest of. */
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
export async function readingId(identity: Identity): Promise<string> {
  return `rd_${await sha256(new TextEncoder().encode(canonical(identity)))}`;
}

/** SHA-256 in hexadecimal, off the calling thread. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** JSON with sorted keys, so that equal values have equal text (in the manner of RFC 8785). */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
