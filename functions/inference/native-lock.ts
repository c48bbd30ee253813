// The end of an engine or of the process ends all threads, including threads that load models without a task. A thread that is ended
// inside ONNX Runtime would end the process with a crash, so each thread holds this lock while it is inside.

/** The number of threads inside, and one bit that closes the lock. */
export type CriticalSection = Int32Array<SharedArrayBuffer>;

const closed = 2 ** 30;
/** The longest wait for threads inside. A thread that died inside never leaves. */
const patienceMs = 10_000;

/** Run work that must not be interrupted. The call does not return if the lock is closed. */
export async function within<Value>(section: CriticalSection, work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    const inside = Atomics.load(section, 0);
    if (inside >= closed) Atomics.wait(section, 0, inside);
    else if (Atomics.compareExchange(section, 0, inside, inside + 1) === inside) break;
  }
  try {
    return await work();
  } finally {
    Atomics.sub(section, 0, 1);
    Atomics.notify(section, 0);
  }
}

/** A lock for the threads of one engine. It closes by itself at the end of the process. */
export function createCriticalSection() {
  const section: CriticalSection = new Int32Array(new SharedArrayBuffer(4));
  const shut = () => {
    Atomics.or(section, 0, closed);
    return performance.now() + patienceMs;
  };
  const leftMs = (until: number) => Math.max(0, until - performance.now());
  function atExit() {
    const until = shut();
    for (let seen = Atomics.load(section, 0); seen > closed && leftMs(until) > 0; seen = Atomics.load(section, 0))
      Atomics.wait(section, 0, seen, leftMs(until));
  }
  process.on('exit', atExit);
  return {
    section,
    /** Close the lock. Resolves when no thread is inside; then the threads can be ended. */
    async shut(): Promise<void> {
      const until = shut();
      for (let seen = Atomics.load(section, 0); seen > closed && leftMs(until) > 0; seen = Atomics.load(section, 0))
        await Atomics.waitAsync(section, 0, seen, leftMs(until)).value;
      process.off('exit', atExit);
    },
  };
}
