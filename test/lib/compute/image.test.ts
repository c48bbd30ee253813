import { expect, test } from 'vitest';
import { cudaProviderOf } from '../../../lib/compute/image.ts';

test('the CUDA provider needs both its address and its hash', () => {
  expect(cudaProviderOf(undefined, undefined)).toBeUndefined();
  expect(cudaProviderOf('https://x.example', 'ab')).toEqual({ url: 'https://x.example', sha256: 'ab' });
  expect(() => cudaProviderOf('https://x.example', undefined)).toThrow('cudaProviderSha256');
  expect(() => cudaProviderOf('', 'ab')).toThrow('cudaProviderUrl');
});
