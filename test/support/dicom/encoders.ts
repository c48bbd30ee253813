import { openJpeg, openJpegBack, openJph, openJphBack } from './codestream.ts';
import { type Dataset, merge } from './element.ts';
import type { Stored } from './film.ts';
import { chestDataset, encapsulated } from './instance.ts';
import { part10, transferSyntaxes } from './part10.ts';
import { dcmtk } from './tools.ts';

export type Depth = { readonly bits: 8 | 12 | 16; readonly signed: boolean };
const unsigned = ([8, 12, 16] as const).map((bits): Depth => ({ bits, signed: false }));
const both = ([8, 12, 16] as const).flatMap((bits): Depth[] => [
  { bits, signed: false },
  { bits, signed: true },
]);
const only = (bits: 8 | 12): readonly Depth[] => [{ bits, signed: false }];

/** One way to encode a film, with the tool that does it. */
export type Encoder = {
  readonly name: string;
  readonly transferSyntax: string;
  readonly lossless: boolean;
  /** The depths and sizes that the tool supports. */
  readonly depths: readonly Depth[];
  /** The required programs. */
  readonly programs: readonly string[];
  /** DCMTK's viewer of this transfer syntax, if it has one. */
  readonly viewer?: 'dcm2pnm' | 'dcmj2pnm' | 'dcml2pnm';
  encode(film: Stored, ...changes: readonly Dataset[]): Buffer<ArrayBuffer>;
  /** A lossy film, decoded by the same tool. */
  back?(film: Stored, file: Uint8Array): Buffer<ArrayBuffer>;
};

const uncompressed = (film: Stored, changes: readonly Dataset[]) => part10(chestDataset(film, ...changes));

function converted(name: string, transferSyntax: string, option: string): Encoder {
  return {
    name,
    transferSyntax,
    lossless: true,
    depths: both,
    programs: ['dcmconv'],
    viewer: 'dcm2pnm',
    encode: (film, ...changes) => dcmtk('dcmconv', [option], uncompressed(film, changes)),
  };
}

type Compressed = Pick<Encoder, 'name' | 'transferSyntax' | 'depths' | 'viewer'> & {
  readonly program: string;
  readonly options: readonly string[];
  /** The program that decodes a lossy process. */
  readonly undo?: string;
};

function compressed({ program, options, undo, ...rest }: Compressed): Encoder {
  return {
    ...rest,
    lossless: undo === undefined,
    programs: undo ? [program, undo] : [program],
    encode: (film, ...changes) => dcmtk(program, [...options, '+un'], uncompressed(film, changes)),
    ...(undo && { back: (_film, file) => dcmtk(undo, [], file) }),
  };
}

type Codestream = Pick<Encoder, 'name' | 'transferSyntax' | 'lossless' | 'depths'> & {
  readonly codec: 'openJpeg' | 'openJph';
  readonly options: readonly string[];
  readonly pieces?: number;
};

const codecs = {
  openJpeg: { programs: ['opj_compress', 'opj_decompress'], write: openJpeg, read: openJpegBack },
  openJph: { programs: ['ojph_compress', 'ojph_expand'], write: openJph, read: openJphBack },
} as const;

function codestream({ codec, options, pieces = 1, ...rest }: Codestream): Encoder {
  const { programs, write, read } = codecs[codec];
  return {
    ...rest,
    programs,
    encode: (film, ...changes) =>
      part10(chestDataset(film, merge(...changes, [encapsulated(write(film, options), pieces)])), {
        transferSyntax: rest.transferSyntax,
      }),
    ...(!rest.lossless && {
      // The tool is deterministic: encoding again gives the codestream in the file.
      back: (film: Stored) => part10(chestDataset(read(write(film, options), film))),
    }),
  };
}

const jpeg = '1.2.840.10008.1.2.4';

