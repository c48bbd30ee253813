import { expect, test } from 'vitest';
import { openRouter } from '../../functions/inference/router.ts';
import { pacsRequest } from '../../functions/pacs/request.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { requestDigest } from '../../functions/results/request-digest.ts';
import { unwrap } from '../support/family.ts';

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

test('another operating point gives other results, and the results at balanced keep the UIDs of earlier versions', () => {
  const at = (operatingPoint?: string) => pacsRequest('main', { operatingPoint, results: ['sr'] }, router);
  const digests = ['sensitive', 'balanced', 'specific'].map((name) => at(name).requestDigest);
  expect(new Set(digests).size).toBe(3);
  expect(at().requestDigest).toBe(digests[2]);
  const { findings } = unwrap(router.plan({ ...at('balanced').request }));
  const asBefore = findings.map(({ finding, variant, why, operatingPoint: { prevalence } }) => ({
    ...{ finding, variant, why, prevalence },
  }));
  expect(requestDigest(router.vocabulary.defaultPolicy, asBefore)).toBe(digests[1]);
});
