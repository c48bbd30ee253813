// Terminating a thread inside ONNX Runtime ends the whole process: the runtime throws when it returns to a JavaScript context that
// no longer exists, and nothing catches that error. So the engine and its thread agree per task, in shared memory, on which comes first:
// the thread enters the runtime, or the engine ends the thread.

/** The thread has the task, and may still load models before it starts. */
const posted = 0;
/** The thread decodes and preprocesses the film. */
const killable = 1;
/** The thread is in libvips or ONNX Runtime, or about to enter: it must not be ended. */
const committed = 2;
/** The task was aborted. It never enters ONNX Runtime. */
const aborted = 3;

/** The shared memory that goes to the thread with a task. */
export type Handshake = Int32Array<SharedArrayBuffer>;

const move = (handshake: Handshake, from: number, to: number) =>
  Atomics.compareExchange(handshake, 0, from, to) === from;

/** The engine's side of the handshake for one task. */
export function createHandshake() {
  const handshake: Handshake = new Int32Array(new SharedArrayBuffer(4));
  const aborting = new AbortController();
  const end = () => {
    if (!move(handshake, killable, aborted)) return false;
    aborting.abort();
    return true;
  };
  return {
    handshake,
    /** Aborts the task in the pool, which ends the thread. */
    signal: aborting.signal,
    /** End the thread of the task if that is safe now. Returns whether it was ended. */
    end,
    /**
     * Nobody waits for the task any more: end its thread, or have the task not even begun. One that is in native code goes on
     * to the end of it, and its thread is busy until then.
     */
    kill(): void {
      if (!move(handshake, posted, aborted)) end();
    },
  };
}

/** Called by the thread before any work on the task. False if the task was aborted. */
export const acceptTask = (handshake: Handshake): boolean => move(handshake, posted, killable);

/** Called by the thread before the task first enters libvips or ONNX Runtime. It does not return if the task was aborted. */
export function commit(handshake: Handshake): void {
  move(handshake, killable, committed);
  // The engine is about to end this thread.
  while (Atomics.load(handshake, 0) === aborted) Atomics.wait(handshake, 0, aborted);
}
