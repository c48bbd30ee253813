import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ReadingView } from '../../../functions/core/reading-view.ts';
import { alara, family, films, filmsAndOneBad, folder } from '../../support/cli.ts';
import { chest } from '../../support/dicom/film.ts';

const [first = ''] = films;
const asked = family.catalog.findings.slice(0, 2);

test('reads a folder despite a bad film, in order, as one JSON array; the exit code is 1', async () => {
  const { path, good, bad } = filmsAndOneBad();
  const { code, stdout, stderr } = await alara(['read', path, '--findings', asked.join(','), '--json']);
  const lines = JSON.parse(stdout);
  expect(lines.map(({ file }: { file: string }) => file)).toEqual([bad, ...good]);
  expect(lines[0].problem).toMatchObject({ code: 'not_an_image', fix: expect.stringContaining('PNG or JPEG') });
  for (const { reading } of lines.slice(1)) {
    expect(ReadingView.parse(reading).findings.map(({ finding }) => finding)).toEqual(asked);
    expect(reading.notice).toBe('Research use only. Not for diagnosis.');
  }
  expect(stderr).toContain('2 read, 1 failed');
  expect(stderr).toContain(bad);
  expect(code).toBe(1);
});

test('writes CSV with one row per film and finding, and one row per bad film with its code and fix', async () => {
  const { path, good, bad } = filmsAndOneBad();
  const { code, stdout } = await alara(['read', path, '--findings', asked.join(','), '--csv']);
  const [head = '', error = '', ...rows] = stdout.trimEnd().split('\r\n');
  expect(head).toMatch(
    /^file,reading,finding,call,probability,low,high,prevalence,operatingPoint,likelihoodRatio,.*,error,fix,notice$/,
  );
  expect(error).toContain(`"${bad.replaceAll('"', '""')}",`);
  expect(error).toMatch(/,not_an_image,.*PNG or JPEG/);
  expect(rows.map((row) => row.split(',').slice(0, 3))).toEqual(
    good.flatMap((file) => asked.map((finding) => [file, expect.stringMatching(/^rd_[0-9a-f]{64}$/), finding])),
  );
  for (const row of rows) expect(row).toMatch(/,specific,\d+\.\d+,/);
  expect(code).toBe(1);
});

