import { RemovalPolicy } from 'aws-cdk-lib';
import {
  ApiKeySourceType,
  EndpointType,
  LogGroupLogDestination,
  MethodLoggingLevel,
  RestApi,
  type RestApiProps,
} from 'aws-cdk-lib/aws-apigateway';
import { InterfaceVpcEndpointAwsService } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { LoadBalancer } from '../compute/load-balancer.ts';
import { endpointSecurityGroup, type Network } from '../compute/network.ts';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import { accessLogFormat } from './access-log.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { Identity } from './identity.ts';
import { addUsagePlan, stageThrottle } from './rate-limits.ts';
import { Routes } from './routes.ts';
import { Waf } from './waf.ts';

export type ApiGatewayProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly loadBalancer: LoadBalancer;
  readonly data: DataStack;
};

/** API Gateway: authorization, rate limits, the firewall, and the access log. */
export class ApiGateway extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, { environment, network, loadBalancer, data }: ApiGatewayProps) {
    super(scope, id);
    const { name } = environment;
    const { logs, machineClients } = data;
    this.api = new RestApi(this, 'Api', {
      restApiName: `alara-${name}`,
      ...endpointProps(this, environment, network),
      // API Gateway passes films on as bytes, without conversion.
      binaryMediaTypes: ['*/*'],
      apiKeySourceType: ApiKeySourceType.HEADER,
      // This role is a setting of the account and region, shared by all environments. If it were deleted with one environment,
      // the others could no longer write access logs. So it is retained; it costs nothing.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      deployOptions: {
        stageName: name,
        ...stageThrottle(environment),
        // Metrics per path cost extra. The alarms use the metrics of the whole API.
        metricsEnabled: false,
        // A trace contains the URL, and a STOW-RS URL names a study.
        tracingEnabled: false,
        // API Gateway would create the log group itself, without our key and without expiry. The access log is sufficient.
        loggingLevel: MethodLoggingLevel.OFF,
        dataTraceEnabled: false,
        accessLogDestination: new LogGroupLogDestination(logs.group('access')),
        accessLogFormat,
      },
    });
    const identity = new Identity(this, 'Identity', { environment, machineClients, log: logs.group('identity') });
    new Routes(this, 'Methods', { api: this.api, network, loadBalancer, identity });
    addGatewayResponses(this.api);

    addUsagePlan(this.api, environment);
    new Waf(this, 'Firewall', {
      environment,
      stageArn: this.api.deploymentStage.stageArn,
      log: logs.group('firewall'),
    });
    this.acknowledgeFindings(environment);
  }

  private acknowledgeFindings({ identity }: Environment): void {
    if (identity.kind === 'oidc')
      acknowledge(
        this.api,
        'Callers have tokens of an external issuer. A Lambda authorizer checks the token for every method.',
        'AwsSolutions-COG4',
      );
    acknowledge(
      this.api,
      'The service validates requests, with the schemas from which its OpenAPI document is generated.',
      'AwsSolutions-APIG2',
    );
    acknowledge(
      this.api,
      'A trace contains the URL, and a STOW-RS URL names a study. The access log has the duration of each call.',
      'HIPAA.Security-APIGWXrayEnabled',
    );
    acknowledge(
      this.api,
      'API Gateway would create the log group itself, without our key and without expiry. The access log has the result of each call.',
      'AwsSolutions-APIG6',
      'HIPAA.Security-APIGWExecutionLoggingEnabled',
    );
    acknowledge(
      this.api,
      'Responses contain patient data, so no cache may share them between callers.',
      'HIPAA.Security-APIGWCacheEnabledAndEncrypted',
    );
    acknowledge(
      this.api,
      'The load balancer accepts connections only from the security group of the VPC link. It cannot check a client certificate of API Gateway.',
      'HIPAA.Security-APIGWSSLEnabled',
    );
    acknowledge(
      this.api,
      'The managed policy by which API Gateway writes logs, one role per account.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    );
  }
}

/** The endpoint of the API: public, or private through a VPC endpoint that only the listed networks can reach. */
function endpointProps(
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
