import { expect, test } from 'vitest';
import type { Synthesized } from '../synthesize.ts';

export function nagInvariants({ findings, unused }: Synthesized): void {
  test('no finding of AwsSolutions or HIPAA.Security is unacknowledged', () => {
    expect(findings).toEqual([]);
  });

  test('every acknowledgement matches a finding', () => {
    expect(unused).toEqual([]);
  });
}
