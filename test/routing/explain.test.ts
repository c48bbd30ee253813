import { describe, expect, test } from 'vitest';
import type { Rule } from '../../functions/core/catalog.ts';
import { type RouteRequest, route } from '../../functions/routing/cheapest-plan.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { presentAssignment, presentAssignments, presentPlan } from '../../functions/routing/present.ts';
import { ask, catalogOf, compared, head, policyOf, unwrap, variant } from '../support/family.ts';

const catalog = catalogOf(
  [
    variant('small', 256, 10, { A: head(0.7), B: head(0.9) }),
    variant('large', 512, 40, { A: head(0.85), B: head(0.92) }),
  ],
  [compared('A', 'small', 'large', -0.15, [-0.2, -0.1])],
);
const costs = costTable(catalog, 'cpu');
const explained = (rule: Rule, request: Partial<RouteRequest> = {}) => {
  const plan = unwrap(route(catalog, policyOf({}, rule), costs, { ...ask('A'), ...request }));
  return plan.assignments.map(presentAssignment);
};

describe('an explanation', () => {
  test('of a target names the reached number', () => {
    expect(explained({ auroc: 0.8, bound: 'lower' })).toMatchObject([
      {
        basis: 'measured',
        meetsTarget: true,
        why: '512 px: the cheapest plan that meets AUROC 0.800 by the lower end of its interval; it reaches AUROC 0.850 [0.830, 0.870].',
        passedOver: [{ variant: 'small', reason: 'its AUROC reaches 0.680 (lower end), below 0.800' }],
      },
    ]);
    expect(explained({ auroc: 0.7, bound: 'point' })[0]?.why).toContain('by point estimate');
  });

  test('of a point target names the compared end', () => {
    expect(explained({ auroc: 0.8, bound: 'point' })[0]?.passedOver).toEqual([
      { variant: 'small', reason: 'its AUROC reaches 0.700 (point estimate), below 0.800' },
    ]);
  });

  test('of non-inferiority names the allowed difference', () => {
    expect(explained({ nonInferiorTo: 'best', margin: 0.01 })).toMatchObject([
      {
        basis: 'measured',
        why: '512 px: the cheapest plan that stays within 0.01 AUROC of the best variant, paired on the same films.',
        passedOver: [{ reason: 'may be 0.200 AUROC worse than large (paired, 95 %), more than 0.01 allows' }],
      },
    ]);
    expect(explained({ nonInferiorTo: 'best', margin: 0.01 }, { findings: ['B'] })).toMatchObject([
      { passedOver: [{ reason: 'was never compared with large, the best' }] },
    ]);
  });

  test('of non-inferiority compares within strata where both were measured', () => {
    const within = (value: number) => ({ withinStrata: { value, ci95: [value, value] as [number, number] } });
    const strata = catalogOf(
      [
        variant('small', 256, 10, { A: { ...head(0.7), ...within(0.8) } }),
        variant('large', 512, 40, { A: { ...head(0.85), ...within(0.79) } }),
      ],
      [
        {
          ...compared('A', 'small', 'large', -0.15, [-0.2, -0.1]),
          withinStrata: { difference: 0.01, ci95: [0, 0.02] },
        },
      ],
    );
    const rule: Rule = { nonInferiorTo: 'best', margin: 0.01 };
    const plan = unwrap(route(strata, policyOf({}, rule), costs, ask('A')));
    expect(plan.assignments.map(presentAssignment)).toMatchObject([{ variant: 'small', passedOver: [] }]);
  });

  test('of sizes that the films do not tell apart says that this does not prove them equal', () => {
    expect(explained({ minResolution: 448, evidence: 'notShown', source: 'some films' })).toMatchObject([
      {
        basis: 'notShown',
        why: '512 px: the cheapest plan at or above 448 px, the smallest size for A whose difference from the best is not shown (some films); not shown is not equal.',
        passedOver: [{ reason: 'below 448 px, and shown to be worse than the best' }],
      },
    ]);
  });

  test.each([
    ['published', 'the floor does not rest on films of this family'],
    ['simulated', 'not measured on real labels here'],
  ] as const)('of a %s floor states that it is not a measurement', (evidence, caveat) => {
    expect(explained({ minResolution: 448, evidence, source: 'a paper' })).toMatchObject([
      {
        basis: evidence,
        why: `512 px: the cheapest plan at or above the ${evidence} floor of 448 px for A (a paper); ${caveat}.`,
        passedOver: [{ reason: `below the ${evidence} floor of 448 px` }],
      },
    ]);
  });

  test('of a pinned variant states the pin and the result of the rule', () => {
    const rule: Rule = { minResolution: 448, evidence: 'published', source: 'a paper' };
    expect(explained(rule, { variant: 'small' })).toMatchObject([
      {
        meetsTarget: false,
        why: '256 px: because the request pinned small, although below the published floor of 448 px.',
      },
    ]);
    expect(explained(rule, { variant: 'large' })).toMatchObject([
      {
        meetsTarget: true,
        why: '512 px: because the request pinned large.',
        passedOver: [{ reason: 'the request pinned another variant' }],
      },
    ]);
  });

  test('of best effort states that the target is missed', () => {
    expect(explained({ auroc: 0.99, bound: 'lower' }, { bestEffort: true })).toMatchObject([
      {
        meetsTarget: false,
        why: '512 px: the best there is, on bestEffort; the target is missed: its AUROC reaches 0.830 (lower end), below 0.990.',
      },
    ]);
  });

  test('of a shared run states that the cheaper variant was sufficient', () => {
    const plan = unwrap(
      route(
        catalog,
        policyOf({ A: { auroc: 0.8, bound: 'lower' } }, { auroc: 0.5, bound: 'lower' }),
        costs,
        ask('A', 'B'),
      ),
    );
    expect(presentAssignment(plan.assignments[1] ?? expect.fail())).toMatchObject({
      finding: 'B',
      passedOver: [
        {
          variant: 'small',
          reason: 'good enough, but large runs anyway for another finding and running both would cost more',
        },
      ],
    });
  });

  test('of a variant without a measurement states this', () => {
    const partial = catalogOf([
      variant('blind', 256, 5, { B: head(0.9) }),
      variant('seeing', 256, 50, { A: head(0.6) }),
    ]);
    const rule: Rule = { minResolution: 256, evidence: 'published', source: 'a paper' };
    const plan = unwrap(route(partial, policyOf({}, rule), costTable(partial, 'cpu'), ask('A')));
    expect(plan.assignments.map(presentAssignment)).toMatchObject([
      { passedOver: [{ variant: 'blind', reason: 'not measured for this finding' }] },
    ]);
  });
});

