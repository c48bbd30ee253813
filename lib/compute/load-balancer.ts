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

export type BalancerProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly audit: IBucket;
};

/** The load balancer inside the VPC, and who may talk to whom: the link of API Gateway to it, it to tasks. */
export class Balancer extends Construct {
  readonly alb: ApplicationLoadBalancer;
  readonly listener: ApplicationListener;
  readonly link: SecurityGroup;
  readonly tasks: SecurityGroup;
  /** Where API Gateway sends requests to. */
  readonly url: string;

  constructor(scope: Construct, id: string, { environment, network, audit }: BalancerProps) {
    super(scope, id);
    const { domain, vpcCidr, name } = environment;
    const { vpc } = network;
    const group = (id: string, description: string, allowAllOutbound = false) =>
      new SecurityGroup(this, id, { vpc, description, allowAllOutbound });
    this.link = group('Link', 'API Gateway, in the VPC');
    const balancer = group('Inside', 'Load balancer');
    // To AWS, to the PACS of the hospital and to webhooks: what they may reach is for routes and endpoints to say.
    this.tasks = group('Tasks', 'Tasks of the service', true);

    this.alb = new ApplicationLoadBalancer(this, 'Alb', {
      vpc,
      vpcSubnets: network.subnets,
      internetFacing: false,
      securityGroup: balancer,
      dropInvalidHeaderFields: true,
      // It keeps nothing. Locked from its birth, it would hold up a first deployment that has to be taken back.
      deletionProtection: false,
      // Longer than any answer takes.
      idleTimeout: Duration.seconds(60),
    });
    this.alb.logAccessLogs(audit, `alb/${name}`);
    const secure = domain !== undefined;
    this.listener = this.alb.addListener('Front', {
      port: secure ? 443 : 80,
      protocol: secure ? ApplicationProtocol.HTTPS : ApplicationProtocol.HTTP,
      open: false,
      // Only what a rule says is answered.
      defaultAction: ListenerAction.fixedResponse(404),
      ...(domain && {
        certificates: [Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn)],
        sslPolicy: SslPolicy.RECOMMENDED_TLS,
      }),
    });
    this.url = domain ? `https://${domain.name}` : `http://${this.alb.loadBalancerDnsName}`;

    const front = Port.tcp(secure ? 443 : 80);
    balancer.addIngressRule(this.link, front, 'API Gateway');
    this.link.addEgressRule(Peer.ipv4(vpcCidr), front, 'Load balancer');
    const tasks = Port.tcp(8080);
    this.tasks.addIngressRule(balancer, tasks, 'Load balancer');
    balancer.addEgressRule(this.tasks, tasks, 'Tasks');

    acknowledge(
      this.alb,
      'It keeps nothing, and goes and comes back with its stack, which is what is protected in prod.',
      'HIPAA.Security-ELBDeletionProtectionEnabled',
    );
    if (!secure)
      acknowledge(
        this,
        'No domain is set for this environment: TLS ends at API Gateway, and the hop from there stays within the VPC, between two security groups. With `domain` it is TLS as well.',
        ...['HIPAA.Security-ALBHttpToHttpsRedirection', 'HIPAA.Security-ELBv2ACMCertificateRequired'],
      );
  }
}
