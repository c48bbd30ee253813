import { expect, test } from 'vitest';
import { releaseMemory } from '../../functions/platform/release-memory.ts';

test('frees the memory of an array at once', () => {
  const before = process.memoryUsage().arrayBuffers;
  const pixels = new Uint8Array(50_000_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(40_000_000);
  releaseMemory(pixels);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  expect(pixels.length).toBe(0);
});

test('leaves an array alone that shares its memory', () => {
  const whole = new Uint8Array(100);
  releaseMemory(whole.subarray(1));
  releaseMemory(Buffer.from('pooled'));
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  releaseMemory(shared);
  expect([whole.length, Buffer.from('pooled').length, shared.length]).toEqual([100, 6, 8]);
});

test('accepts an array that was freed before', () => {
  const pixels = new Uint8Array(10);
  releaseMemory(pixels);
  expect(() => releaseMemory(pixels)).not.toThrow();
});
