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

/** Actions that support no resource (Service Authorization Reference). */
const withoutResource = ['ecr:GetAuthorizationToken', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'];

export function grantInvariants({ environment, data, service }: Synthesized): void {
  const all = [...policies(data), ...policies(service)];

  test('no action is a wildcard', () => {
    const actions = all.flatMap(([, statements]) => statements.flatMap(({ Action }) => list(Action)));
    expect(actions.length).toBeGreaterThan(20);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  test('no statement allows all resources, except for actions that support none', () => {
    const wide = all.flatMap(([id, statements]) =>
      statements
        .filter(({ Effect, Resource }) => Effect === 'Allow' && list(Resource).includes('*'))
        .flatMap(({ Action }) => list(Action).map((action) => `${id.replace(/[0-9A-F]{8}$/, '')} ${action}`)),
    );
    const known = (line: string) =>
      withoutResource.some((action) => line.endsWith(` ${action}`)) || line.includes('InstanceRole');
    expect(wide.filter((line) => !known(line))).toEqual([]);
  });

  test('tasks are granted exactly the actions that the code calls', () => {
    const granted = (role: string) =>
      all
        .filter(([id]) => id.startsWith(`${role}TaskTaskRoleDefaultPolicy`))
        .flatMap(([, statements]) => statements.flatMap(({ Action }) => list(Action)));
    const of = (actions: string[], service: string) =>
      new Set(actions.filter((action) => action.startsWith(`${service}:`)));
    for (const service of ['dynamodb', 'sqs'])
      expect(of(granted('Worker'), service)).toEqual(of(calledActions(), service));
    expect(of(granted('Api'), 'sqs')).toEqual(new Set(['sqs:SendMessage', 'sqs:GetQueueAttributes']));
    expect(of(granted('Api'), 's3')).toEqual(of(granted('Worker'), 's3'));
    // A task cannot publish models.
    const [[, statements] = []] = all.filter(([id]) => id.startsWith('WorkerTaskTaskRole'));
    const writes = statements?.filter(({ Action }) => list(Action).includes('s3:PutObject')) ?? [];
    expect(writes).toHaveLength(1);
    expect(JSON.stringify(writes)).toContain('Uploads');
    expect(JSON.stringify(writes)).not.toContain('Models');
  });

  test('no template contains a secret, and every generated secret is a valid ALARA_KEY', () => {
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
    // Secrets Manager draws from the printable ASCII characters without the space.
    const alphabet = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).filter(
      (letter) => !ExcludeCharacters.includes(letter),
    );
    expect(alphabet.join('')).toMatch(/^[A-Za-z0-9+/]{64}$/);
    for (const letter of alphabet) {
      const ALARA_KEY = letter.repeat(PasswordLength);
      expect(() => readConfig({ ...settings, ALARA_KEY })).not.toThrow();
    }
  });
}

const settings = {
  ALARA_PLATFORM: 'aws',
  AWS_REGION: 'eu-central-1',
  ALARA_TABLE: 'table',
  ALARA_UPLOADS_BUCKET: 'uploads',
  ALARA_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/jobs',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1/role',
};

/** The IAM action of each AWS SDK command in functions/storage/aws. */
function calledActions(): string[] {
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
