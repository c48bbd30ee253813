import { Aws, Duration } from 'aws-cdk-lib';
import {
  Capability,
  Compatibility,
  CpuArchitecture,
  LinuxParameters,
  LogDriver,
  NetworkMode,
  OperatingSystemFamily,
  Secret,
  TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret as StoredSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import { grantItems, grantModels, grantSend, grantUploads, grantWork } from '../data/grants.ts';
import { type Capacity, type Environment, sizes } from '../environments.ts';
import { acknowledge, acknowledgeAllObjects } from '../nag.ts';
import { type CudaProvider, serviceImage } from './image.ts';

export type TaskProps = {
  readonly name: string;
  readonly environment: Environment;
  readonly data: DataStack;
  readonly role: 'api' | 'worker';
  readonly capacity: Capacity;
  readonly log: LogGroup;
  readonly cudaProvider?: CudaProvider;
};

export const port = 8080;
/** The service answers within this deadline. API Gateway gives up after 29 s. */
export const deadlineMs = 25_000;
/** Longer than the shutdown of the service: 25 s of grace, then the supervisor kills its child within 1 s. */
export const stopTimeout = Duration.seconds(60);

/** The task definition of a service: image, environment variables, permissions. */
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
    // The root file system is read-only. `data` holds the model cache, `tmp` the temporary files of libvips.
    volumes: [{ name: 'data' }, { name: 'tmp' }],
  });
  // Imported by ARN: a grant on the secret itself would change its key policy in the data stack and make a dependency cycle.
  const vaultKey = StoredSecret.fromSecretCompleteArn(scope, `${id}Seal`, data.vaultKey.secretArn);
  data.keys.patients.grant(task.obtainExecutionRole(), 'kms:Decrypt');
  const container = task.addContainer('alara', {
    image: serviceImage(scope, cuda, props.cudaProvider),
    environment: environmentVariables(props),
    secrets: { ALARA_KEY: Secret.fromSecretsManager(vaultKey), ...pacsSecrets(scope, id, environment) },
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
  const { buckets, keys, records, queues } = data;
  grantModels(buckets.models, keys.models, taskRole);
  grantUploads(buckets.uploads, keys.patients, taskRole);
  grantItems(records.table, records.index, keys.patients, taskRole);
  if (role === 'api') grantSend(queues.jobs, taskRole);
  else grantWork(queues.jobs, taskRole);
  keys.patients.grant(taskRole, 'kms:Decrypt', 'kms:GenerateDataKey');

  acknowledgeAllObjects(task, buckets.models, buckets.uploads);
  acknowledge(task, 'ecr:GetAuthorizationToken supports no resources.', 'AwsSolutions-IAM5[Resource::*]');
  acknowledge(
    task,
    'The names of buckets, table and queue are not secret. The only secret comes from Secrets Manager.',
    'AwsSolutions-ECS2',
  );
  return task;
}

/** The environment variables of the container (functions/platform/config.ts describes them) and the region. */
function environmentVariables({ environment, data, role, capacity }: TaskProps): Record<string, string> {
  const { family, channel, cacheMb } = environment.models;
  return {
    HOST: '0.0.0.0',
    PORT: String(port),
    // ONNX Runtime sends usage data to its vendor without this.
    ORT_DISABLE_TELEMETRY: '1',
    AWS_REGION: Aws.REGION,
    ALARA_PLATFORM: 'aws',
    ALARA_ROLE: role,
    ALARA_DEVICE: capacity.device === 'gpu' ? 'cuda' : 'cpu',
    ALARA_TABLE: data.records.table.tableName,
    ALARA_QUEUE_URL: data.queues.jobs.queueUrl,
    ALARA_UPLOADS_BUCKET: data.buckets.uploads.bucketName,
    ALARA_MODELS: `s3://${data.buckets.models.bucketName}/models`,
    ALARA_FAMILY: family,
    ALARA_CHANNEL: channel,
    ALARA_DATA: '/data',
    ALARA_MODEL_CACHE: '/data/models',
    ALARA_MODEL_CACHE_MB: String(cacheMb),
    ALARA_DEADLINE_MS: String(deadlineMs),
    // The limit of API Gateway. Callers upload larger films to S3.
    ALARA_MAX_BODY_MB: '10',
    ...(environment.pacs && { ALARA_PACS: JSON.stringify({ pacs: environment.pacs.settings }) }),
  };
}

/** The passwords of the PACS. Their secrets are created outside these stacks and imported by name. */
const pacsSecrets = (scope: Construct, id: string, { pacs }: Environment): Record<string, Secret> =>
  Object.fromEntries(
    Object.entries(pacs?.secrets ?? {}).map(([variable, name]) => [
      variable,
      Secret.fromSecretsManager(StoredSecret.fromSecretNameV2(scope, `${id}${variable}`, name)),
    ]),
  );
