import { Size, Stack } from 'aws-cdk-lib';
import {
  AcceleratorManufacturer,
  AcceleratorName,
  AcceleratorType,
  BareMetal,
  type SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import {
  type CfnCapacityProvider,
  type Cluster,
  ManagedInstancesCapacityProvider,
  PropagateManagedInstancesTags,
} from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Gpu } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import type { Network } from './network.ts';

export type GpuProps = {
  readonly cluster: Cluster;
  readonly network: Network;
  readonly group: SecurityGroup;
  readonly gpus: readonly Gpu[];
  readonly lingerMinutes: number;
};

const names: Readonly<Record<Gpu, AcceleratorName>> = {
  t4: AcceleratorName.T4,
  l4: AcceleratorName.L4,
  a10g: AcceleratorName.A10G,
  l40s: AcceleratorName.L40S,
};

/** ECS Managed Instances with one NVIDIA GPU each. ECS starts them for tasks, patches them, and terminates idle ones. */
export class GpuCapacity extends Construct {
  readonly providerName: string;

  constructor(scope: Construct, id: string, { cluster, network, group, gpus, lingerMinutes }: GpuProps) {
    super(scope, id);
    const provider = new ManagedInstancesCapacityProvider(this, 'Provider', {
      subnets: network.vpc.selectSubnets(network.subnets).subnets,
      securityGroups: [group],
      // Room for the CUDA image, which has several gigabytes, and for the models.
      taskVolumeStorage: Size.gibibytes(100),
      propagateTags: PropagateManagedInstancesTags.CAPACITY_PROVIDER,
      instanceRequirements: {
        vCpuCountMin: 4,
        vCpuCountMax: 16,
        memoryMin: Size.gibibytes(16),
        bareMetal: BareMetal.EXCLUDED,
        acceleratorTypes: [AcceleratorType.GPU],
        acceleratorManufacturers: [AcceleratorManufacturer.NVIDIA],
        acceleratorNames: gpus.map((gpu) => names[gpu]),
        acceleratorCountMin: 1,
        acceleratorCountMax: 1,
      },
    });
    provider.bind(cluster);
    this.providerName = provider.capacityProviderName;
    const raw = provider.node.findChild('Provider') as CfnCapacityProvider;
    // aws-cdk-lib 2.276 has no property for ScaleInAfter.
    raw.addPropertyOverride('ManagedInstancesProvider.InfrastructureOptimization.ScaleInAfter', lingerMinutes * 60);
    const { region } = Stack.of(this);
    acknowledge(
      this,
      'The actions of the ECS agent, as CDK writes them. Instances register themselves, so their ARNs are unknown before.',
      'AwsSolutions-IAM5[Resource::*]',
      `AwsSolutions-IAM5[Resource::arn:aws:ecs:${region}:<AWS::AccountId>:container-instance/*]`,
    );
    acknowledge(
      this,
      'The managed policy that ECS publishes for Managed Instances and keeps current.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForManagedInstances]',
    );
  }
}
