import { createHash } from 'node:crypto';
import type { Fault } from '../../../functions/core/fault.ts';
import { advice } from '../../../functions/core/fault-status.ts';
import type { Result } from '../../../functions/core/result.ts';
import { px } from '../../../functions/core/units.ts';
import { decodeDicom } from '../../../functions/decode/dicom/decode.ts';
import { inspect } from '../../../functions/decode/dicom/inspect.ts';
import { deflatedFile, mutate } from './mutate.ts';
import type { Subject } from './subject.ts';

/** The results of many damaged files. */
export type Report = {
  /** The number of files that were read, and the number of refusals per code. */
  readonly outcomes: Record<string, number>;
  /** Forbidden outcomes, each with its seed. */
  readonly problems: string[];
  readonly slowest: { readonly seed: number; readonly ms: number };
  /** The greatest increase of the process memory since before the first file, in MB. */
  readonly grownMb: number;
};

/** Decode the damaged files of the seeds from `first`. Reports each seed before its file. */
export async function fuzz(
  subjects: readonly Subject[],
  first: number,
  count: number,
  starting: (seed: number) => void,
): Promise<Report> {
  const outcomes: Record<string, number> = {};
  const problems: string[] = [];
  let slowest = { seed: first, ms: 0 };
  const good = await Promise.all(subjects.map(digest));
  const before = process.memoryUsage.rss();
  let peak = before;
  for (let seed = first; seed < first + count; seed++) {
    starting(seed);
    const { bytes, from, by } = mutate(seed, subjects);
    const start = process.cpuUsage();
    const outcome = await outcomeOf(bytes);
    const { user, system } = process.cpuUsage(start);
    const ms = (user + system) / 1000;
    if (ms > slowest.ms) slowest = { seed, ms };
    peak = Math.max(peak, process.memoryUsage.rss());
    outcomes[outcome.code] = (outcomes[outcome.code] ?? 0) + 1;
    if (outcome.problem) problems.push(`seed ${seed}, ${from}, ${by}: ${outcome.problem}`);
  }
  for (const [i, subject] of subjects.entries())
    if ((await digest(subject)) !== good[i]) problems.push(`${subject.name} is read otherwise after damaged files`);
  return { outcomes, problems, slowest, grownMb: Math.round((peak - before) / 1e6) };
}

/** The expected reading of a valid file. */
async function digest({ bytes, deflatedFrom }: Subject): Promise<string> {
  const file = deflatedFrom === undefined ? bytes : deflatedFile(bytes, deflatedFrom);
  const decoded = await decodeDicom(new Uint8Array(file));
  if (!decoded.ok) return decoded.fault.code;
  const { pixels } = decoded.value.film;
  return createHash('sha256')
    .update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength))
    .digest('hex');
}

type Outcome = { readonly code: string; readonly problem?: string };

/** A longer side that lets every film in the corpus be decoded at a lower resolution. */
const sides = [px(10)];

async function outcomeOf(bytes: Buffer<ArrayBuffer>): Promise<Outcome> {
  try {
    const bug = (error: unknown) => {
      throw error;
    };
    const reduced = await decodeDicom(new Uint8Array(bytes), { report: bug, sides });
    const isWhole = reduced.ok && !reduced.value.fullSize;
    const decoded = isWhole ? reduced : await decodeDicom(new Uint8Array(bytes), { report: bug });
    // The other way round is correct: damage may lie in data that a lower resolution does not need.
    if (decoded.ok && !reduced.ok) return { code: 'read', problem: 'read, but not at a lower resolution' };
    if (reduced.ok) {
      const { width, height, pixels } = reduced.value.film;
      if (pixels.length !== width * height)
        return { code: 'read', problem: `${pixels.length} pixels at a lower resolution` };
    }
    if (decoded.ok) {
      const { width, height, pixels } = decoded.value.film;
      if (pixels.length !== width * height)
        return { code: 'read', problem: `${pixels.length} pixels for ${width} x ${height}` };
      if (!decoded.value.dicom) return { code: 'read', problem: 'no header' };
    }
    const header = inspect(new Uint8Array(bytes), bug);
    if (decoded.ok && !header.ok) return { code: 'read', problem: `read, but its header: ${header.fault.code}` };
    return refusal(header).problem ? refusal(header) : refusal(decoded);
  } catch (error) {
    return { code: 'thrown', problem: error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error) };
  }
}

function refusal(result: Result<unknown, Fault>): Outcome {
  if (result.ok) return { code: 'read' };
  const { code } = result.fault;
  const { status } = advice[code];
  return status >= 400 && status < 500
    ? { code }
    : { code, problem: `status ${status}: ${JSON.stringify(result.fault)}` };
}
