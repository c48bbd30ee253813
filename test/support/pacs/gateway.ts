/**
 * Stands for API Gateway before the service, as in docs/deploy.md: a stage in the path, a key in X-API-Key, a body with a
 * declared length of 10 MB or less. Runs inside a private network, and prints one line per request.
 */
import { createServer, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

const [, , stage = '', port = '', key = ''] = process.argv;

createServer(async (incoming, outgoing) => {
  const body = await buffer(incoming);
  const { method, url = '', headers } = incoming;
  const refuse = (status: number) => {
    console.log(JSON.stringify({ method, url, headers, status }));
    outgoing.writeHead(status).end();
  };
  if (!url.startsWith(`/${stage}/`)) return refuse(403);
  if (headers['x-api-key'] !== key || headers.authorization !== undefined) return refuse(403);
  if (headers['content-length'] === undefined || body.length > 10 * 1024 * 1024) return refuse(413);
  const path = url.slice(stage.length + 1);
  const onward = request({ host: '127.0.0.1', port: 8080, method, path, headers }, async (answer) => {
    console.log(JSON.stringify({ method, url, headers, status: answer.statusCode }));
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(await buffer(answer));
  });
  onward.on('error', () => refuse(502));
  onward.end(body);
}).listen(Number(port), '127.0.0.1');
