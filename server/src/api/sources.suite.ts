/** How an owner has a stream fetched from elsewhere, over HTTP. Run by rest.integration.test.ts. */
import { MAX_SOURCES_PER_GUEST } from '@millrace/contract/limits';
import { getSource, setSource } from '@millrace/contract/rest/sources';
import { expect, test } from 'vitest';
import { becomeGuest, makeStream, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

const URL = 'rtsp://user:tell-nobody@camera.example.org/h264';

export function sourcesSuite(suite: Suite): void {
  async function owner() {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const path = `/api/v1/streams/${stream.id}/source`;
    const patch = (body: unknown) => server.request(path, { method: 'PATCH', token, body });
    return { server, token, stream, path, patch };
  }

  test('a source is set, shown without its secrets, changed and removed', async () => {
    const { server, token, stream, path, patch } = await owner();
    expect(await read(await server.request(path, { token }), getSource.success.body)).toEqual({ source: null });
    const set = await patch({ url: URL, mode: 'always' });
    expect((await read(set, setSource.success.body)).source).toMatchObject({
      url: 'rtsp://camera.example.org/h264',
      mode: 'always',
      enabled: true,
      state: 'idle',
      problem: null,
      error: null,
    });
    expect(await server.sources.of(stream.id)).toEqual({ streamId: stream.id, url: URL, mode: 'always' });
    await patch({ mode: 'on-demand' });
    expect(await server.sources.mine()).toContainEqual({ streamId: stream.id, url: URL, mode: 'on-demand' });
    const shown = await (await server.request(path, { token })).text();
    expect(shown).toContain('on-demand');
    expect(shown).not.toContain('tell-nobody');
    expect(JSON.stringify((await server.dump('sources')).rows)).not.toContain('tell-nobody');
    expect((await server.request(path, { method: 'DELETE', token })).status).toBe(204);
    expect(await server.sources.of(stream.id)).toBeUndefined();
    expect(server.fetching.changed).toEqual([stream.id, stream.id, stream.id]);
  });

  test('a source that is switched off is kept and not fetched', async () => {
    const { server, token, stream, path, patch } = await owner();
    await patch({ url: URL, mode: 'on-demand' });
    const off = await patch({ enabled: false });
    expect((await read(off, setSource.success.body)).source).toMatchObject({ enabled: false, mode: 'on-demand', state: 'off' });
    expect(await server.sources.of(stream.id)).toBeUndefined();
    expect((await server.sources.mine()).map(({ streamId }) => streamId)).not.toContain(stream.id);
    expect((await read(await server.request(path, { token }), getSource.success.body)).source).toMatchObject({ enabled: false, state: 'off' });
    await patch({ enabled: true });
    expect(await server.sources.of(stream.id)).toEqual({ streamId: stream.id, url: URL, mode: 'on-demand' });
  });

  test('what is wrong with an address is told beside its field', async () => {
    const { patch } = await owner();
    for (const body of [{ url: 'udp://@:5000', mode: 'always' }, { url: 'file:../x', mode: 'always' }, { mode: 'always' }, {}]) {
      const { code, fields } = await problemOf(await patch(body));
      expect(code).toBe('invalid_request');
      expect(fields?.map(({ path }) => path)).toEqual(['url']);
    }
    expect((await problemOf(await patch({ url: 'http://169.254.169.254/latest', mode: 'always' }))).code).toBe('address_not_allowed');
  });

  test('a guest has so many and no more', async () => {
    const { server, token, patch } = await owner();
    for (let i = 1; i < MAX_SOURCES_PER_GUEST; i++) {
      const { stream } = await makeStream(server, token);
      expect((await server.request(`/api/v1/streams/${stream.id}/source`, { method: 'PATCH', token, body: { url: URL, mode: 'always' } })).status).toBe(200);
    }
    for (let i = 0; i < 2; i++) expect((await patch({ url: URL, mode: 'always' })).status).toBe(200);
    const { stream } = await makeStream(server, token);
    const refused = await server.request(`/api/v1/streams/${stream.id}/source`, { method: 'PATCH', token, body: { url: URL, mode: 'always' } });
    expect((await problemOf(refused)).code).toBe('limit_reached');
  });

  test('a guest has no more for asking twice at once', async () => {
    const { server, token } = await owner();
    const set = (id: string) => server.request(`/api/v1/streams/${id}/source`, { method: 'PATCH', token, body: { url: URL, mode: 'always' } });
    const make = async () => (await makeStream(server, token)).stream.id;
    for (let i = 1; i < MAX_SOURCES_PER_GUEST; i++) await set(await make());
    const last = [await make(), await make(), await make()];
    const answers = await Promise.all(last.map(set));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  });

  test('to others the stream does not exist', async () => {
    const { server, path } = await owner();
    const { token } = await becomeGuest(server);
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', { url: URL, mode: 'always' }],
      ['DELETE', undefined],
    ] as const)
      expect((await problemOf(await server.request(path, { method, token, body }))).code).toBe('stream_not_found');
  });
}
