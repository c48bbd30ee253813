import { describe, expect, test } from 'vitest';
import { type Identity, readingId } from '../../functions/routing/reading-id.ts';

const identity: Identity = {
  tenant: 'local',
  body: 'b',
  catalog: 'c',
  policy: 'p',
  costs: 'k',
  request: { findings: ['Mass'], minAuroc: {}, prevalence: {}, policy: 'test', bestEffort: false, explain: false },
};

describe('a reading id', () => {
  test('is rd_ and a SHA-256', async () => {
    expect(await readingId(identity)).toMatch(/^rd_[0-9a-f]{64}$/);
  });

  test('does not depend on the order of the parameters', async () => {
    const turned = Object.fromEntries(Object.entries(identity).reverse()) as unknown as Identity;
    expect(await readingId(turned)).toBe(await readingId(identity));
  });

  test.each([
    ['tenant', { tenant: 'other' }],
    ['film', { body: 'x' }],
    ['catalog', { catalog: 'x' }],
    ['policy', { policy: 'x' }],
    ['costs', { costs: 'x' }],
    ['request', { request: { ...identity.request, bestEffort: true } }],
    ['findings', { request: { ...identity.request, findings: ['Nodule'] } }],
  ])('depends on the %s', async (_, change) => {
    expect(await readingId({ ...identity, ...change })).not.toBe(await readingId(identity));
  });
});
