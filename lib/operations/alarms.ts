import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { FilterPattern, type LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { ApiService } from '../compute/api-service.ts';
import type { JobQueues } from '../data/queues.ts';
import type { Environment } from '../environments.ts';

export type AlarmsProps = {
  readonly environment: Environment;
  readonly topic: Topic;
  readonly api: RestApi;
  readonly services: readonly ApiService[];
  readonly queues: JobQueues;
  readonly logs: readonly LogGroup[];
};

/** The alarms that need a human, with their meaning. docs/deploy.md describes the reaction to each. */
export class Alarms extends Construct {
  readonly metrics: Readonly<Record<'errors' | 'latency' | 'age' | 'dead' | 'corrupt', IMetric>>;
  private readonly environmentName: string;
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { environment, topic, api, services, queues, logs } = props;
    this.environmentName = environment.name;
    this.topic = topic;
    const period = Duration.minutes(5);
    const namespace = 'Alara';
    const metricName = `ModelCorrupt-${environment.name}`;
    for (const log of logs)
      log.addMetricFilter(`${log.node.id}Corrupt`, {
        filterPattern: FilterPattern.stringValue('$.event', '=', 'model_corrupt'),
        metricNamespace: namespace,
        metricName,
        metricValue: '1',
        defaultValue: 0,
      });
    this.metrics = {
      errors: api.metricServerError({ period, statistic: 'Average' }),
      latency: api.metricIntegrationLatency({ period, statistic: 'p99' }),
      age: queues.jobs.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' }),
      dead: queues.deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      corrupt: new Metric({ namespace, metricName, period, statistic: 'Sum' }),
    };
    const { errors, latency, age, dead, corrupt } = this.metrics;
    this.addAlarm('Errors', 'More than 2 % of responses are 5xx.', errors, 0.02, 2);
    this.addAlarm('Latency', 'One response in a hundred takes longer than 10 s.', latency, 10_000, 3);
    this.addAlarm('Age', 'A job has waited for 30 minutes: workers do not start, or are too few.', age, 1800, 2);
    this.addAlarm('Dead', 'A job was delivered 20 times without a result: it probably kills its worker.', dead, 0, 1);
    this.addAlarm('Corrupt', 'A model does not match its digest and was refused. Publish it again.', corrupt, 0, 1);
    for (const service of services) this.addNoTaskAlarm(service);
  }

  /** An alarm for a service without a healthy task. A deployment moves the tasks from one target group to the other. */
  private addNoTaskAlarm(service: ApiService): void {
    const [blue, green] = service.targetGroups;
    const period = Duration.minutes(1);
    const healthy = new MathExpression({
      expression: 'FILL(blue, 0) + FILL(green, 0)',
      usingMetrics: {
        blue: blue.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
        green: green.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
      },
      period,
      label: 'Healthy tasks',
    });
    this.addAlarm(`NoTask${service.node.id}`, 'No task answers HTTP. Callers get 503.', healthy, 1, 3, {
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }

  private addAlarm(
    id: string,
    alarmDescription: string,
    metric: IMetric,
    threshold: number,
    periods: number,
    overrides?: Partial<AlarmProps>,
  ): void {
    const alarm = new Alarm(this, id, {
      alarmName: `alara-${this.environmentName}-${id.toLowerCase()}`,
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...overrides,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}
