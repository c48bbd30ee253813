import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Catalog, Comparison, Policy, Rule, Variant } from '../../functions/core/catalog.ts';
import { route } from '../../functions/routing/cheapest-plan.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { presentAssignments } from '../../functions/routing/present.ts';
import { judge } from '../../functions/routing/rule.ts';
import { ask, catalogOf, compared, faultOf, head, policyOf, unwrap, variant } from '../support/family.ts';

const auroc = (target: number, bound: 'lower' | 'point' = 'lower'): Rule => ({ auroc: target, bound });
const floor = (px: number): Rule => ({ minResolution: px, evidence: 'published', source: 'a paper' });
const plan = (catalog: Catalog, policy: Policy, request = ask(...catalog.findings)) =>
  route(catalog, policy, costTable(catalog, 'cpu'), request);
const ran = (result: ReturnType<typeof plan>) => unwrap(result).runs.map(({ variant: { id } }) => id);

const three = catalogOf([
  variant('small', 256, 10, { A: head(0.7), B: head(0.9) }),
  variant('middle', 320, 15, { A: head(0.8), B: head(0.91) }),
  variant('large', 512, 40, { A: head(0.85), B: head(0.92) }),
]);

describe('an AUROC target', () => {
  test('is compared with the lower end of the interval, unless the rule says point', () => {
    expect(ran(plan(three, policyOf({}, auroc(0.79)), ask('A')))).toEqual(['large']);
    expect(ran(plan(three, policyOf({}, auroc(0.79, 'point')), ask('A')))).toEqual(['middle']);
  });

  test('equal to the bound is met', () => {
    const exact = catalogOf([variant('only', 256, 10, { A: head(0.8, 0.75, 0.85) })]);
    expect(ran(plan(exact, policyOf({}, auroc(0.75))))).toEqual(['only']);
    expect(ran(plan(exact, policyOf({}, auroc(0.8, 'point'))))).toEqual(['only']);
    expect(plan(exact, policyOf({}, auroc(0.7501))).ok).toBe(false);
  });

  test('that no variant meets is refused with the best attainable value and its variant', () => {
    expect(faultOf(plan(three, policyOf({}, auroc(0.95)), ask('A')))).toEqual({
      code: 'unreachable_target',
      shortfalls: [
        {
          finding: 'A',
          required: 'AUROC 0.950 by the lower end of its interval',
          best: { variant: 'large', attains: 'AUROC 0.850 [0.830, 0.870]' },
        },
      ],
    });
  });

  test('of a request replaces only the rule of its findings', () => {
    const request = { ...ask('A', 'B'), minAuroc: { A: 0.82 } };
    const { assignments } = unwrap(plan(three, policyOf({}, auroc(0.6)), request));
    expect(assignments.map((a) => a.reason.rule)).toEqual([auroc(0.82), auroc(0.6)]);
    expect(assignments.map((a) => a.variant.id)).toEqual(['large', 'large']);
  });
});

describe('a floor', () => {
  test('is met at its resolution and above', () => {
    expect(ran(plan(three, policyOf({}, floor(320))))).toEqual(['middle']);
    expect(ran(plan(three, policyOf({}, floor(321))))).toEqual(['large']);
  });

  test('excludes a variant without a measurement of the finding', () => {
    const partial = catalogOf([
      variant('blind', 512, 5, { B: head(0.9) }),
      variant('seeing', 512, 50, { A: head(0.6), B: head(0.9) }),
    ]);
    expect(ran(plan(partial, policyOf({}, floor(256)), ask('A')))).toEqual(['seeing']);
  });
});

describe('non-inferiority', () => {
  const rule: Rule = { nonInferiorTo: 'best', margin: 0.02 };
  const between = (low: number, high: number, turned = false): Catalog => ({
    ...three,
    comparisons: turned
      ? [compared('A', 'large', 'small', -(low + high) / 2, [-high, -low])]
      : [compared('A', 'small', 'large', (low + high) / 2, [low, high])],
  });

  test('requires that the lower end of the paired difference exceeds the negative margin', () => {
    expect(ran(plan(between(-0.019, 0.01), policyOf({}, rule), ask('A')))).toEqual(['small']);
    expect(ran(plan(between(-0.02, 0.01), policyOf({}, rule), ask('A')))).toEqual(['large']);
  });

  test('reads a difference that is stored in the reverse order', () => {
    expect(ran(plan(between(-0.019, 0.01, true), policyOf({}, rule), ask('A')))).toEqual(['small']);
    expect(ran(plan(between(-0.021, 0.01, true), policyOf({}, rule), ask('A')))).toEqual(['large']);
  });

  test('is not assumed without a comparison', () => {
    const [assignment] = unwrap(plan(three, policyOf({}, rule), ask('A'))).assignments;
    expect(assignment?.variant.id).toBe('large');
    expect(assignment?.passedOver.map(({ because }) => because)).toEqual([
      { kind: 'not_compared', best: 'large' },
      { kind: 'not_compared', best: 'large' },
    ]);
  });
});

