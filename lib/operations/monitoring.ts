import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Dashboard, GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { ApiService } from '../compute/api-service.ts';
import type { WorkerService } from '../compute/worker-service.ts';
import type { DataStack } from '../data/data-stack.ts';
import { alarmPublishers } from '../data/logs.ts';
import type { Environment } from '../environments.ts';
import type { ApiGateway } from '../gateway/api-gateway.ts';
import { Alarms } from './alarms.ts';

export type MonitoringProps = {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly gateway: ApiGateway;
  readonly services: readonly ApiService[];
  readonly worker: WorkerService;
  readonly logs: readonly LogGroup[];
};

/** Alarms, a dashboard of their metrics, and a budget. One topic publishes alarms and budget notifications. */
export class Monitoring extends Construct {
  constructor(scope: Construct, id: string, { environment, data, gateway, services, worker, logs }: MonitoringProps) {
    super(scope, id);
    const { name, email, budgetUsd } = environment;
    const topic = new Topic(this, 'Told', { masterKey: data.logs.key, enforceSSL: true });
    // `enforceSSL` adds a topic policy, which replaces the default policy that lets alarms of the account publish.
    // data/logs.ts grants the same principals the use of the key.
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [...alarmPublishers()],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
      }),
    );
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email));

    const { metrics } = new Alarms(this, 'Alarms', {
      environment,
      topic,
      services,
      logs,
      api: gateway.api,
      queues: data.queues,
    });
    const graph = (title: string, ...left: IMetric[]) => new GraphWidget({ title, left, width: 12 });
    new Dashboard(this, 'Dashboard', {
      dashboardName: `alara-${name}`,
      widgets: [
        [graph('Requests', gateway.api.metricCount()), graph('Share of 5xx', metrics.errors)],
        [graph('Latency, p99, ms', metrics.latency), graph('Open and dead jobs', worker.openJobs, metrics.dead)],
        [graph('Age of the oldest job, s', metrics.age), graph('Corrupt models', metrics.corrupt)],
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

    const notification = (type: string, threshold: number): CfnBudget.NotificationWithSubscribersProperty => ({
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
        // The tag must be activated for cost allocation once per account.
        costFilters: { TagKeyValue: [`user:alara:environment$${name}`] },
      },
      notificationsWithSubscribers: [notification('ACTUAL', 80), notification('FORECASTED', 100)],
    });
  }
}
