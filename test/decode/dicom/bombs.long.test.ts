import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { advice } from '../../../functions/core/fault-status.ts';
import { maxPixels } from '../../../functions/decode/limits.ts';
import { type Bomb, bomb } from '../../support/dicom/bombs/bomb.ts';
import {
  jpeg2000Bombs,
  jpegBombs,
  missingTileBombs,
  rleBombs,
  smallPrecinctBombs,
} from '../../support/dicom/bombs/codestream.ts';
import { deflateBombs } from '../../support/dicom/bombs/deflate.ts';
import { headerBombs, oddities } from '../../support/dicom/bombs/header.ts';
import { emptyBombs, structureBombs } from '../../support/dicom/bombs/structure.ts';
import { encoder } from '../../support/dicom/encoders.ts';
import { type DicomReader, openDicomReader } from '../../support/dicom/engine.ts';
import { chest, type Stored } from '../../support/dicom/film.ts';
import { chestDataset } from '../../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../../support/dicom/part10.ts';
import { has, install } from '../../support/dicom/tools.ts';
import { unwrap } from '../../support/family.ts';

/** A long deadline, so that a busy machine does not end a reading: the cost of a file is measured in processor time. */
const deadlineMs = 60_000;
/** Limit on the processor time of a file. Without the checks, these files take 25 s or more. */
const cpuMs = 5000;
/** Limit for the largest readable film: as JPEG 2000 it takes 4 to 7 s. */
const largestCpuMs = 15_000;
/** Memory limit of a file that declares no more than it contains. */
const memoryMb = 300;
/** Memory limit of a file of a detector's size that is refused before a codec reads it. */
const detectorMb = 100;
/** Memory limit of the largest readable film: several copies of 128 MB of words, in the codec and after it. */
const largestMb = 1000;
/** The cheapest request: this test is about the steps before the model. */
const quick = { findings: ['Effusion'], variant: 'r256-int8' };
const size = { columns: 512, rows: 512 };

let reader: DicomReader;
let film: Stored;
beforeAll(async () => {
  reader = await openDicomReader(deadlineMs);
  film = await chest({ ...size, bits: 12 });
});
afterAll(() => reader.close());

const probability = async (file: Uint8Array) => unwrap(await reader.read(file, quick)).reading.findings[0]?.probability;

/** Limits on the additional memory of the process, and on its processor time in milliseconds. */
type Bounds = { readonly mb: number; readonly cpu: number };

/** Send a bomb, and then a good film. Both must be answered independently. */
async function survive(
  { name, make, readable }: Bomb,
  good: Uint8Array,
  answer: number | undefined,
  { mb, cpu }: Bounds,
): Promise<void> {
  const file = make();
  const held = process.memoryUsage.rss();
  let peak = held;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const start = process.cpuUsage();
  const result = await reader.read(file, quick);
  const { user, system } = process.cpuUsage(start);
  clearInterval(watch);
  if (!readable) expect.soft(result, name).toMatchObject({ ok: false });
  if (!result.ok) {
    const { code } = result.fault;
    expect.soft(advice[code].status, `${name}: ${JSON.stringify(result.fault)}`).toBeGreaterThanOrEqual(400);
    expect.soft(advice[code].status, `${name}: ${JSON.stringify(result.fault)}`).toBeLessThan(500);
  }
  expect.soft((user + system) / 1000, `${name}: ms of processor time`).toBeLessThan(cpu);
  expect.soft((peak - held) / 1e6, `${name}: MB`).toBeLessThan(mb);
  expect.soft(await probability(good), `the film after ${name}`).toBe(answer);
}

/** Send all bombs of a kind one after the other to the single thread. */
async function surviveAll(
  bombs: readonly Bomb[],
  good: Uint8Array,
  { mb = memoryMb, cpu = cpuMs }: Partial<Bounds> = {},
): Promise<void> {
  const answer = await probability(good);
  expect(answer).toBeTypeOf('number');
  for (const each of bombs) await survive(each, good, answer, { mb, cpu });
}

const goodFilm = () => part10(chestDataset(film));

describe('a malicious file is refused in time, and the next film is read', () => {
  test('deflated data that inflates endlessly', async () => {
    await surviveAll(
      deflateBombs(chestDataset(film)),
      part10(chestDataset(film), { transferSyntax: transferSyntaxes.deflated }),
    );
  });
  test('elements that are nested, repeated or endless', () =>
    surviveAll(structureBombs(chestDataset(film)), goodFilm()));
  test('empty or almost empty files', () => surviveAll(emptyBombs(chestDataset(film)), goodFilm()));
  test('a header with false values', () => surviveAll(headerBombs(chestDataset(film)), goodFilm()));
  test('an RLE header with false values', () => surviveAll(rleBombs(chestDataset(film)), goodFilm()));
});

test('a file that is merely unusual is read as if the unusual part were absent', async () => {
  for (const { name, make, plain } of oddities(chestDataset(film)))
    expect.soft(await probability(make()), name).toBe(await probability(part10(plain)));
});

describe.skipIf(!has('dcmcjpeg', 'opj_compress', 'ojph_compress'))(
  `a codestream with false values (${install})`,
  () => {
    // The good film has the same encoding: after a trap, the codec must have been restarted.
    test.each(['JPEG 2000 lossless', 'HTJ2K lossless'])('is refused before %s', async (name) => {
      const kind = name.split(' lossless')[0] ?? '';
      const bombs = jpeg2000Bombs(film).filter(({ name: own }) => own.startsWith(kind));
      expect(bombs.length).toBeGreaterThan(20);
      await surviveAll(bombs, encoder(name).encode(film));
    });
    test('is refused as a whole if a tile is missing', async () => {
      await surviveAll(missingTileBombs(film), encoder('JPEG 2000 lossless').encode(film));
    });

    test('is refused, or read in time, if it has small precincts outside of its default style', {
      timeout: 120_000,
    }, async () => {
      const good = goodFilm();
      await surviveAll(smallPrecinctBombs(film), good);
      const detector = await chest({ columns: 2500, rows: 3056, bits: 12 });
      // At a detector's size, the number of packets is refused before a codec reads them.
      const finest = smallPrecinctBombs(detector).filter(({ name }) => /precincts/.test(name));
      expect(finest.length).toBeGreaterThan(10);
      await surviveAll(
        finest.map(({ name, make }) => ({ name: `${name}, of a detector's size`, make })),
        good,
        { mb: detectorMb },
      );
    });

    // These files are valid: the greatest allowed number of pixels, in a few kilobytes.
    test.each(['deflated', 'JPEG-LS lossless', 'HTJ2K lossless', 'JPEG 2000 lossless'])(
      'is refused, although valid, if it is blank and of the largest size: %s',
      { timeout: 60_000 },
      async (name) => {
        const side = Math.floor(Math.sqrt(maxPixels));
        const values = new Int32Array(side * side).fill(1000);
        const file = encoder(name).encode({ columns: side, rows: side, bits: 12, signed: false, values });
        expect(file.length).toBeLessThan(200_000);
        await surviveAll([bomb(`the largest film, ${name}`, () => file)], encoder(name).encode(film), {
          mb: largestMb,
          cpu: largestCpuMs,
        });
      },
    );

    test.each(['JPEG extended, 12 bits', 'JPEG lossless, first-order prediction', 'JPEG-LS lossless'])(
      'is refused before %s',
      async (name) => {
        const bombs = jpegBombs(film).filter(({ name: own }) => own.startsWith(name));
        expect(bombs.length).toBeGreaterThan(9);
        await surviveAll(bombs, encoder(name).encode(film));
      },
    );
  },
);
