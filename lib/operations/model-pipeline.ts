import { fileURLToPath } from 'node:url';
import { Aws, Duration, Size } from 'aws-cdk-lib';
import {
  EcsEc2ContainerDefinition,
  EcsJobDefinition,
  JobQueue,
  LinuxParameters,
  ManagedEc2EcsComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage, LogDriver } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Network } from '../compute/network.ts';
import type { DataStack } from '../data/data-stack.ts';
import { grantFilms, grantPublish } from '../data/grants.ts';
import type { Environment } from '../environments.ts';
import { acknowledge, acknowledgeAllObjects } from '../nag.ts';

export type ModelPipelineProps = {
  readonly environment: Environment;
  readonly pipeline: NonNullable<Environment['pipeline']>;
  readonly data: DataStack;
  readonly network: Network;
};

/**
 * An AWS Batch queue that trains a model family on a GPU and publishes it to the channel canary:
 * aws batch submit-job --job-queue alara-prod-training --job-definition alara-prod-training --parameters config=…
 */
export class ModelPipeline extends Construct {
  constructor(scope: Construct, id: string, { environment, pipeline, data, network }: ModelPipelineProps) {
    super(scope, id);
    const name = `alara-${environment.name}-training`;
    const group = new SecurityGroup(this, 'Group', {
      vpc: network.vpc,
      description: 'Training',
      allowAllOutbound: true,
    });
    const capacity = new ManagedEc2EcsComputeEnvironment(this, 'Capacity', {
      computeEnvironmentName: name,
      vpc: network.vpc,
      vpcSubnets: network.subnets,
      securityGroups: [group],
      useOptimalInstanceClasses: false,
      instanceTypes: pipeline.instances.map((type) => new InstanceType(type)),
      minvCpus: 0,
      maxvCpus: 16,
      launchTemplate: this.disk(pipeline.diskGib),
    });
    new JobQueue(this, 'Queue', {
      jobQueueName: name,
      computeEnvironments: [{ computeEnvironment: capacity, order: 1 }],
    });

    const jobRole = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    const films = Bucket.fromBucketName(this, 'Films', pipeline.filmsBucket);
    grantFilms(films, jobRole);
    grantPublish(data.buckets.models, data.keys.models, jobRole);
    const container = new EcsEc2ContainerDefinition(this, 'Container', {
      image: this.image(),
      gpu: 1,
      cpu: 4,
      memory: Size.gibibytes(14),
      // The data loader processes pass films through shared memory. The default of a container is 64 MB.
      linuxParameters: new LinuxParameters(this, 'Shared', { sharedMemorySize: Size.gibibytes(4) }),
      jobRole,
      logging: LogDriver.awsLogs({ logGroup: data.logs.group('training'), streamPrefix: 'training' }),
      environment: {
        AWS_REGION: Aws.REGION,
        FILMS: `s3://${pipeline.filmsBucket}`,
        MODELS: `s3://${data.buckets.models.bucketName}/models`,
      },
      command: ['Ref::config', 'Ref::family'],
    });
    new EcsJobDefinition(this, 'Job', {
      jobDefinitionName: name,
      container,
      parameters: { config: 'training/configs/train-nih-lite0.toml', family: 'nih-lite0' },
      timeout: Duration.hours(pipeline.hours),
      // A retry on the same instance skips completed stages.
      retryAttempts: 2,
      propagateTags: true,
    });
    acknowledgeAllObjects(jobRole, data.buckets.models);
    acknowledge(
      jobRole,
      'Training reads all films of one bucket.',
      `AwsSolutions-IAM5[Resource::arn:aws:s3:::${pipeline.filmsBucket}/*]`,
    );
    acknowledge(container, 'ecr:GetAuthorizationToken supports no resources.', 'AwsSolutions-IAM5[Resource::*]');
    acknowledge(
      this,
      'The managed policies that AWS publishes for Batch and for ECS instances.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role]',
    );
  }

  /** An encrypted disk for films and prepared data. */
  private disk(gib: number): LaunchTemplate {
    const volume = BlockDeviceVolume.ebs(gib, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 });
    return new LaunchTemplate(this, 'Disk', {
      blockDevices: [{ deviceName: '/dev/xvda', volume }],
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
    });
  }

  private image(): ContainerImage {
    return ContainerImage.fromAsset(fileURLToPath(new URL('../..', import.meta.url)), {
      file: 'lib/operations/model-pipeline/Dockerfile',
      platform: Platform.LINUX_AMD64,
      // .dockerignore is the allow-list of the service image and excludes these. Dockerfile.dockerignore adds them for the builder.
      exclude: ['!training', '!lib/operations/model-pipeline', '**/__pycache__', '**/*.egg-info'],
    });
  }
}
