import dicomParser from 'dicom-parser';

/** Value representations that came after dicom-parser: on disk they have the shape of UN (PS3.5, 7.1.2). */
const youngerThanParser = ['OV', 'SV', 'UV'];

/**
 * A stream that reads only so much structure: a file made of nothing but empty items would otherwise become
 * gigabytes of objects. Values are skipped over, not read, so their size does not count.
 */
export class BoundedStream extends dicomParser.ByteStream {
  private left: number;

  constructor(bytes: Uint8Array, position: number, bigEndian: boolean, reads: number) {
    const parser = bigEndian ? dicomParser.bigEndianByteArrayParser : dicomParser.littleEndianByteArrayParser;
    super(parser, bytes, position);
    this.left = reads;
  }

  override readUint16 = (): number => {
    this.spend();
    const value = this.byteArrayParser.readUint16(this.byteArray, this.position);
    this.position += 2;
    return value;
  };

  override readUint32 = (): number => {
    this.spend();
    const value = this.byteArrayParser.readUint32(this.byteArray, this.position);
    this.position += 4;
    return value;
  };

  override readFixedString = (length: number): string => {
    this.spend();
    const text = dicomParser.readFixedString(this.byteArray, this.position, length);
    this.position += length;
    return youngerThanParser.includes(text) ? 'UN' : text;
  };

  private spend(): void {
    this.left -= 1;
    if (this.left < 0) throw new TooManyElements('too many elements');
  }
}

/** More structure than is read. */
export class TooManyElements extends Error {
  override name = 'TooManyElements';
}
