/** Task sizes. The memory holds all eight variants of the bundled family and the films in flight. */
export const sizes = {
  small: { cpu: 1024, memoryMiB: 3072 },
  medium: { cpu: 2048, memoryMiB: 4096 },
  large: { cpu: 4096, memoryMiB: 8192 },
  /** Fits an instance with 4 vCPU and 16 GiB, of which the ECS agent needs a part. */
  gpu: { cpu: 3072, memoryMiB: 12_288 },
} as const;

/** EC2 names of NVIDIA accelerators. */
export type Gpu = 't4' | 'l4' | 'a10g' | 'l40s';

export type Capacity = {
  readonly device: 'cpu' | 'gpu';
  readonly size: keyof typeof sizes;
  readonly min: number;
  readonly max: number;
};

/** Hours of the day with fewer running tasks. */
export type IdleHours = {
  /** Full hours, from 0 to 23. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
  /** The minimum number of tasks per service in these hours. */
  readonly api: number;
  readonly worker: number;
};

/** Who issues the tokens of callers. */
export type IdentityProvider =
  /** A Cognito pool of machine clients, created in the data stack. */
  | { readonly kind: 'cognito' }
  /** An OpenID Connect issuer of the hospital. A Lambda authorizer checks tokens with its published keys. */
  | { readonly kind: 'oidc'; readonly issuer: string; readonly audience: string };

export type Endpoint =
  | { readonly kind: 'public' }
  /** Reached only through the VPC, from these networks, over a VPN or Direct Connect. */
  | { readonly kind: 'private'; readonly networks: readonly string[] };

/** The settings of one deployment, such as dev, staging or prod. */
export type Environment = {
  readonly name: string;
  readonly region: string;
  /** Whether data is retained when the data stack is destroyed. */
  readonly keepData: boolean;
  readonly vpcCidr: string;
  /** How tasks reach AWS services and the internet. Webhooks to the internet need a NAT gateway. */
  readonly egress: { readonly natGateways: number; readonly interfaceEndpoints: boolean };
  readonly endpoint: Endpoint;
  readonly identity: IdentityProvider;
  /** A domain name and its ACM certificate of this region. With it, the hop from API Gateway to the load balancer uses TLS. */
  readonly domain?: { readonly name: string; readonly certificateArn: string };
  /** The GPU models that ECS may choose from, where a service uses a GPU. */
  readonly gpus: readonly Gpu[];
  readonly api: Capacity;
  readonly worker: Capacity & {
    /** The number of open jobs (waiting or in flight) per task. */
    readonly jobsPerTask: number;
    /** How long an idle task waits for further jobs before it stops. An idle GPU instance waits as long again. */
    readonly lingerMinutes: number;
  };
  readonly idle?: IdleHours;
  /** Separate services for requests that pin one of the listed variants. Without them, one service serves all variants. */
  readonly split: readonly {
    readonly name: string;
    readonly variants: readonly string[];
    readonly capacity: Capacity;
  }[];
  readonly models: { readonly family: string; readonly channel: 'live' | 'canary'; readonly cacheMb: number };
  readonly limits: {
    /** Requests per second of all callers together. */
    readonly stage: number;
    /** Requests per second and API key. */
    readonly key: number;
    /** Requests per month and API key. */
    readonly keyMonth: number;
    /** Requests per five minutes and IP address. All callers of a hospital may share one address. */
    readonly address: number;
  };
  readonly logDays: 30 | 90 | 365 | 3653;
  readonly budgetUsd: number;
  /** The address for alarms and budget notifications. */
  readonly email?: string;
  /**
   * The content of ALARA_PACS (docs/pacs.md), and the Secrets Manager secrets for its `passwordEnv` variables. The VPC must
   * reach the PACS: attach the VPN or Direct Connect outside these stacks.
   */
  readonly pacs?: {
    readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    /** Secret names, keyed by environment variable. */
    readonly secrets: Readonly<Record<string, string>>;
  };
  /** Training on AWS Batch with a GPU: reads labelled films from a bucket and publishes a family to the channel canary. */
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
    // One NAT gateway costs less than one interface endpoint per AWS service.
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

/** The environment of `-c env=<name>`. Throws an error that lists the known names. */
export function environmentNamed(name: string): Environment {
  const found = environments.find((environment) => environment.name === name);
  if (found) return found;
  throw new Error(`Unknown environment ${name}. Known: ${environments.map((e) => e.name).join(', ')}.`);
}

/** The contradictions within an environment, one sentence per contradiction. */
export function contradictions(environment: Environment): readonly string[] {
  const { name, api, worker, idle, split, egress, gpus, pacs, limits } = environment;
  const services = [
    { service: 'api', ...api },
    { service: 'worker', ...worker },
    ...split.map((part) => ({ service: part.name, ...part.capacity })),
  ];
  const found = [
    // Without a task, the load balancer answers 503 and cannot add Retry-After.
    ...[api.min, idle?.api ?? api.min, ...split.map(({ capacity }) => capacity.min)].map(
      (min) => min < 1 && 'a service that answers HTTP needs at least one task',
    ),
    ...services.map(
      ({ service, min, max }) => (min > max || max < 1) && `${service}: min ${min} contradicts max ${max}`,
    ),
    ...services.map(
      ({ service, device, size }) =>
        (device === 'gpu') !== (size === 'gpu') && `${service}: the device ${device} cannot have the size ${size}`,
    ),
    ...services.map(({ service, device }) => device === 'gpu' && gpus.length === 0 && `${service}: gpus is empty`),
    ...split.map((part) => part.variants.length > 5 && `${part.name}: a listener rule allows at most 5 variants`),
    egress.natGateways === 0 &&
      !egress.interfaceEndpoints &&
      'tasks cannot reach AWS without a NAT gateway or interface endpoints',
    // The PACS followers run in the worker.
    pacs !== undefined &&
      Math.min(worker.min, idle?.worker ?? worker.min) < 1 &&
      'following a PACS needs at least one worker at all hours',
    limits.key > limits.stage && `limits: key (${limits.key} per second) is above stage (${limits.stage} per second)`,
    limits.address < limits.key * 300 &&
      `limits: key allows ${limits.key * 300} requests in five minutes, but address only ${limits.address}`,
    worker.max > 38 && 'worker: max is above 38, the number of scaling steps',
  ];
  return [...new Set(found.filter((line) => line !== false))].map((line) => `${name}: ${line}.`);
}
