import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { headersMs, keepAliveMs } from '../../../functions/api/connection/http-server.ts';
import { graceMs } from '../../../functions/cli/serve/supervisor.ts';
import { readPacsConfig } from '../../../functions/pacs/config.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { ofType, type Synthesized } from '../synthesize.ts';

type Container = {
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly StopTimeout: number;
};

export function computeInvariants({ environment, service, images }: Synthesized): void {
  const services = ofType(service, 'AWS::ECS::Service');
  const tasks = ofType(service, 'AWS::ECS::TaskDefinition');
  const api = services.filter(([id]) => !id.startsWith('Worker'));
  const [, worker] = services.find(([id]) => id.startsWith('Worker')) ?? [];
  const containerOf = (properties: Readonly<Record<string, unknown>>) =>
    (properties['ContainerDefinitions'] as Container[])[0] as Container;

  test('containers have a read-only root and no capabilities, and nobody can open a shell in them', () => {
    for (const [, { Properties }] of tasks)
      expect(containerOf(Properties)).toMatchObject({
        ReadonlyRootFilesystem: true,
        LinuxParameters: { InitProcessEnabled: true, Capabilities: { Drop: ['ALL'] } },
        MountPoints: [
          { ContainerPath: '/data', ReadOnly: false },
          { ContainerPath: '/tmp', ReadOnly: false },
        ],
      });
    for (const [, { Properties }] of services) {
      expect(Properties).toMatchObject({ EnableExecuteCommand: false });
      expect(JSON.stringify(Properties)).toContain('"AssignPublicIp":"DISABLED"');
    }
    for (const [, group] of ofType(service, 'AWS::EC2::SecurityGroup'))
      expect(JSON.stringify(group.Properties['SecurityGroupIngress'] ?? [])).not.toContain('0.0.0.0/0');
  });

  test('no task sends usage data to the vendor of ONNX Runtime', () => {
    for (const [, { Properties }] of tasks)
      expect(containerOf(Properties).Environment).toContainEqual({ Name: 'ORT_DISABLE_TELEMETRY', Value: '1' });
  });

  test('the image labels contain version and commit', () => {
    const served = images.filter(({ dockerFile }) => dockerFile === 'functions/Dockerfile');
    expect(served.length).toBeGreaterThan(0);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const { dockerBuildArgs } of served)
      expect(dockerBuildArgs).toMatchObject({
        VERSION: version,
        REVISION: expect.stringMatching(/^([0-9a-f]{40}(-changed)?|unknown)$/),
      });
  });

  test('an accepted request is answered before its task is killed and before API Gateway gives up', () => {
    for (const [, { Properties }] of tasks) {
      const { StopTimeout, Environment } = containerOf(Properties);
      // The supervisor kills its child one second after the grace period.
      expect(StopTimeout * 1000).toBeGreaterThan(graceMs + 1000);
      const deadline = Number(Environment.find(({ Name }) => Name === 'ALARA_DEADLINE_MS')?.Value);
      expect(deadline).toBeLessThan(29_000);
      for (const [, group] of ofType(service, 'AWS::ElasticLoadBalancingV2::TargetGroup'))
        expect(group.Properties).toMatchObject({
          TargetGroupAttributes: expect.arrayContaining([
            { Key: 'deregistration_delay.timeout_seconds', Value: String(Math.ceil(deadline / 1000) + 5) },
          ]),
        });
    }
  });

  test('the service keeps idle connections longer than the load balancer reuses them', () => {
    for (const [, { Properties }] of ofType(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer')) {
      const attributes = Properties['LoadBalancerAttributes'] as { Key: string; Value: string }[];
      const idle = 1000 * Number(attributes.find(({ Key }) => Key === 'idle_timeout.timeout_seconds')?.Value);
      expect(idle).toBeGreaterThan(29_000);
      expect(keepAliveMs).toBeGreaterThan(idle);
      expect(headersMs).toBeGreaterThan(keepAliveMs);
    }
  });

  test('the service accepts the environment variables of its tasks', () => {
    for (const [id, { Properties }] of tasks) {
      const given = containerOf(Properties).Environment.map(({ Name, Value }) => [
        Name,
        typeof Value === 'string' ? Value : tokens[Name],
      ]);
      const config = readConfig({ ...Object.fromEntries(given), ALARA_KEY: Buffer.alloc(32).toString('base64') });
      const { channel, family } = environment.models;
      const role = id.startsWith('Worker') ? 'worker' : 'api';
      expect(config).toMatchObject({ role, channel, family, port: 8080, host: '0.0.0.0', data: '/data' });
      expect(config.platform.kind).toBe('aws');
      expect(config.authRequired).toBe(true);
    }
  });

  test('the tasks get the PACS settings of the environment', () => {
    const { pacs } = environment;
    for (const [, { Properties }] of tasks) {
      const { Environment } = containerOf(Properties);
      const given = Environment.find(({ Name }) => Name === 'ALARA_PACS')?.Value;
      if (!pacs) expect(given).toBeUndefined();
      else {
        vi.stubEnv('PACS_PASSWORD', 'secret');
        expect(Object.keys(readPacsConfig(String(given)))).toEqual(Object.keys(pacs.settings));
        vi.unstubAllEnvs();
      }
    }
  });

  test('exactly the services with the device gpu run on GPU instances that ECS manages', () => {
    const devices = [environment.api, environment.worker, ...environment.split.map(({ capacity }) => capacity)];
    const wanted = devices.filter(({ device }) => device === 'gpu').length;
    const providers = ofType(service, 'AWS::ECS::CapacityProvider');
    expect(providers).toHaveLength(wanted > 0 ? 1 : 0);
    for (const [, { Properties }] of providers)
      expect(Properties['ManagedInstancesProvider']).toMatchObject({
        InfrastructureOptimization: { ScaleInAfter: environment.worker.lingerMinutes * 60 },
        InstanceLaunchTemplate: {
          InstanceRequirements: {
            AcceleratorManufacturers: ['nvidia'],
            AcceleratorNames: environment.gpus,
            AcceleratorCount: { Min: 1, Max: 1 },
          },
        },
      });
    const cuda = tasks.filter(([, { Properties }]) => JSON.stringify(Properties).includes('"Type":"GPU"'));
    expect(cuda).toHaveLength(wanted);
    for (const [, { Properties }] of tasks) {
      const gpu = cuda.some(([, task]) => task.Properties === Properties);
      expect(Properties).toMatchObject({ RequiresCompatibilities: [gpu ? 'MANAGED_INSTANCES' : 'FARGATE'] });
      expect(JSON.stringify(Properties)).toContain(gpu ? '"Value":"cuda"' : '"Value":"cpu"');
    }
  });

  test('a service depends on the capacity providers of its cluster', () => {
    const associations = ofType(service, 'AWS::ECS::ClusterCapacityProviderAssociations');
    // A provider of Managed Instances belongs to its cluster already, and ECS rejects it in an association.
    expect(associations.map(([, { Properties }]) => Properties['CapacityProviders'])).toEqual([['FARGATE']]);
    const managed = ofType(service, 'AWS::ECS::CapacityProvider');
    for (const [, { Properties, DependsOn }] of managed) {
      expect(Properties).toHaveProperty('ClusterName');
      expect(DependsOn).toContain(associations[0]?.[0]);
    }
    const providers = ['FARGATE', ...managed.map(([Ref]) => ({ Ref }))];
    for (const [, { Properties, DependsOn }] of services) {
      expect(DependsOn).toContain(associations[0]?.[0]);
      const strategy = Properties['CapacityProviderStrategy'] as { CapacityProvider: unknown }[];
      for (const { CapacityProvider } of strategy) expect(providers).toContainEqual(CapacityProvider);
    }
  });

  test('all traffic moves to a new version at once, or none does', () => {
    expect(api).toHaveLength(1 + environment.split.length);
    for (const [, { Properties }] of api) {
      expect(Properties).toMatchObject({
        DeploymentConfiguration: {
          Strategy: 'BLUE_GREEN',
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
          Alarms: { Enable: true, Rollback: true },
        },
      });
      const { Alarms } = Properties['DeploymentConfiguration'] as { Alarms: { AlarmNames: { Ref: string }[] } };
      const groups = Alarms.AlarmNames.map(({ Ref }) => JSON.stringify(service[Ref]?.Properties['Dimensions']));
      expect(groups).toEqual([expect.stringContaining('Blue'), expect.stringContaining('Green')]);
    }
    expect(worker?.Properties).toMatchObject({
      DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
    });
  });

  test('HTTP services keep at least one task; workers scale to zero where the environment allows it', () => {
    const targets = ofType(service, 'AWS::ApplicationAutoScaling::ScalableTarget');
    const target = (prefix: string) =>
      targets.find(([id]) => id.startsWith(prefix))?.[1].Properties as unknown as {
        MinCapacity: number;
        MaxCapacity: number;
        ScheduledActions?: { ScalableTargetAction: { MinCapacity: number } }[];
      };
    const { api, worker, idle } = environment;
    expect(target('Api')).toMatchObject({ MinCapacity: api.min, MaxCapacity: api.max });
    expect(target('Worker')).toMatchObject({ MinCapacity: worker.min, MaxCapacity: worker.max });
    const scheduledMins = (prefix: string) =>
      target(prefix).ScheduledActions?.map((action) => action.ScalableTargetAction.MinCapacity);
    expect(scheduledMins('Api')).toEqual(idle && [idle.api, api.min]);
    expect(scheduledMins('Worker')).toEqual(idle && [idle.worker, worker.min]);
    for (const [id, { Properties }] of targets)
      if (!id.startsWith('Worker')) expect(Properties['MinCapacity']).toBeGreaterThan(0);
    // SQS stops the metrics of a queue that nobody polls.
    const canScaleToZero = Math.min(worker.min, idle?.worker ?? worker.min) === 0;
    expect(ofType(service, 'AWS::Scheduler::Schedule')).toHaveLength(canScaleToZero ? 1 : 0);
  });

  test('the number of workers is ceil(open jobs / jobsPerTask), at most max', () => {
    const { max, jobsPerTask } = environment.worker;
    for (let work = 0; work <= (max + 2) * jobsPerTask; work++)
      expect(workersFor(work), `${work} jobs`).toBe(Math.min(max, Math.ceil(work / jobsPerTask)));
    const alarms = ofType(service, 'AWS::CloudWatch::Alarm').filter(([id]) => id.startsWith('Worker'));
    expect(alarms).toHaveLength(2);
    for (const [id, alarm] of alarms) {
      const text = JSON.stringify(alarm.Properties);
      // A late data point does not mean an empty queue, and one approximate count must not stop a worker.
      expect(text).toContain('"Expression":"waiting + inFlight"');
      expect(alarm.Properties['EvaluationPeriods']).toBe(id.includes('Lower') ? 3 : 1);
      expect(alarm.Properties).not.toHaveProperty('DatapointsToAlarm');
      expect(alarm.Properties).not.toHaveProperty('TreatMissingData');
      expect(text).toContain('ApproximateNumberOfMessagesVisible');
      expect(text).toContain('ApproximateNumberOfMessagesNotVisible');
    }
  });

  test('an alarm that fills late data points requires several of them', () => {
    for (const [id, { Properties }] of ofType(service, 'AWS::CloudWatch::Alarm'))
      if (JSON.stringify(Properties['Metrics'] ?? []).includes('FILL'))
        expect([id, Properties['EvaluationPeriods'], Properties['DatapointsToAlarm']]).toEqual([id, 3, undefined]);
  });

  /** The number of tasks that the two step scaling policies and their alarms set for a number of open jobs. */
  function workersFor(work: number): number | undefined {
    for (const [id, { Properties }] of ofType(service, 'AWS::ApplicationAutoScaling::ScalingPolicy')) {
      if (!id.startsWith('Worker') || Properties['PolicyType'] !== 'StepScaling') continue;
      const lower = id.includes('Lower');
      const alarm = ofType(service, 'AWS::CloudWatch::Alarm').find(
        ([name]) => name.startsWith('Worker') && name.includes('Lower') === lower,
      );
      const threshold = Number(alarm?.[1].Properties['Threshold']);
      if (lower ? work > threshold : work < threshold) continue;
      const steps = Properties['StepScalingPolicyConfiguration'] as unknown as {
        AdjustmentType: string;
        StepAdjustments: {
          MetricIntervalLowerBound?: number;
          MetricIntervalUpperBound?: number;
          ScalingAdjustment: number;
        }[];
      };
      expect(steps.AdjustmentType).toBe('ExactCapacity');
      const found = steps.StepAdjustments.filter(
        ({
          MetricIntervalLowerBound: from = Number.NEGATIVE_INFINITY,
          MetricIntervalUpperBound: to = Number.POSITIVE_INFINITY,
        }) => work - threshold > from && work - threshold < to,
      );
      expect(found).toHaveLength(1);
      return found[0]?.ScalingAdjustment;
    }
    return undefined;
  }
}

/** Values that CloudFormation resolves. */
const tokens: Readonly<Record<string, string>> = {
  AWS_REGION: 'eu-central-1',
  ALARA_TABLE: 'table',
  ALARA_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/jobs',
  ALARA_UPLOADS_BUCKET: 'uploads',
  ALARA_MODELS: 's3://models/models',
};
