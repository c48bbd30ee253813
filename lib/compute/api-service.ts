import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import {
  AlarmBehavior,
  AlternateTarget,
  DeploymentStrategy,
  FargateService,
  ListenerRuleConfiguration,
  PropagatedTagSource,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import {
  ApplicationListenerRule,
  ApplicationProtocol,
  ApplicationTargetGroup,
  type CfnListenerRule,
  HttpCodeTarget,
  ListenerAction,
  ListenerCondition,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import type { Capacity, Environment, IdleHours } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import type { Cluster } from './cluster.ts';
import type { Balancer } from './load-balancer.ts';
import { rest } from './schedule.ts';
import { port } from './task.ts';

export type ApiServiceProps = {
  readonly environment: Environment;
  readonly balancer: Balancer;
  readonly cluster: Cluster;
  readonly capacity: Capacity;
  readonly task: TaskDefinition;
  readonly priority: number;
  /** Requests that pin one of these; all that nobody else serves by default. */
  readonly variants?: readonly string[];
};

/** What answers HTTP. A new version is started beside the old one and takes over at once, or not at all. */
export class ApiService extends Construct {
  readonly service: FargateService;
  readonly groups: readonly [ApplicationTargetGroup, ApplicationTargetGroup];

  constructor(scope: Construct, id: string, props: ApiServiceProps) {
    super(scope, id);
    const { environment, balancer, cluster, capacity, task } = props;
    const name = `alara-${environment.name}-${id.toLowerCase()}`;
    this.groups = [this.group('Blue', balancer), this.group('Green', balancer)];
    const [blue, green] = this.groups;
    const rule = this.rule(props);

    const failing = this.groups.map(
      (group, at) =>
        new Alarm(this, `Failing${at}`, {
          alarmName: `${name}-failing-${at}`,
          alarmDescription: 'Tasks answer 5xx while a version is being replaced: ECS goes back to the one before.',
          metric: group.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { period: Duration.minutes(1) }),
          threshold: 5,
          evaluationPeriods: 2,
          comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          treatMissingData: TreatMissingData.NOT_BREACHING,
        }),
    );
    for (const alarm of failing)
      acknowledge(alarm, 'Read by the deployment of ECS, which acts on it.', 'HIPAA.Security-CloudWatchAlarmAction');

    this.service = new FargateService(this, 'Service', {
      serviceName: name,
      cluster: cluster.ecs,
      taskDefinition: task,
      capacityProviderStrategies: [cluster.strategy(capacity.device)],
      vpcSubnets: cluster.subnets,
      securityGroups: [balancer.tasks],
      assignPublicIp: false,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      deploymentStrategy: DeploymentStrategy.BLUE_GREEN,
      // Both versions run so long after traffic has moved: to go back takes seconds.
      bakeTime: Duration.minutes(5),
      circuitBreaker: { enable: true, rollback: true },
      deploymentAlarms: {
        alarmNames: failing.map(({ alarmName }) => alarmName),
        behavior: AlarmBehavior.ROLLBACK_ON_ALARM,
      },
      // Models are fetched and loaded first.
      healthCheckGracePeriod: Duration.minutes(5),
      enableExecuteCommand: false,
      // The budget counts what its tasks cost by this tag.
      propagateTags: PropagatedTagSource.SERVICE,
      enableECSManagedTags: true,
    });
    this.service.node.addDependency(cluster.providers);
    this.service
      .loadBalancerTarget({
        containerName: 'alara',
        containerPort: port,
        alternateTarget: new AlternateTarget('Alternate', {
          alternateTargetGroup: green,
          productionListener: ListenerRuleConfiguration.applicationListenerRule(rule),
        }),
      })
      .attachToApplicationTargetGroup(blue);
    acknowledge(
      this,
      'The policy that ECS publishes for moving traffic between target groups.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers]',
    );
    this.scale(capacity, environment.idle);
  }

  private group(id: string, { alb }: Balancer): ApplicationTargetGroup {
    return new ApplicationTargetGroup(this, id, {
      vpc: alb.vpc,
      port,
      protocol: ApplicationProtocol.HTTP,
      targetType: TargetType.IP,
      // What was sent to a task is answered before it is told to stop.
      deregistrationDelay: Duration.seconds(30),
      healthCheck: {
        path: '/health/ready',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
  }

  private rule({ environment, balancer, priority, variants }: ApiServiceProps): ApplicationListenerRule {
    const [blue, green] = this.groups;
    const rule = new ApplicationListenerRule(this, 'Rule', {
      listener: balancer.listener,
      priority,
      conditions: [
        variants
          ? ListenerCondition.queryStrings(variants.map((value) => ({ key: 'variant', value })))
          : ListenerCondition.pathPatterns(['/*']),
      ],
      action: ListenerAction.weightedForward([
        { targetGroup: blue, weight: 100 },
        { targetGroup: green, weight: 0 },
      ]),
    });
    const raw = rule.node.defaultChild as CfnListenerRule;
    // A private integration sends the name of the stage along; the service knows nothing of it.
    raw.transforms = [
      {
        type: 'url-rewrite',
        urlRewriteConfig: { rewrites: [{ regex: `^/${environment.name}/(.*)$`, replace: '/$1' }] },
      },
    ];
    return rule;
  }

  private scale({ min, max }: Capacity, idle: IdleHours | undefined): void {
    const tasks = this.service.autoScaleTaskCount({ minCapacity: min, maxCapacity: max });
    tasks.scaleOnCpuUtilization('Cpu', {
      targetUtilizationPercent: 60,
      scaleOutCooldown: Duration.minutes(1),
      scaleInCooldown: Duration.minutes(5),
    });
    rest(tasks, idle, idle?.api ?? min, min);
  }
}