/** Every supported transfer syntax, some of them with several encoders. */
export const encoders: readonly Encoder[] = [
  converted('implicit little endian', transferSyntaxes.implicitLittle, '+ti'),
  converted('explicit little endian', transferSyntaxes.explicitLittle, '+te'),
  converted('explicit big endian', transferSyntaxes.explicitBig, '+tb'),
  converted('deflated', transferSyntaxes.deflated, '+td'),
  compressed({
    name: 'RLE',
    transferSyntax: '1.2.840.10008.1.2.5',
    depths: both,
    viewer: 'dcm2pnm',
    program: 'dcmcrle',
    options: [],
  }),
  compressed({
    name: 'JPEG baseline',
    transferSyntax: `${jpeg}.50`,
    depths: only(8),
    viewer: 'dcmj2pnm',
    program: 'dcmcjpeg',
    options: ['+eb', '+sr'],
    undo: 'dcmdjpeg',
  }),
  compressed({
    name: 'JPEG extended, 8 bits',
    transferSyntax: `${jpeg}.51`,
    depths: only(8),
    viewer: 'dcmj2pnm',
    program: 'dcmcjpeg',
    options: ['+ee', '+sr'],
    undo: 'dcmdjpeg',
  }),
  compressed({
    name: 'JPEG extended, 12 bits',
    transferSyntax: `${jpeg}.51`,
    depths: only(12),
    viewer: 'dcmj2pnm',
    program: 'dcmcjpeg',
    options: ['+ee', '+bt', '+sr'],
    undo: 'dcmdjpeg',
  }),
  ...[1, 2, 3, 4, 5, 6, 7].map((predictor) =>
    compressed({
      name: `JPEG lossless, predictor ${predictor}`,
      transferSyntax: `${jpeg}.57`,
      depths: both,
      viewer: 'dcmj2pnm',
      program: 'dcmcjpeg',
      options: ['+el', '+sv', String(predictor)],
    }),
  ),
  compressed({
    name: 'JPEG lossless, first-order prediction',
    transferSyntax: `${jpeg}.70`,
    depths: both,
    viewer: 'dcmj2pnm',
    program: 'dcmcjpeg',
    options: ['+e1'],
  }),
  compressed({
    name: 'JPEG lossless in fragments of 2 kB',
    transferSyntax: `${jpeg}.70`,
    depths: unsigned,
    viewer: 'dcmj2pnm',
    program: 'dcmcjpeg',
    options: ['+e1', '+fs', '2'],
  }),
  compressed({
    name: 'JPEG-LS lossless',
    transferSyntax: `${jpeg}.80`,
    depths: both,
    viewer: 'dcml2pnm',
    program: 'dcmcjpls',
    options: ['+el'],
  }),
  compressed({
    name: 'JPEG-LS near-lossless',
    transferSyntax: `${jpeg}.81`,
    depths: unsigned,
    viewer: 'dcml2pnm',
    program: 'dcmcjpls',
    options: ['+en'],
    undo: 'dcmdjpls',
  }),
  codestream({
    name: 'JPEG 2000 lossless',
    transferSyntax: `${jpeg}.90`,
    lossless: true,
    depths: both,
    codec: 'openJpeg',
    options: [],
  }),
  codestream({
    name: 'JPEG 2000 lossless in tiles, layers and fragments',
    transferSyntax: `${jpeg}.90`,
    lossless: true,
    depths: both,
    codec: 'openJpeg',
    options: ['-t', '100,90', '-r', '20,5,1', '-p', 'RPCL', '-SOP', '-EPH', '-PLT'],
    pieces: 3,
  }),
  codestream({
    name: 'JPEG 2000 lossy',
    transferSyntax: `${jpeg}.91`,
    lossless: false,
    depths: both,
    codec: 'openJpeg',
    options: ['-I', '-r', '8'],
  }),
  codestream({
    name: 'HTJ2K lossless',
    transferSyntax: `${jpeg}.201`,
    lossless: true,
    depths: unsigned,
    codec: 'openJph',
    options: ['-reversible', 'true', '-prog_order', 'LRCP'],
  }),
  codestream({
    name: 'HTJ2K lossless, RPCL',
    transferSyntax: `${jpeg}.202`,
    lossless: true,
    depths: unsigned,
    codec: 'openJph',
    options: ['-reversible', 'true', '-prog_order', 'RPCL'],
  }),
  codestream({
    name: 'HTJ2K lossy',
    transferSyntax: `${jpeg}.203`,
    lossless: false,
    depths: unsigned,
    codec: 'openJph',
    options: ['-qstep', '0.004'],
  }),
];

/** Find an encoder by its name. */
export function encoder(name: string): Encoder {
  const found = encoders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no encoder is named ${name}`);
  return found;
}
