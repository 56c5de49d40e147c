/** How identities behave over HTTP. Run by rest.integration.test.ts. */
import { User } from '@millrace/contract/entities/user';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { becomeGuest, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

const GuestAnswer = z.object({ token: z.string(), user: User });

export function accountsSuite(suite: Suite): void {
  test('a guest gets a token and a cookie, and either says who it is', async () => {
    const server = suite.server();
    const device = { id: 'device-0001', name: 'Mära’s phone', platform: 'ios' };
    const response = await server.request('/api/v1/auth/guest', { method: 'POST', body: { device } });
    expect(response.status).toBe(201);
    const { token, user } = await read(response, GuestAnswer);
    expect(user).toMatchObject({ kind: 'guest', name: 'Mära’s phone' });
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^millrace_session=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await read(await server.request('/api/v1/auth/me', { token }), User)).toEqual(user);
    expect(await read(await server.request('/api/v1/auth/me', { headers: { cookie: `other=1; ${cookie.split(';')[0]}` } }), User)).toEqual(user);
  });

  test('a guest who asks again with its own token stays the same guest', async () => {
    const server = suite.server();
    const first = await becomeGuest(server);
    const response = await server.request('/api/v1/auth/guest', { method: 'POST', token: first.token });
    expect(await read(response, GuestAnswer)).toEqual(first);
  });

  test('a cookie for an https request is Secure', async () => {
    const server = suite.server({ trustProxy: true });
    const response = await server.request('/api/v1/auth/guest', { method: 'POST', headers: { 'x-forwarded-proto': 'https' } });
    expect(response.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  test('a token or cookie that is made up belongs to nobody', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    for (const headers of [
      { authorization: `Bearer ${token}x` },
      { authorization: 'Basic abc' },
      { authorization: `Bearer ${'a'.repeat(5000)}` },
      { cookie: `millrace_session=${token}.forged` },
      { cookie: `millrace_session=${token}` },
    ]) {
      const response = await server.request('/api/v1/auth/me', { headers });
      expect(response.status).toBe(401);
      expect((await problemOf(response)).code).toBe('not_authenticated');
    }
  });

  test('GUESTS=off makes no guests, GUESTS=watch lets them watch only', async () => {
    const off = await suite.server({ guests: 'off' }).request('/api/v1/auth/guest', { method: 'POST' });
    expect((await problemOf(off)).code).toBe('guests_not_allowed');
    const watch = suite.server({ guests: 'watch' });
    const { token } = await becomeGuest(watch);
    const refused = await watch.request('/api/v1/streams', { method: 'POST', token, body: { title: 'Harbour' } });
    expect((await problemOf(refused)).code).toBe('guests_not_allowed');
  });

  test('an address that makes too many guests waits a minute; another does not', async () => {
    const server = suite.server();
    const ask = (remoteAddress: string) => server.request('/api/v1/auth/guest', { method: 'POST', remoteAddress });
    for (let made = 0; made < 60; made++) expect((await ask('198.51.100.1')).status).toBe(201);
    const refused = await ask('198.51.100.1');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('60');
    expect((await ask('198.51.100.2')).status).toBe(201);
    server.clock.advance(60_000);
    expect((await ask('198.51.100.1')).status).toBe(201);
  });

  test('a page of another site cannot act with a visitor’s cookie, a program with a token can', async () => {
    const server = suite.server();
    const made = await server.request('/api/v1/auth/guest', { method: 'POST' });
    const cookie = made.headers.get('set-cookie')?.split(';')[0] ?? '';
    const { token } = await read(made, GuestAnswer);
    const create = (headers: Record<string, string>) => server.request('/api/v1/streams', { method: 'POST', headers, body: { title: 'Harbour' } });
    for (const foreign of [
      { origin: 'http://evil.test' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'http://other.live.test' },
      { origin: 'null' },
    ]) {
      const response = await create({ cookie, ...foreign });
      expect((await problemOf(response)).code).toBe('forbidden');
    }
    expect((await create({ cookie, origin: 'http://live.test' })).status).toBe(201);
    expect((await create({ cookie, 'sec-fetch-site': 'same-origin', origin: 'http://live.test' })).status).toBe(201);
    expect((await create({ cookie })).status).toBe(201);
    expect((await create({ authorization: `Bearer ${token}`, origin: 'http://evil.test' })).status).toBe(201);
  });
}
