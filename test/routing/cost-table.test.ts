import { describe, expect, test } from 'vitest';
import type { DeviceCosts } from '../../functions/core/catalog.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { catalogOf, head, variant } from '../support/family.ts';

const heads = { A: head(0.8) };
const [small, large] = [variant('small', 256, 10, heads, 5), variant('large', 512, 40, heads, 8)];
const decoded = catalogOf([small, large]);
const graphsOnly = catalogOf([variant('small', 256, 10, heads), variant('large', 512, 40, heads)]);
const host: DeviceCosts = {
  device: 'cpu',
  measuredOn: 'this host',
  variants: { small: { ms: 3, decodeMs: 1 }, large: { ms: 9, decodeMs: 2 } },
};

describe('a cost table', () => {
  test('adds one decoding, the dearest, to the costs of the variants of a plan', () => {
    const costs = costTable(decoded, 'cpu');
    expect([costs.of(small), costs.plan([small]), costs.plan([large])]).toEqual([10, 15, 48]);
    expect([costs.decode([small, large]), costs.plan([small, large])]).toEqual([8, 58]);
    expect(costs).toMatchObject({ device: 'cpu', measuredOn: 'a test', source: 'catalog', withDecoding: true });
  });

  test('of a catalog without decoding is that of the graphs, with the rows from which ids are derived', () => {
    const costs = costTable(graphsOnly, 'cpu');
    expect(costs.rows).toEqual({ small: 10, large: 40 });
    expect([costs.decode([small, large]), costs.plan([small, large]), costs.withDecoding]).toEqual([0, 50, false]);
  });

  test('has rows with decoding where it was measured, so that ids depend on it', () => {
    expect(costTable(decoded, 'cpu').rows).toEqual({ small: { ms: 10, decodeMs: 5 }, large: { ms: 40, decodeMs: 8 } });
  });

  test('takes the costs of the host instead of those of the catalog, if they are of the device in use', () => {
    const costs = costTable(graphsOnly, 'cpu', host);
    expect(costs).toMatchObject({ device: 'cpu', measuredOn: 'this host', source: 'host', rows: host.variants });
    expect(costs.plan([small, large])).toBe(14);
    expect(costTable(graphsOnly, 'cuda', host)).toMatchObject({ device: 'cpu', source: 'catalog' });
  });

  test('names the device of its costs if the device in use has none', () => {
    expect(costTable(graphsOnly, 'cuda')).toMatchObject({ device: 'cpu', rows: { small: 10, large: 40 } });
  });

  test('needs a device that all variants of the catalog have', () => {
    const mixed = catalogOf([small, { ...large, cost: { ...large.cost, ms: { cuda: 1 } } }]);
    expect(() => costTable(mixed, 'cpu')).toThrow('no device has a cost for every variant');
  });
});
