import { describe, expect, test } from 'vitest';
import { cudaProviderOf } from '../../lib/compute/task.ts';
import { contradictions, type Environment, environmentNamed, environments } from '../../lib/environments.ts';
import { otherwise } from './synthesize.ts';

test('an unknown environment is refused with those there are', () => {
  expect(() => environmentNamed('production')).toThrow('Known: dev, staging, prod');
});

test('the CUDA provider is named by both, its address and its hash, or not at all', () => {
  expect(cudaProviderOf(undefined, undefined)).toBeUndefined();
  expect(cudaProviderOf('https://x.example', 'ab')).toEqual({ url: 'https://x.example', sha256: 'ab' });
  expect(() => cudaProviderOf('https://x.example', undefined)).toThrow(
    '-c cudaProviderSha256=…: give both or neither.',
  );
  expect(() => cudaProviderOf('', 'ab')).toThrow('-c cudaProviderUrl=…');
});

test('no environment contradicts itself', () => {
  for (const environment of [...environments, otherwise]) expect(contradictions(environment)).toEqual([]);
});

test('environments share no network, so that they can be connected', () => {
  expect(new Set(environments.map(({ vpcCidr }) => vpcCidr)).size).toBe(environments.length);
});

describe('is refused:', () => {
  const prod = environmentNamed('prod');
  const wrong: readonly [string, Partial<Environment>, string][] = [
    ['HTTP without a task', { api: { ...prod.api, min: 0 } }, 'prod: whatever answers HTTP keeps one task at least.'],
    ['no way to AWS', { egress: { natGateways: 0, interfaceEndpoints: false } }, 'prod: no way to AWS'],
    ['a GPU of the size of none', { worker: { ...prod.worker, size: 'small' } }, 'prod: worker: gpu of size small.'],
    ['GPUs without a list', { gpus: [] }, 'prod: worker: no GPU is listed.'],
    [
      'a PACS without a worker at night',
      { pacs: { settings: {}, secrets: {} } },
      'prod: a PACS is followed by one worker',
    ],
    [
      'an address that may send less than one key',
      { limits: { ...prod.limits, address: 5000 } },
      'prod: limits: one key alone may send 15000 in five minutes, its address 5000.',
    ],
    ['a key that may send more than all', { limits: { ...prod.limits, stage: 10 } }, 'prod: limits: a key may send 50'],
    ['more at least than at most', { api: { ...prod.api, min: 9 } }, 'prod: api: min 9 and max 8.'],
  ];
  test.each(wrong)('%s', (_, change, line) => {
    expect(contradictions({ ...prod, ...change }).join('\n')).toContain(line);
  });
});
