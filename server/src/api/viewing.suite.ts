/** How viewers' calls and the documents behave over HTTP. Run by rest.integration.test.ts. */
import { PublicStream } from '@millrace/contract/entities/stream';
import { ERROR_CODES } from '@millrace/contract/errors';
import { listErrors } from '@millrace/contract/rest/documents';
import { listLive } from '@millrace/contract/rest/viewing';
import { expect, test } from 'vitest';
import { becomeGuest, makeStream, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

export function viewingSuite(suite: Suite): void {
  test('a code works in any case, with spaces and hyphens, for anybody', async () => {
    const server = suite.server();
    const { stream } = await makeStream(server, (await becomeGuest(server)).token);
    const { code } = stream;
    for (const typed of [code, code.toLowerCase(), `${code.slice(0, 3)}-${code.slice(3)}`, ` ${code.slice(0, 3)} ${code.slice(3).toLowerCase()}`]) {
      const found = await read(await server.request(`/api/v1/codes/${encodeURIComponent(typed)}`), PublicStream);
      expect(found).toMatchObject({ id: stream.id, code, status: 'idle', startedAt: null });
    }
  });

  test('what viewers see follows the broadcast; a preview is shown to its owner alone', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { start: 'manual' });
    const seen = async (as?: string) => read(await server.request(`/api/v1/codes/${stream.code}`, { token: as }), PublicStream);
    server.publish(stream.id, 'manual');
    expect((await seen()).status).toBe('idle');
    expect((await seen(token)).status).toBe('preview');
    // Nor is its picture: pages ask for one where there is one.
    expect((await seen(token)).hasPoster).toBe(false);
    server.posters.add(stream.id);
    expect([(await seen()).hasPoster, (await seen(token)).hasPoster]).toEqual([false, true]);
    server.hub.start(stream.id);
    expect((await seen()).hasPoster).toBe(true);
    server.viewers.set(stream.id, 7);
    expect(await seen()).toMatchObject({ status: 'live', viewers: 7, endedAt: null });
    server.hub.stop(stream.id, 'stopped');
    expect((await seen()).status).toBe('ended');
    expect((await seen()).endedAt).not.toBeNull();
  });

  test('the code of a private stream names nothing without its token', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream, playback } = await makeStream(server, token, { visibility: 'private' });
    const given = new URL(playback.page).searchParams.get('token') ?? '';
    expect((await problemOf(await server.request(`/api/v1/codes/${stream.code}`))).code).toBe('code_not_found');
    expect((await server.request(`/api/v1/codes/${stream.code}?token=made.up`)).status).toBe(404);
    const withToken = await read(await server.request(`/api/v1/codes/${stream.code}?token=${encodeURIComponent(given)}`), PublicStream);
    expect(withToken.playback.hls).toBe(playback.hls);
    const asOwner = await read(await server.request(`/api/v1/codes/${stream.code}`, { token }), PublicStream);
    expect(asOwner.playback.hls).toContain('?token=');
  });

  test('guessing codes is stopped after ten misses, hits and misspelt codes cost nothing', async () => {
    const server = suite.server();
    const { stream } = await makeStream(server, (await becomeGuest(server)).token);
    const ask = (code: string, remoteAddress = '203.0.113.5') => server.request(`/api/v1/codes/${code}`, { remoteAddress });
    for (let hits = 0; hits < 15; hits++) expect((await ask(stream.code)).status).toBe(200);
    for (let misspelt = 0; misspelt < 15; misspelt++) expect((await ask('O0O0O0')).status).toBe(404);
    for (let misses = 0; misses < 10; misses++) expect((await problemOf(await ask('222222'))).code).toBe('code_not_found');
    const refused = await ask(stream.code);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('60');
    expect((await ask(stream.code, '203.0.113.6')).status).toBe(200);
    server.clock.advance(60_000);
    expect((await ask(stream.code)).status).toBe(200);
  });

  test('guesses that come all at once are stopped at the same number', async () => {
    const server = suite.server();
    const answers = await Promise.all(Array.from({ length: 40 }, () => server.request('/api/v1/codes/333333', { remoteAddress: '203.0.113.7' })));
    const statuses = answers.map(({ status }) => status);
    expect([statuses.filter((status) => status === 404).length, statuses.filter((status) => status === 429).length]).toEqual([10, 30]);
  });

  test('the list of what is live has public broadcasts only, most watched first, in pages', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const make = async (settings: object, start: 'auto' | 'manual', viewers: number) => {
      const { stream } = await makeStream(server, token, settings);
      server.publish(stream.id, start);
      server.viewers.set(stream.id, viewers);
      return stream.id;
    };
    const quiet = await make({ visibility: 'public' }, 'auto', 1);
    const busy = await make({ visibility: 'public' }, 'auto', 9);
    const middle = await make({ visibility: 'public' }, 'auto', 1);
    await make({ visibility: 'unlisted' }, 'auto', 20);
    await make({ visibility: 'private' }, 'auto', 30);
    await make({ visibility: 'public' }, 'manual', 40);
    await makeStream(server, token, { visibility: 'public' });
    const first = await read(await server.request('/api/v1/live?limit=2'), listLive.success.body);
    const second = await read(await server.request(`/api/v1/live?limit=2&cursor=${first.nextCursor}`), listLive.success.body);
    expect([...first.items, ...second.items].map((stream) => stream.id)).toEqual([busy, ...[quiet, middle].sort()]);
    expect(second.nextCursor).toBeNull();
    expect((await server.request('/api/v1/live?cursor=nonsense')).status).toBe(400);
  });

  test('the contract is served with the API, and every problem points into it', async () => {
    const server = suite.server();
    expect((await server.request('/api/v1/openapi.json')).status).toBe(200);
    expect((await server.request('/api/v1/asyncapi.json')).status).toBe(200);
    const { items } = await read(await server.request('/api/v1/errors'), listErrors.success.body);
    expect(items.map((item) => item.code)).toEqual([...ERROR_CODES]);
    const problem = await problemOf(await server.request('/api/v1/auth/me'));
    expect((await server.request(problem.type)).status).toBe(200);
    expect((await server.request('/api/v1/errors/none_such')).status).toBe(404);
  });

  test('a wrong address answers 404, a wrong method 405 with Allow, a preflight the CORS headers', async () => {
    const server = suite.server();
    expect((await problemOf(await server.request('/api/v1/nothing'))).code).toBe('not_found');
    expect((await server.request('/api/v1')).status).toBe(404);
    const wrong = await server.request('/api/v1/streams', { method: 'PUT' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'OPTIONS', 'POST']);
    const preflight = await server.request('/api/v1/streams', { method: 'OPTIONS', headers: { origin: 'http://other.test' } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false);
  });
}
