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
import type { Capacity, Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import type { Cluster } from './cluster.ts';
import type { LoadBalancer } from './load-balancer.ts';
import { scaleByCpu } from './scaling.ts';
import { port } from './task.ts';

export type ApiServiceProps = {
  readonly environment: Environment;
  readonly loadBalancer: LoadBalancer;
  readonly cluster: Cluster;
  readonly capacity: Capacity;
  readonly task: TaskDefinition;
  readonly priority: number;
  /** Serve only requests that pin one of these variants. Without it, serve all requests that no other service takes. */
  readonly variants?: readonly string[];
};

/** A service that answers HTTP, with blue/green deployments: all traffic moves to a new version at once, or none does. */
export class ApiService extends Construct {
  readonly service: FargateService;
  /** Blue and green. ECS moves the tasks from one to the other at each deployment. */
  readonly targetGroups: readonly [ApplicationTargetGroup, ApplicationTargetGroup];

  constructor(scope: Construct, id: string, props: ApiServiceProps) {
    super(scope, id);
    const { environment, loadBalancer, cluster, capacity, task } = props;
    const name = `alara-${environment.name}-${id.toLowerCase()}`;
    this.targetGroups = [this.targetGroup('Blue', loadBalancer), this.targetGroup('Green', loadBalancer)];
    const [blue, green] = this.targetGroups;
    const rule = this.listenerRule(props);

    const failureAlarms = this.targetGroups.map(
      (group, index) =>
        new Alarm(this, `Failing${index}`, {
          alarmName: `${name}-failing-${index}`,
          alarmDescription: 'Tasks answer 5xx during a deployment. ECS rolls back to the previous version.',
          metric: group.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { period: Duration.minutes(1) }),
          threshold: 5,
          evaluationPeriods: 2,
          comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          treatMissingData: TreatMissingData.NOT_BREACHING,
        }),
    );
    for (const alarm of failureAlarms)
      acknowledge(alarm, 'The ECS deployment reads the alarm and acts on it.', 'HIPAA.Security-CloudWatchAlarmAction');

    this.service = new FargateService(this, 'Service', {
      serviceName: name,
      cluster: cluster.ecs,
      taskDefinition: task,
      capacityProviderStrategies: [cluster.capacityProviderStrategy(capacity.device)],
      vpcSubnets: cluster.subnets,
      securityGroups: [loadBalancer.taskGroup],
      assignPublicIp: false,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      deploymentStrategy: DeploymentStrategy.BLUE_GREEN,
      // The old version keeps running for this time after the traffic has moved, so a rollback takes seconds.
      bakeTime: Duration.minutes(5),
      circuitBreaker: { enable: true, rollback: true },
      deploymentAlarms: {
        alarmNames: failureAlarms.map(({ alarmName }) => alarmName),
        behavior: AlarmBehavior.ROLLBACK_ON_ALARM,
      },
      // A task downloads and loads its models before it is healthy.
      healthCheckGracePeriod: Duration.minutes(5),
      enableExecuteCommand: false,
      // The budget filters costs by the tags of the service.
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
      'The managed policy by which ECS moves traffic between target groups.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers]',
    );
    scaleByCpu(this.service, capacity, environment.idle);
  }

  private targetGroup(id: string, { alb }: LoadBalancer): ApplicationTargetGroup {
    return new ApplicationTargetGroup(this, id, {
      vpc: alb.vpc,
      port,
      protocol: ApplicationProtocol.HTTP,
      targetType: TargetType.IP,
      // A task gets SIGTERM after this delay, when it has answered the requests in flight.
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

  private listenerRule({ environment, loadBalancer, priority, variants }: ApiServiceProps): ApplicationListenerRule {
    const [blue, green] = this.targetGroups;
    const rule = new ApplicationListenerRule(this, 'Rule', {
      listener: loadBalancer.listener,
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
    // A private integration of API Gateway puts the stage name before the path. The service expects the path without it.
    raw.transforms = [
      {
        type: 'url-rewrite',
        urlRewriteConfig: { rewrites: [{ regex: `^/${environment.name}/(.*)$`, replace: '/$1' }] },
      },
    ];
    return rule;
  }
}
