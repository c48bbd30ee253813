import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from '../../api/server.ts';
import { notice } from '../../core/reading.ts';
import { shellQuoted } from '../../platform/shell-quoted.ts';

/** The text that a started server prints: its address, its documentation and a curl line that works. */
export function banner({ url, ready, findings }: Running): string {
  if (!ready) return `Alara listens on ${url}, but its models are not ready: ${url}/health/ready says why.\n`;
  const asked = ['Nodule', 'Emphysema'].filter((finding) => findings.includes(finding));
  const query = asked.length > 0 ? `?findings=${asked.join(',')}` : '';
  return `
Alara reads chest radiographs at ${url}
API documentation: ${url}/docs

Try it:
curl --data-binary ${shellQuoted(`@${sample()}`)} -H 'content-type: image/png' ${shellQuoted(`${url}/v1/readings${query}`)}

${notice}
`;
}

/** The path of the first bundled film from the working folder; a placeholder outside the repository. */
function sample(): string {
  const folder = new URL('../../../test/films/', import.meta.url);
  const film =
    existsSync(folder) &&
    readdirSync(folder)
      .filter((name) => name.endsWith('.png'))
      .sort()[0];
  if (!film) return 'film.png';
  const path = relative(process.cwd(), fileURLToPath(new URL(film, folder)));
  return path.startsWith('-') ? `./${path}` : path;
}