describe('a tie', () => {
  test('between the best variants is won by the first in the catalog', () => {
    const twins = catalogOf([
      variant('first', 320, 30, { A: head(0.8) }),
      variant('second', 320, 20, { A: head(0.8) }),
    ]);
    const [assignment] = unwrap(plan(twins, policyOf({}, { nonInferiorTo: 'best', margin: 0 }), ask('A'))).assignments;
    expect(assignment?.variant.id).toBe('first');
    expect(assignment?.passedOver[0]?.because).toEqual({ kind: 'not_compared', best: 'first' });
  });

  test('between plans of equal cost is won by the lower resolution', () => {
    const even = catalogOf([variant('large', 512, 20, { A: head(0.8) }), variant('small', 256, 20, { A: head(0.8) })]);
    expect(ran(plan(even, policyOf({}, auroc(0.5)), ask('A')))).toEqual(['small']);
  });
});

describe('a plan', () => {
  test('gives the reason for each cheaper variant that it does not use', () => {
    const [a, b] = unwrap(plan(three, policyOf({ A: auroc(0.82) }, auroc(0.6)))).assignments;
    expect(a?.passedOver.map(({ variant: v, because }) => [v.id, because])).toEqual([
      ['small', { kind: 'auroc_below', bound: 'lower', attained: 0.7 - 0.02, required: 0.82 }],
      ['middle', { kind: 'auroc_below', bound: 'lower', attained: 0.8 - 0.02, required: 0.82 }],
    ]);
    expect(b?.passedOver.map(({ because }) => because)).toEqual([
      { kind: 'dearer_together', instead: 'large' },
      { kind: 'dearer_together', instead: 'large' },
    ]);
  });

  test('runs two variants if they are cheaper together than one variant for both findings', () => {
    const split = catalogOf([
      variant('a', 256, 10, { A: head(0.9), B: head(0.5) }),
      variant('b', 256, 12, { A: head(0.5), B: head(0.9) }),
      variant('both', 512, 30, { A: head(0.9), B: head(0.9) }),
    ]);
    const found = unwrap(plan(split, policyOf({}, auroc(0.8))));
    expect(found.runs.map(({ variant: v, findings }) => [v.id, findings])).toEqual([
      ['a', ['A']],
      ['b', ['B']],
    ]);
    expect(found.costMs).toBe(22);
    expect(found.largest).toMatchObject({ variant: { id: 'both' }, costMs: 30 });
  });

  test('of the largest variant is compared with the cheapest variant of the highest resolution', () => {
    const twins = catalogOf([variant('dear', 512, 50, { A: head(0.9) }), variant('cheap', 512, 20, { A: head(0.9) })]);
    expect(unwrap(plan(twins, policyOf({}, floor(512)))).largest.variant.id).toBe('cheap');
  });
});

describe('a pinned variant', () => {
  test('serves all findings, and the plan still has the result of the rule', () => {
    const found = unwrap(plan(three, policyOf({}, auroc(0.75)), { ...ask('A', 'B'), variant: 'middle' }));
    expect(found.runs.map(({ variant: { id } }) => id)).toEqual(['middle']);
    expect(found.assignments.map(({ reason }) => reason)).toMatchObject([
      { kind: 'pinned', miss: null },
      { kind: 'pinned', miss: null },
    ]);
    const low = unwrap(plan(three, policyOf({}, auroc(0.75)), { ...ask('A'), variant: 'small' }));
    expect(low.assignments[0]?.reason).toMatchObject({ kind: 'pinned', miss: { kind: 'auroc_below' } });
  });

  test('that does not exist is refused, and the error lists the variants', () => {
    expect(faultOf(plan(three, policyOf({}, auroc(0.5)), { ...ask('A'), variant: 'huge' }))).toEqual({
      code: 'unknown_variant',
      variant: 'huge',
      known: ['small', 'middle', 'large'],
    });
  });

  test('without a measurement of a finding cannot serve the finding', () => {
    const partial = catalogOf([
      variant('blind', 512, 5, { B: head(0.9) }),
      variant('seeing', 512, 50, { A: head(0.6) }),
    ]);
    const fault = faultOf(plan(partial, policyOf({}, auroc(0.5)), { ...ask('A'), variant: 'blind' }));
    expect(fault).toMatchObject({
      code: 'unreachable_target',
      shortfalls: [{ finding: 'A', best: { variant: 'seeing' } }],
    });
  });
});

