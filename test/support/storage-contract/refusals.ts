import { expect, test, vi } from 'vitest';
import { type Refusal, refusalLifeMs } from '../../../functions/storage/refusals.ts';
import { instance } from './samples.ts';
import type { Open } from './subject.ts';

const refusal = (listedAs: string): Refusal => ({
  ...{ sopInstanceUid: instance.sopInstanceUid, listedAs },
  refused: { code: 'not_frontal_view', view: 'LL' },
});

export function refusalsContract(open: Open): void {
  test('come back as they were put last, in another process as well', async () => {
    const { platform, another } = await open();
    expect(await platform.refusals.get('a')).toEqual([]);
    await platform.refusals.put('a', [refusal('first')]);
    await platform.refusals.put('a', [refusal('first'), refusal('second')]);
    await platform.refusals.put('b', [refusal('other')]);
    const { refusals } = await another();
    expect(await refusals.get('a')).toEqual([refusal('first'), refusal('second')]);
    expect(await refusals.get('b')).toEqual([refusal('other')]);
  });

  test('are forgotten after their time', async () => {
    const { refusals } = (await open()).platform;
    await refusals.put('a', [refusal('first')]);
    const now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(now + refusalLifeMs + 2000);
    try {
      expect(await refusals.get('a')).toEqual([]);
    } finally {
      clock.mockRestore();
    }
    expect(await refusals.get('a')).toHaveLength(1);
  });
}
