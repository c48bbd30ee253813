import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Platform } from '../../functions/storage/platform.ts';
import { openEmbedded } from '../../functions/storage/sqlite/open-sqlite.ts';
import { until } from '../support/cli.ts';
import { type Alara, cheapRequest, createAlara, pacsFile } from '../support/pacs/alara.ts';
import { film, studyUid, write } from '../support/pacs/films.ts';
import type { Trap } from '../support/pacs/inside-messages.ts';
import { missing, type Orthanc, openOrthanc, proxiedUrl } from '../support/pacs/orthanc.ts';
import { reportCounts, reportsOf } from '../support/pacs/studies.ts';

// Law: every film has exactly one report, whichever process dies. All parts are real. A proxy stops a chosen request between the
// service and Orthanc, and SIGKILL ends the service at this moment. So the product needs no hook for the test.

const many = 200;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** docs/pacs.md lists these tests. */
const counts: Record<string, Record<string, number | string>> = {};

describe.skipIf(missing)(`every film gets exactly one report${missing}`, () => {
  let orthanc: Orthanc;
  let alara: Alara;
  let data: string;

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'alara-chaos-'));
    // StableAge is long: no part of this test waits for a stable study.
    orthanc = await openOrthanc({ StableAge: 60 });
    const follow = { from: 'now', everySeconds: 1, settleSeconds: 0.5 };
    const pacs = pacsFile(orthanc, 'pacs', { ...cheapRequest, orthanc: proxiedUrl, follow });
    alara = createAlara(orthanc, 'shortLease', { ALARA_DATA: data, ALARA_PACS: pacs });
    await alara.start();
  }, 120_000);
  afterAll(async () => {
    console.table(counts);
    await alara?.stop('SIGKILL');
    await orthanc?.close();
    if (data) rmSync(data, { recursive: true });
  }, 60_000);

  const folderOf = async (study: string) => write(join(orthanc.folder, 'films', study), { film: await film(study) });
  const store = async (study: string) => orthanc.send(await folderOf(study));

  /** Studies without a report, and surplus reports of studies with one film each. */
  async function verdict(studies: readonly string[]) {
    const found = await reportCounts(orthanc);
    const each = studies.map((study) => found.get(studyUid(study)) ?? 0);
    const double = each.reduce((sum, n) => sum + Math.max(0, n - 1), 0);
    return { studies: studies.length, missing: each.filter((n) => n === 0).length, double };
  }

  /** Open the store of the service. */
  async function inStore<Value>(look: (platform: Platform) => Promise<Value>): Promise<Value> {
    const platform = openEmbedded(data);
    return look(platform).finally(() => platform.close());
  }
  const jobs = () => inStore(async ({ jobs }) => (await jobs.list({ limit: 10_000 })).length);

  /** Wait until every study has a report, no job is open and the change log is read to its end. Then count. */
  async function settled(name: string, studies: readonly string[], started: number, timeoutMs = 240_000) {
    // Ask rarely: the searches of this test load Orthanc, too.
    for (const end = performance.now() + timeoutMs; performance.now() < end; await pause(300)) {
      // A busy Orthanc may not answer the test in time.
      const counted = await verdict(studies).catch(() => undefined);
      if (counted?.missing === 0) break;
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    await inStore(({ queue, cursors }) =>
      until(async () => {
        const { waiting, inFlight } = await queue.depth();
        const { Last } = (await orthanc.get('/changes?last')) as { Last: number };
        const followed = JSON.parse((await cursors.get('orthanc/main')) ?? '{}').at?.seq;
        return waiting + inFlight === 0 && followed === Last;
      }, timeoutMs),
    );
    const counted = await verdict(studies);
    counts[name] = { ...counted, seconds };
    return counted;
  }

  describe('killed with SIGKILL', () => {
    const of = (study: string) => `/dicom-web/studies/${studyUid(study)}`;
    const looksFor = (study: string) => `${of(study)}/instances\\?SOPInstanceUID`;
    /** Content of the store at the kill. null: the job may be finished already. */
    const stages: [stage: string, jobs: number, reports: number | null, trapOf: (study: string) => Trap][] = [
      [
        'with the change seen, no job made',
        0,
        0,
        () => ({ moment: 'before', method: 'POST', path: '^/tools/bulk-content' }),
      ],
      // The first entry of the log is requested when the jobs are created, just before the cursor moves.
      [
        'with the job made, the cursor not moved',
        1,
        null,
        () => ({ moment: 'before', method: 'GET', path: 'since=0&limit=1$' }),
      ],
      ['with the job taken', 1, 0, (study) => ({ moment: 'before', method: 'GET', path: `${of(study)}/series\\?` })],
      [
        'during the download of the film',
        1,
        0,
        (study) => ({ moment: 'after', method: 'GET', path: `${of(study)}/series/[0-9.]+/instances/[0-9.]+$` }),
      ],
      [
        'with the film read, before STOW-RS',
        1,
        0,
        () => ({ moment: 'before', method: 'POST', path: '^/dicom-web/studies$' }),
      ],
      [
        'with the report stored, before the answer',
        1,
        1,
        () => ({ moment: 'after', method: 'POST', path: '^/dicom-web/studies$' }),
      ],
      // The service searches for the report once before it sends the report.
      [
        'after the answer, before QIDO-RS',
        1,
        1,
        (study) => ({ moment: 'before', method: 'GET', path: looksFor(study), skip: 1 }),
      ],
      [
        'with the report found, the job not done',
        1,
        1,
        (study) => ({ moment: 'after', method: 'GET', path: looksFor(study), skip: 1 }),
      ],
    ];

    test.each(stages)(
      '%s',
      async (stage, made, stored, trapOf) => {
        const jobsBefore = await jobs();
        const study = `killed ${stage}`;
        const stopped = orthanc.network.trap(trapOf(study));
        const started = performance.now();
        await store(study);
        await stopped;
        await alara.stop('SIGKILL');
        orthanc.network.release();
        expect((await jobs()) - jobsBefore).toBe(made);
        if (stored !== null) expect(await reportsOf(orthanc, study)).toHaveLength(stored);
        await alara.start();
        expect(await settled(`killed ${stage}`, [study], started)).toEqual({ studies: 1, missing: 0, double: 0 });
      },
      60_000,
    );
  });

  test('Orthanc is killed right after it receives a film, so that it never reports a stable study, and is down for a while', async () => {
    const started = performance.now();
    await store('down');
    await orthanc.stop('SIGKILL');
    await until(() => alara.said().includes('a PACS cannot be polled'));
    await pause(3000);
    await orthanc.start();
    expect(await settled('Orthanc killed after the film, down for 3 s', ['down'], started)).toMatchObject({
      ...{ missing: 0, double: 0 },
    });
    expect(alara.said()).toContain('the PACS can be polled again');
  }, 60_000);

  test('Orthanc is killed while films are read', async () => {
    const studies = Array.from({ length: 20 }, (_, i) => `interrupted ${i}`);
    const folders = await Promise.all(studies.map(folderOf));
    const started = performance.now();
    await orthanc.send(...folders);
    await until(async () => (await verdict(studies)).missing < studies.length);
    await orthanc.stop('SIGKILL');
    await pause(3000);
    await orthanc.start();
    expect(await settled('Orthanc killed while 20 are read, down for 3 s', studies, started)).toEqual({
      ...{ studies: 20, missing: 0, double: 0 },
    });
  }, 120_000);

  test(`${many} studies at once, each sent twice`, async () => {
    const studies = Array.from({ length: many }, (_, i) => `crowd ${i}`);
    const folders = await Promise.all(studies.map(folderOf));
    const started = performance.now();
    await Promise.all([orthanc.send(...folders), orthanc.send(...folders)]);
    expect(await settled(`${many} at once, each sent twice`, studies, started)).toEqual({
      ...{ studies: many, missing: 0, double: 0 },
    });
  }, 500_000);

  test(`${many} studies at once, while the service is killed repeatedly`, async () => {
    const studies = Array.from({ length: many }, (_, i) => `storm ${i}`);
    const folders = await Promise.all(studies.map(folderOf));
    const started = performance.now();
    const sent = orthanc.send(...folders);
    for (const ms of [700, 1900, 1200, 2600]) {
      await pause(ms);
      await alara.stop('SIGKILL');
      await alara.start();
    }
    await sent;
    expect(await settled(`${many} at once, the service killed 4 times`, studies, started)).toEqual({
      ...{ studies: many, missing: 0, double: 0 },
    });
  }, 500_000);

  test('Orthanc is replaced by an empty one, and the same films are sent again', async () => {
    const studies = ['down', 'crowd 1', 'storm 1'];
    await orthanc.stop();
    rmSync(join(orthanc.folder, 'storage'), { recursive: true });
    await orthanc.start();
    const started = performance.now();
    for (const study of studies) await store(study);
    expect(await settled('Orthanc replaced by an empty one', studies, started)).toMatchObject({
      missing: 0,
      double: 0,
    });
  }, 60_000);

  test('Orthanc is restored from a backup that lacks a report, and assigns its numbers again', async () => {
    const storage = join(orthanc.folder, 'storage');
    // The film is in the backup. The report was stored after the backup.
    await alara.stop();
    await store('backup with');
    await orthanc.stop();
    cpSync(storage, `${storage}.backup`, { recursive: true });
    await orthanc.start();
    await alara.start();
    await store('backup without');
    await settled('before the restore', ['backup with', 'backup without'], performance.now());
    delete counts['before the restore'];
    await orthanc.stop();
    rmSync(storage, { recursive: true });
    renameSync(`${storage}.backup`, storage);
    await orthanc.start();
    const started = performance.now();
    await store('restored 1');
    await until(() => alara.said().includes('the change log of Orthanc was replaced'));
    await store('restored 2');
    expect(
      await settled('Orthanc restored from a backup', ['backup with', 'restored 1', 'restored 2'], started),
    ).toEqual({ studies: 3, missing: 0, double: 0 });
  }, 90_000);

  test('the log contains no identifier of a patient or an object', () => {
    expect(alara.said()).toMatch(/"kind":"study"/);
    expect(alara.said()).not.toMatch(/ALARA\^TEST|ALARA-TEST|2\.25\.|19700101/);
  });
});
