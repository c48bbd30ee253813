import { expect, test } from 'vitest';
import { hasVnni } from '../../functions/platform/vnni.ts';

const cpuInfo = (flags: string) =>
  `processor\t: 0\nmodel name\t: A processor avx512_vnni\nflags\t\t: ${flags}\nbugs\t\t:\n`;

test.each([
  ['fpu sse avx2 avx512f avx512_vnni avx512_bitalg', true],
  ['fpu sse avx2 avx_vnni', true],
  ['fpu sse avx2 avx512f', false],
  ['fpu xavx_vnni avx_vnni_int8', false],
])('the processor flags %j: VNNI is %j', (flags, expected) => {
  expect(hasVnni(() => cpuInfo(flags))).toBe(expected);
});

test('a system that does not list its instructions counts as one without VNNI, which is slower and exact', () => {
  const away = () => {
    throw new Error('ENOENT');
  };
  expect(hasVnni(away)).toBe(false);
});
