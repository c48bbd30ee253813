import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Channel, keys } from '../../functions/models/manifest.ts';
import { move, type SignOff } from '../../functions/models/release/move-pointer.ts';
import { components } from '../../functions/models/release/paired-auroc.ts';
import { prepare, upload } from '../../functions/models/release/publish.ts';
import { ranksOf, Scores } from '../../functions/models/release/scores.ts';
import { readPointer } from '../../functions/models/release-reader.ts';
import type { Objects } from '../../functions/models/store/object-store.ts';

export const name = 'chest14';

/** A new folder that is removed when the test ends. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'alara-published-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

type Change = {
  catalog?: (catalog: {
    provenance: { dataset: string };
    variants: { heads: Record<string, Head>; id: string }[];
  }) => void;
  scores?: (scores: Scores) => Scores | undefined;
};
type Head = { auroc: { value: number; ci95: [number, number] } };

/** A changed copy of the bundled family: the same models with another catalog. */
export function variation({ catalog: change, scores: rescore }: Change = {}): string {
  const models = folder();
  mkdirSync(join(models, name));
  for (const file of readdirSync(join('models', name)))
    if (!file.endsWith('.md') && file !== 'figures')
      cpSync(join('models', name, file), join(models, name, file), { recursive: true });
  cpSync('models/policies', join(models, 'policies'), { recursive: true });
  const rewrite = (file: string, work: (value: never) => unknown) => {
    const path = join(models, name, file);
    const value = work(JSON.parse(readFileSync(path, 'utf8')) as never);
    if (value === undefined) rmSync(path);
    else writeFileSync(path, JSON.stringify(value));
  };
  if (change)
    rewrite('catalog.json', (value) => {
      change(value);
      return value;
    });
  if (rescore) rewrite('scores.json', rescore);
  return models;
}

/** A second training of the same family in name only: equal models, another catalog digest. */
export const retrained = (dataset = 'the same, told otherwise') =>
  variation({
    catalog: ({ provenance }) => {
      provenance.dataset = dataset;
    },
  });

/** A family that is worse for one finding at every variant: some of the films with the finding rank last. */
export function worse(finding: string, share: number): string {
  const before = Scores.parse(JSON.parse(readFileSync(join('models', name, 'scores.json'), 'utf8')));
  const labels = before.labels[finding] ?? '';
  const positive = [...labels].map((label) => label === '1');
  const spoilt = new Map(
    Object.keys(before.ranks).map((variant) => {
      let seen = 0;
      const ranks = (ranksOf(before, variant, finding) ?? []).map((rank, i) =>
        positive[i] && seen++ % Math.round(1 / share) === 0 ? 0 : rank,
      );
      return [variant, ranks] as const;
    }),
  );
  return variation({
    scores: (scores) => ({
      ...scores,
      ranks: Object.fromEntries(
        Object.entries(scores.ranks).map(([variant, heads]) => [
          variant,
          { ...heads, [finding]: Buffer.from(Uint16Array.from(spoilt.get(variant) ?? []).buffer).toString('base64') },
        ]),
      ),
    }),
    catalog: ({ variants }) => {
      for (const { id, heads } of variants) {
        const { auroc } = heads[finding] ?? {};
        if (!auroc) continue;
        auroc.value = components(spoilt.get(id) ?? [], positive).area;
        auroc.ci95 = [Math.min(auroc.ci95[0], auroc.value), Math.max(auroc.ci95[1], auroc.value)];
      }
    },
  });
}

export const signOff: SignOff = { by: 'the test', reason: 'to test' };

/** Publish a family on a channel without the gate, to prepare a test. Returns the manifest. */
export async function publishUnchecked(objects: Objects, models: string, channel: Channel = 'canary'): Promise<string> {
  const publication = await prepare(models, name);
  await upload(objects, publication);
  await move(objects, {
    kind: 'publish',
    channel,
    to: publication,
    standing: await readPointer(objects, name, channel),
    signOff,
    modificationProtocol: null,
    impactAssessment: { conclusion: 'none', comparisons: [] },
  });
  return publication.digest;
}

/** The release that a channel points to. */
export const pointsTo = async (objects: Objects, channel: Channel) =>
  (await readPointer(objects, name, channel))?.pointer.manifest;

export const place = keys(name);
