import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

type Media = Record<string, { readonly schema?: object; readonly example?: unknown; readonly examples?: object }>;
type Header = { readonly required?: boolean; readonly schema: { readonly type?: string } };
export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: { readonly content: Media };
  readonly responses: Record<
    string,
    { readonly description: string; readonly headers?: Record<string, Header>; readonly content?: Media }
  >;
  readonly 'x-codeSamples': readonly { readonly lang: string; readonly label: string; readonly source: string }[];
};
export type Schema = {
  readonly properties?: Record<string, Schema>;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly [keyword: string]: unknown;
};
export type Document = {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly webhooks: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, Schema>;
    readonly headers: Record<string, object>;
    readonly responses: Record<string, object>;
    readonly parameters: Record<string, object>;
    readonly examples: Record<string, { readonly value: unknown }>;
  };
};

/** An answer, as far as a contract describes it. */
export type Answer = {
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
};

export type Contract = {
  /** Whether the document has this operation. */
  describes(method: string, path: string): boolean;
  /** Throws with the reason if the document does not describe the answer. */
  check(answer: Answer): void;
  /** Violations of a schema by a value. Undescribed properties are violations. */
  violations(schema: object, value: unknown): readonly unknown[];
  /** The answers that were checked, as `operationId status`. */
  readonly checked: ReadonlySet<string>;
};

/**
 * The served document as a contract. Schemas are closed for the check: a property that the document does not describe is a
 * violation, although clients must ignore such a property.
 */
export function contractOf(document: Document): Contract {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const components = closed(document.components);
  const validators = new Map<object, ValidateFunction>();
  const checked = new Set<string>();
  const paths = Object.entries(resolved(document.paths, document) as Document['paths']).map(([path, operations]) => ({
    path,
    operations,
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));

  function violations(schema: object, value: unknown) {
    const validate = validators.get(schema) ?? ajv.compile({ ...(closed(schema) as object), components });
    validators.set(schema, validate);
    return validate(value) ? [] : (validate.errors ?? []);
  }

  const operationOf = (method: string, path: string) =>
    paths.find(({ pattern }) => pattern.test(path))?.operations[method.toLowerCase()];

  function check({ method, path, status, headers, body }: Answer) {
    const operation = operationOf(method, path);
    // 499: the client is gone, so nobody receives the answer.
    if (!operation || status === 499) return;
    const { operationId } = operation;
    const name = `${operationId} ${status}`;
    const fail = (problem: string, details: unknown = '') => {
      const text = Buffer.from(body).toString('utf8').slice(0, 500);
      throw new Error(`${name}: ${problem} ${JSON.stringify(details)}\n${text}`);
    };
    const described = operation.responses[status];
    if (!described) return fail('the document does not describe this status');
    for (const [header, { required, schema }] of Object.entries(described.headers ?? {})) {
      const value = headers.get(header);
      if (value === null && required) fail(`the header ${header} is missing`);
      if (value !== null && violations(schema, schema.type === 'integer' ? Number(value) : value).length > 0)
        fail(`the header ${header} is not as described:`, value);
    }
    for (const header of [
      ...['location', 'link', 'retry-after', 'www-authenticate', 'accept-encoding', 'etag'],
      ...['ratelimit', 'ratelimit-policy'],
    ])
      if (headers.has(header) && !Object.keys(described.headers ?? {}).some((each) => each.toLowerCase() === header))
        fail(`the document does not describe the header ${header}`);
    const [type = ''] = (headers.get('content-type') ?? '').split(';');
    if (!described.content) {
      if (body.length > 0) fail('the document describes no body');
    } else {
      const { schema } = described.content[type] ?? fail(`the document does not describe the media type ${type}`);
      const isJson = /[/+]json$/.test(type);
      const plain = decoders[headers.get('content-encoding') ?? '']?.(body) ?? Buffer.from(body);
      const value = isJson ? JSON.parse(plain.toString('utf8')) : plain.toString('latin1');
      const faults = violations(schema ?? {}, value);
      if (faults.length > 0) fail('the body is not as described:', faults.slice(0, 5));
    }
    checked.add(name);
  }

  return { describes: (method, path) => operationOf(method, path) !== undefined, check, violations, checked };
}

/** A part of a document in which the headers, responses and parameters that it refers to are in their places. */
export function resolved(part: unknown, document: Pick<Document, 'components'>): unknown {
  if (Array.isArray(part)) return part.map((item) => resolved(item, document));
  if (typeof part !== 'object' || part === null) return part;
  const [, kind = '', name = ''] =
    /^#\/components\/(headers|responses|parameters)\/(.+)$/.exec(String((part as Schema)['$ref'])) ?? [];
  if (kind === '')
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, resolved(value, document)]));
  const found = document.components[kind as 'headers' | 'responses' | 'parameters'][name];
  if (!found) throw new Error(`the document has no ${kind}/${name}`);
  return resolved(found, document);
}

const decoders: Readonly<Record<string, (body: Uint8Array) => Buffer>> = { br: brotliDecompressSync, gzip: gunzipSync };

/** A schema in which objects have no other properties than those that are described. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isOpen = typeof inner['properties'] === 'object' && 'type' in inner && !('additionalProperties' in inner);
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}

/** Every schema inside a schema, with its path. */
export function* schemasIn(schema: unknown, path: string): Generator<readonly [path: string, schema: Schema]> {
  if (typeof schema !== 'object' || schema === null) return;
  if (!Array.isArray(schema)) yield [path, schema as Schema];
  for (const [key, value] of Object.entries(schema)) yield* schemasIn(value, `${path}/${key}`);
}