describe('an explanation in full', () => {
  const inFull = (rules: Record<string, Rule>, request: RouteRequest) =>
    presentAssignments(unwrap(route(catalog, policyOf(rules, { auroc: 0.5, bound: 'lower' }), costs, request))).map(
      ({ explanation }) => explanation,
    );
  const floor = (minResolution: number): Rule => ({ minResolution, evidence: 'published', source: 'a paper' });

  test('names the floor of the finding, also where another finding needs a higher resolution', () => {
    expect(inFull({ A: floor(448), B: floor(224) }, ask('A', 'B'))).toEqual([
      '512 px: the published floor for A is 448 px (a paper); the floor does not rest on films of this family. large is the cheapest variant that satisfies the rule.',
      '512 px: the published floor for B is 224 px (a paper); the floor does not rest on films of this family. small would suffice, but A needs large, and large alone costs less than both.',
    ]);
    expect(inFull({ B: floor(224) }, ask('B'))).toEqual([
      '256 px: the published floor for B is 224 px (a paper); the floor does not rest on films of this family. small is the cheapest variant that satisfies the rule.',
    ]);
  });

  test('names findings that are read together because this costs less, although none of them needs the variant', () => {
    const shared = catalogOf([
      variant('c1', 256, 10, { A: head(0.9), B: head(0.6) }),
      variant('c2', 320, 11, { A: head(0.6), B: head(0.9) }),
      variant('wide', 512, 15, { A: head(0.9), B: head(0.9) }),
    ]);
    const rule: Rule = { auroc: 0.8, bound: 'lower' };
    const plan = unwrap(route(shared, policyOf({}, rule), costTable(shared, 'cpu'), ask('A', 'B')));
    const [a, b] = presentAssignments(plan).map(({ explanation }) => explanation);
    expect(a).toMatch(/c1 would suffice, but B needs more than c1, and wide alone costs less than both\.$/);
    expect(b).toMatch(/c2 would suffice, but A needs more than c2, and wide alone costs less than both\.$/);
  });

  test('names the target, the pin and the missed rule', () => {
    expect(inFull({ A: { auroc: 0.8, bound: 'lower' } }, ask('A'))).toEqual([
      '512 px: the rule for A is AUROC 0.800 by the lower end of its interval; large has AUROC 0.850 [0.830, 0.870]. large is the cheapest variant that satisfies the rule.',
    ]);
    expect(inFull({ A: floor(448) }, { ...ask('A'), variant: 'small' })).toEqual([
      '256 px: the published floor for A is 448 px (a paper); the floor does not rest on films of this family. The request pinned small, which misses the rule: below the published floor of 448 px.',
    ]);
    expect(inFull({ A: floor(1024) }, { ...ask('A'), bestEffort: true })).toEqual([
      '512 px: the published floor for A is 1024 px (a paper); the floor does not rest on films of this family. No variant satisfies the rule. On bestEffort the nearest one is used; it misses the rule: below the published floor of 1024 px.',
    ]);
    expect(inFull({ A: { nonInferiorTo: 'best', margin: 0.01 } }, ask('A'))[0]).toMatch(
      /^512 px: the rule for A is to stay within 0.01 AUROC of the best variant/,
    );
  });
});

describe('a plan in an answer', () => {
  const plan = unwrap(route(catalog, policyOf({}, { auroc: 0.6, bound: 'lower' }), costs, ask('A', 'B')));

  test('compares its cost with the cost of always using the largest variant', () => {
    expect(presentPlan(plan, costs)).toEqual({
      policy: 'test',
      costDevice: 'cpu',
      costMeasuredOn: 'a test',
      costMs: 10,
      largest: { variant: 'large', costMs: 40 },
      costVsLargest: 0.25,
      variants: [{ id: 'small', resolution: 256, precision: 'fp32', findings: ['A', 'B'], costMs: 10 }],
    });
  });

  test('states the part of its cost for decoding', () => {
    const decoded = catalogOf([
      variant('small', 256, 10, { A: head(0.7) }, 5),
      variant('large', 512, 40, { A: head(0.85) }, 10),
    ]);
    const table = costTable(decoded, 'cpu');
    const plan = unwrap(route(decoded, policyOf({}, { auroc: 0.6, bound: 'lower' }), table, ask('A')));
    expect(presentPlan(plan, table)).toMatchObject({
      ...{ costMs: 15, decodeMs: 5, costVsLargest: 0.3 },
      largest: { variant: 'large', costMs: 50 },
      variants: [{ id: 'small', costMs: 10 }],
    });
  });
});
