import { expect, test, vi } from 'vitest';
import { type FilmOutcome, filmOutcomeLifeMs } from '../../../functions/storage/pacs-state.ts';
import { instance } from './samples.ts';
import type { Open } from './subject.ts';

const outcome = (listedAs: string): FilmOutcome => ({
  ...{ sopInstanceUid: instance.sopInstanceUid, listedAs },
  refused: { code: 'not_frontal_view', view: 'LL' },
});

export function filmOutcomesContract(open: Open): void {
  test('return the last stored value, in another process as well', async () => {
    const { platform, another } = await open();
    expect(await platform.filmOutcomes.get('a')).toEqual([]);
    await platform.filmOutcomes.put('a', [outcome('first')]);
    await platform.filmOutcomes.put('a', [outcome('first'), outcome('second')]);
    await platform.filmOutcomes.put('b', [outcome('other')]);
    const { filmOutcomes } = await another();
    expect(await filmOutcomes.get('a')).toEqual([outcome('first'), outcome('second')]);
    expect(await filmOutcomes.get('b')).toEqual([outcome('other')]);
  });

  test('are deleted after their retention', async () => {
    const { filmOutcomes } = (await open()).platform;
    await filmOutcomes.put('a', [outcome('first')]);
    const now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(now + filmOutcomeLifeMs + 2000);
    try {
      expect(await filmOutcomes.get('a')).toEqual([]);
    } finally {
      clock.mockRestore();
    }
    expect(await filmOutcomes.get('a')).toHaveLength(1);
  });
}

export function cursorsContract(open: Open): void {
  test('move from their expected position, and are visible to other processes', async () => {
    const { platform, another } = await open();
    const { cursors } = platform;
    expect(await cursors.get('orthanc')).toBeUndefined();
    expect(await cursors.move('orthanc', '0', '7')).toBe(false);
    expect(await cursors.move('orthanc', undefined, '7')).toBe(true);
    expect(await cursors.move('orthanc', undefined, '8')).toBe(false);
    expect(await cursors.move('orthanc', '6', '8')).toBe(false);
    expect(await (await another()).cursors.get('orthanc')).toBe('7');
    expect(await cursors.move('orthanc', '7', '8')).toBe(true);
    expect(await cursors.get('orthanc')).toBe('8');
    expect(await cursors.get('other')).toBeUndefined();
  });

  test('are moved by only one of several concurrent writers', async () => {
    const { platform, another } = await open();
    const other = await another();
    let from: string | undefined;
    for (let round = 0; round < 5; round++) {
      const won = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? platform : other).cursors.move('c', from, `${round}.${i}`)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      from = `${round}.${won.indexOf(true)}`;
      expect(await other.cursors.get('c')).toBe(from);
    }
  });
}
