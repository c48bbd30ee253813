import '../../platform/no-telemetry.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Variant } from '../../core/catalog.ts';
import { inPlainWords } from '../../core/plain-words.ts';
import { type Device, runtimeOptions } from '../../inference/session.ts';
import { digestFault, type LoadedFamily } from '../../models/load.ts';

export type Verdict = { readonly ok: boolean; readonly detail: string };

const failed = (detail: string): Verdict => ({ ok: false, detail });

/** Hash a model, open it and run it on a black film: check it against the catalog, and check the shape of its outputs. */
export async function verify(
  variant: Variant,
  { folder, catalog }: Pick<LoadedFamily, 'folder' | 'catalog'>,
  device: Device,
): Promise<Verdict> {
  try {
    const bytes = await readFile(join(folder, variant.file));
    const differs = digestFault(bytes, variant, { folder });
    if (differs) return failed(differs);
    const session = await InferenceSession.create(bytes, runtimeOptions(device, 1));
    const side = variant.resolution;
    const start = performance.now();
    const outputs = await session.run({
      film: new Tensor('float32', new Float32Array(side * side), [1, 1, side, side]),
    });
    const took = performance.now() - start;
    const wrong = fault(outputs, catalog.findings.length, catalog.quality.classes.length + 1);
    if (wrong) return failed(`${variant.file}: ${wrong}. Export the family again.`);
    const shapes = Object.entries(outputs).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
    return { ok: true, detail: `sha256:${variant.sha256.slice(0, 12)}…  ${shapes.join('  ')}  ${took.toFixed(0)} ms` };
  } catch (error) {
    return failed(`${variant.file} cannot be run: ${inPlainWords(error)}`);
  }
}

/** The fault of a graph's outputs, or undefined. */
function fault({ logits, cam, gate }: InferenceSession.OnnxValueMapType, findings: number, gateSize: number) {
  const expected = [
    ['logits', logits, [1, findings]],
    ['cam', cam, [1, findings, undefined, undefined]],
    ['gate', gate, [1, gateSize]],
  ] as const;
  for (const [name, tensor, shape] of expected) {
    if (!tensor) return `it has no output ${name}`;
    const { dims, data } = tensor;
    const fits = dims.length === shape.length && shape.every((size, i) => size === undefined || size === dims[i]);
    if (!fits)
      return `${name} has shape [${dims.join(', ')}], expected [${shape.map((size) => size ?? '*').join(', ')}]`;
    if (!(data instanceof Float32Array)) return `${name} is ${tensor.type}, expected float32`;
    if (!data.every(Number.isFinite)) return `${name} is not finite on a black film`;
  }
  return undefined;
}
