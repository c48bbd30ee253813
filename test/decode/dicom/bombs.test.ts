import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { advice } from '../../../functions/core/advice.ts';
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

/** Long enough that the machine's other load ends no reading: what a file costs is measured in processor time. */
const deadlineMs = 60_000;
/** Processor time that a file may take. Without the checks, these files took 25 s and more. */
const cpuMs = 5000;
/** What the largest film that is read may take: as JPEG 2000 it took 4 to 7 s. */
const largestCpuMs = 15_000;
/** What a file may add to the process that claims no more than it holds. */
const memoryMb = 300;
/** What a file of a detector's size may add that is refused before a codec sees it. */
const detectorMb = 100;
/** What the largest film that is read may add: 128 MB of words some times over, in the codec and after it. */
const largestMb = 1000;
/** The cheapest reading there is: what is tested here comes before the model. */
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

/** What a file may add to the memory of the process, and take of its processor time in milliseconds. */
type Bounds = { readonly mb: number; readonly cpu: number };

/** Send a bomb, and then a good film; both must be answered as if the other had not been. */
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

/** All bombs of a kind, one after the other, in the one worker. */
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

describe('a hostile file is refused in time, and the next film is read', () => {
  test('deflated, and inflating without end', { timeout: 60_000 }, async () => {
    await surviveAll(
      deflateBombs(chestDataset(film)),
      part10(chestDataset(film), { transferSyntax: transferSyntaxes.deflated }),
    );
  });
  test('nested, repeated or never ending', { timeout: 60_000 }, () =>
    surviveAll(structureBombs(chestDataset(film)), goodFilm()),
  );
  test('empty or nearly so', () => surviveAll(emptyBombs(chestDataset(film)), goodFilm()));
  test('with a header that lies', { timeout: 60_000 }, () => surviveAll(headerBombs(chestDataset(film)), goodFilm()));
  test('with a lying RLE table', () => surviveAll(rleBombs(chestDataset(film)), goodFilm()));
});

test('what is only odd is read as if it were not', async () => {
  for (const { name, make, plain } of oddities(chestDataset(film)))
    expect.soft(await probability(make()), name).toBe(await probability(part10(plain)));
});

describe.skipIf(!has('dcmcjpeg', 'opj_compress', 'ojph_compress'))(`a codestream that lies (${install})`, () => {
  // The good film is in the same encoding: a codec that trapped must have been started again.
  test.each(['JPEG 2000 lossless', 'HTJ2K lossless'])('is refused before %s', { timeout: 60_000 }, async (name) => {
    const kind = name.split(' lossless')[0] ?? '';
    const bombs = jpeg2000Bombs(film).filter(({ name: own }) => own.startsWith(kind));
    expect(bombs.length).toBeGreaterThan(20);
    await surviveAll(bombs, encoder(name).encode(film));
  });
  test('is refused when a tile is missing, not read in part', async () => {
    await surviveAll(missingTileBombs(film), encoder('JPEG 2000 lossless').encode(film));
  });

  test('is refused, or read in time, when it is cut up elsewhere than in its default style', {
    timeout: 120_000,
  }, async () => {
    const good = goodFilm();
    await surviveAll(smallPrecinctBombs(film), good);
    const detector = await chest({ columns: 2500, rows: 3056, bits: 12 });
    // As many packets as a detector's image then has are refused before a codec sees them.
    const finest = smallPrecinctBombs(detector).filter(({ name }) => /precincts/.test(name));
    expect(finest.length).toBeGreaterThan(10);
    await surviveAll(
      finest.map(({ name, make }) => ({ name: `${name}, of a detector's size`, make })),
      good,
      { mb: detectorMb },
    );
  });

  // Nothing in these files lies: as many pixels as are read, in a few kilobytes.
  test.each(['deflated', 'JPEG-LS lossless', 'HTJ2K lossless', 'JPEG 2000 lossless'])(
    'is refused, though true, when it is blank and of the largest size: %s',
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
});
