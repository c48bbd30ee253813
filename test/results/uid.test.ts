import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { px } from '../../functions/core/units.ts';
import { filmDigest } from '../../functions/decode/film-digest.ts';
import { resultUids } from '../../functions/results/identity.ts';
import { deriveUid, deriveUuid } from '../../functions/results/uid.ts';

const digest = 'c'.repeat(64);
const film = { studyInstanceUid: '1.2.3', sopInstanceUid: '1.2.4' };
const read = { ...film, filmDigest: `sha256:${'a'.repeat(64)}` };

describe('a derived UID', () => {
  test('is the decimal of a UUID of version 8 below 2.25 (PS3.5 B.2, RFC 9562)', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        const uid = deriveUid(...parts);
        expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
        expect(uid.length).toBeLessThanOrEqual(64);
        const uuid = deriveUuid(...parts);
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(BigInt(`0x${uuid.replaceAll('-', '')}`)).toBe(BigInt(uid.slice('2.25.'.length)));
      }),
    );
  });

  test('distinguishes parts at every split', () => {
    expect(deriveUid('ab', 'c')).not.toBe(deriveUid('a', 'bc'));
    expect(deriveUid('a')).not.toBe(deriveUid('a', ''));
  });

  test('never changes: a result that is stored again after an upgrade must not become a second one', () => {
    expect(deriveUid('a', 'b')).toBe('2.25.5918877242710586312362419184752348829');
    expect(deriveUuid('a', 'b')).toBe('0473ef2d-c0d3-84ab-a59d-3580c1134e9d');
    // UIDs of versions without a digest of the film. Their stored readings keep these UIDs.
    expect(resultUids(film, digest, 'p')).toEqual({
      srSeries: '2.25.143431093419747779535875512492679627660',
      scSeries: '2.25.280518831568382866884155917542667867291',
      sr: '2.25.313964825141546347855969431701891953177',
      sc: '2.25.246345009905838978108643265352253992228',
    });
    expect(resultUids(read, digest, 'p')).toEqual({
      srSeries: '2.25.81243936228464676455510804726270195556',
      sr: '2.25.306513158691022678460379051423754693426',
      scSeries: '2.25.60528213004959461060510133978491760404',
      sc: '2.25.43374705659434734680742755812788315515',
    });
  });
});

describe('the UIDs of results', () => {
  const uids = resultUids(read, digest, 'p');

  test('are four different ones', () => {
    expect(new Set(Object.values(uids)).size).toBe(4);
  });

  test('put each film of a study into its own series: a viewer may show one SR per series', () => {
    const other = resultUids({ ...read, sopInstanceUid: '1.2.5' }, digest, 'p');
    expect(new Set([...Object.values(uids), ...Object.values(other)]).size).toBe(8);
    expect(resultUids({ ...read, studyInstanceUid: '1.2.9' }, digest, 'p').srSeries).not.toBe(uids.srSeries);
  });

  test.each([
    ['the pixels', resultUids({ ...read, filmDigest: `sha256:${'b'.repeat(64)}` }, digest, 'p')],
    ['the study', resultUids({ ...read, studyInstanceUid: '1.2.9' }, digest, 'p')],
    ['the catalog', resultUids(read, 'd'.repeat(64), 'p')],
    ['what was asked', resultUids(read, digest, 'q')],
  ])('change with %s', (_, other) => {
    expect([uids.sr, uids.sc]).not.toContain(other.sr);
    expect([uids.sr, uids.sc]).not.toContain(other.sc);
  });

  test('put all readings of a film into one SR series and one SC series, also after its pixels were replaced', () => {
    const { srSeries, scSeries } = uids;
    const replaced = resultUids({ ...read, filmDigest: `sha256:${'b'.repeat(64)}` }, digest, 'p');
    expect(replaced).toMatchObject({ srSeries, scSeries });
  });
});

describe('the digest of a film', () => {
  const film = { width: px(2), height: px(3), pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) };

  test.each([
    ['one pixel', { ...film, pixels: Uint8Array.of(1, 2, 3, 4, 5, 7) }],
    ['its shape', { ...film, width: px(3), height: px(2) }],
    ['its depth', { width: px(1), height: px(3), pixels: new Uint16Array(film.pixels.slice().buffer) }],
  ])('changes with %s', (_, other) => {
    expect(filmDigest(other)).not.toBe(filmDigest(film));
    expect(filmDigest({ ...film, pixels: film.pixels.slice() })).toBe(filmDigest(film));
  });
});
