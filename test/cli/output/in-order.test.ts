import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inOrder } from '../../../functions/cli/commands/read.ts';

test('returns results in the order of the items, and runs at most `width` at a time', async () => {
  const delays = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(delays, fc.integer({ min: 1, max: 5 }), async (items, width) => {
      let underWay = 0;
      let most = 0;
      const results: number[] = [];
      const work = async (item: number) => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setTimeout(resolve, item));
        underWay--;
        return item;
      };
      for await (const result of inOrder(items, width, work)) results.push(result);
      expect(results).toEqual(items);
      expect(most).toBeLessThanOrEqual(width);
    }),
    { numRuns: 30 },
  );
});
