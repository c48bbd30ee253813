import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Film } from '../../../functions/core/film.ts';
import { px } from '../../../functions/core/units.ts';
import { decode } from '../../../functions/decode/decode.ts';
import { resize } from '../../../functions/decode/resize.ts';
import { displayName } from '../../../functions/results/codes.ts';
import type { DicomReading } from '../../../functions/results/identity.ts';
import { resultObjects } from '../../../functions/results/objects.ts';
import { cell, isDot } from '../../../functions/results/sc/picture.ts';
import { highlight, secondaryCapture } from '../../../functions/results/sc/secondary-capture.ts';
import { filmSummary } from '../../../functions/results/summary.ts';
import { has, through } from '../../support/dicom/tools.ts';
import { bare, instance, openReader, type Reader } from '../../support/pacs/reader.ts';
import { parse, utf8 } from '../../support/pacs/tree.ts';
import { film as bytesOf } from '../../support/service.ts';

const install = 'apt-get install dcmtk dicom3tools';

let reader: Reader;
let read: DicomReading;
let film: Film;
let bytes: Uint8Array<ArrayBuffer>;

async function decoded(name: string): Promise<Film> {
  const result = await decode(bytesOf(name), 'image/png');
  if (!result.ok) throw new Error(result.fault.code);
  return result.value.film;
}

beforeAll(async () => {
  reader = await openReader();
  read = await reader.read('00000442_000.png');
  film = await decoded('00000442_000.png');
  bytes = await secondaryCapture(read, film, reader.provenance(read));
});
afterAll(() => reader.close());

type Picture = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

function pictureOf(file: Uint8Array): Picture {
  const dataset = parse(file);
  const data = dataset.elements['x7fe00010'];
  if (!data) throw new Error('no pixels');
  return {
    width: dataset.uint16('x00280011') ?? 0,
    height: dataset.uint16('x00280010') ?? 0,
    pixels: dataset.byteArray.subarray(data.dataOffset, data.dataOffset + data.length),
  };
}

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));
const shape = (dot: (column: number, row: number) => boolean) =>
  Array.from({ length: 40 }, (_, index) => (dot(index % 5, Math.floor(index / 5)) ? '#' : '.')).join('');
const shapes = new Map(printable.map((character) => [shape((x, y) => isDot(character, x, y)), character]));

/** The text beside the film, decoded from the pixels alone: two pixels per dot, with the drawn margin. */
function textIn({ width, height, pixels }: Picture, left: number): string[] {
  const at = (x: number, y: number) => (pixels[y * width + x] ?? 0) > 127;
  const lines: string[] = [];
  for (let top = 22; top + 22 <= height; top += 22) {
    let line = '';
    for (let x = left + 24; x + 12 <= width; x += 2 * cell.width)
      line += shapes.get(shape((column, row) => at(x + 2 * column, top + 2 * row))) ?? '\u{fffd}';
    lines.push(line.trimEnd());
  }
  return lines;
}

describe('the letters', () => {
  test('are complete and all different', () => {
    expect(shapes.size).toBe(printable.length);
    expect(shapes.get('.'.repeat(40))).toBe(' ');
  });

  test('show a question mark for an unknown character', () => {
    expect(shape((x, y) => isDot('é', x, y))).toBe(shape((x, y) => isDot('?', x, y)));
  });
});

