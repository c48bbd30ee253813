import { Duration } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import {
  type ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ListenerAction,
  SslPolicy,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import type { Network } from './network.ts';

export type LoadBalancerProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly audit: IBucket;
};

/** The internal load balancer, and the security groups that allow the path API Gateway, load balancer, tasks. */
export class LoadBalancer extends Construct {
  readonly alb: ApplicationLoadBalancer;
  readonly listener: ApplicationListener;
  /** The security group of the VPC link of API Gateway. */
  readonly linkGroup: SecurityGroup;
  readonly taskGroup: SecurityGroup;
  /** The URL to which API Gateway forwards requests. */
  readonly url: string;

  constructor(scope: Construct, id: string, { environment, network, audit }: LoadBalancerProps) {
    super(scope, id);
    const { domain, vpcCidr, name } = environment;
    const { vpc } = network;
    const group = (id: string, description: string, allowAllOutbound = false) =>
      new SecurityGroup(this, id, { vpc, description, allowAllOutbound });
    this.linkGroup = group('Link', 'API Gateway, in the VPC');
    const albGroup = group('Inside', 'Load balancer');
    // Tasks call AWS, the PACS of the hospital and webhooks. Route tables and VPC endpoints limit what they reach.
    this.taskGroup = group('Tasks', 'Tasks of the service', true);

    this.alb = new ApplicationLoadBalancer(this, 'Alb', {
      vpc,
      vpcSubnets: network.subnets,
      internetFacing: false,
      securityGroup: albGroup,
      dropInvalidHeaderFields: true,
      // It holds no data. With deletion protection, the rollback of a failed first deployment would fail.
      deletionProtection: false,
      // Longer than the 29 s after which API Gateway gives up.
      idleTimeout: Duration.seconds(60),
    });
    this.alb.logAccessLogs(audit, `alb/${name}`);
    const secure = domain !== undefined;
    this.listener = this.alb.addListener('Front', {
      port: secure ? 443 : 80,
      protocol: secure ? ApplicationProtocol.HTTPS : ApplicationProtocol.HTTP,
      open: false,
      // A request that matches no listener rule gets 404.
      defaultAction: ListenerAction.fixedResponse(404),
      ...(domain && {
        certificates: [Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn)],
        sslPolicy: SslPolicy.RECOMMENDED_TLS,
      }),
    });
    this.url = domain ? `https://${domain.name}` : `http://${this.alb.loadBalancerDnsName}`;

    const listenerPort = Port.tcp(secure ? 443 : 80);
    albGroup.addIngressRule(this.linkGroup, listenerPort, 'API Gateway');
    this.linkGroup.addEgressRule(Peer.ipv4(vpcCidr), listenerPort, 'Load balancer');
    const taskPort = Port.tcp(8080);
    this.taskGroup.addIngressRule(albGroup, taskPort, 'Load balancer');
    albGroup.addEgressRule(this.taskGroup, taskPort, 'Tasks');

    acknowledge(
      this.alb,
      'The load balancer holds no data and can be created again. In prod its stack has termination protection.',
      'HIPAA.Security-ELBDeletionProtectionEnabled',
    );
    if (!secure)
      acknowledge(
        this,
        'The environment has no `domain`, so TLS ends at API Gateway. The hop to the load balancer stays in the VPC, between two security groups. With `domain` that hop uses TLS too.',
        'HIPAA.Security-ALBHttpToHttpsRedirection',
        'HIPAA.Security-ELBv2ACMCertificateRequired',
      );
  }
}