test('the table, the CSV and the JSON contain the warnings of a file', async () => {
  const dark = join(folder(), 'dark.png');
  const { columns, rows, values } = await chest({ columns: 400, rows: 420, bits: 14 });
  await sharp(Uint16Array.from(values), { raw: { width: columns, height: rows, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toFile(dark);
  const read = async (...options: string[]) =>
    (await alara(['read', dark, '--findings', asked.join(','), ...options])).stdout;
  expect(await read()).toMatch(/^ {2}warning dark_film: 98 % of the pixels/m);
  const [head = '', row = ''] = (await read('--csv')).split('\r\n');
  expect(head).toContain(',why,warnings,error,');
  expect(row).toContain(',dark_film,,,');
  expect(JSON.parse(await read('--json'))[0].reading.warnings).toMatchObject([{ code: 'dark_film' }]);
});

test('prints a table per film by default, with a short reason per finding', async () => {
  const { code, stdout, stderr } = await alara(['read', first, '--policy', 'sabottke-spieler-2020']);
  expect(stdout).toContain(`${first}  1024 × 1024 px`);
  for (const finding of family.catalog.findings)
    expect(stdout).toMatch(new RegExp(`^${finding} +(present|absent|indeterminate) .* ≥\\d+ px,`, 'm'));
  expect(stdout).toContain('Not for diagnosis');
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('calls at the operating point of its option, and summarizes the film', async () => {
  const read = async (...options: string[]) =>
    (await alara(['read', first, '--findings', 'Mass,Nodule', ...options])).stdout;
  const [{ reading }] = JSON.parse(await read('--operating-point', 'sensitive', '--json'));
  expect(reading.request.operatingPoint).toBe('sensitive');
  for (const { operatingPoint } of reading.findings) expect(operatingPoint.name).toBe('sensitive');
  const text = await read('--operating-point', 'sensitive');
  expect(text.replaceAll(/\s+/g, ' ')).toContain(reading.summary.text);
  expect(await read()).toMatch(/at the operating point\s+specific/);
});

test('the same film and options give the same reading, in any company', async () => {
  const readings = async (paths: string[]) => {
    const { stdout } = await alara(['read', ...paths, '--findings', asked.join(','), '--json', '--explain']);
    return JSON.parse(stdout).map(({ reading }: { reading: { id: string } }) => reading);
  };
  const [alone] = await readings([first]);
  const [, again] = await readings([...films].reverse());
  expect(again.id).toBe(alone.id);
  expect(again.findings).toEqual(alone.findings);
  expect(alone.findings[0].heatmap.values.length).toBe(
    alone.findings[0].heatmap.rows * alone.findings[0].heatmap.columns,
  );
});

test('--ndjson prints one object per line', async () => {
  const { code, stdout } = await alara(['read', ...films, '--findings', asked.join(','), '--ndjson']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).file)).toEqual(films);
  expect(code).toBe(0);
});

test('- reads one film from standard input, with the id that the file has', async () => {
  const options = ['--findings', asked.join(','), '--json'];
  const [file] = JSON.parse((await alara(['read', first, ...options])).stdout);
  const piped = await alara(['read', '-', ...options], {}, undefined, { stdin: readFileSync(first) });
  expect(JSON.parse(piped.stdout)).toMatchObject([{ file: '-', reading: { id: file.reading.id } }]);
  const empty = await alara(['read', '-', '--json'], {}, undefined, { stdin: Buffer.alloc(0) });
  expect(JSON.parse(empty.stdout)).toMatchObject([{ file: '-', problem: { code: 'empty_body' } }]);
  const limit = { ALARA_MAX_BODY_MB: '1' };
  const big = await alara(['read', '-', '--json'], limit, undefined, { stdin: Buffer.alloc(1_000_001) });
  expect(JSON.parse(big.stdout)).toMatchObject([{ problem: { code: 'body_too_large', limitBytes: 1_000_000 } }]);
  const twice = await alara(['read', '-', '-']);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('name - once')]);
});

test('a missing file is a failed film, and the others are read', async () => {
  const missing = join(folder(), 'missing.png');
  const { code, stdout } = await alara(['read', missing, first, '--findings', asked.join(','), '--json']);
  const lines = JSON.parse(stdout);
  expect(lines[0].problem.code).toBe('file_unreadable');
  expect(lines[1].reading.id).toMatch(/^rd_/);
  expect(code).toBe(1);
});

test('a film above ALARA_MAX_BODY_MB is refused as over HTTP', async () => {
  const big = join(folder(), 'big.png');
  writeFileSync(big, Buffer.alloc(1_000_001));
  const { code, stdout } = await alara(['read', big, '--json'], { ALARA_MAX_BODY_MB: '1' });
  expect(JSON.parse(stdout)[0].problem).toMatchObject({
    code: 'body_too_large',
    fix: expect.stringContaining('ALARA_MAX_BODY_MB'),
  });
  expect(code).toBe(1);
});

test('a closed output pipe ends the command without an error message', async () => {
  const pipe = `'${process.execPath}' functions/cli/main.ts read ${films.join(' ')} --json | head -c 1`;
  const output = await new Promise<string>((resolve) => {
    execFile('sh', ['-c', pipe], (_, stdout, stderr) => resolve(stdout + stderr));
  });
  expect(output).toBe('[');
});

test('the command works in every folder, with the models of its installation', async () => {
  const { ALARA_MODELS: _, ...environment } = process.env as Record<string, string>;
  const { code, stdout } = await alara(
    ['read', resolve(first), '--findings', asked.join(','), '--json'],
    environment,
    undefined,
    {
      cwd: folder(),
    },
  );
  expect(JSON.parse(stdout)[0].reading.catalog).toBe(`sha256:${family.digest}`);
  expect(code).toBe(0);
});
