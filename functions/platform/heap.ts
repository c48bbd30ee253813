/**
 * Settings of glibc for the heap of the server, by name: docs/models.md, Memory. glibc reads them only when a process starts. All threads
 * share one arena. Up to 96 MB that are free at its end stay with the process: otherwise each run of a graph would return its memory to
 * the system and take it again, which costs 30 to 60 % more processor time at 512 px.
 */
export const heapSettings = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TRIM_THRESHOLD_: '100663296',
} as const;

/** Whether the heap of this process keeps the memory that a graph has used. */
export const keepsFreeMemory = (): boolean => process.env['MALLOC_TRIM_THRESHOLD_'] !== undefined;
