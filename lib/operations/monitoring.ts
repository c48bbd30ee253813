import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Dashboard, GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { ApiService } from '../compute/api-service.ts';
import type { WorkerService } from '../compute/worker-service.ts';
import { tellers } from '../data/alarm-publishers.ts';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments.ts';
import type { Front } from '../gateway/api-gateway.ts';
import { Alarms } from './alarms.ts';

export type ObserveProps = {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly front: Front;
  readonly services: readonly ApiService[];
  readonly worker: WorkerService;
  readonly logs: readonly LogGroup[];
};

/** Alarms, a page that shows what they look at, and a budget: one topic tells of them. */
export class Observe extends Construct {
  constructor(scope: Construct, id: string, { environment, data, front, services, worker, logs }: ObserveProps) {
    super(scope, id);
    const { name, email, budgetUsd } = environment;
    const topic = new Topic(this, 'Told', { masterKey: data.logs.key, enforceSSL: true });
    // A policy of one's own, which TLS needs, replaces the one by which alarms of the account may publish.
    // What may be done with its key stands with the key.
    topic.addToResourcePolicy(
      new PolicyStatement({ principals: [...tellers()], actions: ['sns:Publish'], resources: [topic.topicArn] }),
    );
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email));

    const { metrics } = new Alarms(this, 'Alarms', {
      ...{ environment, topic, services, logs },
      api: front.api,
      jobs: data.jobs,
    });
    const graph = (title: string, ...left: IMetric[]) => new GraphWidget({ title, left, width: 12 });
    new Dashboard(this, 'Dashboard', {
      dashboardName: `alara-${name}`,
      widgets: [
        [graph('Requests', front.api.metricCount()), graph('Share of 5xx', metrics.errors)],
        [graph('Latency of 99 in 100, ms', metrics.latency), graph('Jobs', worker.work, metrics.dead)],
        [graph('Age of the oldest job, s', metrics.age), graph('Models refused', metrics.corrupt)],
        [
          graph(
            'Processor, %',
            ...services.map(({ service }) => service.metricCpuUtilization()),
            worker.service.metricCpuUtilization(),
          ),
          graph(
            'Memory, %',
            ...services.map(({ service }) => service.metricMemoryUtilization()),
            worker.service.metricMemoryUtilization(),
          ),
        ],
      ],
    });

    const told = (type: string, threshold: number): CfnBudget.NotificationWithSubscribersProperty => ({
      notification: {
        notificationType: type,
        comparisonOperator: 'GREATER_THAN',
        threshold,
        thresholdType: 'PERCENTAGE',
      },
      subscribers: [{ subscriptionType: 'SNS', address: topic.topicArn }],
    });
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `alara-${name}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: budgetUsd, unit: 'USD' },
        // The tag must be activated for cost allocation once in an account.
        costFilters: { TagKeyValue: [`user:alara:environment$${name}`] },
      },
      notificationsWithSubscribers: [told('ACTUAL', 80), told('FORECASTED', 100)],
    });
  }
}
