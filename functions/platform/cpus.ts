import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * The processors that this process may use, at least one: the limit of the cgroup (v2 cpu.max, v1 CFS quota), or else the
 * number that the scheduler allows.
 */
export function cpus(read: (path: string) => string | undefined = readIfThere): number {
  const [quota, period] = read('/sys/fs/cgroup/cpu.max')?.trim().split(' ') ?? [
    read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ];
  const limit = Number(quota) / Number(period);
  const allowed = limit > 0 ? Math.floor(limit) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(allowed, availableParallelism()));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
