/** Chunks, one after the other. */
export const stream = (...chunks: readonly Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** A sender that breaks off after one chunk. */
export const broken = (reason: string) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(100_000)),
    pull: (controller) => controller.error(new Error(reason)),
  });

/** A sender without an end, and its state. */
export function endless() {
  let sent = 0;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(100_000));
      sent += 100_000;
    },
    cancel() {
      cancelled = true;
    },
  });
  return { stream, sentBytes: () => sent, wasCancelled: () => cancelled };
}
