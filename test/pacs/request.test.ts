import { expect, test } from 'vitest';
import { openRouter } from '../../functions/inference/router.ts';
import { pacsRequest } from '../../functions/pacs/request.ts';
import { readConfig } from '../../functions/platform/config.ts';

const router = openRouter(readConfig({}));

test('a PACS is read by each policy of the family, and other reasons give other results', () => {
  const { policies } = router.family;
  expect(Object.keys(policies)).toEqual(
    expect.arrayContaining(['chest14-published', 'cheapest', 'sabottke-spieler-2020']),
  );
  const digests = Object.keys(policies).map((policy) => {
    const { request, requestDigest } = pacsRequest('main', { policy, results: ['sr'] }, router);
    expect(request.policy).toBe(policy);
    return requestDigest;
  });
  expect(new Set(digests).size).toBe(digests.length);
});
