// The service on a disk that fills up: node full-disk-child.ts FOLDER. It prints the answers as JSON.
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { film, openService, post, resolved } from './service.ts';

const [, , disk = ''] = process.argv;
const service = await openService({
  ...{ ALARA_DATA: join(disk, 'data'), ALARA_LOG: 'warn', ALARA_ROLE: 'api', ALARA_WORKERS: '1' },
  ALARA_FREE_MB: '8',
});
const { app } = service;
const filler = join(disk, 'filler');

/** Fill the disk except for some bytes. */
function fill(leave: number): void {
  const file = openSync(filler, 'a');
  const { bavail, bsize } = statfsSync(disk);
  try {
    for (let left = bavail * bsize - leave; left > 0; ) left -= writeSync(file, new Uint8Array(Math.min(left, 65_536)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

const told = async (answer: Response) => ({
  status: answer.status,
  retryAfter: answer.headers.get('retry-after'),
  text: await answer.text(),
});

async function begin(): Promise<string> {
  const { url } = await (await app.request('/v1/uploads', { method: 'POST' })).json();
  return resolved(url, '/v1/uploads');
}
const upload = async (url: string, bytes: number) =>
  told(await app.request(url, { method: 'PUT', body: new Uint8Array(bytes) }));
const ready = async () => {
  // A check of the store is valid for one second.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  return told(await app.request('/health/ready'));
};

const before = { upload: await upload(await begin(), 500_000), ready: await ready() };
fill(4_000_000);
// Below the floor, films are refused, and small writes continue.
const low = {
  upload: await upload(await begin(), 500_000),
  reading: await told(await post(app, '?findings=Mass', film('00000100_000.png'))),
  ready: await ready(),
};
fill(0);
const urls = [await begin(), await begin()];
// The space that the database has already allocated holds a few more readings.
const readings = [];
for (let i = 0; i < 12; i++) {
  readings.push(await told(await post(app, `?findings=Nodule&prevalence=0.${10 + i}`, film('00000442_000.png'))));
  fill(0);
}
const full = { readings, uploads: [await upload(urls[0] ?? '', 500_000)], ready: await ready() };
rmSync(filler);
const after = {
  ready: await ready(),
  upload: await upload(urls[1] ?? '', 500_000),
  reading: await told(await post(app, '?findings=Nodule', film('00000442_000.png'))),
};
process.stdout.write(JSON.stringify({ before, low, full, after, data: service.data }), () => process.exit(0));
