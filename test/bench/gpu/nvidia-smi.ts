import { execFileSync } from 'node:child_process';

/** A property of the card in use, as nvidia-smi prints it; undefined without nvidia-smi. */
function query(property: string): string | undefined {
  // ONNX Runtime uses the first visible card.
  const [card = '0'] = (process.env['CUDA_VISIBLE_DEVICES'] ?? '').split(',').filter(Boolean);
  const parameters = ['-i', card, `--query-gpu=${property}`, '--format=csv,noheader,nounits'];
  try {
    return execFileSync('nvidia-smi', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

export const cardName = (): string | undefined => query('name');

/** Memory in use on the card by all processes, in MB (2^20 bytes, as nvidia-smi counts). */
export function cardMemory(): number | undefined {
  const used = Number(query('memory.used') ?? Number.NaN);
  return Number.isFinite(used) ? used : undefined;
}
