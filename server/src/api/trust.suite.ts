/** How encryption shows in the API: where it is, what addresses say, what browsers are told. Run by rest.integration.test.ts. */
import { StreamWithKey } from '@millrace/contract/rest/streams';
import { Trust } from '@millrace/contract/rest/trust';
import { expect, test } from 'vitest';
import { becomeGuest, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

export function trustSuite(suite: Suite): void {
  const authority = { caCertificate: { name: 'Millrace on laptop', fingerprint: FINGERPRINT, expiresAt: new Date(0) } };

  test('whoever asks learns where this server is encrypted, by the name they asked by, and whose certificate it shows', async () => {
    const server = suite.server({ authority });
    const ask = async (host: string, encrypted = false) => read(await server.request('/api/v1/trust', { headers: { host }, encrypted }), Trust);
    expect(await ask('192.168.1.20:8080')).toEqual({
      secureUrl: 'https://192.168.1.20:8443',
      authority: { name: 'Millrace on laptop', fingerprint: FINGERPRINT, expiresAt: new Date(0).toISOString() },
    });
    expect((await ask('[fd00::1]:8080')).secureUrl).toBe('https://[fd00::1]:8443');
    expect((await ask('laptop.local:9443', true)).secureUrl).toBe('https://laptop.local:9443');
    expect((await ask('evil.example/<script>')).secureUrl).toBe('https://localhost:8443');
    expect((await ask('evil.example/<script>', true)).secureUrl).toBe('https://localhost:8443');
  });

  test('a public https address is the one that counts; without an authority of its own there is none to install', async () => {
    const server = suite.server({ publicUrl: 'https://live.example.org' });
    expect(await read(await server.request('/api/v1/trust'), Trust)).toEqual({ secureUrl: 'https://live.example.org', authority: null });
  });

  test('asked over TLS, every address it gives is https and the cookie is Secure; asked without, neither', async () => {
    const server = suite.server();
    for (const encrypted of [true, false]) {
      const headers = { host: encrypted ? 'laptop.local:8443' : 'laptop.local:8080' };
      const { token } = await becomeGuest(server);
      const made = await read(await server.request('/api/v1/streams', { method: 'POST', token, body: { title: 'Here' }, headers, encrypted }), StreamWithKey);
      const origin = encrypted ? 'https://laptop.local:8443' : 'http://laptop.local:8080';
      for (const url of Object.values(made.playback)) expect(new URL(url).origin).toBe(origin);
      expect(made.ingest.rtmps?.url).toBe('rtmps://laptop.local:1936/live');
      const guest = await server.request('/api/v1/auth/guest', { method: 'POST', body: {}, headers, encrypted });
      expect(guest.headers.get('set-cookie')?.includes('; Secure')).toBe(encrypted);
    }
  });

  test('browsers are held to HTTPS only at the public address, and only when its certificate is trusted everywhere', async () => {
    const strictly = async (options: { readonly publicUrl?: string; readonly isPublic: boolean; readonly encrypted: boolean; readonly host: string }) => {
      const { isPublic, encrypted, host, ...rest } = options;
      const server = suite.server({ ...rest, certificate: { isPublic } });
      return (await server.request('/api/v1/errors', { encrypted, headers: { host } })).headers.get('strict-transport-security');
    };
    const right = { publicUrl: 'https://live.example.org', isPublic: true, encrypted: true, host: 'live.example.org' };
    expect(await strictly(right)).toBe('max-age=15552000');
    expect(await strictly({ ...right, isPublic: false })).toBeNull();
    expect(await strictly({ ...right, encrypted: false })).toBeNull();
    expect(await strictly({ ...right, host: 'laptop.local:8443' })).toBeNull();
    expect(await strictly({ isPublic: true, encrypted: true, host: 'live.example.org' })).toBeNull();
  });
}
