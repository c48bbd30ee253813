import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../functions/platform/config.ts';
import { ofType, type Resource, type Synthesized } from '../synthesize.ts';

type Statement = { readonly Effect: string; readonly Action: string | string[]; readonly Resource: unknown };

const list = <Of>(value: Of | readonly Of[]): readonly Of[] => (Array.isArray(value) ? value : [value as Of]);

const policies = (resources: Record<string, Resource>): [string, readonly Statement[]][] =>
  [...ofType(resources, 'AWS::IAM::Policy'), ...ofType(resources, 'AWS::IAM::ManagedPolicy')].map(([id, policy]) => [
    id,
    list((policy.Properties['PolicyDocument'] as { Statement: Statement[] }).Statement),
  ]);

/** Actions that have no resource to name (Service Authorization Reference). */
const without = ['ecr:GetAuthorizationToken', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'];

export function accessInvariants({ environment, data, service }: Synthesized): void {
  const all = [...policies(data), ...policies(service)];

  test('no action is a wildcard', () => {
    // The agent of ECS on Managed Instances has the policy that CDK writes for it, which names each action as well.
    const actions = all.flatMap(([, statements]) => statements.flatMap(({ Action }) => list(Action)));
    expect(actions.length).toBeGreaterThan(20);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  test('no resource is everything, but for actions that know none', () => {
    const wide = all.flatMap(([id, statements]) =>
      statements
        .filter(({ Effect, Resource }) => Effect === 'Allow' && list(Resource).includes('*'))
        .flatMap(({ Action }) => list(Action).map((action) => `${id.replace(/[0-9A-F]{8}$/, '')} ${action}`)),
    );
    const known = (line: string) =>
      without.some((action) => line.endsWith(` ${action}`)) || line.includes('InstanceRole');
    expect(wide.filter((line) => !known(line))).toEqual([]);
  });

  test('tasks may do what the code asks of AWS and nothing more', () => {
    const granted = (role: string) =>
      all
        .filter(([id]) => id.startsWith(`${role}TaskTaskRoleDefaultPolicy`))
        .flatMap(([, statements]) => statements.flatMap(({ Action }) => list(Action)));
    const of = (actions: string[], service: string) =>
      new Set(actions.filter((action) => action.startsWith(`${service}:`)));
    for (const service of ['dynamodb', 'sqs']) expect(of(granted('Worker'), service)).toEqual(of(asked(), service));
    expect(of(granted('Api'), 'sqs')).toEqual(new Set(['sqs:SendMessage', 'sqs:GetQueueAttributes']));
    expect(of(granted('Api'), 's3')).toEqual(of(granted('Worker'), 's3'));
    // Nothing that a task does could publish a model.
    const [[, statements] = []] = all.filter(([id]) => id.startsWith('WorkerTaskTaskRole'));
    const writes = statements?.filter(({ Action }) => list(Action).includes('s3:PutObject')) ?? [];
    expect(writes).toHaveLength(1);
    expect(JSON.stringify(writes)).toContain('Uploads');
    expect(JSON.stringify(writes)).not.toContain('Models');
  });

  test('no secret stands in a template, and the one that is generated is a key that the service takes', () => {
    const definitions = ofType(service, 'AWS::ECS::TaskDefinition');
    expect(definitions.length).toBe(2 + environment.split.length);
    for (const [, { Properties }] of definitions) {
      const [container] = Properties['ContainerDefinitions'] as Record<string, { Name: string }[]>[];
      const secrets = ['ALARA_KEY', ...Object.keys(environment.pacs?.secrets ?? {})];
      expect(container?.['Secrets']?.map(({ Name }) => Name)).toEqual(secrets);
      const plain = container?.['Environment']?.map(({ Name }) => Name) ?? [];
      expect(plain.filter((name) => secrets.includes(name))).toEqual([]);
    }
    const [[, secret] = []] = ofType(data, 'AWS::SecretsManager::Secret');
    const { PasswordLength, ExcludeCharacters } = Object(secret?.Properties['GenerateSecretString']) as {
      PasswordLength: number;
      ExcludeCharacters: string;
    };
    // All that Secrets Manager draws from: the printable characters of ASCII but the space.
    const drawn = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).filter(
      (letter) => !ExcludeCharacters.includes(letter),
    );
    expect(drawn.join('')).toMatch(/^[A-Za-z0-9+/]{64}$/);
    for (const letter of drawn) {
      const ALARA_KEY = letter.repeat(PasswordLength);
      expect(() => readConfig({ ...settings, ALARA_KEY })).not.toThrow();
    }
  });
}

const settings = {
  ...{ ALARA_PLATFORM: 'aws', AWS_REGION: 'eu-central-1', ALARA_TABLE: 'table', ALARA_UPLOADS_BUCKET: 'uploads' },
  ALARA_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/jobs',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1/role',
};

/** Every command that the platform sends, as the action that it needs. */
function asked(): string[] {
  const folder = join(import.meta.dirname, '../../../functions/storage/aws');
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const commands = [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name);
  const table = ['Get', 'Put', 'Delete', 'Update', 'Query', 'Scan', 'BatchGet', 'BatchWrite', 'TransactWrite'];
  const queue = /Message|Queue/;
  return commands.flatMap((name) => {
    if (table.includes(name))
      return [name === 'Query' || name === 'Scan' ? `dynamodb:${name}` : `dynamodb:${name}Item`];
    if (queue.test(name)) return [`sqs:${name.replace('Batch', '')}`];
    return [];
  });
}
