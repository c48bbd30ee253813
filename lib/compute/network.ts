import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';

export type NetworkProps = { readonly environment: Environment; readonly log: LogGroup };

/** The VPC: subnets without inbound access from outside, and the way out of them, by NAT or by VPC endpoints. */
export class Network extends Construct {
  readonly vpc: Vpc;
  readonly subnets: { readonly subnetType: SubnetType };

  constructor(scope: Construct, id: string, { environment, log }: NetworkProps) {
    super(scope, id);
    const { vpcCidr, egress } = environment;
    const subnetType = egress.natGateways > 0 ? SubnetType.PRIVATE_WITH_EGRESS : SubnetType.PRIVATE_ISOLATED;
    this.subnets = { subnetType };
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(vpcCidr),
      maxAzs: 2,
      natGateways: egress.natGateways,
      subnetConfiguration: [
        { name: 'tasks', subnetType, cidrMask: 20 },
        ...(egress.natGateways > 0
          ? [{ name: 'exit', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false }]
          : []),
      ],
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        Table: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
      flowLogs: {
        All: { destination: FlowLogDestination.toCloudWatchLogs(log), trafficType: FlowLogTrafficType.ALL },
      },
    });
    if (egress.interfaceEndpoints) this.addInterfaceEndpoints(environment);
    if (egress.natGateways > 0)
      acknowledge(
        this.vpc,
        'Only the NAT gateway runs in the public subnets, and they assign no public addresses by themselves.',
        'HIPAA.Security-VPCNoUnrestrictedRouteToIGW',
      );
  }

  /** Without internet access, tasks and instances reach each AWS service through an interface endpoint. */
  private addInterfaceEndpoints(environment: Environment): void {
    const services = {
      Registry: InterfaceVpcEndpointAwsService.ECR,
      Images: InterfaceVpcEndpointAwsService.ECR_DOCKER,
      Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
      Queue: InterfaceVpcEndpointAwsService.SQS,
      Secrets: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      Keys: InterfaceVpcEndpointAwsService.KMS,
    };
    // The ECS agent of an EC2 instance (GPU services, Batch) runs in this VPC. The agent of Fargate does not.
    const agentServices = {
      Ecs: InterfaceVpcEndpointAwsService.ECS,
      Agent: InterfaceVpcEndpointAwsService.ECS_AGENT,
      Telemetry: InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
    };
    const { api, worker, split, pipeline } = environment;
    const gpu = [api, worker, ...split.map(({ capacity }) => capacity)].some(({ device }) => device === 'gpu');
    const securityGroup = endpointSecurityGroup(this, 'Endpoints', this.vpc, [environment.vpcCidr]);
    for (const [name, service] of Object.entries({ ...services, ...((gpu || pipeline) && agentServices) })) {
      this.vpc.addInterfaceEndpoint(name, {
        service,
        subnets: this.subnets,
        securityGroups: [securityGroup],
        open: false,
        privateDnsEnabled: true,
      });
    }
  }
}

/** A security group that allows HTTPS from the networks. They are literal CIDR ranges, because cdk-nag cannot check tokens. */
export function endpointSecurityGroup(
  scope: Construct,
  id: string,
  vpc: Vpc,
  networks: readonly string[],
): SecurityGroup {
  const group = new SecurityGroup(scope, `${id}Group`, {
    vpc,
    allowAllOutbound: false,
    description: `HTTPS to ${id}`,
  });
  for (const network of networks) group.addIngressRule(Peer.ipv4(network), Port.tcp(443), 'HTTPS');
  return group;
}
