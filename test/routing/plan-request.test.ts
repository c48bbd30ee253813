import { describe, expect, test } from 'vitest';
import { costTable } from '../../functions/routing/cost-table.ts';
import { planRequest } from '../../functions/routing/plan-request.ts';
import { catalogOf, faultOf, head, policyOf, unwrap, variant } from '../support/family.ts';

const catalog = catalogOf([variant('small', 256, 10, { Effusion: head(0.9) })]);
const policies = { test: policyOf({}, { auroc: 0.75, bound: 'lower' }) };
const family = { catalog, policies, costs: costTable(catalog, 'cpu') };
const request = { policy: 'test', findings: ['Effusion'], minAuroc: {}, bestEffort: false };

describe('a plan', () => {
  test('names the variant of each finding, and can be sent to a thread', () => {
    const plan = unwrap(planRequest(family, request));
    expect(plan.findings.map(({ finding, variant }) => [finding, variant])).toEqual([['Effusion', 'small']]);
    expect(structuredClone(plan)).toEqual(plan);
  });

  test('has the operating point of the request, or the default of each finding', () => {
    const { balanced } = head(0.9).operatingPoints;
    const old = catalogOf([
      variant('small', 256, 10, { Effusion: { ...head(0.9), operatingPoints: { balanced } }, Nodule: head(0.9) }),
    ]);
    const points = (operatingPoint?: 'balanced') =>
      unwrap(
        planRequest({ ...family, catalog: old }, { ...request, findings: ['Effusion', 'Nodule'], operatingPoint }),
      ).findings.map((finding) => finding.operatingPoint.name);
    expect(points()).toEqual(['balanced', 'specific']);
    expect(points('balanced')).toEqual(['balanced', 'balanced']);
  });
});

describe('a request that cannot be served returns its fault', () => {
  test('an unknown policy', () => {
    const fault = faultOf(planRequest(family, { ...request, policy: 'none' }));
    expect(fault).toEqual({ code: 'unknown_policy', policy: 'none', known: ['test'] });
  });

  test('an operating point that the variant lacks, with those that it has', () => {
    const fault = faultOf(planRequest(family, { ...request, operatingPoint: 'sensitive' }));
    expect(fault).toEqual({
      ...{ code: 'operating_point_not_measured', operatingPoint: 'sensitive', finding: 'Effusion', variant: 'small' },
      available: ['specific', 'balanced'],
    });
  });

  test('a target that no variant reaches', () => {
    const fault = faultOf(planRequest(family, { ...request, minAuroc: { Effusion: 0.99 } }));
    expect(fault).toMatchObject({ code: 'unreachable_target' });
  });
});
