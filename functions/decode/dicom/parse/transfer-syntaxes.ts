/** The compression of pixel data; `native` is uncompressed. */
export type Encoding = 'native' | 'rle' | 'jpeg' | 'jpegLossless' | 'jpegLs' | 'jpeg2000' | 'htj2k';

export type TransferSyntax = {
  readonly uid: string;
  readonly name: string;
  readonly encoding: Encoding;
  /** Explicit VR. */
  readonly isExplicit: boolean;
  readonly isBigEndian: boolean;
  readonly isDeflated: boolean;
};

const syntax = (
  uid: string,
  name: string,
  encoding: Encoding,
  overrides: Partial<Pick<TransferSyntax, 'isExplicit' | 'isBigEndian' | 'isDeflated'>> = {},
): TransferSyntax => ({ uid, name, encoding, isExplicit: true, isBigEndian: false, isDeflated: false, ...overrides });

/** The transfer syntaxes of PS3.5, annex A, with their names of PS3.6, annex A. */
export const implicitLittle = syntax('1.2.840.10008.1.2', 'Implicit VR Little Endian', 'native', { isExplicit: false });
export const explicitLittle = syntax('1.2.840.10008.1.2.1', 'Explicit VR Little Endian', 'native');
export const explicitBig = syntax('1.2.840.10008.1.2.2', 'Explicit VR Big Endian', 'native', { isBigEndian: true });

/** The supported transfer syntaxes. */
export const transferSyntaxes: readonly TransferSyntax[] = [
  implicitLittle,
  explicitLittle,
  syntax('1.2.840.10008.1.2.1.99', 'Deflated Explicit VR Little Endian', 'native', { isDeflated: true }),
  explicitBig,
  syntax('1.2.840.10008.1.2.5', 'RLE Lossless', 'rle'),
  syntax('1.2.840.10008.1.2.4.50', 'JPEG Baseline (Process 1)', 'jpeg'),
  syntax('1.2.840.10008.1.2.4.51', 'JPEG Extended (Process 2 & 4)', 'jpeg'),
  syntax('1.2.840.10008.1.2.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'jpegLossless'),
  syntax(
    '1.2.840.10008.1.2.4.70',
    'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1)',
    'jpegLossless',
  ),
  syntax('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless', 'jpegLs'),
  syntax('1.2.840.10008.1.2.4.81', 'JPEG-LS Lossy (Near-Lossless)', 'jpegLs'),
  syntax('1.2.840.10008.1.2.4.90', 'JPEG 2000 (Lossless Only)', 'jpeg2000'),
  syntax('1.2.840.10008.1.2.4.91', 'JPEG 2000', 'jpeg2000'),
  syntax('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 (Lossless Only)', 'htj2k'),
  syntax('1.2.840.10008.1.2.4.202', 'High-Throughput JPEG 2000 with RPCL Options (Lossless Only)', 'htj2k'),
  syntax('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000', 'htj2k'),
];
