import {
  type CapacityProviderStrategy,
  CfnClusterCapacityProviderAssociations,
  ContainerInsights,
  Cluster as EcsCluster,
} from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Capacity, Environment } from '../environments.ts';
import { GpuCapacity } from './gpu.ts';
import type { Balancer } from './load-balancer.ts';
import type { Network } from './network.ts';

export type ClusterProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly balancer: Balancer;
};

/** Where tasks run: Fargate, and instances with a GPU where a service of the environment uses one. */
export class Cluster extends Construct {
  readonly ecs: EcsCluster;
  readonly subnets: Network['subnets'];
  /** Services wait for it: made before it they would ask for what the cluster does not have, and it could not go before them. */
  readonly providers: CfnClusterCapacityProviderAssociations;
  private readonly gpu: GpuCapacity | undefined;

  constructor(scope: Construct, id: string, { environment, network, balancer }: ClusterProps) {
    super(scope, id);
    const { name, api, worker, split, gpus } = environment;
    this.subnets = network.subnets;
    this.ecs = new EcsCluster(this, 'Ecs', {
      vpc: network.vpc,
      clusterName: `alara-${name}`,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    // Not by the cluster of aws-cdk-lib, which makes it at the very end, where nothing can depend on it. A provider and no
    // launch type: a service that goes from one to the other is replaced, which its name does not allow.
    this.providers = new CfnClusterCapacityProviderAssociations(this, 'Providers', {
      cluster: this.ecs.clusterName,
      // That of Managed Instances belongs to the cluster from its birth, and ECS refuses it in this list.
      capacityProviders: ['FARGATE'],
      defaultCapacityProviderStrategy: [],
    });
    const devices = [api, worker, ...split.map(({ capacity }) => capacity)].map(({ device }) => device);
    this.gpu = devices.includes('gpu')
      ? new GpuCapacity(this, 'Gpu', {
          ...{ cluster: this.ecs, network, gpus },
          group: balancer.tasks,
          lingerMinutes: worker.lingerMinutes,
        })
      : undefined;
    // One change of the cluster at a time.
    this.gpu?.node.addDependency(this.providers);
  }

  /** Where a task of a device goes. */
  strategy(device: Capacity['device']): CapacityProviderStrategy {
    if (device === 'cpu') return { capacityProvider: 'FARGATE', weight: 1 };
    if (this.gpu === undefined) throw new Error('no service of the environment asked for a GPU');
    return { capacityProvider: this.gpu.providerName, weight: 1 };
  }
}
