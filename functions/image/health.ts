/** The container's health check: exits with 0 while the server of this container answers. */
const { HOST: host = '', PORT: port = '8080' } = process.env;
// A server on every address is asked by loopback.
const address = ['', '0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/health/live`;
const live = await fetch(url, { signal: AbortSignal.timeout(2500) }).then(
  ({ ok }) => ok,
  () => false,
);
process.exit(live ? 0 : 1);
