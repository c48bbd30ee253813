import { expect, test } from 'vitest';
import { guarded } from '../../../functions/api/http/auth.ts';
import { advice, type FaultCode } from '../../../functions/core/fault.ts';
import { ofType, type Synthesized } from '../synthesize.ts';

export function frontInvariants({ environment, data, service }: Synthesized): void {
  const pathOf = (id: string): string => {
    const { ParentId, PathPart } = Object(service[id]?.Properties) as { ParentId: { Ref?: string }; PathPart: string };
    return `${ParentId.Ref ? pathOf(ParentId.Ref) : ''}/${PathPart}`;
  };
  const methods = ofType(service, 'AWS::ApiGateway::Method').map(([, { Properties }]) => {
    const { Ref } = Properties['ResourceId'] as { Ref?: string };
    return { path: Ref ? pathOf(Ref) : '/', properties: Properties };
  });

  test('every method asks for a key, and goes through the VPC link to the load balancer by the path that was called', () => {
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

  test('every method asks for a token as well, but for what a PACS sends, which has no token', () => {
    const token = environment.identity.kind === 'cognito' ? 'COGNITO_USER_POOLS' : 'CUSTOM';
    const asked = methods.map(({ path, properties }) => [
      `${properties['HttpMethod']} ${path}`,
      properties['AuthorizationType'],
    ]);
    expect(Object.fromEntries(asked)).toEqual({
      'ANY /': token,
      'ANY /{proxy+}': token,
      'ANY /v1/{proxy+}': token,
      'POST /v1/hooks/{proxy+}': 'NONE',
      'POST /dicom-web/{proxy+}': 'NONE',
    });
    // Whatever is reached so is guarded by the scope of a PACS in the service.
    const withoutToken = Object.entries(guarded).filter(([route]) => /^\w+ \/(v1\/hooks|dicom-web)\//.test(route));
    expect(withoutToken.length).toBeGreaterThan(2);
    for (const [route, scopes] of withoutToken) expect([route, scopes]).toEqual([route, ['pacs']]);
    const [[, authorizer] = []] = ofType(service, 'AWS::ApiGateway::Authorizer');
    // The service reads keys of its own in Authorization.
    expect(authorizer?.Properties).toMatchObject({ IdentitySource: 'method.request.header.X-Access-Token' });
    expect(ofType(service, 'AWS::ApiGatewayV2::VpcLink')).toHaveLength(1);
  });

  test('what checks tokens of an issuer is deployed into an account of any quota', () => {
    const checks = ofType(service, 'AWS::Lambda::Function').filter(([id]) => id.startsWith('FrontIdentity'));
    expect(checks).toHaveLength(environment.identity.kind === 'oidc' ? 1 : 0);
    // Lambda keeps 100 of an account's executions unreserved, and a new account has 10.
    for (const [, { Properties }] of checks) expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('tokens of Cognito are those of machines', () => {
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

  test('the load balancer is inside, logs who asked, and passes paths without the stage', () => {
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

  test(environment.domain ? 'TLS goes as far as the load balancer' : 'without a domain TLS ends at API Gateway', () => {
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
  });

  test('the firewall looks at everything but the bytes of films', () => {
    const [[, acl] = []] = ofType(service, 'AWS::WAFv2::WebACL');
    const text = JSON.stringify(acl?.Properties);
    expect(text).toContain(`"Limit":${environment.limits.address}`);
    // An Orthanc says nothing of itself.
    for (const rule of ['SizeRestrictions_BODY', 'NoUserAgent_HEADER'])
      expect(text).toContain(`{"ActionToUse":{"Count":{}},"Name":"${rule}"}`);
    expect(ofType(service, 'AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
  });

  test('a service that cannot be reached is said to be back later', () => {
    const said = ofType(service, 'AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => Properties);
    for (const ResponseType of ['INTEGRATION_FAILURE', 'INTEGRATION_TIMEOUT']) {
      const response = said.find((properties) => properties['ResponseType'] === ResponseType);
      expect(response).toMatchObject({
        StatusCode: '503',
        ResponseParameters: { 'gatewayresponse.header.Retry-After': "'60'" },
      });
    }
  });

  test('whatever API Gateway and the firewall say is a problem with a code and a fix, and a code means what the service means', () => {
    const said = ofType(service, 'AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => Properties);
    const types = said.map((properties) => String(properties['ResponseType']));
    for (const type of ['UNAUTHORIZED', 'EXPIRED_TOKEN', 'INVALID_API_KEY', 'ACCESS_DENIED', 'WAF_FILTERED'])
      expect(types).toContain(type);
    for (const type of ['MISSING_AUTHENTICATION_TOKEN', 'THROTTLED', 'REQUEST_TOO_LARGE', 'DEFAULT_4XX', 'DEFAULT_5XX'])
      expect(types).toContain(type);
    const answers = said.map(({ ResponseType, StatusCode, ResponseTemplates, ResponseParameters }) => {
      const problem = JSON.parse((ResponseTemplates as Record<string, string>)['application/json'] ?? '');
      expect(ResponseParameters).toMatchObject({
        'gatewayresponse.header.Content-Type': "'application/problem+json'",
      });
      expect(problem.requestId).toBe('$context.requestId');
      // Of what has many statuses none is said: API Gateway cannot put it in.
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

  test('no log and no trace before the service names a path: that of STOW-RS names a study', () => {
    const [[, stage] = []] = ofType(service, 'AWS::ApiGateway::Stage');
    expect(stage?.Properties).toMatchObject({
      AccessLogSetting: { Format: expect.not.stringMatching(/path|uri|url/i) },
      TracingEnabled: false,
      // All of them: a group that API Gateway makes has no key and no end, and each path would have metrics that are paid for.
      MethodSettings: [
        { HttpMethod: '*', ResourcePath: '/*', LoggingLevel: 'OFF', DataTraceEnabled: false, MetricsEnabled: false },
      ],
    });
    const [[, log] = []] = ofType(service, 'AWS::WAFv2::LoggingConfiguration');
    expect(log?.Properties['RedactedFields']).toEqual([
      ...['authorization', 'x-api-key', 'x-access-token'].map((Name) => ({ SingleHeader: { Name } })),
      ...[{ UriPath: {} }, { QueryString: {} }],
    ]);
    const [[, acl] = []] = ofType(service, 'AWS::WAFv2::WebACL');
    expect(JSON.stringify(acl?.Properties)).not.toContain('"SampledRequestsEnabled":true');
  });
}
