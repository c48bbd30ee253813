/** What a task may use. Memory is what all eight variants of the bundled family need, and films in flight. */
export const sizes = {
  small: { cpu: 1024, memoryMiB: 3072 },
  medium: { cpu: 2048, memoryMiB: 4096 },
  large: { cpu: 4096, memoryMiB: 8192 },
  /** Fits an instance of 4 processors and 16 GiB, whose agent takes a part. */
  gpu: { cpu: 3072, memoryMiB: 12_288 },
} as const;

/** NVIDIA accelerators by EC2's names. */
export type Gpu = 't4' | 'l4' | 'a10g' | 'l40s';

export type Capacity = {
  readonly device: 'cpu' | 'gpu';
  readonly size: keyof typeof sizes;
  readonly min: number;
  readonly max: number;
};

/** Hours in which less is kept running. */
export type IdleHours = {
  /** Whole hours of the day, from 0 to 23. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
  /** The fewest tasks of each service then. */
  readonly api: number;
  readonly worker: number;
};

export type Identity =
  /** A pool of machine clients, made here. */
  | { readonly kind: 'cognito' }
  /** An issuer that the hospital has: its tokens are checked against its published keys. */
  | { readonly kind: 'oidc'; readonly issuer: string; readonly audience: string };

export type Endpoint =
  | { readonly kind: 'public' }
  /** Reached only through the VPC: from these networks, over a VPN or a direct connection. */
  | { readonly kind: 'private'; readonly networks: readonly string[] };

/** One deployment: what differs between dev, staging and prod, as typed values. */
export type Environment = {
  readonly name: string;
  readonly region: string;
  /** Whether data outlives the stack. */
  readonly keepData: boolean;
  readonly vpcCidr: string;
  /** The way to AWS and out. Webhooks to the internet need a NAT gateway. */
  readonly egress: { readonly natGateways: number; readonly interfaceEndpoints: boolean };
  readonly endpoint: Endpoint;
  readonly identity: Identity;
  /** A name and its certificate in ACM, in this region: TLS as far as the load balancer. */
  readonly domain?: { readonly name: string; readonly certificateArn: string };
  /** Which GPUs may be taken, where a service uses one. */
  readonly gpus: readonly Gpu[];
  readonly api: Capacity;
  readonly worker: Capacity & {
    /** How many jobs, waiting or worked on, call for one more task. */
    readonly jobsPerTask: number;
    /** How long an idle GPU waits for more. */
    readonly lingerMinutes: number;
  };
  readonly idle?: IdleHours;
  /** Services of their own for requests that pin one of these variants; one serves all by default. */
  readonly split: readonly {
    readonly name: string;
    readonly variants: readonly string[];
    readonly capacity: Capacity;
  }[];
  readonly models: { readonly family: string; readonly channel: 'live' | 'canary'; readonly cacheMb: number };
  readonly limits: {
    /** Of all callers together, a second; and of one API key, a second and a month. */
    readonly stage: number;
    readonly key: number;
    readonly keyMonth: number;
    /** Of one address, in five minutes; a hospital's callers may all come from one. */
    readonly address: number;
  };
  readonly logDays: 30 | 90 | 365 | 3653;
  readonly budgetUsd: number;
  /** Who is told of alarms and of the budget. */
  readonly email?: string;
  /**
   * What ALARA_PACS holds (docs/pacs.md), and the secrets of Secrets Manager that its `passwordEnv` are filled from. The
   * VPC must reach these addresses: a VPN or a direct connection is joined to it outside these stacks.
   */
  readonly pacs?: {
    readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    /** The name of the secret by the name of the environment variable. */
    readonly secrets: Readonly<Record<string, string>>;
  };
  /** AWS Batch on a GPU that trains a family from a bucket of labelled films and publishes it to the channel canary. */
  readonly pipeline?: {
    readonly filmsBucket: string;
    readonly instances: readonly string[];
    readonly diskGib: number;
    readonly hours: number;
  };
};

const common = {
  region: 'eu-central-1',
  identity: { kind: 'cognito' },
  gpus: ['t4', 'l4', 'a10g'],
  split: [],
  models: { family: 'chest14', channel: 'live', cacheMb: 2048 },
} as const;

const night = { from: 20, to: 6, timeZone: 'Europe/Berlin' } as const;

