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
import { acknowledge, allObjects } from '../nag.ts';

export type ModelPipelineProps = {
  readonly environment: Environment;
  readonly pipeline: NonNullable<Environment['pipeline']>;
  readonly data: DataStack;
  readonly network: Network;
};

/**
 * Trains a family on a GPU and publishes it to the channel canary, where nothing is served before it is promoted:
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
      // Those who read films hand them over in it; a container has 64 MB by default.
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
      // A stage that is done is skipped, as long as the instance is the same.
      retryAttempts: 2,
      propagateTags: true,
    });
    allObjects(jobRole, data.buckets.models);
    acknowledge(
      jobRole,
      'All films of one bucket.',
      `AwsSolutions-IAM5[Resource::arn:aws:s3:::${pipeline.filmsBucket}/*]`,
    );
    acknowledge(container, 'ecr:GetAuthorizationToken knows no resources.', 'AwsSolutions-IAM5[Resource::*]');
    this.reasons();
  }

  /** Room for films and what is prepared of them, encrypted. */
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
      // The allow-list of the service's image leaves these out; Dockerfile.dockerignore says the same to the builder.
      exclude: ['!training', '!lib/operations/model-pipeline', '**/__pycache__', '**/*.egg-info'],
    });
  }

  private reasons(): void {
    acknowledge(
      this,
      'The policies that AWS publishes for Batch and for instances of ECS.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role]',
    );
  }
}
