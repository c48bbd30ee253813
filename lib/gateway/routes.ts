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
import type { LoadBalancer } from '../compute/load-balancer.ts';
import type { Network } from '../compute/network.ts';
import { acknowledge } from '../nag.ts';
import type { Identity } from './identity.ts';

export type RoutesProps = {
  readonly api: RestApi;
  readonly network: Network;
  readonly loadBalancer: LoadBalancer;
  readonly identity: Identity;
};

const keyHeader = 'X-API-Key';

/** The methods of the API, the credentials that each one needs, and the VPC link to the load balancer. */
export class Routes extends Construct {
  private readonly loadBalancer: LoadBalancer;
  private readonly link: VpcLink;

  constructor(scope: Construct, id: string, { api, network, loadBalancer, identity }: RoutesProps) {
    super(scope, id);
    this.loadBalancer = loadBalancer;
    const link = new VpcLinkV2(this, 'Link', {
      vpc: network.vpc,
      subnets: network.subnets,
      securityGroups: [loadBalancer.linkGroup],
    });
    this.link = VpcLink.fromVpcLinkId(this, 'Known', link.vpcLinkId) as VpcLink;

    const { root } = api;
    const v1 = root.addResource('v1');
    this.addMethod(root, 'ANY', identity.methodOptions);
    this.addMethod(root.addResource('{proxy+}'), 'ANY', identity.methodOptions);
    // /v1 has a child resource (hooks). The documentation does not say whether other paths below /v1 fall back to /{proxy+}.
    this.addMethod(v1.addResource('{proxy+}'), 'ANY', identity.methodOptions);
    // A PACS sends only the fixed headers of its configuration and cannot get tokens, so it needs only its API key.
    for (const resource of [v1.addResource('hooks'), root.addResource('dicom-web')]) {
      const options = { authorizationType: AuthorizationType.NONE };
      const method = this.addMethod(resource.addResource('{proxy+}'), 'POST', options);
      acknowledge(
        method,
        'A PACS cannot get tokens. API Gateway requires a key of the usage plan, and the service requires the scope pacs of the same key. These routes return no patient data.',
        'AwsSolutions-APIG4',
        'AwsSolutions-COG4',
      );
    }
  }

  private addMethod(resource: IResource, verb: 'ANY' | 'POST', authorization: MethodOptions) {
    const path = resource.path.replace('{proxy+}', '{proxy}');
    const hasProxyPath = path.includes('{proxy}');
    const method = resource.addMethod(
      verb,
      new HttpIntegration(`${this.loadBalancer.url}${path}`, {
        proxy: true,
        httpMethod: verb,
        options: {
          connectionType: ConnectionType.VPC_LINK,
          vpcLink: this.link,
          timeout: Duration.seconds(29),
          requestParameters: {
            ...(hasProxyPath && { 'integration.request.path.proxy': 'method.request.path.proxy' }),
            // The usage plan and the service identify the caller by the same key.
            [`integration.request.header.${keyHeader}`]: `method.request.header.${keyHeader}`,
          },
        },
      }),
      {
        ...authorization,
        apiKeyRequired: true,
        requestParameters: {
          ...(hasProxyPath && { 'method.request.path.proxy': true }),
          [`method.request.header.${keyHeader}`]: true,
        },
      },
    );
    // aws-cdk-lib 2.276 supports the target of a VPC link v2 only in the CloudFormation resource.
    const raw = method.node.defaultChild as CfnMethod;
    raw.addPropertyOverride('Integration.IntegrationTarget', this.loadBalancer.alb.loadBalancerArn);
    return method;
  }
}
