const itemHeaderBytes = 8;
const undefinedLength = 0xffff_ffff;
/** Item (FFFE,E000), as a little-endian number. */
const item = 0xe000_fffe;

/**
 * Follows encapsulated pixel data (PS3.5 A.4) as it goes by, from its first item on, to tell a film that was cut off: it
 * must be at least as long as its last fragment says.
 */
export function followFragments(items: number) {
  const header = Buffer.alloc(itemHeaderBytes);
  let filled = 0;
  /** Where the header of the next item begins, and where the next piece does. */
  let end = items;
  let at = 0;
  let over = false;
  return {
    see(piece: Uint8Array): void {
      for (let i = 0; !over && i < piece.length; ) {
        const skip = end + filled - (at + i);
        if (skip > 0) {
          i += skip;
          continue;
        }
        header[filled++] = piece[i++] ?? 0;
        if (filled < itemHeaderBytes) continue;
        filled = 0;
        const length = header.readUInt32LE(4);
        // A Sequence Delimitation Item, or something that readers put up with or complain of themselves.
        if (header.readUInt32LE(0) !== item || length === undefinedLength) over = true;
        else end += itemHeaderBytes + length;
      }
      at += piece.length;
    },
    /** How long the file is at least, by what was seen of it. */
    end: () => end,
  };
}
