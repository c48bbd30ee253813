import type { Platform } from '../../../functions/storage/platform.ts';

/** A platform under test. It goes when the test ends. */
export type Subject = {
  readonly platform: Platform;
  /** The same platform again, by connections of its own, as another process has it. */
  another(): Promise<Platform>;
  /** Everything that is kept, as it lies on the disk or in the service. */
  atRest(): Promise<Buffer>;
  /** The shortest visibility timeout or delay that it can tell from none. */
  readonly tickMs: number;
};

export type Open = () => Promise<Subject>;
