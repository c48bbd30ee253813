import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveUid, deriveUuid, resultUids } from '../../functions/pacs/uid.ts';

const digest = 'c'.repeat(64);
const film = { studyInstanceUid: '1.2.3', sopInstanceUid: '1.2.4' };

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

  test('tells parts apart, wherever they are cut', () => {
    expect(deriveUid('ab', 'c')).not.toBe(deriveUid('a', 'bc'));
    expect(deriveUid('a')).not.toBe(deriveUid('a', ''));
  });

  test('never changes: a result that is sent again after an upgrade must not become a second one', () => {
    expect(deriveUid('a', 'b')).toBe('2.25.5918877242710586312362419184752348829');
    expect(deriveUuid('a', 'b')).toBe('0473ef2d-c0d3-84ab-a59d-3580c1134e9d');
    expect(resultUids(film, digest, 'p')).toEqual({
      srSeries: '2.25.143431093419747779535875512492679627660',
      sr: '2.25.313964825141546347855969431701891953177',
      scSeries: '2.25.280518831568382866884155917542667867291',
      sc: '2.25.246345009905838978108643265352253992228',
    });
  });
});

describe('the UIDs of results', () => {
  const uids = resultUids(film, digest, 'p');

  test('are four different ones', () => {
    expect(new Set(Object.values(uids)).size).toBe(4);
  });

  test('put the films of a study into one series a kind', () => {
    const other = resultUids({ ...film, sopInstanceUid: '1.2.5' }, digest, 'p');
    expect(other.srSeries).toBe(uids.srSeries);
    expect(other.scSeries).toBe(uids.scSeries);
    expect(other.sr).not.toBe(uids.sr);
    expect(other.sc).not.toBe(uids.sc);
    expect(resultUids({ ...film, studyInstanceUid: '1.2.9' }, digest, 'p').srSeries).not.toBe(uids.srSeries);
  });

  test('change with the catalog, and with what was asked', () => {
    const catalog = resultUids(film, 'd'.repeat(64), 'p');
    expect([catalog.sr, catalog.srSeries]).not.toContain(uids.sr);
    expect(catalog.srSeries).not.toBe(uids.srSeries);
    const request = resultUids(film, digest, 'q');
    expect(request.sr).not.toBe(uids.sr);
    expect(request.srSeries).toBe(uids.srSeries);
  });
});
