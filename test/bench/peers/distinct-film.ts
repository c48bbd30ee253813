import { crc32 } from 'node:zlib';

/**
 * A copy of a film with the same pixels and other bytes: a text chunk (PNG), a comment (JPEG) or the preamble (DICOM) holds the number.
 * Other files get it at their end.
 */
export function distinctFilm(film: Buffer, mediaType: string, number: number): Buffer {
  const text = Buffer.from(`film ${number}`);
  if (mediaType === 'image/jpeg') {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length + 2);
    return Buffer.concat([film.subarray(0, 2), Buffer.of(0xff, 0xfe), length, text, film.subarray(2)]);
  }
  if (mediaType === 'application/dicom') {
    // The content of the 128 bytes before the prefix DICM is free (PS3.10, 7.1).
    const copy = Buffer.from(film);
    text.copy(copy);
    return copy;
  }
  if (mediaType !== 'image/png') return Buffer.concat([film, text]);
  const content = Buffer.concat([Buffer.from('tEXtComment\0'), text]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length - 4);
  sum.writeUInt32BE(crc32(content));
  // The chunk IEND has 12 bytes and is the last.
  return Buffer.concat([film.subarray(0, -12), length, content, sum, film.subarray(-12)]);
}
