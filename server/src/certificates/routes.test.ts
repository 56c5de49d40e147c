import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { AuthorityCertificate } from './authority.ts';
import { CertificateRoutes } from './routes.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

const AUTHORITY: AuthorityCertificate = {
  name: 'Millrace on <laptop> & friends',
  pem: '',
  der: Buffer.from('the certificate'),
  fingerprint: Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(':'),
  expiresAt: new Date(0),
};

async function serve(caCertificate: AuthorityCertificate | undefined) {
  const routes = new CertificateRoutes({ certificates: { caCertificate, acmeChallenge: (token) => (token === 'known' ? 'known.thumbprint' : undefined) } });
  const made = createServer((request, response) => {
    if (!routes.handle(request, response, request.url ?? '')) response.writeHead(418).end();
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  const base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return (path: string, init?: RequestInit) => fetch(base + path, init);
}

test('the authority is downloaded as a certificate and as a profile', async () => {
  const ask = await serve(AUTHORITY);
  const certificate = await ask('/ca.crt');
  expect(certificate.headers.get('content-type')).toBe('application/x-x509-ca-cert');
  expect(await certificate.text()).toBe('the certificate');
  const profile = await ask('/ca.mobileconfig');
  expect(profile.headers.get('content-type')).toBe('application/x-apple-aspen-config');
  const text = await profile.text();
  expect(text).toContain('<string>Millrace on &lt;laptop&gt; &amp; friends</string>');
  expect(text).toContain(`<data>${AUTHORITY.der.toString('base64')}</data>`);
  expect(text.match(/<string>[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}<\/string>/g)).toHaveLength(2);
});

test('HEAD has the length alone, other methods are refused, other paths left alone', async () => {
  const ask = await serve(AUTHORITY);
  const head = await ask('/ca.crt', { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '15']);
  const post = await ask('/ca.crt', { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await ask('/ca.key')).status).toBe(418);
});

test('with another authority’s certificate there is nothing to install', async () => {
  const ask = await serve(undefined);
  for (const path of ['/ca.crt', '/ca.mobileconfig']) expect((await ask(path)).status).toBe(404);
});

test('a proof is given for the token that is asked for, and for no other', async () => {
  const ask = await serve(undefined);
  expect(await (await ask('/.well-known/acme-challenge/known')).text()).toBe('known.thumbprint');
  for (const token of ['', 'other', 'known/', '__proto__', '../known']) expect((await ask(`/.well-known/acme-challenge/${token}`)).ok, token).toBe(false);
});
