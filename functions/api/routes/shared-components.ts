import type { OpenAPIHono } from '@hono/zod-openapi';

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Parts = Readonly<Record<string, unknown>>;

/** A kind of parts that operations have in common, and the name of a part in `components`; undefined for a part that stays where it is. */
type Kind = {
  readonly kind: 'headers' | 'responses' | 'parameters';
  readonly nameOf: (key: string, part: object) => string | undefined;
};

/**
 * The document with the headers, problem responses and parameters that are repeated in it as components, which the operations refer to.
 * Of different parts with one name, the first that is repeated becomes the component.
 */
export function withSharedComponents(document: Document): Document {
  // A response contains headers, so headers are first.
  const kinds: readonly Kind[] = [
    { kind: 'headers', nameOf: (header) => header },
    { kind: 'responses', nameOf: (_, response) => problemName(response) },
    { kind: 'parameters', nameOf: (_, parameter) => parameterName(parameter) },
  ];
  return kinds.reduce(share, document);
}

function share(document: Document, { kind, nameOf }: Kind): Document {
  const counts = new Map<string, number>();
  mapParts(document.paths, kind, (part) => {
    const text = JSON.stringify(part);
    counts.set(text, (counts.get(text) ?? 0) + 1);
    return part;
  });
  const shared = new Map(Object.entries(document.components?.[kind] ?? {}));
  const paths = mapParts(document.paths, kind, (part, key) => {
    const name = nameOf(key, part);
    const text = JSON.stringify(part);
    if (name === undefined || '$ref' in part || (counts.get(text) ?? 0) < 2) return part;
    if (!shared.has(name)) shared.set(name, part as never);
    return JSON.stringify(shared.get(name)) === text ? { $ref: `#/components/${kind}/${name}` } : part;
  });
  return { ...document, paths, components: { ...document.components, [kind]: Object.fromEntries(shared) } } as Document;
}

/** Map each part of a kind: the entries of each object or list with the name of the kind. */
function mapParts(value: unknown, kind: string, map: (part: object, key: string) => object): unknown {
  if (Array.isArray(value)) return value.map((item) => mapParts(item, kind, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as Parts).map(([key, inner]) => {
      if (key !== kind || typeof inner !== 'object' || inner === null) return [key, mapParts(inner, kind, map)];
      if (Array.isArray(inner)) return [key, inner.map((part) => map(part, key))];
      return [key, Object.fromEntries(Object.entries(inner).map(([name, part]) => [name, map(part, name)]))];
    }),
  );
}

/** The name of a response with problems, from the names of their schemas: `QuotaExceededOrThrottled`. */
function problemName(response: object): string | undefined {
  const { content } = response as { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
  const { $ref, oneOf = $ref === undefined ? [] : [{ $ref }] } = content?.['application/problem+json']?.schema ?? {};
  const names = oneOf.map((schema) => /(\w+)Problem$/.exec(schema.$ref ?? '')?.[1] ?? '');
  return names.length > 0 && !names.includes('') ? names.join('Or') : undefined;
}
type Schema = { readonly $ref?: string; readonly oneOf?: readonly { readonly $ref?: string }[] };

/** The name of a parameter: `findings-query`. */
function parameterName(parameter: object): string {
  const { name, in: place } = parameter as { readonly name: string; readonly in: string };
  return `${name}-${place}`;
}
