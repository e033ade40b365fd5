import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { exitCodes } from '../../../api/reasons.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import { checkOf, runExporter } from './program.ts';
import { sandboxFor } from './sandbox.ts';

test('a certificate that nobody vouches for is refused at once; the CA bundle mends it', async () => {
  const tls = selfSignedCertificate();
  const sandbox = await sandboxFor({ tls });
  const document = checkOf(sandbox.url);
  const refused = await runExporter({ document });
  expect(refused.report).toMatchObject({ reason: 'TlsNotTrusted', calls: 1 });
  expect(refused.exitCode).toBe(exitCodes.user);
  const trusted = await runExporter({ document, caBundle: tls.cert });
  expect(trusted.report?.reason).toBe('Succeeded');
});

test('calls go through the proxy, except where NO_PROXY says otherwise', async () => {
  const tls = selfSignedCertificate();
  const sandbox = await sandboxFor({ tls });
  const proxy = await startProxy();
  const env = { HTTPS_PROXY: proxy.url };
  const input = { document: checkOf(sandbox.url), caBundle: tls.cert };
  expect((await runExporter({ ...input, env })).report?.reason).toBe('Succeeded');
  expect(proxy.tunnels()).toBeGreaterThan(0);
  const before = proxy.tunnels();
  await runExporter({ ...input, env: { ...env, NO_PROXY: '127.0.0.1' } });
  expect(proxy.tunnels()).toBe(before);
});

test('a plain HTTP address goes through HTTP_PROXY', async () => {
  const proxy = await startProxy();
  const { report } = await runExporter({
    document: checkOf('http://criteo.invalid'),
    env: { HTTP_PROXY: proxy.url, SEGMENTEXPORT_RETRY_BUDGET_MS: '500' },
  });
  expect(report).toMatchObject({ reason: 'CriteoUnavailable', details: { status: 502 } });
});

/** A proxy that makes tunnels, and answers 502 to what is to be forwarded. */
async function startProxy(): Promise<{ url: string; tunnels: () => number }> {
  let tunnels = 0;
  const server = createServer((_, response) => response.writeHead(502).end());
  server.on('connect', (request, socket) => {
    tunnels++;
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels: () => tunnels };
}