describe('the picture', () => {
  test('is legible: the notice, and every finding under its call', () => {
    const lines = textIn(pictureOf(bytes), 1024);
    expect(lines.join('')).not.toContain('\u{fffd}');
    expect(lines[0]).toBe('RESEARCH USE ONLY. NOT FOR DIAGNOSIS.');
    for (const { finding, call } of read.reading.findings) {
      const line = lines.findIndex((text) => text.startsWith(displayName(finding).padEnd(18)));
      expect(line, finding).toBeGreaterThan(0);
      const heading = lines.slice(0, line).findLast((text) => /^(PRESENT|ABSENT|INDETERMINATE)$/.test(text));
      expect(heading?.toLowerCase(), finding).toBe(call);
      expect(lines[line]).toMatch(/ +<?>?\d+(\.\d)? % {2}(absent below|present from) /);
    }
  });

  test('contains no patient identifiers', () => {
    const text = textIn(pictureOf(bytes), 1024).join('\n').toUpperCase();
    for (const secret of [
      'TEST',
      instance.patient.id ?? '',
      instance.study.accessionNumber ?? '',
      '1950',
      instance.sopInstanceUid,
    ])
      expect(text).not.toContain(secret);
  });

  test('shows the film itself, at most 1024 pixels long', async () => {
    const { width, pixels } = pictureOf(bytes);
    const row = 500;
    expect(pixels.subarray(row * width, row * width + 1024)).toEqual(
      film.pixels.subarray(row * 1024, (row + 1) * 1024),
    );
    const large = await resize(film, { width: px(1500), height: px(2000) });
    const picture = pictureOf(await secondaryCapture(read, large, reader.provenance(read)));
    expect(textIn(picture, 768)[0]).toBe('RESEARCH USE ONLY. NOT FOR DIAGNOSIS.');
    expect(picture.height).toBe(1024);
  });

  test('converts a 16-bit film to 8 bits, and does not enlarge a small film', async () => {
    const deep = await decoded('derived_16bit.png');
    expect(deep.pixels).toBeInstanceOf(Uint16Array);
    const { width, pixels } = pictureOf(await secondaryCapture(read, deep, reader.provenance(read)));
    expect(textIn(pictureOf(await secondaryCapture(read, deep, reader.provenance(read))), 640)[0]).toMatch(/^RESEARCH/);
    const at = 300 * deep.width + 200;
    expect(pixels[300 * width + 200]).toBe(Math.round((deep.pixels[at] ?? 0) / 257));
  });

  test('is the same, byte for byte, for the same reading and film', async () => {
    expect(Buffer.from(await secondaryCapture(read, film, reader.provenance(read))).equals(bytes)).toBe(true);
  });
});

