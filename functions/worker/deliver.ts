import type { Fault } from '../pipeline/fault.ts';
import type { Read } from '../pipeline/read.ts';
import type { Result } from '../pipeline/result.ts';

/**
 * Send what came of a reading to a PACS: the SOP Instance UIDs that it holds afterwards. Again is safe, because equal
 * results have equal UIDs.
 */
export type Deliver = (pacs: string, read: Read, tenant: string) => Promise<Result<readonly string[], Fault>>;