describe('best effort', () => {
  test('serves an unreachable finding with the nearest variant and flags it, and leaves other findings unchanged', () => {
    const request = { ...ask('A', 'B'), minAuroc: { A: 0.99 }, bestEffort: true };
    const [a, b] = unwrap(plan(three, policyOf({}, auroc(0.6)), request)).assignments;
    expect(a).toMatchObject({
      variant: { id: 'large' },
      reason: { kind: 'best_effort', miss: { kind: 'auroc_below' } },
    });
    expect(b?.reason.kind).toBe('meets');
  });

  test('takes the cheapest of the equally near variants', () => {
    const found = plan(three, policyOf({}, floor(1024)), { ...ask('A'), bestEffort: true });
    expect(ran(found)).toEqual(['large']);
    const twins = catalogOf([variant('dear', 512, 50, { A: head(0.9) }), variant('cheap', 512, 20, { A: head(0.9) })]);
    expect(ran(plan(twins, policyOf({}, floor(1024)), { ...ask('A'), bestEffort: true }))).toEqual(['cheap']);
  });

  test('measures the distance at the end of the interval that the rule compares', () => {
    const wide = catalogOf([
      variant('wide', 256, 10, { A: head(0.85, 0.6, 0.95) }),
      variant('narrow', 256, 20, { A: head(0.8, 0.75, 0.85) }),
    ]);
    const effort = { ...ask('A'), bestEffort: true };
    expect(ran(plan(wide, policyOf({}, auroc(0.99)), effort))).toEqual(['narrow']);
    expect(ran(plan(wide, policyOf({}, auroc(0.99, 'point')), effort))).toEqual(['wide']);
  });

  test('cannot serve a finding without a measurement', () => {
    const partial = catalogOf([variant('blind', 512, 5, { B: head(0.9) })]);
    const odd = { ...partial, findings: ['A', 'B'] };
    expect(faultOf(plan(odd, policyOf({}, auroc(0.5)), { ...ask('A'), bestEffort: true }))).toMatchObject({
      code: 'unreachable_target',
      shortfalls: [{ finding: 'A', best: null }],
    });
  });
});

describe('the cost of decoding', () => {
  const high = { A: head(0.9), B: head(0.9) };
  const low = { A: head(0.5), B: head(0.9) };
  const rules = policyOf({ A: auroc(0.85), B: auroc(0.85) });

  test('can make one large variant cheaper than two variants, because it is paid once', () => {
    const catalog = catalogOf([variant('small', 256, 5, low, 2), variant('large', 512, 10, high, 30)]);
    const found = unwrap(plan(catalog, rules));
    expect(found).toMatchObject({ costMs: 40, decodeMs: 30, runs: [{ variant: { id: 'large' }, costMs: 10 }] });
    expect(unwrap(plan(catalog, rules, ask('B')))).toMatchObject({ costMs: 7, decodeMs: 2 });
  });

  test('orders variants, and the explanation says when another variant decodes the film anyway', () => {
    const catalog = catalogOf([
      variant('slow', 256, 9, { B: head(0.9) }, 1),
      variant('quick', 448, 2, { B: head(0.9) }, 20),
      variant('large', 512, 10, { A: head(0.9) }, 30),
    ]);
    expect(ran(plan(catalog, rules, ask('B')))).toEqual(['slow']);
    const found = unwrap(plan(catalog, rules, ask('A', 'B')));
    expect(found).toMatchObject({ costMs: 42, runs: [{ variant: { id: 'quick' } }, { variant: { id: 'large' } }] });
    expect(presentAssignments(found)[1]).toMatchObject({
      passedOver: [
        {
          variant: 'slow',
          reason:
            'good enough and no dearer alone, but the film is decoded for large anyway, and then quick costs less',
        },
      ],
      explanation: expect.stringMatching(
        /slow would suffice and costs no more alone, but .* large .* quick costs less\.$/,
      ),
    });
  });

  test('is 0 in a catalog that was measured without decoding', () => {
    expect(unwrap(plan(three, policyOf({}, floor(320)), ask('A')))).toMatchObject({ costMs: 15, decodeMs: 0 });
  });
});

