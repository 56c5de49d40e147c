/** How browsers are told of STUN and TURN over HTTP. Run by rest.integration.test.ts. */
import { getIceServers } from '@millrace/contract/rest/connectivity';
import { expect, test } from 'vitest';
import { becomeGuest, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

export function connectivitySuite(suite: Suite): void {
  test('a guest gets addresses under the name it asked, with credentials of its own', async () => {
    const server = suite.server({ turn: { port: 3478, tlsPort: 5349 } });
    const { token, user } = await becomeGuest(server);
    const response = await server.request('/api/v1/ice-servers', { token });
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { iceServers, expiresAt } = await read(response, getIceServers.success.body);
    expect(iceServers.flatMap(({ urls }) => urls)).toEqual(['stun:live.test:3478', 'turn:live.test:3478?transport=udp', 'turns:live.test:5349?transport=tcp']);
    expect(iceServers[0]?.username).toBeUndefined();
    expect(iceServers[1]?.username).toBe(`${Date.parse(expiresAt) / 1000}:${user.id}`);
  });

  test('PUBLIC_URL names the relay, whatever the request is called', async () => {
    const server = suite.server({ turn: { port: 3478, tlsPort: undefined }, publicUrl: 'https://live.example.org' });
    const { token } = await becomeGuest(server);
    const { iceServers } = await read(await server.request('/api/v1/ice-servers', { token, headers: { host: 'evil.example' } }), getIceServers.success.body);
    expect(iceServers[0]?.urls).toEqual(['stun:live.example.org:3478']);
  });

  test('without an identity there are none, and none when the relay is off', async () => {
    const server = suite.server();
    const refused = await server.request('/api/v1/ice-servers');
    expect(refused.status).toBe(401);
    expect((await problemOf(refused)).code).toBe('not_authenticated');
    const { token } = await becomeGuest(server);
    expect((await read(await server.request('/api/v1/ice-servers', { token }), getIceServers.success.body)).iceServers).toEqual([]);
  });
}
