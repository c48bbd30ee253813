import { findNodeAtLocation, parseTree } from 'jsonc-parser';

/** The line (from 1) where the value at `path` starts in a JSON text, or where its nearest parent starts if it is absent. */
export function lineOf(text: string, path: readonly (string | number)[]): number {
  const root = parseTree(text);
  if (!root) return 1;
  for (let depth = path.length; depth >= 0; depth--) {
    const node = findNodeAtLocation(root, path.slice(0, depth));
    if (node) return text.slice(0, node.offset).split('\n').length;
  }
  return 1;
}
