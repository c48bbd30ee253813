import type { Platform } from '../../../functions/storage/platform.ts';

/** A platform under test. It is removed when the test ends. */
export type Subject = {
  readonly platform: Platform;
  /** The same platform with separate connections, as another process opens it. */
  another(): Promise<Platform>;
  /** All stored data in its stored form, on the disk or in the service. */
  atRest(): Promise<Buffer>;
  /** The shortest visibility timeout or delay that the platform distinguishes from none. */
  readonly tickMs: number;
};

export type Open = () => Promise<Subject>;
