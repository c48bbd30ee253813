import { Duration } from 'aws-cdk-lib';
import {
  AuthorizationType,
  type CfnMethod,
  ConnectionType,
  HttpIntegration,
  type IResource,
  type MethodOptions,
  type RestApi,
  VpcLink,
} from 'aws-cdk-lib/aws-apigateway';
import { VpcLink as VpcLinkV2 } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import type { Balancer } from '../compute/load-balancer.ts';
import type { Network } from '../compute/network.ts';
import { acknowledge } from '../nag.ts';
import type { Identity } from './identity.ts';

export type MethodsProps = {
  readonly api: RestApi;
  readonly network: Network;
  readonly balancer: Balancer;
  readonly identity: Identity;
};

const key = 'X-API-Key';

/** What may be called, what each call must bring, and the way through the VPC link to the load balancer. */
export class Methods extends Construct {
  private readonly balancer: Balancer;
  private readonly link: VpcLink;

  constructor(scope: Construct, id: string, { api, network, balancer, identity }: MethodsProps) {
    super(scope, id);
    this.balancer = balancer;
    const link = new VpcLinkV2(this, 'Link', {
      vpc: network.vpc,
      subnets: network.subnets,
      securityGroups: [balancer.link],
    });
    this.link = VpcLink.fromVpcLinkId(this, 'Known', link.vpcLinkId) as VpcLink;

    const { root } = api;
    const v1 = root.addResource('v1');
    this.open(root, 'ANY', identity.method);
    this.open(root.addResource('{proxy+}'), 'ANY', identity.method);
    // Beside hooks: whether a path below v1 would fall back to the resource above is not documented.
    this.open(v1.addResource('{proxy+}'), 'ANY', identity.method);
    // A PACS sends headers that are written in its settings, and gets no tokens: it comes with its key alone.
    for (const resource of [v1.addResource('hooks'), root.addResource('dicom-web')]) {
      const method = this.open(resource.addResource('{proxy+}'), 'POST', { authorizationType: AuthorizationType.NONE });
      acknowledge(
        method,
        'A PACS cannot get tokens. API Gateway asks for a key of the usage plan, and the service for the scope pacs of the same key; nothing is read back here.',
        ...['AwsSolutions-APIG4', 'AwsSolutions-COG4'],
      );
    }
  }

  private open(resource: IResource, verb: 'ANY' | 'POST', who: MethodOptions) {
    const path = resource.path.replace('{proxy+}', '{proxy}');
    const rest = path.includes('{proxy}');
    const method = resource.addMethod(
      verb,
      new HttpIntegration(`${this.balancer.url}${path}`, {
        proxy: true,
        httpMethod: verb,
        options: {
          connectionType: ConnectionType.VPC_LINK,
          vpcLink: this.link,
          timeout: Duration.seconds(29),
          requestParameters: {
            ...(rest && { 'integration.request.path.proxy': 'method.request.path.proxy' }),
            // The key that a caller is counted by is the key that the service knows it by.
            [`integration.request.header.${key}`]: `method.request.header.${key}`,
          },
        },
      }),
      {
        ...who,
        apiKeyRequired: true,
        requestParameters: {
          ...(rest && { 'method.request.path.proxy': true }),
          [`method.request.header.${key}`]: true,
        },
      },
    );
    // aws-cdk-lib 2.276 knows targets of a VPC link v2 in the raw resource only.
    const raw = method.node.defaultChild as CfnMethod;
    raw.addPropertyOverride('Integration.IntegrationTarget', this.balancer.alb.loadBalancerArn);
    return method;
  }
}
