import { expect, test } from 'vitest';
import { ofType, type Synthesized } from '../synthesize.ts';

export function monitoringInvariants({ environment, data, service, exported }: Synthesized): void {
  const alarms = ofType(service, 'AWS::CloudWatch::Alarm').filter(([id]) => id.startsWith('Observe'));

  test('every alarm exists and notifies the topic', () => {
    const { name, split } = environment;
    const expected = [
      'errors',
      'latency',
      'age',
      'dead',
      'corrupt',
      'notaskapi',
      ...split.map((part) => `notask${part.name.toLowerCase()}`),
    ];
    const names = alarms.map(([, { Properties }]) => String(Properties['AlarmName']));
    expect(names.sort()).toEqual(expected.map((alarm) => `alara-${name}-${alarm}`).sort());
    for (const [, { Properties }] of alarms) expect(Properties['AlarmActions']).toHaveLength(1);
  });

  test('alarms and the budget may publish to the topic, by its policy and its key, in this account only', () => {
    const actions = alarms.flatMap(
      ([, { Properties }]) => [Properties['AlarmActions'], Properties['OKActions']].flat() as { Ref: string }[],
    );
    const topics = new Set(actions.map(({ Ref }) => Ref));
    expect(topics.size).toBe(1);
    const [[, budget] = []] = ofType(service, 'AWS::Budgets::Budget');
    for (const topic of topics) {
      expect(JSON.stringify(budget?.Properties['NotificationsWithSubscribers'])).toContain(`{"Ref":"${topic}"}`);
      const [policy] = ofType(service, 'AWS::SNS::TopicPolicy').filter(([, { Properties }]) =>
        JSON.stringify(Properties['Topics']).includes(topic),
      );
      // The key is in the data stack and imported by its export name.
      const shared = service[topic]?.Properties['KmsMasterKeyId'] as { 'Fn::ImportValue': string };
      const { 'Fn::GetAtt': [key = ''] = [] } = exported.get(shared['Fn::ImportValue']) as { 'Fn::GetAtt': string[] };
      for (const publisher of ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com']) {
        expect(allowed(policy?.[1].Properties['PolicyDocument'], publisher)).toEqual(['sns:Publish']);
        expect(allowed(data[key]?.Properties['KeyPolicy'], publisher)).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
      }
    }
  });

  test('a metric filter counts corrupt models in the log, and the alarm uses this metric', () => {
    const filters = ofType(service, 'AWS::Logs::MetricFilter').concat(ofType(data, 'AWS::Logs::MetricFilter'));
    expect(filters).toHaveLength(2);
    const counted = filters.map(([, { Properties }]) => {
      expect(Properties['FilterPattern']).toBe('{ $.event = "model_corrupt" }');
      return (Properties['MetricTransformations'] as { MetricName: string }[])[0]?.MetricName;
    });
    const alarm = alarms.find(([id]) => id.includes('Corrupt'))?.[1].Properties;
    expect(new Set(counted)).toEqual(new Set([alarm?.['MetricName']]));
  });

  test('there are a dashboard and a budget that notifies before it is spent', () => {
    expect(ofType(service, 'AWS::CloudWatch::Dashboard')).toHaveLength(1);
    const [[, budget] = []] = ofType(service, 'AWS::Budgets::Budget');
    expect(budget?.Properties).toMatchObject({
      Budget: { BudgetLimit: { Amount: environment.budgetUsd, Unit: 'USD' }, TimeUnit: 'MONTHLY' },
    });
    const subscriptions = ofType(service, 'AWS::SNS::Subscription');
    expect(subscriptions).toHaveLength(environment.email === undefined ? 0 : 1);
  });

  test('every resource that costs money has the tag of its environment', () => {
    const tagged = [
      'AWS::ECS::Cluster',
      'AWS::S3::Bucket',
      'AWS::DynamoDB::Table',
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
      'AWS::EC2::VPC',
      'AWS::ECS::Service',
    ];
    const all = { ...data, ...service };
    for (const type of tagged)
      for (const [, { Properties }] of ofType(all, type))
        expect(Properties['Tags']).toEqual(
          expect.arrayContaining([{ Key: 'alara:environment', Value: environment.name }]),
        );
    // AWS bills Fargate tasks and GPU instances separately from their service, so the tag must be propagated to them.
    for (const [, { Properties }] of ofType(service, 'AWS::ECS::Service'))
      expect(Properties).toMatchObject({ PropagateTags: 'SERVICE', EnableECSManagedTags: true });
    for (const [, { Properties }] of ofType(service, 'AWS::ECS::CapacityProvider'))
      expect(Properties['ManagedInstancesProvider']).toMatchObject({ PropagateTags: 'CAPACITY_PROVIDER' });
    const [[, budget] = []] = ofType(service, 'AWS::Budgets::Budget');
    expect(JSON.stringify(budget?.Properties)).toContain(`user:alara:environment$${environment.name}`);
  });
}

type Statement = {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Principal: { readonly Service?: string | readonly string[] };
  readonly Condition?: object;
};

/** The actions that a policy allows an AWS service, on condition that the service acts for this account. */
function allowed(document: unknown, service: string): string[] {
  const { Statement } = document as { Statement: Statement[] };
  const ours = JSON.stringify({ StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } });
  return Statement.filter(
    ({ Effect, Principal, Condition }) =>
      Effect === 'Allow' && [Principal.Service].flat().includes(service) && JSON.stringify(Condition) === ours,
  ).flatMap(({ Action }) => Action);
}
