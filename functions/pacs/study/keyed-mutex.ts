/** Runs tasks with the same key one after the other, in the order of the calls. Tasks with other keys run concurrently. */
export function createKeyedMutex() {
  const last = new Map<string, Promise<unknown>>();
  return async <Value>(key: string, task: () => Promise<Value>): Promise<Value> => {
    const previous = last.get(key);
    const current = (async () => {
      await previous?.catch(() => undefined);
      return task();
    })();
    last.set(key, current);
    try {
      return await current;
    } finally {
      if (last.get(key) === current) last.delete(key);
    }
  };
}
