import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

export const version: string = JSON.parse(read('package.json')).version;

/** What of the repository gets into the image. A commit of anything else makes no new image, and no deployment. */
const contents = ['.dockerignore', ...[...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)];

/** The last commit that changed the image, and whether it was changed since; what is no clone does not know. */
export const revision: string = (() => {
  const git = (...args: string[]) =>
    execFileSync('git', [...args, '--', ...contents], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    const commit = git('log', '-1', '--format=%H');
    if (commit === '') return 'unknown';
    return git('status', '--porcelain') === '' ? commit : `${commit}-changed`;
  } catch {
    return 'unknown';
  }
})();
