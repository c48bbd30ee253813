import { beforeAll, describe, expect, test } from 'vitest';
import { dcmjsCodec } from '../../../../functions/decode/dicom/codecs/dcmjs-codec.ts';
import { inComponentPrecincts } from '../../../support/dicom/bombs/codestream.ts';
import { openJpeg, openJph } from '../../../support/dicom/codestream.ts';
import { chest, type Stored } from '../../../support/dicom/film.ts';
import { has, install } from '../../../support/dicom/tools.ts';

const size = { columns: 1500, rows: 1500 };
const shape = { ...size, components: 1, precision: 12, isSigned: false, isLossy: false };
let film: Stored;
beforeAll(async () => {
  film = await chest({ ...size, bits: 12 });
});

/** Limit on the memory of a growing codec. Untouched memory takes no space. */
const boundMb = 384 + (24 * size.columns * size.rows) / 1e6;

describe.skipIf(!has('opj_compress', 'ojph_compress'))(`a codec (${install})`, () => {
  // The checks of the header refuse this stream. The test bypasses them, to imitate an unknown kind of stream.
  test('is stopped if it takes more memory than a frame of its size needs', { timeout: 120_000 }, async () => {
    const bytes = inComponentPrecincts(openJpeg(film, ['-r', '100']), 1);
    const held = process.memoryUsage.rss();
    let peak = held;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    const started = process.cpuUsage();
    expect(await dcmjsCodec({ encoding: 'jpeg2000', bytes, shape }, 0)).toEqual({ ok: false, fault: 'memoryExceeded' });
    clearInterval(watch);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000, 'ms of processor time').toBeLessThan(5000);
    expect((Math.max(peak, process.memoryUsage.rss()) - held) / 1e6).toBeLessThan(boundMb);
    // Nothing remains: the next frame is decoded by a new instance.
    const good = openJpeg(film, []);
    expect(await dcmjsCodec({ encoding: 'jpeg2000', bytes: good, shape }, 0)).toMatchObject({ ok: true });
  });

  test('may use the memory of the most demanding valid streams', { timeout: 120_000 }, async () => {
    for (const block of ['{4,4}', '{4,1024}', '{1024,4}']) {
      const bytes = openJph(film, ['-reversible', 'true', '-block_size', block]);
      expect(await dcmjsCodec({ encoding: 'htj2k', bytes, shape }, 0), block).toMatchObject({ ok: true });
    }
    const layered = openJpeg(film, ['-n', '6', '-r', '20,10,5,2,1', '-c', '[128,128]', '-b', '16,16']);
    expect(await dcmjsCodec({ encoding: 'jpeg2000', bytes: layered, shape }, 0)).toMatchObject({ ok: true });
  });
});
