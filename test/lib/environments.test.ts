import { describe, expect, test } from 'vitest';
import { contradictions, type Environment, environmentNamed, environments } from '../../lib/environments.ts';
import { withEveryOption } from './synthesize.ts';

test('the error for an unknown environment lists the known ones', () => {
  expect(() => environmentNamed('production')).toThrow('dev, staging, prod');
});

test('no environment contradicts itself', () => {
  for (const environment of [...environments, withEveryOption]) expect(contradictions(environment)).toEqual([]);
});

test('the address ranges of environments differ, so that their networks can be connected', () => {
  expect(new Set(environments.map(({ vpcCidr }) => vpcCidr)).size).toBe(environments.length);
});

describe('contradiction:', () => {
  const prod = environmentNamed('prod');
  const wrong: readonly [string, Partial<Environment>, RegExp][] = [
    ['an HTTP service without a task', { api: { ...prod.api, min: 0 } }, /at least one task/],
    ['no way to AWS', { egress: { natGateways: 0, interfaceEndpoints: false } }, /reach AWS/],
    ['a GPU with a size for CPUs', { worker: { ...prod.worker, size: 'small' } }, /worker: .*gpu.*small/],
    ['a GPU service without GPU models', { gpus: [] }, /worker: gpus/],
    ['a PACS without a worker at night', { pacs: { settings: {}, secrets: {} } }, /PACS/],
    ['an address limit below the key limit', { limits: { ...prod.limits, address: 5000 } }, /limits: .*15000.*5000/],
    ['a key limit above the stage limit', { limits: { ...prod.limits, stage: 10 } }, /limits: .*50.*10/],
    ['a minimum above the maximum', { api: { ...prod.api, min: 9 } }, /api: .*9.*8/],
  ];
  test.each(wrong)('%s', (_, change, sentence) => {
    const found = contradictions({ ...prod, ...change });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });
});