describe('laws', () => {
  const findings = ['A', 'B', 'C', 'D'];
  const unit = fc.double({ min: 0.5, max: 1, noNaN: true });
  const someHead = fc.tuple(unit, unit, unit).map((three) => {
    const [low = 0, value = 0, high = 0] = three.toSorted((x, y) => x - y);
    return head(value, low, high);
  });
  const someRows = fc.array(
    fc.record({
      resolution: fc.constantFrom(256, 320, 448, 512),
      costMs: fc.integer({ min: 1, max: 50 }),
      decodeMs: fc.integer({ min: 1, max: 50 }),
      heads: fc.tuple(someHead, someHead, someHead, someHead),
    }),
    { minLength: 1, maxLength: 6 },
  );
  /** Variants with the cost of decoding, or without it as in earlier catalogs. */
  const someVariants = fc.tuple(someRows, fc.boolean()).map(([rows, withDecoding]) =>
    rows.map(({ resolution, costMs, decodeMs, heads }, i) => {
      const headOf = Object.fromEntries(findings.map((f, j) => [f, heads[j] ?? head(0.5)]));
      return variant(`v${i}`, resolution, costMs, headOf, withDecoding ? decodeMs : undefined);
    }),
  );
  const decodeMsOf = ({ cost }: Variant) => cost.decodeMs?.['cpu'] ?? 0;
  /** The cost of always using one variant. */
  const totalMsOf = (v: Variant) => (v.cost.ms['cpu'] ?? 0) + decodeMsOf(v);
  const someComparisons = (ids: string[]): fc.Arbitrary<Comparison[]> =>
    fc.array(
      fc
        .record({
          finding: fc.constantFrom(...findings),
          v: fc.constantFrom(...ids),
          reference: fc.constantFrom(...ids),
          difference: fc.double({ min: -0.05, max: 0.05, noNaN: true }),
          spread: fc.double({ min: 0, max: 0.05, noNaN: true }),
        })
        .map(({ finding, v, reference, difference, spread }) =>
          compared(finding, v, reference, difference, [difference - spread, difference + spread]),
        ),
      { maxLength: 12 },
    );
  const someCatalog = someVariants.chain((variants) =>
    someComparisons(variants.map(({ id }) => id)).map((comparisons) => catalogOf(variants, comparisons)),
  );
  const someRule: fc.Arbitrary<Rule> = fc.oneof(
    fc.record({ auroc: unit, bound: fc.constantFrom('lower' as const, 'point' as const) }),
    fc.record({ nonInferiorTo: fc.constant('best' as const), margin: fc.double({ min: 0, max: 0.1, noNaN: true }) }),
    fc.constantFrom(256, 320, 448, 512).map(floor),
  );
  const somePolicy = fc
    .tuple(someRule, someRule, someRule, someRule)
    .map((rules) => policyOf(Object.fromEntries(findings.map((f, i) => [f, rules[i] ?? floor(256)]))));
  const someFindings = fc.subarray(findings, { minLength: 1 });

  /** The least cost over all assignments of findings to variants. Shares no code with the router's search. */
  function cheapestAssignment(catalog: Catalog, policy: Policy, asked: string[]): number {
    let best = Number.POSITIVE_INFINITY;
    const walk = (at: number, used: Set<Variant>, cost: number) => {
      const finding = asked[at];
      if (finding === undefined) {
        best = Math.min(best, cost + Math.max(...[...used].map(decodeMsOf)));
        return;
      }
      for (const v of catalog.variants) {
        const rule = policy.rules[finding];
        if (!rule || judge(rule, finding, v, catalog) !== null) continue;
        walk(at + 1, new Set([...used, v]), used.has(v) ? cost : cost + (v.cost.ms['cpu'] ?? 0));
      }
    };
    walk(0, new Set(), 0);
    return best;
  }

  test('the plan equals a brute-force search on every subset of findings', () => {
    fc.assert(
      fc.property(someCatalog, somePolicy, someFindings, (catalog, policy, asked) => {
        const found = plan(catalog, policy, ask(...asked));
        const least = cheapestAssignment(catalog, policy, asked);
        expect(found.ok).toBe(Number.isFinite(least));
        if (!found.ok) return;
        expect(found.value.costMs).toBeCloseTo(least, 9);
        expect(found.value.assignments.map(({ finding }) => finding)).toEqual(asked);
        for (const { finding, variant: v } of found.value.assignments)
          expect(judge(policy.rules[finding] ?? floor(9999), finding, v, catalog)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  test('the plan costs at most as much as the cheapest single variant that satisfies all findings', () => {
    fc.assert(
      fc.property(someCatalog, somePolicy, someFindings, (catalog, policy, asked) => {
        const single = catalog.variants
          .filter((v) => asked.every((f) => judge(policy.rules[f] ?? floor(9999), f, v, catalog) === null))
          .map(totalMsOf);
        const found = plan(catalog, policy, ask(...asked));
        if (single.length > 0) expect(unwrap(found).costMs).toBeLessThanOrEqual(Math.min(...single));
      }),
    );
  });

  test('a lower target never costs more', () => {
    fc.assert(
      fc.property(someCatalog, someFindings, unit, unit, (catalog, asked, x, y) => {
        const at = (target: number) => {
          const found = plan(catalog, policyOf({}, auroc(target)), ask(...asked));
          return found.ok ? found.value.costMs : Number.POSITIVE_INFINITY;
        };
        expect(at(Math.min(x, y))).toBeLessThanOrEqual(at(Math.max(x, y)));
      }),
    );
  });

  test('the rejected variants are exactly the cheaper variants', () => {
    fc.assert(
      fc.property(someCatalog, somePolicy, (catalog, policy) => {
        const found = plan(catalog, policy);
        if (!found.ok) return;
        for (const { variant: chosen, passedOver } of found.value.assignments) {
          const cheaper = catalog.variants.filter((v) => totalMsOf(v) < totalMsOf(chosen));
          expect(passedOver.map(({ variant: v }) => v)).toEqual(expect.arrayContaining(cheaper));
        }
      }),
    );
  });

  test('the cost is that of the runs plus one decoding, for the variant that needs most', () => {
    fc.assert(
      fc.property(someCatalog, somePolicy, (catalog, policy) => {
        const found = plan(catalog, policy);
        if (!found.ok) return;
        const { runs, costMs, decodeMs, largest } = found.value;
        expect(decodeMs).toBe(Math.max(...runs.map(({ variant: v }) => decodeMsOf(v))));
        expect(costMs).toBe(runs.reduce((sum, run) => sum + run.costMs, 0) + decodeMs);
        expect(largest.costMs).toBe(totalMsOf(largest.variant));
      }),
    );
  });

  test('every reason against a sufficient variant is true', () => {
    fc.assert(
      fc.property(someCatalog, somePolicy, (catalog, policy) => {
        const found = plan(catalog, policy);
        if (!found.ok) return;
        const { assignments, costMs } = found.value;
        for (const { explanation } of presentAssignments(found.value))
          expect(explanation).not.toMatch(/but {2}|undefined/);
        for (const { variant: chosen, passedOver } of assignments)
          for (const { variant: cheaper, because } of passedOver) {
            if (because.kind !== 'dearer_after_decoding' && because.kind !== 'dearer_together') continue;
            const served = assignments.filter((other) => other.variant === chosen);
            const replaces = served.every(({ finding }) => {
              const rule = policy.rules[finding];
              return rule !== undefined && judge(rule, finding, cheaper, catalog) === null;
            });
            expect(replaces).toBe(because.kind === 'dearer_after_decoding');
            if (because.kind !== 'dearer_after_decoding') continue;
            const others = found.value.runs.map((run) => run.variant).filter((v) => v !== chosen);
            expect(others.map(({ id }) => id)).toContain(because.decodedFor);
            expect(costTable(catalog, 'cpu').plan([...others, cheaper])).toBeGreaterThanOrEqual(costMs);
          }
      }),
      { numRuns: 1000 },
    );
  });

  test('a changed AUROC in the catalog changes the route', () => {
    const policy = policyOf({}, auroc(0.75));
    expect(ran(plan(three, policy, ask('A')))).toEqual(['middle']);
    const edited = catalogOf(
      three.variants.map((v) => (v.id === 'small' ? { ...v, heads: { ...v.heads, A: head(0.8) } } : v)),
    );
    expect(ran(plan(edited, policy, ask('A')))).toEqual(['small']);
  });
});
