// A thread that is terminated while ONNX Runtime works in it takes the whole process along: the runtime throws when it
// comes back to a JavaScript that has ended, and nothing catches that. So an engine and its worker agree, for each task
// and in memory that both see, on who is first: the worker to enter the runtime, or the engine to end the thread.

/** With its worker, which may still load models before it takes the task up. */
const posted = 0;
/** Taken up: decoded and made ready. */
const killable = 1;
/** In libvips or ONNX Runtime, or on its way there: the thread is left to come to its end. */
const committed = 2;
/** Nobody waits for it any more. It never gets into ONNX Runtime. */
const condemned = 3;

/** What goes to the worker with a task. */
export type Handshake = Int32Array<SharedArrayBuffer>;

const move = (handshake: Handshake, from: number, to: number) =>
  Atomics.compareExchange(handshake, 0, from, to) === from;

/** The engine's end of the handshake over one task. */
export function createHandshake() {
  const handshake: Handshake = new Int32Array(new SharedArrayBuffer(4));
  const killing = new AbortController();
  const end = () => {
    if (!move(handshake, killable, condemned)) return false;
    killing.abort();
    return true;
  };
  return {
    handshake,
    /** Aborts the task in its pool, which ends the thread. */
    signal: killing.signal,
    /** End the thread that works on the task, if that can be done without harm now; whether it was. */
    end,
    /**
     * Nobody waits for the task any more: end its thread, or have the task not even begun. One that is in native code goes on
     * to the end of it, and its thread is busy until then.
     */
    kill(): void {
      if (!move(handshake, posted, condemned)) end();
    },
  };
}

/** In the worker, before any work on the task; false if nobody waits for it any more. */
export const takeUp = (handshake: Handshake): boolean => move(handshake, posted, killable);

/** In the worker, before the task first touches libvips or ONNX Runtime. It does not come back if the engine was first. */
export function commit(handshake: Handshake): void {
  move(handshake, killable, committed);
  // The engine ends this thread any moment now.
  while (Atomics.load(handshake, 0) === condemned) Atomics.wait(handshake, 0, condemned);
}
