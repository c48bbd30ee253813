import { EndpointType, type RestApiProps } from 'aws-cdk-lib/aws-apigateway';
import { InterfaceVpcEndpointAwsService } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { endpointSecurityGroup, type Network } from '../compute/network.ts';
import type { Environment } from '../environments.ts';

/** The endpoint of the API: public, or private through a VPC endpoint that only the listed networks can reach. */
export function endpointProps(
  scope: Construct,
  { endpoint, vpcCidr }: Environment,
  network: Network,
): Pick<RestApiProps, 'endpointConfiguration' | 'policy'> {
  if (endpoint.kind === 'public') return { endpointConfiguration: { types: [EndpointType.REGIONAL] } };
  const vpcEndpoint = network.vpc.addInterfaceEndpoint('Calls', {
    service: InterfaceVpcEndpointAwsService.APIGATEWAY,
    subnets: network.subnets,
    securityGroups: [endpointSecurityGroup(scope, 'Calls', network.vpc, [vpcCidr, ...endpoint.networks])],
    open: false,
    privateDnsEnabled: true,
  });
  const viaEndpoint = { 'aws:SourceVpce': vpcEndpoint.vpcEndpointId };
  const statement = {
    principals: [new AnyPrincipal()],
    actions: ['execute-api:Invoke'],
    resources: ['execute-api:/*'],
  };
  return {
    endpointConfiguration: { types: [EndpointType.PRIVATE], vpcEndpoints: [vpcEndpoint] },
    policy: new PolicyDocument({
      statements: [
        new PolicyStatement({ ...statement, effect: Effect.ALLOW, conditions: { StringEquals: viaEndpoint } }),
        new PolicyStatement({ ...statement, effect: Effect.DENY, conditions: { StringNotEquals: viaEndpoint } }),
      ],
    }),
  };
}
