import {
  InterfaceVpcEndpointAwsService as Aws,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
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

/** Where tasks live: subnets that nothing reaches from outside, and the ways out of them. */
export class Network extends Construct {
  readonly vpc: Vpc;
  readonly subnets: { readonly subnetType: SubnetType };

  constructor(scope: Construct, id: string, { environment, log }: NetworkProps) {
    super(scope, id);
    const { vpcCidr, egress } = environment;
    const inside = egress.natGateways > 0 ? SubnetType.PRIVATE_WITH_EGRESS : SubnetType.PRIVATE_ISOLATED;
    this.subnets = { subnetType: inside };
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(vpcCidr),
      maxAzs: 2,
      natGateways: egress.natGateways,
      subnetConfiguration: [
        { name: 'tasks', subnetType: inside, cidrMask: 20 },
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
    if (egress.interfaceEndpoints) this.reachAws(environment);
    if (egress.natGateways > 0)
      acknowledge(
        this.vpc,
        'The subnets of the NAT gateway, where nothing else runs and nothing is given a public address by itself.',
        'HIPAA.Security-VPCNoUnrestrictedRouteToIGW',
      );
  }

  /** Without the internet: an endpoint for each service of AWS that tasks and their instances talk to. */
  private reachAws(environment: Environment): void {
    const services = {
      ...{ Registry: Aws.ECR, Images: Aws.ECR_DOCKER, Logs: Aws.CLOUDWATCH_LOGS },
      ...{ Queue: Aws.SQS, Secrets: Aws.SECRETS_MANAGER, Keys: Aws.KMS },
    };
    // Instances, of ECS or of Batch, run the agent of ECS here; that of Fargate is in an account of AWS.
    const agent = { Ecs: Aws.ECS, Agent: Aws.ECS_AGENT, Telemetry: Aws.ECS_TELEMETRY };
    const { api, worker, split, pipeline } = environment;
    const gpu = [api, worker, ...split.map(({ capacity }) => capacity)].some(({ device }) => device === 'gpu');
    const securityGroup = endpointGroup(this, 'Endpoints', this.vpc, [environment.vpcCidr]);
    for (const [name, service] of Object.entries({ ...services, ...((gpu || pipeline) && agent) })) {
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

/** HTTPS from named networks and nothing else; the networks are literal, so that checks can read them. */
export function endpointGroup(scope: Construct, id: string, vpc: Vpc, networks: readonly string[]): SecurityGroup {
  const group = new SecurityGroup(scope, `${id}Group`, {
    vpc,
    allowAllOutbound: false,
    description: `HTTPS to ${id}`,
  });
  for (const network of networks) group.addIngressRule(Peer.ipv4(network), Port.tcp(443), 'HTTPS');
  return group;
}
