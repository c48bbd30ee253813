import { readFileSync } from 'node:fs';
import { z } from 'zod';

const names = [
  ...['fargateVcpu', 'fargateGb', 'gpuT4', 'gpuL4', 'gpuA10g', 'gpuL40s', 'managedFee', 'ebsGb', 'imageGb'],
  ...['apiRequests', 'albHour', 'albLcu', 'endpointHour', 'endpointGb', 'natHour', 'natGb', 'publicIp'],
  ...['wafAcl', 'wafRule', 'wafRequests', 'kmsKey', 'kmsRequests', 'secret', 'machineClient', 'tokens'],
  ...['s3Gb', 's3Writes', 's3Reads', 'tableWrites', 'tableReads', 'tableGb', 'queueRequests'],
  ...['logsGb', 'metric', 'alarm', 'dashboard'],
] as const;
export type PriceName = (typeof names)[number];

export const Price = z
  .strictObject({
    each: z.number().min(0),
    unit: z.string().min(1),
    source: z.strictObject({ title: z.string().min(1), url: z.url() }),
    /** Whether the number was found with the provider as its named source, for this region or for all. */
    verified: z.boolean(),
    /** What an unverified number rests on. */
    restsOn: z.string().min(1).optional(),
  })
  .refine(({ verified, restsOn }) => verified !== (restsOn !== undefined), {
    error: 'an unverified price says what it rests on, and only that',
    path: ['restsOn'],
  });
export type Price = z.infer<typeof Price>;

/** What things cost in one region on one day. */
export const PriceTable = z.strictObject({
  region: z.string().min(1),
  currency: z.string().length(3),
  date: z.iso.date(),
  note: z.string().optional(),
  prices: z.partialRecord(z.enum(names), Price),
});
export type PriceTable = z.infer<typeof PriceTable>;

/** A price table that cannot be used. */
export class PriceError extends Error {
  override name = 'PriceError';
}

/** Read a price table. Throws {@link PriceError}. */
export function readPrices(path: string): PriceTable {
  try {
    return PriceTable.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : error;
    throw new PriceError(`${path}: ${why}`);
  }
}

/** One price of a table. Throws {@link PriceError} where the table does not have it. */
export function priceOf({ prices, region, date }: PriceTable, name: PriceName): Price {
  const price = prices[name];
  if (price) return price;
  throw new PriceError(`The price table of ${region}, ${date}, has no ${name}: add it.`);
}
