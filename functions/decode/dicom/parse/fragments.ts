const itemHeaderBytes = 8;
const undefinedLength = 0xffff_ffff;
/** Tag of an Item (FFFE,E000), as a little-endian number. */
const itemTag = 0xe000_fffe;

/**
 * Parse the fragment lengths of encapsulated pixel data (PS3.5 A.4) while the file is streamed, to detect a truncated file:
 * the file must contain the whole last fragment.
 *
 * @param items offset of the first item in the file
 */
export function fragmentTracker(items: number) {
  const header = Buffer.alloc(itemHeaderBytes);
  let filled = 0;
  /** Offset of the next item. */
  let nextItem = items;
  /** Offset of the next chunk. */
  let chunkStart = 0;
  let isDone = false;
  return {
    /** Pass the next chunk of the file. The chunks must be consecutive and start at offset 0. */
    update(chunk: Uint8Array): void {
      for (let i = 0; !isDone && i < chunk.length; ) {
        const skip = nextItem + filled - (chunkStart + i);
        if (skip > 0) {
          i += skip;
          continue;
        }
        header[filled++] = chunk[i++] ?? 0;
        if (filled < itemHeaderBytes) continue;
        filled = 0;
        const length = header.readUInt32LE(4);
        // A Sequence Delimitation Item ends the fragments. For malformed items, the DICOM parser reports the fault later.
        if (header.readUInt32LE(0) !== itemTag || length === undefinedLength) isDone = true;
        else nextItem += itemHeaderBytes + length;
      }
      chunkStart += chunk.length;
    },
    /** The minimum length of the file, by the fragment lengths that were parsed. */
    minLength: () => nextItem,
  };
}
