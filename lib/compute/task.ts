import { fileURLToPath } from 'node:url';
import { Aws, Duration } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  Capability,
  Compatibility,
  ContainerImage,
  CpuArchitecture,
  LinuxParameters,
  LogDriver,
  NetworkMode,
  OperatingSystemFamily,
  Secret,
  TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret as SealSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import { grantItems, grantModels, grantSend, grantUploads, grantWork } from '../data/grants.ts';
import { type Capacity, type Environment, sizes } from '../environments.ts';
import { acknowledge, allObjects } from '../nag.ts';
import { revision, version } from '../revision.ts';

export type TaskProps = {
  readonly name: string;
  readonly environment: Environment;
  readonly data: DataStack;
  readonly role: 'api' | 'worker';
  readonly capacity: Capacity;
  readonly log: LogGroup;
  readonly cudaProvider?: CudaProvider;
};

/**
 * The NuGet package whose CUDA libraries the image is built with, and its SHA-256 (docs/container.md):
 * `-c cudaProviderUrl=… -c cudaProviderSha256=…`.
 */
export type CudaProvider = { readonly url: string; readonly sha256: string };

/** What the command line names. Throws where it names one half: an image would be built without, and stop at its end. */
export function cudaProviderOf(url: string | undefined, sha256: string | undefined): CudaProvider | undefined {
  if (url && sha256) return { url, sha256 };
  if (!url && !sha256) return undefined;
  throw new Error(`-c ${url ? 'cudaProviderSha256' : 'cudaProviderUrl'}=…: give both or neither.`);
}

export const port = 8080;
/** What answers HTTP before API Gateway gives up on it after 29 s. */
export const deadlineMs = 25_000;
/** Longer than the service takes to answer what it accepted (its grace is 25 s, and 1 s more until it is killed). */
export const stopTimeout = Duration.seconds(60);

/** One task of the service: the image, its settings, and what it may touch. */
export function defineTask(scope: Construct, id: string, props: TaskProps): TaskDefinition {
  const { environment, data, role, capacity, log } = props;
  const { cpu, memoryMiB } = sizes[capacity.size];
  const cuda = capacity.device === 'gpu';
  const task = new TaskDefinition(scope, id, {
    compatibility: cuda ? Compatibility.MANAGED_INSTANCES : Compatibility.FARGATE,
    family: `alara-${environment.name}-${props.name}`,
    cpu: String(cpu),
    memoryMiB: String(memoryMiB),
    networkMode: NetworkMode.AWS_VPC,
    runtimePlatform: {
      cpuArchitecture: CpuArchitecture.X86_64,
      operatingSystemFamily: OperatingSystemFamily.LINUX,
    },
    // The root is read-only: models of the cache and what libvips unpacks lie here, and go with the task.
    volumes: [{ name: 'data' }, { name: 'tmp' }],
  });
  // By its ARN: the grant of the secret itself would change the policy of its key, in the stack that this one depends on.
  const seal = SealSecret.fromSecretCompleteArn(scope, `${id}Seal`, data.seal.secretArn);
  data.keys.patients.grant(task.obtainExecutionRole(), 'kms:Decrypt');
  const container = task.addContainer('alara', {
    image: image(scope, cuda, props.cudaProvider),
    environment: settings(props),
    secrets: { ALARA_KEY: Secret.fromSecretsManager(seal), ...pacsSecrets(scope, id, environment) },
    portMappings: [{ containerPort: port }],
    readonlyRootFilesystem: true,
    stopTimeout,
    linuxParameters: new LinuxParameters(scope, `${id}Linux`, { initProcessEnabled: true }),
    healthCheck: {
      command: ['CMD', 'node', '/app/health.js'],
      interval: Duration.seconds(10),
      timeout: Duration.seconds(3),
      startPeriod: Duration.seconds(120),
      retries: 3,
    },
    logging: LogDriver.awsLogs({ logGroup: log, streamPrefix: role }),
    ...(cuda && { gpuCount: 1, memoryReservationMiB: memoryMiB }),
  });
  container.linuxParameters?.dropCapabilities(Capability.ALL);
  container.addMountPoints(
    { containerPath: '/data', sourceVolume: 'data', readOnly: false },
    { containerPath: '/tmp', sourceVolume: 'tmp', readOnly: false },
  );

  const { taskRole } = task;
  const { buckets, keys, records, jobs } = data;
  grantModels(buckets.models, keys.models, taskRole);
  grantUploads(buckets.uploads, keys.patients, taskRole);
  grantItems(records.table, records.index, keys.patients, taskRole);
  if (role === 'api') grantSend(jobs.queue, taskRole);
  else grantWork(jobs.queue, taskRole);
  keys.patients.grant(taskRole, 'kms:Decrypt', 'kms:GenerateDataKey');

  allObjects(task, buckets.models, buckets.uploads);
  acknowledge(task, 'ecr:GetAuthorizationToken knows no resources.', 'AwsSolutions-IAM5[Resource::*]');
  acknowledge(
    task,
    'Names of buckets, table and queue are no secrets; the one secret comes from Secrets Manager.',
    'AwsSolutions-ECS2',
  );
  return task;
}