export const environments: readonly Environment[] = [
  {
    ...common,
    name: 'dev',
    keepData: false,
    vpcCidr: '10.40.0.0/16',
    // One gateway costs less than an endpoint for each service.
    egress: { natGateways: 1, interfaceEndpoints: false },
    endpoint: { kind: 'public' },
    api: { device: 'cpu', size: 'small', min: 1, max: 2 },
    worker: { device: 'cpu', size: 'small', min: 0, max: 2, jobsPerTask: 20, lingerMinutes: 5 },
    limits: { stage: 50, key: 10, keyMonth: 100_000, address: 15_000 },
    logDays: 30,
    budgetUsd: 200,
  },
  {
    ...common,
    name: 'staging',
    keepData: true,
    vpcCidr: '10.41.0.0/16',
    egress: { natGateways: 0, interfaceEndpoints: true },
    endpoint: { kind: 'public' },
    models: { ...common.models, channel: 'canary' },
    api: { device: 'cpu', size: 'medium', min: 1, max: 4 },
    worker: { device: 'gpu', size: 'gpu', min: 0, max: 2, jobsPerTask: 50, lingerMinutes: 15 },
    limits: { stage: 100, key: 20, keyMonth: 500_000, address: 30_000 },
    logDays: 90,
    budgetUsd: 800,
  },
  {
    ...common,
    name: 'prod',
    keepData: true,
    vpcCidr: '10.42.0.0/16',
    egress: { natGateways: 0, interfaceEndpoints: true },
    endpoint: { kind: 'private', networks: ['10.0.0.0/8'] },
    api: { device: 'cpu', size: 'large', min: 2, max: 8 },
    worker: { device: 'gpu', size: 'gpu', min: 1, max: 6, jobsPerTask: 50, lingerMinutes: 15 },
    idle: { ...night, api: 2, worker: 0 },
    limits: { stage: 200, key: 50, keyMonth: 2_000_000, address: 60_000 },
    logDays: 3653,
    budgetUsd: 2500,
  },
];

/** The environment of `-c env=<name>`. Throws with the names there are. */
export function environmentNamed(name: string): Environment {
  const found = environments.find((environment) => environment.name === name);
  if (found) return found;
  throw new Error(`-c env=${name}: no such environment. Known: ${environments.map((e) => e.name).join(', ')}.`);
}

/** What an environment says that cannot be, a line each. */
export function contradictions(environment: Environment): readonly string[] {
  const { name, api, worker, idle, split, egress, gpus, pacs, limits } = environment;
  const services = [
    { of: 'api', ...api },
    { of: 'worker', ...worker },
    ...split.map((part) => ({ of: part.name, ...part.capacity })),
  ];
  const said = [
    // The load balancer would answer 503 by itself, and cannot add Retry-After: some task must be there to say when.
    ...[api.min, idle?.api ?? api.min, ...split.map(({ capacity }) => capacity.min)].map(
      (min) => min < 1 && 'whatever answers HTTP keeps one task at least',
    ),
    ...services.map(({ of, min, max }) => (min > max || max < 1) && `${of}: min ${min} and max ${max}`),
    ...services.map(
      ({ of, device, size }) => (device === 'gpu') !== (size === 'gpu') && `${of}: ${device} of size ${size}`,
    ),
    ...services.map(({ of, device }) => device === 'gpu' && gpus.length === 0 && `${of}: no GPU is listed`),
    ...split.map((part) => part.variants.length > 5 && `${part.name}: a rule of the load balancer takes 5 variants`),
    egress.natGateways === 0 && !egress.interfaceEndpoints && 'no way to AWS: a NAT gateway or interface endpoints',
    // Followers run in the worker.
    pacs !== undefined &&
      Math.min(worker.min, idle?.worker ?? worker.min) < 1 &&
      'a PACS is followed by one worker at least',
    limits.key > limits.stage && `limits: a key may send ${limits.key} a second, all together ${limits.stage}`,
    limits.address < limits.key * 300 &&
      `limits: one key alone may send ${limits.key * 300} in five minutes, its address ${limits.address}`,
    worker.max > 38 && 'worker: 38 tasks at most, a step each',
  ];
  return [...new Set(said.filter((line) => line !== false))].map((line) => `${name}: ${line}.`);
}
