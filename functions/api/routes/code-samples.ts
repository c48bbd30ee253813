import type { OpenAPIHono } from '@hono/zod-openapi';

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
};

/** The host in the samples. The page at /docs replaces it with its own host. */
export const sampleHost = 'http://127.0.0.1:8080';

/** The sample file per media type. A sample uses the first of these types that the operation accepts. */
const files: Readonly<Record<string, string>> = {
  'image/png': 'film.png',
  'application/dicom': 'film.dcm',
  'application/octet-stream': 'film.dcm',
};

/**
 * The document with one curl command per operation, in the extension that API documentation tools show instead of
 * generated samples. A command has only the required parameters, and sends files byte for byte.
 */
export function withCodeSamples(document: Document): Document {
  const paths = Object.entries(document.paths ?? {}).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations ?? {}).map(([method, operation]) => [
        method,
        { ...operation, 'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: curl(path, method, operation) }] },
      ]),
    ),
  ]);
  return { ...document, paths: Object.fromEntries(paths) };
}

function curl(path: string, method: string, { parameters = [], requestBody }: Operation): string {
  // A path parameter becomes a placeholder in capitals, because its value comes from an earlier response.
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  const query = parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
  const address = `${sampleHost}${filled}${query.length > 0 ? `?${query.map(({ name }) => `${name}=${name.toUpperCase()}`).join('&')}` : ''}`;
  return ['curl', ...body(method, requestBody?.content ?? {}), `'${address}'`].join(' ');
}

function body(method: string, content: NonNullable<Operation['requestBody']>['content']): readonly string[] {
  const verb = method === 'put' ? ['--request PUT'] : [];
  const binary = Object.keys(files).find((type) => type in content);
  if (binary) return [...verb, `--data-binary @${files[binary]}`, `--header 'Content-Type: ${binary}'`];
  const json = content['application/json'];
  if (json) return [...verb, `--json '${JSON.stringify(json.example ?? {})}'`];
  return method === 'get' ? [] : [`--request ${method.toUpperCase()}`];
}
