import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The command that installs all tools of the DICOM tests. */
export const install = 'apt-get install dcmtk libopenjp2-tools openjph-tools';

export const has = (...programs: readonly string[]) =>
  programs.every((program) =>
    (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program))),
  );

/** Run a program that reads one file and writes another file. */
export function through(
  program: string,
  args: (input: string, output: string) => readonly string[],
  bytes: Uint8Array,
  [from, to]: readonly [string, string] = ['in.dcm', 'out.dcm'],
): Buffer<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), 'alara-dicom-'));
  try {
    const [input, output] = [join(folder, from), join(folder, to)];
    writeFileSync(input, bytes);
    execFileSync(program, args(input, output), { stdio: ['ignore', 'ignore', 'pipe'] });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Like {@link through}, for DCMTK's programs: options, then the input file and the output file. */
export const dcmtk = (program: string, options: readonly string[], file: Uint8Array) =>
  through(program, (input, output) => [...options, input, output], file);
