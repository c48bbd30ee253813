import { describe, expect, test } from 'vitest';
import { sha256Sync } from '../../functions/platform/digest.ts';
import { type Identity, readingId } from '../../functions/routing/reading-id.ts';

const identity: Identity = {
  tenant: 'local',
  body: 'b',
  catalog: 'c',
  policy: 'p',
  costs: 'k',
  request: { findings: ['Mass'], minAuroc: {}, prevalence: {}, policy: 'test', bestEffort: false, explain: false },
};

const idOf = (value: Identity) => readingId(value, sha256Sync);

describe('a reading id', () => {
  test('is rd_ and a SHA-256', () => {
    expect(idOf(identity)).toMatch(/^rd_[0-9a-f]{64}$/);
  });

  test('does not depend on the order of the parameters', () => {
    const turned = Object.fromEntries(Object.entries(identity).reverse()) as unknown as Identity;
    expect(idOf(turned)).toBe(idOf(identity));
  });

  test('at the operating point balanced is that of earlier versions, which had only this one', () => {
    const request = { ...identity.request, operatingPoint: 'balanced' as const };
    expect(idOf({ ...identity, request })).toBe(idOf(identity));
  });

  test.each([
    ['tenant', { tenant: 'other' }],
    ['film', { body: 'x' }],
    ['catalog', { catalog: 'x' }],
    ['policy', { policy: 'x' }],
    ['costs', { costs: 'x' }],
    ['request', { request: { ...identity.request, bestEffort: true } }],
    ['operating point', { request: { ...identity.request, operatingPoint: 'specific' } }],
    ['findings', { request: { ...identity.request, findings: ['Nodule'] } }],
  ] satisfies [string, Partial<Identity>][])('depends on the %s', (_, change) => {
    expect(idOf({ ...identity, ...change })).not.toBe(idOf(identity));
  });
});
