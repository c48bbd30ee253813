/** A minimal client of the CloudFormation HTTP API. It does not sign requests, because moto does not check signatures. */
export function cloudFormation(url: string, region: string) {
  const authorization = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=TEST/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=none`;

  async function call(Action: string, parameters: Record<string, string>): Promise<string> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: authorization('cloudformation') },
      body: new URLSearchParams({ Action, Version: '2010-05-15', ...parameters }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${Action}: ${response.status} ${text}`);
    return text;
  }

  return {
    /** Set the parameter that `cdk bootstrap` creates and templates require. */
    async bootstrap(): Promise<void> {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: authorization('ssm'),
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AmazonSSM.PutParameter',
        },
        body: JSON.stringify({ Name: '/cdk-bootstrap/hnb659fds/version', Value: '30', Type: 'String' }),
      });
      if (!response.ok) throw new Error(`PutParameter: ${response.status} ${await response.text()}`);
    },
    async create(StackName: string, TemplateBody: string): Promise<string> {
      await call('CreateStack', { StackName, TemplateBody });
      const [, status = ''] = /<StackStatus>(\w+)</.exec(await call('DescribeStacks', { StackName })) ?? [];
      return status;
    },
    /** Physical ids by logical id. */
    async resources(StackName: string): Promise<ReadonlyMap<string, string>> {
      const text = await call('DescribeStackResources', { StackName });
      const within = (member: string, name: string) => new RegExp(`<${name}>([^<]*)<`).exec(member)?.[1] ?? '';
      return new Map(
        text
          .split('<member>')
          .map((member) => [within(member, 'LogicalResourceId'), within(member, 'PhysicalResourceId')] as const)
          .filter(([logical]) => logical !== ''),
      );
    },
    async remove(StackName: string): Promise<void> {
      await call('DeleteStack', { StackName });
    },
  };
}
