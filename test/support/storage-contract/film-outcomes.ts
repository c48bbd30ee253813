import { expect, test, vi } from 'vitest';
import { type FilmOutcome, filmOutcomeLifeMs } from '../../../functions/storage/film-outcomes.ts';
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
