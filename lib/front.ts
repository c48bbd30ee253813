import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  ApiKeySourceType,
  type CfnMethod,
  ConnectionType,
  HttpIntegration,
  type IResource,
  LogGroupLogDestination,
  MethodLoggingLevel,
  Period,
  RestApi,
  VpcLink,
} from 'aws-cdk-lib/aws-apigateway';
import { VpcLink as VpcLinkV2 } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { answers } from './answers.ts';
import type { Balancer } from './balancer.ts';
import type { DataStack } from './data-stack.ts';
import { reach } from './endpoint.ts';
import type { Environment } from './environments.ts';
import { Firewall } from './firewall.ts';
import { Identity } from './identity.ts';
import type { Network } from './network.ts';

export type FrontProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly balancer: Balancer;
  readonly data: DataStack;
};

/** API Gateway: who may call, how often, and the way through the VPC link to the load balancer. */
export class Front extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, { environment, network, balancer, data }: FrontProps) {
    super(scope, id);
    const { name, limits } = environment;
    const { logs, machines } = data;
    this.api = new RestApi(this, 'Api', {
      restApiName: `alara-${name}`,
      ...reach(this, environment, network),
      // Films are bytes, which pass through as they are.
      binaryMediaTypes: ['*/*'],
      apiKeySourceType: ApiKeySourceType.HEADER,
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.DESTROY,
      deployOptions: {
        stageName: name,
        throttlingRateLimit: limits.stage,
        throttlingBurstLimit: limits.stage * 2,
        metricsEnabled: true,
        tracingEnabled: true,
        // Errors only: what is logged of every request would be paths and headers. The access log has the rest.
        loggingLevel: MethodLoggingLevel.ERROR,
        dataTraceEnabled: false,
        accessLogDestination: new LogGroupLogDestination(logs.group('access')),
        accessLogFormat: accessLog,
      },
    });
    const identity = new Identity(this, 'Identity', { environment, machines, log: logs.group('identity') });
    const link = new VpcLinkV2(this, 'Link', {
      vpc: network.vpc,
      subnets: network.subnets,
      securityGroups: [balancer.link],
    });
    const open = (resource: IResource, path: string) => {
      const method = resource.addMethod(
        'ANY',
        new HttpIntegration(`${balancer.url}${path}`, {
          proxy: true,
          httpMethod: 'ANY',
          options: {
            connectionType: ConnectionType.VPC_LINK,
            vpcLink: VpcLink.fromVpcLinkId(this, `Link${path.length}`, link.vpcLinkId),
            timeout: Duration.seconds(29),
            requestParameters: {
              ...(path === '/' ? {} : { 'integration.request.path.proxy': 'method.request.path.proxy' }),
              // The key that a caller is counted by is the key that the service knows it by.
              'integration.request.header.X-API-Key': 'method.request.header.X-API-Key',
            },
          },
        }),
        {
          ...identity.method,
          apiKeyRequired: true,
          requestParameters: {
            ...(path === '/' ? {} : { 'method.request.path.proxy': true }),
            'method.request.header.X-API-Key': true,
          },
        },
      );
      // aws-cdk-lib 2.276 knows targets of a VPC link v2 in the raw resource only.
      const raw = method.node.defaultChild as CfnMethod;
      raw.addPropertyOverride('Integration.IntegrationTarget', balancer.alb.loadBalancerArn);
    };
    open(this.api.root, '/');
    open(this.api.root.addResource('{proxy+}'), '/{proxy}');
    answers(this.api);

    const plan = this.api.addUsagePlan('Plan', {
      name: `alara-${name}`,
      description: 'Keys of callers: the value is a key of the service, made with alara keys create',
      throttle: { rateLimit: limits.key, burstLimit: limits.key * 2 },
      quota: { limit: limits.keyMonth, period: Period.MONTH },
    });
    plan.addApiStage({ stage: this.api.deploymentStage });
    new Firewall(this, 'Firewall', {
      environment,
      stageArn: this.api.deploymentStage.stageArn,
      log: logs.group('firewall'),
    });
    this.reasons(environment);
  }

  private reasons({ identity }: Environment): void {
    if (identity.kind === 'oidc')
      acknowledge(
        this.api,
        'Callers have tokens of an issuer that is there already; a Lambda authorizer checks them for every method.',
        'AwsSolutions-COG4',
      );
    acknowledge(
      this.api,
      'Requests are checked by the service, from the schemas that its OpenAPI document comes from.',
      'AwsSolutions-APIG2',
    );
    acknowledge(
      this.api,
      'Answers are about patients: none is kept between callers.',
      'HIPAA.Security-APIGWCacheEnabledAndEncrypted',
    );
    acknowledge(
      this.api,
      'The load balancer accepts connections from the group of the VPC link alone; it could not check a client certificate of API Gateway.',
      'HIPAA.Security-APIGWSSLEnabled',
    );
    acknowledge(
      this.api,
      'The policy that API Gateway needs to write logs, one for the account.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    );
  }
}

/** Who asked when, and how it went. No path: that of STOW-RS names a study. */
const accessLog = AccessLogFormat.custom(
  JSON.stringify({
    time: AccessLogField.contextRequestTime(),
    requestId: AccessLogField.contextRequestId(),
    method: AccessLogField.contextHttpMethod(),
    status: AccessLogField.contextStatus(),
    keyId: AccessLogField.contextIdentityApiKeyId(),
    address: AccessLogField.contextIdentitySourceIp(),
    bytes: AccessLogField.contextResponseLength(),
    latencyMs: AccessLogField.contextResponseLatency(),
    integrationMs: AccessLogField.contextIntegrationLatency(),
    firewall: AccessLogField.contextWafResponseCode(),
  }),
);
