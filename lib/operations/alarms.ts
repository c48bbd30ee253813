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
import type { Jobs } from '../data/queues.ts';
import type { Environment } from '../environments.ts';

export type AlarmsProps = {
  readonly environment: Environment;
  readonly topic: Topic;
  readonly api: RestApi;
  readonly services: readonly ApiService[];
  readonly jobs: Jobs;
  readonly logs: readonly LogGroup[];
};

/** What somebody should be woken by, and what it means. */
export class Alarms extends Construct {
  readonly metrics: Readonly<Record<'errors' | 'latency' | 'age' | 'dead' | 'corrupt', IMetric>>;
  private readonly name: string;
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { environment, topic, api, services, jobs, logs } = props;
    this.name = environment.name;
    this.topic = topic;
    const period = Duration.minutes(5);
    const namespace = 'Alara';
    const dimension = `ModelCorrupt-${environment.name}`;
    for (const log of logs)
      log.addMetricFilter(`${log.node.id}Corrupt`, {
        filterPattern: FilterPattern.stringValue('$.event', '=', 'model_corrupt'),
        metricNamespace: namespace,
        metricName: dimension,
        metricValue: '1',
        defaultValue: 0,
      });
    this.metrics = {
      errors: api.metricServerError({ period, statistic: 'Average' }),
      latency: api.metricIntegrationLatency({ period, statistic: 'p99' }),
      age: jobs.queue.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' }),
      dead: jobs.dead.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      corrupt: new Metric({ namespace, metricName: dimension, period, statistic: 'Sum' }),
    };
    const { errors, latency, age, dead, corrupt } = this.metrics;
    this.alarm('Errors', 'More than 2 % of answers are 5xx.', errors, 0.02, 2);
    this.alarm('Latency', 'One answer in a hundred takes longer than 10 s.', latency, 10_000, 3);
    this.alarm('Age', 'A job has waited for 30 minutes: no worker comes up, or there are too few.', age, 1800, 2);
    this.alarm('Dead', 'A job was delivered 20 times and never finished: a worker dies of it.', dead, 0, 1);
    this.alarm('Corrupt', 'A model is not what its digest says and was refused: publish it again.', corrupt, 0, 1);
    for (const service of services) this.noTask(service);
  }

  /** Two groups, of which a deployment moves tasks from one to the other. */
  private noTask(service: ApiService): void {
    const [blue, green] = service.groups;
    const period = Duration.minutes(1);
    const healthy = new MathExpression({
      expression: 'FILL(blue, 0) + FILL(green, 0)',
      usingMetrics: {
        blue: blue.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
        green: green.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
      },
      period,
      label: 'Tasks that answer',
    });
    this.alarm(`NoTask${service.node.id}`, 'No task answers HTTP: callers get 503.', healthy, 1, 3, {
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }

  private alarm(
    id: string,
    what: string,
    metric: IMetric,
    threshold: number,
    periods: number,
    more?: Partial<AlarmProps>,
  ) {
    const alarm = new Alarm(this, id, {
      alarmName: `alara-${this.name}-${id.toLowerCase()}`,
      alarmDescription: what,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...more,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}
