/** Writes the JSON Schema files against which `training` validates what it writes: npm run schema. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { Catalog, Policy } from '../core/catalog.ts';

const folder = new URL('../../models/schema/', import.meta.url);

/** The JSON Schema files by name. What JSON Schema cannot say (an interval contains its value) stays with zod. */
export const schemas = {
  'catalog.schema.json': z.toJSONSchema(Catalog, { io: 'input' }),
  'policy.schema.json': z.toJSONSchema(Policy, { io: 'input' }),
};

if (import.meta.main) {
  mkdirSync(folder, { recursive: true });
  for (const [name, schema] of Object.entries(schemas))
    writeFileSync(new URL(name, folder), `${JSON.stringify(schema, null, 2)}\n`);
}
