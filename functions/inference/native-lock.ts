// What the handshake is for one task, this is for the end of an engine and of the process: both end all threads, those
// too that load models on their own account. Ended inside of ONNX Runtime, they would take the process along.

/** How many threads are inside, and a bit that says that no more may enter. */
export type CriticalSection = Int32Array<SharedArrayBuffer>;

const closed = 2 ** 30;
/** A thread that died inside never leaves: nothing waits longer than this for it. */
const patienceMs = 10_000;

/** Let a thread do what it must not be ended in. It does not come back from here if the section is shut. */
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

/** A section for the threads of one engine. At the end of the process it is shut of itself. */
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
    /** Let nobody in any more; resolves when all are out. From then on the threads can be ended. */
    async shut(): Promise<void> {
      const until = shut();
      for (let seen = Atomics.load(section, 0); seen > closed && leftMs(until) > 0; seen = Atomics.load(section, 0))
        await Atomics.waitAsync(section, 0, seen, leftMs(until)).value;
      process.off('exit', atExit);
    },
  };
}
