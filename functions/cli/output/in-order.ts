/** Process at most `width` items at a time and yield the results in the order of the items. `work` must not throw. */
export async function* inOrder<Item, Value>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<Value> {
  const pending: Promise<Value>[] = [];
  for (const item of items) {
    pending.push(work(item));
    const first = pending.length >= width ? pending.shift() : undefined;
    if (first) yield await first;
  }
  for (const rest of pending) yield await rest;
}
