import { expect, test } from 'vitest';
import type { Open } from './subject.ts';

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
