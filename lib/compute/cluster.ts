import {
  type CapacityProviderStrategy,
  CfnClusterCapacityProviderAssociations,
  ContainerInsights,
  Cluster as EcsCluster,
} from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Capacity, Environment } from '../environments.ts';
import { GpuCapacity } from './gpu.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { Network } from './network.ts';

export type ClusterProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly loadBalancer: LoadBalancer;
};

/** The ECS cluster with its capacity providers: Fargate, and GPU instances where a service of the environment uses a GPU. */
export class Cluster extends Construct {
  readonly ecs: EcsCluster;
  readonly subnets: Network['subnets'];
  /** Services depend on it: they need the capacity provider when they are created, and it must be deleted after them. */
  readonly providers: CfnClusterCapacityProviderAssociations;
  private readonly gpu: GpuCapacity | undefined;

  constructor(scope: Construct, id: string, { environment, network, loadBalancer }: ClusterProps) {
    super(scope, id);
    const { name, api, worker, split, gpus } = environment;
    this.subnets = network.subnets;
    this.ecs = new EcsCluster(this, 'Ecs', {
      vpc: network.vpc,
      clusterName: `alara-${name}`,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    // The Cluster of aws-cdk-lib would create the association at the end of synthesis, where no service can depend on it.
    // Services use a capacity provider and no launch type, because changing from one to the other replaces the service, and
    // a replacement cannot have the same service name.
    this.providers = new CfnClusterCapacityProviderAssociations(this, 'Providers', {
      cluster: this.ecs.clusterName,
      // A provider of Managed Instances belongs to its cluster already, and ECS rejects it in this list.
      capacityProviders: ['FARGATE'],
      defaultCapacityProviderStrategy: [],
    });
    const devices = [api, worker, ...split.map(({ capacity }) => capacity)].map(({ device }) => device);
    this.gpu = devices.includes('gpu')
      ? new GpuCapacity(this, 'Gpu', {
          cluster: this.ecs,
          network,
          gpus,
          group: loadBalancer.taskGroup,
          lingerMinutes: worker.lingerMinutes,
        })
      : undefined;
    // ECS allows one change of a cluster at a time.
    this.gpu?.node.addDependency(this.providers);
  }

  capacityProviderStrategy(device: Capacity['device']): CapacityProviderStrategy {
    if (device === 'cpu') return { capacityProvider: 'FARGATE', weight: 1 };
    if (this.gpu === undefined) throw new Error('No service of the environment uses a GPU.');
    return { capacityProvider: this.gpu.providerName, weight: 1 };
  }
}
