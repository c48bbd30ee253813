import { expect, test } from 'vitest';
import type { Synthesized } from '../synthesize.ts';

export function nagInvariants({ findings, idle }: Synthesized): void {
  test('no finding of AwsSolutions or HIPAA.Security is unacknowledged', () => {
    expect(findings).toEqual([]);
  });

  test('no acknowledgement answers nothing', () => {
    expect(idle).toEqual([]);
  });
}
