import { expect, test } from 'vitest';
import { guarded } from '../../../functions/api/http/auth.ts';
import type { FaultCode } from '../../../functions/core/fault.ts';
import { advice } from '../../../functions/core/fault-status.ts';
import { ofType, type Synthesized } from '../synthesize.ts';

export function gatewayInvariants({ environment, data, service }: Synthesized): void {
  const pathOf = (id: string): string => {
    const { ParentId, PathPart } = Object(service[id]?.Properties) as { ParentId: { Ref?: string }; PathPart: string };
    return `${ParentId.Ref ? pathOf(ParentId.Ref) : ''}/${PathPart}`;
  };
  const methods = ofType(service, 'AWS::ApiGateway::Method').map(([, { Properties }]) => {
    const { Ref } = Properties['ResourceId'] as { Ref?: string };
    return { path: Ref ? pathOf(Ref) : '/', properties: Properties };
  });

  test('every method requires an API key and forwards the called path through the VPC link to the load balancer', () => {
    expect(methods).toHaveLength(5);
    for (const { path, properties } of methods) {
      expect(properties).toMatchObject({
        ApiKeyRequired: true,
        Integration: {
          Type: 'HTTP_PROXY',
          IntegrationHttpMethod: properties['HttpMethod'],
          ConnectionType: 'VPC_LINK',
          ConnectionId: { Ref: expect.stringMatching(/^FrontMethodsLink/) },
          IntegrationTarget: { Ref: expect.stringMatching(/^BalancerAlb/) },
          TimeoutInMillis: 29_000,
          RequestParameters: { 'integration.request.header.X-API-Key': 'method.request.header.X-API-Key' },
        },
      });
      const { Uri } = properties['Integration'] as { Uri: string | { 'Fn::Join': [string, unknown[]] } };
      const end = typeof Uri === 'string' ? new URL(Uri).pathname : Uri['Fn::Join'][1].at(-1);
      expect(decodeURI(String(end))).toBe(path.replace('+', ''));
    }
  });

  test('every method requires a token, except for the methods that a PACS calls', () => {
    const token = environment.identity.kind === 'cognito' ? 'COGNITO_USER_POOLS' : 'CUSTOM';
    const authorization = methods.map(({ path, properties }) => [
      `${properties['HttpMethod']} ${path}`,
      properties['AuthorizationType'],
    ]);
    expect(Object.fromEntries(authorization)).toEqual({
      'ANY /': token,
      'ANY /{proxy+}': token,
      'ANY /v1/{proxy+}': token,
      'POST /v1/hooks/{proxy+}': 'NONE',
      'POST /dicom-web/{proxy+}': 'NONE',
    });
    // The service requires the scope pacs on every route without a token.
    const withoutToken = Object.entries(guarded).filter(([route]) => /^\w+ \/(v1\/hooks|dicom-web)\//.test(route));
    expect(withoutToken.length).toBeGreaterThan(2);
    for (const [route, scopes] of withoutToken) expect([route, scopes]).toEqual([route, ['pacs']]);
    const [[, authorizer] = []] = ofType(service, 'AWS::ApiGateway::Authorizer');
    // The service expects its own keys in Authorization.
    expect(authorizer?.Properties).toMatchObject({ IdentitySource: 'method.request.header.X-Access-Token' });
    expect(ofType(service, 'AWS::ApiGatewayV2::VpcLink')).toHaveLength(1);
  });

  test('the Lambda authorizer can be deployed into a new account with a low concurrency quota', () => {
    const authorizers = ofType(service, 'AWS::Lambda::Function').filter(([id]) => id.startsWith('FrontIdentity'));
    expect(authorizers).toHaveLength(environment.identity.kind === 'oidc' ? 1 : 0);
    // Lambda keeps 100 concurrent executions of an account unreserved, and a new account may have only 10.
    for (const [, { Properties }] of authorizers) expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('the Cognito clients are machine clients', () => {
    const clients = ofType(data, 'AWS::Cognito::UserPoolClient');
    expect(clients).toHaveLength(environment.identity.kind === 'cognito' ? 1 : 0);
    for (const [, { Properties }] of clients)
      expect(Properties).toMatchObject({ AllowedOAuthFlows: ['client_credentials'], GenerateSecret: true });
  });

  test(`the endpoint is ${environment.endpoint.kind}`, () => {
    const [[, api] = []] = ofType(service, 'AWS::ApiGateway::RestApi');
    if (environment.endpoint.kind === 'public') {
      expect(api?.Properties).toMatchObject({ EndpointConfiguration: { Types: ['REGIONAL'] } });
      return;
    }
    expect(api?.Properties).toMatchObject({
      EndpointConfiguration: { Types: ['PRIVATE'], VpcEndpointIds: [expect.anything()] },
      Policy: {
        Statement: expect.arrayContaining([
          expect.objectContaining({
            Effect: 'Deny',
            Condition: { StringNotEquals: { 'aws:SourceVpce': expect.anything() } },
          }),
        ]),
      },
    });
    const from = JSON.stringify(ofType(service, 'AWS::EC2::SecurityGroup').find(([id]) => id.startsWith('FrontCalls')));
    for (const network of environment.endpoint.networks) expect(from).toContain(network);
  });

  test('the load balancer is internal, writes access logs, and removes the stage from paths', () => {
    const [[, alb] = []] = ofType(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    expect(alb?.Properties).toMatchObject({ Scheme: 'internal' });
    expect(alb?.Properties['LoadBalancerAttributes']).toEqual(
      expect.arrayContaining([{ Key: 'access_logs.s3.enabled', Value: 'true' }]),
    );
    const rules = ofType(service, 'AWS::ElasticLoadBalancingV2::ListenerRule');
    expect(rules).toHaveLength(1 + environment.split.length);
    for (const [, { Properties }] of rules) {
      const transforms = Properties['Transforms'] as {
        UrlRewriteConfig: { Rewrites: { Regex: string; Replace: string }[] };
      }[];
      const [{ Regex = '', Replace = '' } = {}] = transforms[0]?.UrlRewriteConfig.Rewrites ?? [];
      const rewritten = (path: string) => path.replace(new RegExp(Regex), Replace);
      expect(rewritten(`/${environment.name}/v1/readings`)).toBe('/v1/readings');
      expect(rewritten('/v1/readings')).toBe('/v1/readings');
    }
    const pinned = rules.flatMap(([, { Properties }]) =>
      (Properties['Conditions'] as { QueryStringConfig?: { Values: { Key: string; Value: string }[] } }[]).flatMap(
        ({ QueryStringConfig }) => QueryStringConfig?.Values.map(({ Key, Value }) => `${Key}=${Value}`) ?? [],
      ),
    );
    expect(pinned).toEqual(environment.split.flatMap(({ variants }) => variants.map((id) => `variant=${id}`)));
  });

  test(
    environment.domain ? 'with a domain the load balancer uses TLS' : 'without a domain TLS ends at API Gateway',
    () => {
      const [[, listener] = []] = ofType(service, 'AWS::ElasticLoadBalancingV2::Listener');
      expect(listener?.Properties).toMatchObject(
        environment.domain
          ? { Protocol: 'HTTPS', Certificates: [{ CertificateArn: environment.domain.certificateArn }] }
          : { Protocol: 'HTTP' },
      );
      const uris = ofType(service, 'AWS::ApiGateway::Method').map(([, { Properties }]) =>
        JSON.stringify((Properties['Integration'] as { Uri: unknown }).Uri),
      );
      for (const uri of uris)
        expect(uri).toContain(environment.domain ? `https://${environment.domain.name}/` : 'http://');
    },
  );

  test('the firewall does not block by the bytes of films or a missing User-Agent', () => {
    const [[, acl] = []] = ofType(service, 'AWS::WAFv2::WebACL');
    const text = JSON.stringify(acl?.Properties);
    expect(text).toContain(`"Limit":${environment.limits.address}`);
    for (const rule of ['SizeRestrictions_BODY', 'NoUserAgent_HEADER'])
      expect(text).toContain(`{"ActionToUse":{"Count":{}},"Name":"${rule}"}`);
    expect(ofType(service, 'AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
  });

  test('the responses for an unavailable service have Retry-After', () => {
    const responses = ofType(service, 'AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => Properties);
    for (const ResponseType of ['INTEGRATION_FAILURE', 'INTEGRATION_TIMEOUT']) {
      const response = responses.find((properties) => properties['ResponseType'] === ResponseType);
      expect(response).toMatchObject({
        StatusCode: '503',
        ResponseParameters: { 'gatewayresponse.header.Retry-After': "'60'" },
      });
    }
  });

  test('API Gateway and the firewall answer problems with code and fix, and a code has the same status as in the service', () => {
    const responses = ofType(service, 'AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => Properties);
    const types = responses.map((properties) => String(properties['ResponseType']));
    for (const type of ['UNAUTHORIZED', 'EXPIRED_TOKEN', 'INVALID_API_KEY', 'ACCESS_DENIED', 'WAF_FILTERED'])
      expect(types).toContain(type);
    for (const type of ['MISSING_AUTHENTICATION_TOKEN', 'THROTTLED', 'REQUEST_TOO_LARGE', 'DEFAULT_4XX', 'DEFAULT_5XX'])
      expect(types).toContain(type);
    const answers = responses.map(({ ResponseType, StatusCode, ResponseTemplates, ResponseParameters }) => {
      const problem = JSON.parse((ResponseTemplates as Record<string, string>)['application/json'] ?? '');
      expect(ResponseParameters).toMatchObject({
        'gatewayresponse.header.Content-Type': "'application/problem+json'",
      });
      expect(problem.requestId).toBe('$context.requestId');
      // A default response stands for several statuses, and API Gateway cannot insert the status into the body.
      expect(problem.status).toBe(StatusCode === undefined ? undefined : Number(StatusCode));
      expect(StatusCode === undefined).toBe(String(ResponseType).startsWith('DEFAULT'));
      return problem;
    });
    const [[, acl] = []] = ofType(service, 'AWS::WAFv2::WebACL');
    const { throttled } = Object(acl?.Properties['CustomResponseBodies']) as { throttled?: { Content: string } };
    for (const problem of [...answers, JSON.parse(throttled?.Content ?? '')]) {
      expect(problem).toMatchObject({ title: expect.any(String), code: expect.any(String), fix: expect.any(String) });
      const known = advice[problem.code as FaultCode];
      if (known && problem.status !== undefined)
        expect([problem.code, problem.status]).toEqual([problem.code, known.status]);
    }
  });

  test('no log and no trace of API Gateway or firewall contains a path, because a STOW-RS path names a study', () => {
    const [[, stage] = []] = ofType(service, 'AWS::ApiGateway::Stage');
    expect(stage?.Properties).toMatchObject({
      AccessLogSetting: { Format: expect.not.stringMatching(/path|uri|url/i) },
      TracingEnabled: false,
      // The log group that API Gateway creates has no key and no expiry, and metrics per path cost extra.
      MethodSettings: [
        { HttpMethod: '*', ResourcePath: '/*', LoggingLevel: 'OFF', DataTraceEnabled: false, MetricsEnabled: false },
      ],
    });
    const [[, log] = []] = ofType(service, 'AWS::WAFv2::LoggingConfiguration');
    expect(log?.Properties['RedactedFields']).toEqual([
      { SingleHeader: { Name: 'authorization' } },
      { SingleHeader: { Name: 'x-api-key' } },
      { SingleHeader: { Name: 'x-access-token' } },
      { UriPath: {} },
      { QueryString: {} },
    ]);
    const [[, acl] = []] = ofType(service, 'AWS::WAFv2::WebACL');
    expect(JSON.stringify(acl?.Properties)).not.toContain('"SampledRequestsEnabled":true');
  });
}
