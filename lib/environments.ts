/** One deployment: what differs between dev, staging and prod, as typed values. */
export type Environment = {
  readonly name: string;
  /** Whether data outlives the stack. */
  readonly keepData: boolean;
};

export const environments: readonly Environment[] = [
  { name: 'dev', keepData: false },
  { name: 'staging', keepData: true },
  { name: 'prod', keepData: true },
];

/** The environment of `-c env=<name>`. Throws with the names there are. */
export function environmentNamed(name: string): Environment {
  const found = environments.find((environment) => environment.name === name);
  if (found) return found;
  throw new Error(`-c env=${name}: no such environment. Known: ${environments.map((e) => e.name).join(', ')}.`);
}
