import { readFileSync } from 'node:fs';

export type Instruction = { readonly name: string; readonly value: string };
export type Stage = {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
};

/** The instructions of a Dockerfile, without comments and with continued lines joined. */
const instructions = readFileSync('functions/Dockerfile', 'utf8')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line): Instruction => {
    const [, name = '', value = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    return { name, value };
  });

const firstStage = instructions.findIndex(({ name }) => name === 'FROM');

/** The build arguments for FROM, with their defaults. */
export const globals = Object.fromEntries(
  instructions.slice(0, firstStage).map(({ value }) => value.split('=') as [string, string]),
);

export const stages: readonly Stage[] = instructions.flatMap(({ name, value }, at) => {
  if (name !== 'FROM') return [];
  const [base = '', alias = ''] = value.split(' AS ');
  const next = instructions.findIndex((instruction, i) => i > at && instruction.name === 'FROM');
  return [{ base, name: alias, instructions: instructions.slice(at + 1, next === -1 ? undefined : next) }];
});

export function stageNamed(name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (!found) throw new Error(`the Dockerfile has no stage ${name}`);
  return found;
}

/** The arguments of all instructions of one kind in a stage. */
export const said = (stage: string, instruction: string): readonly string[] =>
  stageNamed(stage).instructions.flatMap(({ name, value }) => (name === instruction ? [value] : []));

/** The arguments of the only instruction of a kind. */
export function only(stage: string, instruction: string): string {
  const [value, ...more] = said(stage, instruction);
  if (value === undefined || more.length > 0) throw new Error(`${stage} has ${1 + more.length} ${instruction}`);
  return value;
}

/** The command of the RUN that contains a text, without its mounts. */
export function run(stage: string, about: string): string {
  const found = said(stage, 'RUN').find((value) => value.includes(about));
  if (!found) throw new Error(`${stage} does not run ${about}`);
  return found.replace(/^(--\S+\s+)*/, '');
}

/** The arguments of an instruction in its JSON form. */
export const argv = (value: string): string[] => JSON.parse(value.slice(value.indexOf('[')));

/** The environment variables of a stage. */
export const environment = (stage: string): Record<string, string> =>
  Object.fromEntries(
    said(stage, 'ENV')
      .flatMap((value) => value.split(' '))
      .map((pair) => pair.split('=') as [string, string]),
  );
