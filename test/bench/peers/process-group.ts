/**
 * Processor time and memory of servers with many processes (Linux). In contrast to ../process-tree.ts, children of any thread and
 * children that have ended count, at the resolution of /proc/<pid>/stat, which is 10 ms.
 */
import { readdirSync, readFileSync } from 'node:fs';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}

/** The fields of /proc/<pid>/stat from the third. The name before them may contain spaces. */
const fieldsOf = (pid: number): string[] => read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];

/** A process and its descendants. */
export function processesOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    const parent = Number(fieldsOf(pid)[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const descend = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(descend)];
  return descend(root);
}

/** Processor time in ms of a process and its descendants so far: user and system, own and of children that have ended. */
export const groupCpuMs = (root: number): number =>
  processesOf(root).reduce((sum, pid) => {
    const ticks = fieldsOf(pid).slice(11, 15).map(Number);
    return sum + 10 * ticks.reduce((a, b) => a + b, 0);
  }, 0);

/** Memory in MB of a process and its descendants. A page that several processes share counts once (proportional set size). */
export const groupMb = (root: number): number =>
  processesOf(root).reduce((sum, pid) => {
    const kilobytes = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
    return sum + (Number(kilobytes ?? 0) * 1024) / 1e6;
  }, 0);
