/** A frame header of JPEG or JPEG-LS (ITU-T T.81, B.2.2; T.87, C.2.2). */
export type JpegFrame = {
  /** The last byte of the SOF marker. The byte identifies the coding process. */
  readonly marker: number;
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly JpegComponent[];
};

export type JpegComponent = {
  readonly id: number;
  /** Horizontal sampling factor. */
  readonly across: number;
  /** Vertical sampling factor. */
  readonly down: number;
  /** Destination of the quantisation table. */
  readonly quantisation: number;
};

export const startOfFrame = {
  baseline: 0xc0,
  extended: 0xc1,
  progressive: 0xc2,
  lossless: 0xc3,
  jpegLs: 0xf7,
} as const;

/** Whether a marker starts a frame: SOF0 to SOF15 without DHT, JPG and DAC, which have codes between them; and SOF55 of JPEG-LS. */
export const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === startOfFrame.jpegLs;

export const isSequential = ({ marker }: JpegFrame): boolean =>
  marker === startOfFrame.baseline || marker === startOfFrame.extended;

/** Names of the coding processes (T.81, table B.1). */
const processNames: Record<number, string> = {
  [startOfFrame.baseline]: 'baseline',
  [startOfFrame.extended]: 'extended sequential',
  [startOfFrame.progressive]: 'progressive',
  [startOfFrame.lossless]: 'lossless',
  [startOfFrame.jpegLs]: 'JPEG-LS',
  201: 'sequential, arithmetic coding',
  202: 'progressive, arithmetic coding',
  203: 'lossless, arithmetic coding',
};

/** The name of the coding process and the bits per sample. */
export const processOf = ({ marker, precision }: JpegFrame): string =>
  `${processNames[marker] ?? 'hierarchical'}, ${precision} bits`;

/** Whether a coding process allows a precision (T.81, table B.2; T.87, table C.1). */
function isAllowedPrecision(marker: number, precision: number): boolean {
  if (marker === startOfFrame.baseline) return precision === 8;
  // The last two bits of the marker are 11 for all lossless processes and for JPEG-LS.
  return (marker & 3) === 3 ? precision >= 2 && precision <= 16 : precision === 8 || precision === 12;
}

/** Parse the body of a frame header segment; undefined if the segment is malformed. */
export function frameHeader(marker: number, body: Uint8Array): JpegFrame | undefined {
  const [precision = 0, high = 0, low = 0, left = 0, right = 0, count = 0] = body;
  if (count < 1 || count > 4 || body.length !== 6 + 3 * count || !isAllowedPrecision(marker, precision))
    return undefined;
  const components = Array.from({ length: count }, (_, i) => {
    const [id = 0, sampling = 0, quantisation = 0] = body.subarray(6 + 3 * i);
    return { id, across: sampling >> 4, down: sampling & 15, quantisation };
  });
  if (components.some(({ across, down }) => across < 1 || across > 4 || down < 1 || down > 4)) return undefined;
  return { marker, precision, rows: 256 * high + low, columns: 256 * left + right, components };
}
