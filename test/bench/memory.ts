/**
 * Memory of the service for large bodies, as a table for the docs: node test/bench/memory.ts. Each case starts a new
 * service. The peak is the kernel's figure (Linux).
 */
import { cpus as processors } from 'node:os';
import { cpus } from '../../functions/platform/cpus.ts';
import { type Answer, concurrently, form, jobs, openMeasured, read, stow } from '../support/large.ts';

const cases: Readonly<Record<string, (url: string) => Promise<Answer[]>>> = {
  'STOW-RS, one part of 200 MB': (url) => concurrently(1, () => stow(url, 200)),
  'STOW-RS, six of 200 MB at once': (url) => concurrently(6, () => stow(url, 200)),
  'POST /v1/jobs, six on one upload of 200 MB': (url) => jobs(url, 6, 200),
  'POST /v1/readings, 60 of 30 MB at once': (url) => concurrently(60, () => read(url, 30)),
  'POST /v1/readings, the same without a Content-Length': (url) => concurrently(60, () => read(url, 30, true)),
  'POST /v1/readings, the same as forms': (url) => concurrently(60, () => form(url, 30)),
};

const rows = [];
const only = process.argv[2] ?? '';
for (const [name, work] of Object.entries(cases).filter(([name]) => name.includes(only))) {
  const service = await openMeasured();
  const ready = service.memory('VmRSS');
  const start = performance.now();
  const answers = await work(service.url);
  const seconds = Math.round(performance.now() - start) / 1000;
  const statuses = [...Map.groupBy(answers, ({ status }) => status)].map(([status, of]) => `${of.length} × ${status}`);
  rows.push({
    case: name,
    'ready, MB': ready,
    'peak, MB': service.memory('VmHWM'),
    seconds,
    answers: statuses.join(', '),
  });
  await service.close();
}
console.log(
  `${processors()[0]?.model}, ${cpus()} processors, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.table(rows);
