import { expect, test } from 'vitest';
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

  test('stay unchanged when they are put again', async () => {
    const { readings } = (await open()).platform;
    await readings.put('clinic', { reading: reading('rd_a', 0.5), instance });
    await readings.put('clinic', { reading: reading('rd_a', 0.6), instance: null });
    expect(await readings.get('clinic', 'rd_a')).toEqual({ reading: reading('rd_a', 0.5), instance });
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