/**
 * One image; CUDA's libraries are another target of the same file. Its labels say what it was made of, and a release
 * names its base by digest: `-c nodeImage=… -c cudaImage=…` (docs/container.md).
 */
function image(scope: Construct, cuda: boolean, provider: CudaProvider | undefined): ContainerImage {
  const bases = { NODE_IMAGE: 'nodeImage', CUDA_IMAGE: 'cudaImage' };
  const named = Object.entries(bases).map(([name, key]) => [name, scope.node.tryGetContext(key)]);
  return ContainerImage.fromAsset(fileURLToPath(new URL('../..', import.meta.url)), {
    file: 'functions/Dockerfile',
    target: cuda ? 'cuda' : 'cpu',
    platform: Platform.LINUX_AMD64,
    buildArgs: {
      ...{ VERSION: version, REVISION: revision },
      ...Object.fromEntries(named.filter(([, base]) => base)),
      // Without it the build of this target stops and says so.
      ...(cuda && provider && { ORT_GPU_URL: provider.url, ORT_GPU_SHA256: provider.sha256 }),
    },
  });
}

/** The settings of the container: what functions/platform/config.ts knows, and the region. */
function settings({ environment, data, role, capacity }: TaskProps): Record<string, string> {
  const { family, channel, cacheMb } = environment.models;
  return {
    HOST: '0.0.0.0',
    PORT: String(port),
    // ONNX Runtime sends usage data to its vendor unless this is set.
    ORT_DISABLE_TELEMETRY: '1',
    AWS_REGION: Aws.REGION,
    ALARA_PLATFORM: 'aws',
    ALARA_ROLE: role,
    ALARA_DEVICE: capacity.device === 'gpu' ? 'cuda' : 'cpu',
    ALARA_TABLE: data.records.table.tableName,
    ALARA_QUEUE_URL: data.jobs.queue.queueUrl,
    ALARA_UPLOADS_BUCKET: data.buckets.uploads.bucketName,
    ALARA_MODELS: `s3://${data.buckets.models.bucketName}/models`,
    ALARA_FAMILY: family,
    ALARA_CHANNEL: channel,
    ALARA_DATA: '/data',
    ALARA_MODEL_CACHE: '/data/models',
    ALARA_MODEL_CACHE_MB: String(cacheMb),
    ALARA_DEADLINE_MS: String(deadlineMs),
    // API Gateway takes 10 MB; what is larger is uploaded.
    ALARA_MAX_BODY_MB: '10',
    ...(environment.pacs && { ALARA_PACS: JSON.stringify({ pacs: environment.pacs.settings }) }),
  };
}

/** The passwords of the PACS, which are made outside these stacks: only their names are known here. */
const pacsSecrets = (scope: Construct, id: string, { pacs }: Environment): Record<string, Secret> =>
  Object.fromEntries(
    Object.entries(pacs?.secrets ?? {}).map(([variable, name]) => [
      variable,
      Secret.fromSecretsManager(SealSecret.fromSecretNameV2(scope, `${id}${variable}`, name)),
    ]),
  );
