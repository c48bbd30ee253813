import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderObjects } from '../../../functions/models/store/folder.ts';
import { alara } from '../../support/cli.ts';
import { folder, name, publishUnchecked, retrained, variation, worse } from '../../support/published.ts';

const by = ['--by', 'the test', '--reason', 'to test'];

test('publish, promote, show and rollback print their results, and every record is verified', async () => {
  const [store, keys] = [folder(), folder()];
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const [secret, trusted] = [join(keys, 'key.pem'), join(keys, 'trust.pem')];
  writeFileSync(secret, privateKey);
  writeFileSync(trusted, publicKey);
  const on = ['--store', store];
  const sign = [...on, ...by, '--sign', secret];

  const published = await alara(['catalog', 'publish', store, '--sign', secret]);
  expect([published.code, published.stdout]).toEqual([
    0,
    expect.stringMatching(
      /^Family chest14, manifest\n[0-9a-f]{64}\n\d+ files sent .*\nThe channel canary points to it\./,
    ),
  ]);
  const again = await alara(['catalog', 'publish', store]);
  expect(again.stdout).toMatch(
    /\n0 files sent \(0\.0 MB\), \d+ were there\.\nThe channel canary points to it already\./,
  );

  const first = await alara(['catalog', 'promote', ...sign]);
  expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('there was nothing to compare with')]);
  await alara(['catalog', 'publish', store, '--models', retrained()]);
  const second = await alara(['catalog', 'promote', ...sign]);
  expect([second.code, second.stdout]).toEqual([
    0,
    expect.stringMatching(/^Nodule +r\d+-int8 .* \+0\.000 \[\+0\.000,\+0\.000\] +0\.02 +within$/m),
  ]);

  const shown = await alara(['catalog', 'channels', ...on]);
  expect(shown.stdout).toMatch(
    /^channel +canary\nmanifest +[0-9a-f]{64}\n[\s\S]*\nchannel +live\nmanifest +[0-9a-f]{64}\nsince .*\nby +the test\nbefore +[0-9a-f]{64}$/m,
  );
  const json = async (...args: string[]) => JSON.parse((await alara([...args, ...on, '--json'])).stdout);
  expect(await json('catalog', 'channels')).toMatchObject([
    { channel: 'canary' },
    { channel: 'live', by: 'the test', previous: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);

  const back = await alara(['catalog', 'rollback', '--channel', 'live', ...sign]);
  expect([back.code, back.stdout]).toEqual([
    0,
    expect.stringMatching(/^The channel live points again to\n[0-9a-f]{64}/),
  ]);
  const further = await alara(['catalog', 'rollback', '--channel', 'live', ...sign]);
  expect([further.code, further.stderr]).toEqual([2, expect.stringContaining('nothing to go back to')]);

  const records = await alara(['catalog', 'records', ...on, '--trust', trusted]);
  expect([records.code, records.stdout.match(/ed25519/g)]).toEqual([0, Array(3).fill('ed25519')]);
  expect((await json('catalog', 'records')).map(({ kind }: { kind: string }) => kind)).toEqual([
    ...['rollback', 'promote', 'promote'],
  ]);
  const stranger = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  writeFileSync(trusted, stranger.publicKey);
  expect((await alara(['catalog', 'records', ...on, '--trust', trusted])).code).toBe(2);
}, 120_000);

test('missing records hide neither the release of a channel nor later records', async () => {
  const store = folder();
  const first = await publishUnchecked(folderObjects(store), 'models');
  await publishUnchecked(folderObjects(store), retrained());
  const records = join(store, name, 'records');
  const of = (file: string) => JSON.parse(readFileSync(join(records, file), 'utf8')).record;
  const [lost = '', kept = ''] = readdirSync(records).sort((a) => (of(a).to === first ? -1 : 1));
  rmSync(join(records, lost));
  const told = await alara(['catalog', 'records', '--store', store, '--channel', 'canary']);
  expect([told.code, told.stdout.match(/publish/g), told.stderr]).toEqual([
    ...[2, ['publish']],
    expect.stringContaining(`holds no ${name}/records/${lost}`),
  ]);
  rmSync(join(records, kept));
  const shown = await alara(['catalog', 'channels', '--store', store]);
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(/^channel +canary\n[\s\S]*\nby +unreadable$/m)]);
}, 60_000);

test('a worse family is not promoted: exit code 1, with the findings', async () => {
  const store = folder();
  const on = ['--store', store, ...by];
  await alara(['catalog', 'publish', store]);
  await alara(['catalog', 'promote', ...on]);
  expect((await alara(['catalog', 'publish', store, '--models', worse('Nodule', 0.1)])).code).toBe(0);
  const refused = await alara(['catalog', 'promote', ...on]);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/^Nodule .* BEYOND$/m);
  expect(refused.stderr).toContain('not promoted: Nodule may lose more AUROC than the margin');
}, 60_000);

test('a family without scores is promoted only by a decision, and the output states this', async () => {
  const store = folder();
  const models = variation({ scores: () => undefined });
  const published = await alara(['catalog', 'publish', store, '--models', models]);
  expect([published.code, published.stderr]).toEqual([0, expect.stringContaining('with --uncompared only')]);
  const refused = await alara(['catalog', 'promote', '--store', store, ...by]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/without scores\.json.* --uncompared /)]);
  const promoted = await alara(['catalog', 'promote', '--store', store, ...by, '--uncompared']);
  expect([promoted.code, promoted.stdout]).toEqual([
    0,
    expect.stringMatching(/^Not compared: chest14 was published without scores\.json\.\nThe channel live points to\n/),
  ]);
}, 60_000);

test('a family with a model or scores that differ from its catalog is not published', async () => {
  const models = retrained();
  writeFileSync(join(models, name, 'r256-int8.onnx'), Buffer.alloc(4775761));
  const store = folder();
  const spoilt = await alara(['catalog', 'publish', store, '--models', models]);
  expect([spoilt.code, spoilt.stdout]).toEqual([1, expect.stringMatching(/^FAIL {2}r256-int8 /m)]);
  expect(spoilt.stderr).toContain('nothing was published');
  expect((await alara(['catalog', 'channels', '--store', store])).stderr).toContain('has no family');
});

test.each([
  [['catalog', 'promote', ...by], /name the store/],
  [['catalog', 'promote', '--store', '/tmp', '--by', ' ', '--reason', 'x'], /Expected a text/],
  [['catalog', 'promote', '--store', '/tmp', ...by, '--margin', 'much'], /Expected a number from 0 to 1/],
  [['catalog', 'rollback', '--store', '/tmp', ...by], /--channel/],
  [['catalog', 'promote', '--store', '/nowhere', ...by, '--sign', '/no/key.pem'], /cannot be read/],
  [['catalog', 'promote', '--store', 's3://a-bucket', ...by], /AWS_CONTAINER_CREDENTIALS_RELATIVE_URI/],
])('%j is a usage error', async (args, words) => {
  const { code, stderr } = await alara(args, { AWS_REGION: 'eu-central-1' });
  expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
});