describe('the text of the picture beside the findings', () => {
  test('identifies the film, and lists the warnings of its file', async () => {
    expect(textIn(pictureOf(bytes), 1024)).toContain('Film: 10:15, series 3, image 7');
    const warnings = [{ code: 'window_unusable', message: 'Window 0 / 0 cannot be used.' }];
    const warned = { ...read, reading: { ...read.reading, warnings } };
    const lines = textIn(pictureOf(await secondaryCapture(warned, film, reader.provenance(warned))), 1024);
    expect(lines).toContain('File warning: window_unusable');
  });

  test('orders findings by their likelihood ratios', () => {
    const lines = textIn(pictureOf(bytes), 1024);
    for (const call of ['present', 'absent'] as const) {
      const expected = read.reading.findings
        .filter((finding) => finding.call === call)
        .sort((a, b) => (b.likelihoodRatio ?? 0) - (a.likelihoodRatio ?? 0))
        .map(({ finding }) => displayName(finding));
      const start = lines.indexOf(call.toUpperCase()) + 1;
      expect(expected.length).toBeGreaterThan(1);
      expect(lines.slice(start, start + expected.length).map((line) => line.slice(0, 18).trim())).toEqual(expected);
    }
  });

  test('starts with the summary of the film', () => {
    const lines = textIn(pictureOf(bytes), 1024);
    const { text } = filmSummary(read.reading);
    expect(lines.join(' ')).toContain(text);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test('describes the limits as limits, not as a confidence interval', () => {
    const text = textIn(pictureOf(bytes), 1024).join('\n');
    expect(text).toMatch(/absent below \d/);
    expect(text).not.toMatch(/\d %? ?(to|-) ?\d/);
  });
});

describe('where the model looked', () => {
  test('is shown for the two findings that exceed their thresholds most, with a legend', async () => {
    const explained = await reader.read('00000442_000.png', { explain: 'heatmap' });
    const picture = pictureOf(await secondaryCapture(explained, film, reader.provenance(explained)));
    const lines = textIn(picture, 1024);
    const legend = lines.indexOf('Bright: where the model looked,');
    expect(lines[legend + 1]).toBe('not where the disease is.');
    const first = lines[lines.indexOf('PRESENT') + 1]?.slice(0, 18).trim() ?? 'none';
    expect(lines[legend + 4]).toContain(first);
    expect(picture.height).toBeGreaterThan(pictureOf(bytes).height);
  });

  test('is not shown without a positive finding or without a heat map', async () => {
    const explained = await reader.read('00000442_000.png', { explain: 'heatmap' });
    const findings = explained.reading.findings.map((finding) => ({ ...finding, call: 'absent' as const }));
    for (const reading of [{ ...explained.reading, findings }, read.reading]) {
      const lines = textIn(
        pictureOf(await secondaryCapture({ ...read, reading }, film, reader.provenance({ ...read, reading }))),
        1024,
      );
      expect(lines.join('\n')).not.toContain('where the model looked');
    }
  });

  test('is bright at the cell of the heat map, and dim where the map is zero', () => {
    const small = { width: 4, height: 2, pixels: new Uint8Array(8).fill(200) };
    // The grid covers a square around a film that is twice as wide as high: two of its four rows lie on the film.
    const values = [9, 9, 9, 9, 0, 0, 0, 2, -1, 0, 0, 0, 9, 9, 9, 9].map((value) => Math.min(value, 2));
    const region = { left: 0, top: -2, width: 8, height: 8 };
    const { pixels } = highlight(small, { rows: 4, columns: 4, values, region }, { width: px(8), height: px(4) });
    expect([...pixels]).toEqual([50, 50, 50, 200, 50, 50, 50, 50]);
  });
});

describe('the file', () => {
  test('belongs to the study, references its film and is marked as derived', () => {
    const file = parse(bytes);
    const uids = reader.provenance(read).identity.uids;
    expect(utf8(file, 'x00080016')).toBe('1.2.840.10008.5.1.4.1.1.7');
    expect(utf8(file, 'x00080018')).toBe(uids.sc);
    expect(utf8(file, 'x0020000e')).toBe(uids.scSeries);
    expect(utf8(file, 'x0020000d')).toBe(instance.studyInstanceUid);
    expect(utf8(file, 'x00080060')).toBe('OT');
    expect(utf8(file, 'x00080064')).toBe('WSD');
    expect(utf8(file, 'x00080008')).toBe('DERIVED\\SECONDARY');
    expect(utf8(file, 'x00080070'), "how one knows it as one of one's own").toBe('Alara');
    expect(utf8(file, 'x00100010')).toBe(instance.patient.name);
    const source = file.elements['x00082112']?.items?.[0]?.dataSet;
    expect(source && utf8(source, 'x00081155')).toBe(instance.sopInstanceUid);
  });

  test('is marked as lossy if the film was lossy', async () => {
    const lossyOf = async (transferSyntax: string) => {
      const dicom = {
        ...{ sopClass: 'DX', modality: 'DX', photometric: 'MONOCHROME2' as const, bits: 8, rendering: 'full range' },
        transferSyntax,
      };
      const file = await secondaryCapture(
        { ...read, reading: { ...read.reading, dicom } },
        film,
        reader.provenance({ ...read, reading: { ...read.reading, dicom } }),
      );
      return utf8(parse(file), 'x00282110');
    };
    expect(await lossyOf('1.2.840.10008.1.2.4.50')).toBe('01');
    expect(await lossyOf('1.2.840.10008.1.2.4.90')).toBeUndefined();
  });

  test('is stored together with the SR', async () => {
    const objects = await resultObjects(read, reader.provenance(read), { sr: true, sc: film });
    const uids = reader.provenance(read).identity.uids;
    expect(objects.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([uids.sr, uids.sc]);
    expect(objects.map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual([uids.srSeries, uids.scSeries]);
    expect(Buffer.from(objects[1]?.bytes ?? []).equals(bytes)).toBe(true);
  });
});

describe.skipIf(!has('dciodvfy', 'dcm2pnm'))(`independent tools (${install})`, () => {
  test.each(['full', 'bare'])('dciodvfy reports nothing for a %s header', async (header) => {
    const folder = mkdtempSync(join(tmpdir(), 'alara-sc-'));
    try {
      const path = join(folder, 'sc.dcm');
      const file =
        header === 'full'
          ? bytes
          : await secondaryCapture({ ...read, instance: bare }, film, reader.provenance({ ...read, instance: bare }));
      writeFileSync(path, file);
      const { stdout, stderr } = spawnSync('dciodvfy', [path], { encoding: 'utf8' });
      const lines = `${stdout}${stderr}`
        .split('\n')
        .filter((line) => line && !line.includes('needed to build DICOMDIR'));
      expect(lines).toEqual(['SCImage']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('DCMTK shows the same picture', async () => {
    const png = through('dcm2pnm', (input, output) => ['--write-png', input, output], bytes, ['sc.dcm', 'sc.png']);
    const { data, info } = await sharp(png).extractChannel(0).raw().toBuffer({ resolveWithObject: true });
    const picture = pictureOf(bytes);
    expect([info.width, info.height]).toEqual([picture.width, picture.height]);
    expect(Buffer.compare(data, picture.pixels)).toBe(0);
  });
});
