import { readFileSync } from 'node:fs';

/**
 * Whether the processor has VNNI instructions, which add products of int8 values without overflow. False where the system does not
 * say: only Linux lists the instructions of its processor.
 */
export function hasVnni(cpuInfo: () => string = () => readFileSync('/proc/cpuinfo', 'utf8')): boolean {
  try {
    return /^flags\s*:.*\bavx(?:512)?_vnni\b/m.test(cpuInfo());
  } catch {
    return false;
  }
}
