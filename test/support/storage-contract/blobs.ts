import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { broken, endless, stream } from './streams.ts';
import type { Open } from './subject.ts';

const limit = 10_000_000;
const bytes = (text: string) => new TextEncoder().encode(text);

export function blobsContract(open: Open): void {
  test('report whether they exist', async () => {
    const { platform, another } = await open();
    expect(await platform.blobs.has('a')).toBe(false);
    await platform.blobs.put('a', stream(Buffer.from('film')), 100);
    const { blobs } = await another();
    expect(await blobs.has('a')).toBe(true);
    await blobs.remove('a');
    expect(await platform.blobs.has('a')).toBe(false);
  });

  test('return the same bytes for every split into chunks', async () => {
    const { blobs } = (await open()).platform;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100_000 }), { maxLength: 5 }), async (chunks) => {
        const whole = Buffer.concat(chunks);
        expect(await blobs.put('a', stream(...chunks), limit)).toEqual({ bytes: whole.length });
        expect(Buffer.from((await blobs.get('a')) ?? []).equals(whole)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('have a separate buffer, which can be transferred to a thread', async () => {
    const { blobs } = (await open()).platform;
    await blobs.put('a', stream(bytes('film')), limit);
    const film = await blobs.get('a');
    expect(film?.buffer.byteLength).toBe(4);
    expect(film?.byteOffset).toBe(0);
  });

  test('are streamed with their length, and stay in the store if the reader stops', async () => {
    const { blobs } = (await open()).platform;
    const film = Buffer.alloc(9_000_000, 'film');
    await blobs.put('a', stream(film), limit);
    const taken = await blobs.read('a', async (pieces, bytes) => ({ bytes, pieces: await Array.fromAsync(pieces) }));
    expect(taken?.bytes).toBe(film.length);
    expect(Buffer.concat(taken?.pieces ?? []).equals(film)).toBe(true);
    // More than one chunk: a film is never in memory as a whole.
    expect(taken?.pieces.length).toBeGreaterThan(8);
    expect(await blobs.size('a')).toBe(film.length);
    for (let i = 0; i < 100; i++) expect(await blobs.read('a', async (_, bytes) => bytes)).toBe(film.length);
    const first = await blobs.read('a', async (pieces) => {
      for await (const piece of pieces) return piece[0];
      return undefined;
    });
    expect(first).toBe(film[0]);
    await expect(
      blobs.read('a', async () => {
        throw new Error('its reader is gone');
      }),
    ).rejects.toThrow('its reader is gone');
    expect(await blobs.put('b', stream(), limit)).toEqual({ bytes: 0 });
    expect([await blobs.size('b'), await blobs.read('b', async (pieces) => Array.fromAsync(pieces))]).toEqual([0, []]);
    expect(await blobs.read('c', async () => 'read')).toBeUndefined();
    expect(await blobs.size('c')).toBeUndefined();
  });

  test('can be copied while they are replaced: the copy equals one of the two versions', async () => {
    const { blobs } = (await open()).platform;
    await blobs.put('a', stream(Buffer.alloc(3_000_000, 1)), limit);
    await blobs.read('a', async (pieces) => {
      await blobs.put('a', stream(Buffer.alloc(3_000_000, 2)), limit);
      await blobs.put('b', pieces, limit);
    });
    expect(new Set(await blobs.get('b'))).toEqual(new Set([1]));
  });

  test('are replaced by a second put, and visible to other processes', async () => {
    const { platform, another } = await open();
    await platform.blobs.put('a', stream(bytes('one')), limit);
    await platform.blobs.put('a', stream(bytes('two')), limit);
    expect(await (await another()).blobs.get('a')).toEqual(bytes('two'));
  });

  test('do not exist if they were never put or are removed; a second removal is allowed', async () => {
    const { blobs } = (await open()).platform;
    expect(await blobs.get('a')).toBeUndefined();
    await blobs.put('a', stream(bytes('one')), limit);
    await blobs.remove('a');
    await blobs.remove('a');
    expect(await blobs.get('a')).toBeUndefined();
  });

  test('over the limit are refused before they are read to the end, and keep the previous version', async () => {
    const { blobs } = (await open()).platform;
    await blobs.put('a', stream(bytes('small')), limit);
    const sender = endless();
    expect(await blobs.put('a', sender.stream, 1_000_000)).toBeUndefined();
    expect(sender.wasCancelled()).toBe(true);
    expect(sender.sentBytes()).toBeLessThan(3_000_000);
    expect(await blobs.get('a')).toEqual(bytes('small'));
    expect(await blobs.put('b', stream(new Uint8Array(11)), 10)).toBeUndefined();
    expect(await blobs.get('b')).toBeUndefined();
    expect(await blobs.put('b', stream(new Uint8Array(10)), 10)).toEqual({ bytes: 10 });
  });

  test('that break off are not kept, and the error is thrown', async () => {
    const { blobs } = (await open()).platform;
    await expect(blobs.put('a', broken('the sender is gone'), limit)).rejects.toThrow('the sender is gone');
    expect(await blobs.get('a')).toBeUndefined();
  });

  test('accept any id, and no id reaches another blob or another folder', async () => {
    const { blobs } = (await open()).platform;
    const ids = ['../a', '/etc/a', 'a', 'A', 'a/b', 'a\\b', 'a\0b', '..', '', 'ä'.repeat(200), 'a.part'];
    for (const id of ids) await blobs.put(id, stream(bytes(`blob ${id}`)), limit);
    for (const id of ids) expect(await blobs.get(id)).toEqual(bytes(`blob ${id}`));
  });

  test('that are older than a time are pruned', async () => {
    const { platform, tickMs } = await open();
    const { blobs } = platform;
    await blobs.put('old', stream(bytes('old')), limit);
    await blobs.put('renewed', stream(bytes('old')), limit);
    await delay(tickMs);
    const between = new Date();
    await delay(tickMs);
    await blobs.put('renewed', stream(bytes('new')), limit);
    expect(await blobs.prune(between)).toBe(1);
    expect(await blobs.get('old')).toBeUndefined();
    expect(await blobs.get('renewed')).toEqual(bytes('new'));
    expect(await blobs.prune(between)).toBe(0);
    await delay(tickMs);
    expect(await blobs.prune(new Date(), new Set(['renewed', 'unknown']))).toBe(0);
    expect(await blobs.get('renewed')).toEqual(bytes('new'));
    expect(await blobs.prune(new Date())).toBe(1);
  });
}
