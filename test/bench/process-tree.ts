import { readdirSync, readFileSync } from 'node:fs';

/** A file of /proc; empty if its thread or process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A process and its children, recursively. */
function treeOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(treeOf)];
}

/** Resident memory of a process and its children, in MB (Linux). */
export const residentMb = (pid: number): number =>
  treeOf(pid).reduce((sum, each) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(read(`/proc/${each}/status`))?.[1];
    return sum + Number(kilobytes ?? 0) / 1000;
  }, 0);

function countIn(folder: 'fd' | 'task', pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/${folder}`).length;
  } catch {
    // The process has ended.
    return 0;
  }
}

/** Open file descriptors of a process and its children (Linux). */
export const openFiles = (pid: number): number => treeOf(pid).reduce((sum, each) => sum + countIn('fd', each), 0);

/** Threads of a process and its children (Linux). */
export const threadsOf = (pid: number): number => treeOf(pid).reduce((sum, each) => sum + countIn('task', each), 0);

/**
 * A counter of the processor time of a process and its children, all threads, in ms (Linux). The kernel accounts it per thread in
 * nanoseconds (schedstat); /proc/<pid>/stat has a resolution of 10 ms. A thread that has ended keeps the time that was last read.
 */
export function processorTime(pid: number): () => number {
  const nanoseconds = new Map<string, number>();
  return () => {
    for (const process of treeOf(pid))
      for (const thread of readdirSync(`/proc/${process}/task`)) {
        const [spent] = read(`/proc/${process}/task/${thread}/schedstat`).split(' ');
        if (spent) nanoseconds.set(`${process}/${thread}`, Number(spent));
      }
    return nanoseconds.values().reduce((sum, each) => sum + each, 0) / 1e6;
  };
}
