import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import { createEngine, type Engine, type EngineOptions } from '../../functions/inference/pool.ts';
import { openRouter, usualVariants } from '../../functions/inference/router.ts';
import { readConfig } from '../../functions/platform/config.ts';
import type { ReadRequest } from '../../functions/routing/request.ts';

const config = readConfig({});
export const router = openRouter(config);

/** The engine with real threads and the bundled models. It is closed when the test ends. */
export async function openReal(limits: Partial<EngineOptions>): Promise<Engine> {
  const warm = usualVariants(router).map(({ id }) => id);
  const engine = createEngine({
    ...config,
    plan: router.plan,
    family: router.family,
    warm,
    workers: 1,
    queue: 100,
    ...limits,
  });
  onTestFinished(() => engine.close());
  await engine.ready;
  return engine;
}

const png = readFileSync('test/films/00000100_000.png');
let films = 0;

/** A film and its variant. */
export function film(variant: string, bytes: Uint8Array = png) {
  const request: ReadRequest = {
    ...{ findings: ['Mass'], variant, minAuroc: {}, prevalence: {} },
    ...{ policy: router.vocabulary.defaultPolicy, bestEffort: true, explain: false },
  };
  return { id: `rd_${++films}`, bytes: new Uint8Array(bytes), mediaType: 'image/png', request };
}

/** A film that takes a second or more to decode: noise with the greatest allowed number of pixels. */
export async function slowToDecode(side = 7900): Promise<Uint8Array> {
  const noise = new Uint16Array(side * side);
  for (let i = 0, state = 1; i < noise.length; i++) {
    state = (state * 48271) % 2147483647;
    noise[i] = state;
  }
  const raw = { width: side, height: side, channels: 1 as const };
  return sharp(noise, { raw }).toColourspace('grey16').png({ compressionLevel: 1 }).toBuffer();
}
