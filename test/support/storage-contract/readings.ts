import { expect, test } from 'vitest';
import type { Reading } from '../../../functions/core/reading.ts';
import type { ReadingRange } from '../../../functions/storage/readings.ts';
import { instance, reading } from './samples.ts';
import type { Open } from './subject.ts';

export function readingsContract(open: Open): void {
  test('are returned unchanged with the instance beside them, and an unknown reading is not found', async () => {
    const { platform, another } = await open();
    const fromDicom = { reading: reading('rd_a'), instance };
    const fromPng = { reading: reading('rd_b'), instance: null };
    await platform.readings.put('clinic', fromDicom);
    await platform.readings.put('clinic', fromPng);
    const { readings } = await another();
    expect(await readings.get('clinic', 'rd_a')).toEqual(fromDicom);
    expect(await readings.get('clinic', 'rd_b')).toEqual(fromPng);
    expect(await readings.get('clinic', 'rd_c')).toBeUndefined();
  });

  test('of a version without warnings are returned with an empty list', async () => {
    const { readings } = (await open()).platform;
    const { warnings, ...old } = reading('rd_old');
    expect(warnings).toEqual([]);
    await readings.put('clinic', { reading: old as ReturnType<typeof reading>, instance: null });
    expect((await readings.get('clinic', 'rd_old'))?.reading).toEqual(reading('rd_old'));
  });

  test('stay unchanged when they are put again, and the caller gets the stored one', async () => {
    const { readings } = (await open()).platform;
    const first = { reading: reading('rd_a', 0.5), instance };
    expect(await readings.put('clinic', first)).toBeUndefined();
    expect(await readings.put('clinic', { reading: reading('rd_a', 0.6), instance: null })).toEqual(first);
    expect(await readings.get('clinic', 'rd_a')).toEqual(first);
  });

  test('are stored once when several are put at the same time, and all callers but one get the stored one', async () => {
    const { readings } = (await open()).platform;
    const given = [0.1, 0.2, 0.3, 0.4].map((probability) => ({ reading: reading('rd_a', probability), instance }));
    const answers = await Promise.all(given.map((read) => readings.put('clinic', read)));
    const first = answers.indexOf(undefined);
    const stored = await readings.get('clinic', 'rd_a');
    expect(stored).toEqual(given[first]);
    expect(answers).toEqual(given.map((_, i) => (i === first ? undefined : stored)));
  });

  test('are listed newest first, page by page and by time, per tenant', async () => {
    const { readings } = (await open()).platform;
    const at = (id: string, createdAt: string) => ({ reading: { ...reading(id), createdAt }, instance: null });
    const times = ['01', '01', '02', '03', '03', '03', '04'].map((day) => `2026-01-${day}T00:00:00.000Z`);
    for (const [i, time] of times.entries()) await readings.put('clinic', at(`rd_${i}`, time));
    await readings.put('practice', at('rd_9', '2026-01-02T00:00:00.000Z'));
    const all = ['rd_6', 'rd_5', 'rd_4', 'rd_3', 'rd_2', 'rd_1', 'rd_0'];
    const list = async (tenant: string, range: Omit<ReadingRange, 'limit'>, limit = 99) =>
      (await readings.list(tenant, { ...range, limit })).map(({ id }) => id);
    expect(await list('clinic', {})).toEqual(all);
    expect(await list('practice', {})).toEqual(['rd_9']);
    expect(await list('nobody', {})).toEqual([]);
    expect(await list('clinic', {}, 2)).toEqual(['rd_6', 'rd_5']);
    const [, second, third, fourth] = [...new Set(times)];
    expect(await list('clinic', { from: third })).toEqual(['rd_6', 'rd_5', 'rd_4', 'rd_3']);
    expect(await list('clinic', { to: second })).toEqual(['rd_1', 'rd_0']);
    expect(await list('clinic', { from: second, to: fourth })).toEqual(['rd_5', 'rd_4', 'rd_3', 'rd_2']);
    expect(await list('clinic', { from: fourth, to: second })).toEqual([]);
    for (const limit of [1, 2, 3]) {
      const listed: string[] = [];
      for (let after: Reading | undefined; ; ) {
        const page: Reading[] = await readings.list('clinic', { after, limit });
        expect(page.length).toBeLessThanOrEqual(limit);
        listed.push(...page.map(({ id }) => id));
        after = page.at(-1);
        if (!after) break;
      }
      expect(listed).toEqual(all);
    }
    const after = { createdAt: third ?? '', id: 'rd_4' };
    expect(await list('clinic', { after, from: third })).toEqual(['rd_3']);
  });

  test('are deleted for their tenant only, and may be stored again', async () => {
    const { platform, another } = await open();
    const read = { reading: reading('rd_a'), instance };
    for (const tenant of ['clinic', 'practice']) await platform.readings.put(tenant, read);
    expect(await platform.readings.remove('clinic', 'rd_a')).toBe(true);
    expect(await platform.readings.remove('clinic', 'rd_a')).toBe(false);
    expect(await platform.readings.remove('clinic', 'rd_b')).toBe(false);
    const { readings } = await another();
    expect(await readings.get('clinic', 'rd_a')).toBeUndefined();
    expect(await readings.list('clinic', { limit: 9 })).toEqual([]);
    expect(await readings.get('practice', 'rd_a')).toEqual(read);
    await readings.put('clinic', read);
    expect(await platform.readings.get('clinic', 'rd_a')).toEqual(read);
  });

  test('belong to one tenant, also if another tenant has the same id', async () => {
    const { readings } = (await open()).platform;
    await readings.put('clinic', { reading: reading('rd_a', 0.5), instance });
    expect(await readings.get('practice', 'rd_a')).toBeUndefined();
    await readings.put('practice', { reading: reading('rd_a', 0.6), instance: null });
    expect((await readings.get('clinic', 'rd_a'))?.reading.quality.score).toBe(0.5);
    expect((await readings.get('practice', 'rd_a'))?.reading.quality.score).toBe(0.6);
  });
}
