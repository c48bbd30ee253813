import type { OpenAPIHono } from '@hono/zod-openapi';

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Content = Readonly<Record<string, { readonly example?: unknown }>>;
type Operation = {
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
};

/** The host in the samples of the document. The page at /docs puts its own address in the place of this one. */
export const sampleHost = 'http://127.0.0.1:8080';

/** The file that a sample sends or writes, by media type. The first type that an operation accepts is used. */
const files: Readonly<Record<string, string>> = {
  'image/png': 'film.png',
  'application/dicom': 'film.dcm',
  'application/octet-stream': 'film.dcm',
};
const reports: Readonly<Record<string, string>> = {
  'image/jpeg': 'film.jpg',
  'application/dicom': 'report.dcm',
  'image/png': 'heatmap.png',
};

/** A request with the parameters that are required and no others. */
type Sample = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A file that is sent byte for byte. */
  readonly file?: string;
  /** A file that is sent as the part `image` of a form. */
  readonly part?: string;
  readonly json?: unknown;
  /** The form of a successful answer: nothing, JSON, or a file. */
  readonly answer: 'nothing' | 'json' | { readonly file: string };
};

/**
 * The document with samples in curl, Python and JavaScript per operation, in the extension that API documentation tools show instead
 * of generated samples. `withKey`: callers need an API key.
 */
export function withCodeSamples(document: Document, { withKey }: { readonly withKey: boolean }): Document {
  const paths = Object.entries(document.paths ?? {}).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations ?? {}).map(([method, operation]) => {
        const sample = sampleOf(path, method, operation, withKey);
        const samples = [
          { lang: 'Shell', label: 'curl', source: curl(sample) },
          { lang: 'Python', label: 'Python (requests)', source: python(sample) },
          { lang: 'JavaScript', label: 'JavaScript (Node)', source: javascript(sample) },
        ];
        return [method, { ...operation, 'x-codeSamples': samples }];
      }),
    ),
  ]);
  return { ...document, paths: Object.fromEntries(paths) };
}

function sampleOf(
  path: string,
  method: string,
  { security = [], parameters = [], requestBody, responses }: Operation,
  withKey: boolean,
): Sample {
  // The id stands in capitals, because a real one comes from an earlier answer.
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  const query = parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
  const search = query.map(({ name }) => `${name}=${name.toUpperCase()}`).join('&');
  const content = requestBody?.content ?? {};
  const sent = Object.keys(files).find((type) => type in content);
  const file = sent && files[sent];
  const part = file === undefined && 'multipart/form-data' in content ? files['image/png'] : undefined;
  const json = content['application/json'];
  const answered = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1].content ?? {};
  const report = Object.keys(reports).find((type) => type in answered);
  return {
    method: method.toUpperCase(),
    url: `${sampleHost}${filled}${search && `?${search}`}`,
    headers: {
      ...(withKey && security.length > 0 && { Authorization: 'Bearer KEY' }),
      ...(sent && { 'Content-Type': sent }),
    },
    ...(file && { file }),
    ...(part && { part }),
    ...(!file && json && { json: json.example ?? {} }),
    answer: report ? { file: reports[report] ?? '' } : Object.keys(answered).length > 0 ? 'json' : 'nothing',
  };
}

function curl({ method, url, headers, file, part, json, answer }: Sample): string {
  const implied = file || part || json ? 'POST' : 'GET';
  const parts = [
    ...(method === implied ? [] : [`--request ${method}`]),
    ...(file ? [`--data-binary @${file}`] : []),
    ...(part ? [`--form image=@${part}`] : []),
    ...Object.entries(headers).map(([name, value]) => `--header '${name}: ${value}'`),
    ...(json ? [`--json '${JSON.stringify(json)}'`] : []),
    ...(typeof answer === 'object' ? [`--output ${answer.file}`] : []),
  ];
  return ['curl', ...parts, `'${url}'`].join(' ');
}

function python({ method, url, headers, file, part, json, answer }: Sample): string {
  const named = Object.entries(headers).map(([name, value]) => `'${name}': '${value}'`);
  const args = [
    `'${url}'`,
    ...(named.length > 0 ? [`headers={${named.join(', ')}}`] : []),
    ...(file ? ['data=film'] : []),
    ...(part ? ["files=[('image', film)]"] : []),
    // A JSON text without true, false and null is a Python expression as well.
    ...(json ? [`json=${JSON.stringify(json)}`] : []),
    // The service answers a film within its own deadline, which is shorter.
    'timeout=60',
  ];
  const request = `answer = requests.${method.toLowerCase()}(${args.join(', ')})`;
  return [
    'import requests',
    '',
    ...(file || part ? [`with open('${file ?? part}', 'rb') as film:`, `    ${request}`] : [request]),
    'if not answer.ok:',
    '    raise SystemExit(answer.text)',
    ...(answer === 'json' ? ['print(answer.json())'] : []),
    ...(typeof answer === 'object'
      ? [`with open('${answer.file}', 'wb') as report:`, '    report.write(answer.content)']
      : []),
  ].join('\n');
}

function javascript({ method, url, headers, file, part, json, answer }: Sample): string {
  const all = { ...headers, ...(json !== undefined && { 'Content-Type': 'application/json' }) };
  const named = Object.entries(all).map(([name, value]) => `'${name}': '${value}'`);
  const options = [
    ...(method === 'GET' ? [] : [`  method: '${method}',`]),
    ...(named.length > 0 ? [`  headers: { ${named.join(', ')} },`] : []),
    ...(file ? [`  body: await readFile('${file}'),`] : []),
    ...(part ? ['  body: form,'] : []),
    ...(json ? [`  body: JSON.stringify(${JSON.stringify(json)}),`] : []),
  ];
  const used = [...(file || part ? ['readFile'] : []), ...(typeof answer === 'object' ? ['writeFile'] : [])];
  return [
    ...(used.length > 0 ? [`import { ${used.join(', ')} } from 'node:fs/promises';`, ''] : []),
    ...(part
      ? ['const form = new FormData();', `form.append('image', new Blob([await readFile('${part}')]), '${part}');`]
      : []),
    ...(options.length > 0
      ? [`const answer = await fetch('${url}', {`, ...options, '});']
      : [`const answer = await fetch('${url}');`]),
    'if (!answer.ok) throw new Error(await answer.text());',
    ...(answer === 'json' ? ['console.log(await answer.json());'] : []),
    ...(typeof answer === 'object'
      ? [`await writeFile('${answer.file}', Buffer.from(await answer.arrayBuffer()));`]
      : []),
  ].join('\n');
}
