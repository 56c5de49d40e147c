/** How an owner forwards a stream over HTTP. Run by rest.integration.test.ts. */
import { Target } from '@millrace/contract/entities/target';
import { MAX_TARGETS_PER_STREAM } from '@millrace/contract/limits';
import { listTargets } from '@millrace/contract/rest/targets';
import { expect, test } from 'vitest';
import { becomeGuest, makeStream, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

const KEY = 'a-key-that-nobody-may-see';
const UNKNOWN_ID = 'abcdefghijklmnopqrstu';

export function targetsSuite(suite: Suite): void {
  async function owner() {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const path = `/api/v1/streams/${stream.id}/targets`;
    const post = (body: unknown) => server.request(path, { method: 'POST', token, body });
    return { server, token, stream, path, post };
  }

  test('a target is made, listed, switched off and removed, and its key is told to nobody', async () => {
    const { server, token, stream, path, post } = await owner();
    const made = await post({ url: 'rtmps://live.example.org/app', key: KEY, name: ' Other service ' });
    expect(made.status).toBe(201);
    const target = await read(made, Target);
    expect(target).toMatchObject({ name: 'Other service', url: 'rtmps://live.example.org/app', enabled: true, state: 'idle', error: null, bytesSent: 0 });
    expect(await server.targets.enabled(stream.id)).toEqual([{ id: target.id, protocol: 'rtmps', host: 'live.example.org', port: 443, app: 'app', key: KEY, passphrase: '' }]);

    const off = await read(await server.request(`${path}/${target.id}`, { method: 'PATCH', token, body: { enabled: false } }), Target);
    expect(off).toMatchObject({ enabled: false, state: 'off', name: 'Other service' });
    expect(await server.targets.enabled(stream.id)).toEqual([]);
    await server.request(`${path}/${target.id}`, { method: 'PATCH', token, body: { enabled: true, key: 'another', name: 'Renamed' } });
    expect(await server.targets.enabled(stream.id)).toMatchObject([{ key: 'another' }]);

    const listed = await server.request(path, { token });
    const text = await listed.clone().text();
    expect(text).not.toContain(KEY);
    expect(text).not.toContain('another');
    expect((await read(listed, listTargets.success.body)).items).toMatchObject([{ id: target.id, name: 'Renamed' }]);
    const { rows } = await server.dump('targets');
    expect(JSON.stringify(rows)).not.toContain('another');

    expect((await server.request(`${path}/${target.id}`, { method: 'DELETE', token })).status).toBe(204);
    expect((await read(await server.request(path, { token }), listTargets.success.body)).items).toEqual([]);
    expect(server.forwarding.changed).toEqual([stream.id, stream.id, stream.id, stream.id]);
  });

  test('what is wrong with an address is told beside its field', async () => {
    const { post } = await owner();
    for (const [body, field] of [
      [{ url: 'https://live.example.org/app', key: KEY }, 'url'],
      [{ url: 'rtmp://live.example.org/app' }, 'key'],
      [{ url: 'srt://live.example.org' }, 'url'],
      [{ url: 'rtmp://live.example.org/app', key: 'x'.repeat(600) }, 'key'],
    ] as const) {
      const { code, fields } = await problemOf(await post(body));
      expect(code).toBe('invalid_request');
      expect(fields?.map(({ path }) => path)).toEqual([field]);
    }
    expect((await problemOf(await post({ url: 'rtmp://127.0.0.1/live', key: KEY }))).code).toBe('address_not_allowed');
    expect((await problemOf(await post({ url: 'rtmp://[::1]/live', key: KEY }))).code).toBe('address_not_allowed');
  });

  test('a stream has so many targets and no more', async () => {
    const { post } = await owner();
    for (let i = 0; i < MAX_TARGETS_PER_STREAM; i++) expect((await post({ url: 'rtmp://live.example.org/app', key: `${i}` })).status).toBe(201);
    expect((await problemOf(await post({ url: 'rtmp://live.example.org/app', key: KEY }))).code).toBe('limit_reached');
  });

  test('to others it does not exist, nor do targets of other streams', async () => {
    const { server, token, path, post } = await owner();
    const target = await read(await post({ url: 'rtmp://live.example.org/app', key: KEY }), Target);
    const other = await becomeGuest(server);
    const { stream: own } = await makeStream(server, other.token);
    for (const [method, at, body] of [
      ['GET', path, undefined],
      ['POST', path, { url: 'rtmp://live.example.org/app', key: KEY }],
      ['PATCH', `${path}/${target.id}`, { enabled: false }],
      ['DELETE', `${path}/${target.id}`, undefined],
    ] as const) {
      expect((await problemOf(await server.request(at, { method, token: other.token, body }))).code).toBe('stream_not_found');
    }
    const stolen = `/api/v1/streams/${own.id}/targets/${target.id}`;
    for (const method of ['PATCH', 'DELETE']) {
      const answer = await server.request(stolen, { method, token: other.token, ...(method === 'PATCH' && { body: { key: 'mine' } }) });
      expect((await problemOf(answer)).code).toBe('target_not_found');
    }
    expect((await problemOf(await server.request(`${path}/${UNKNOWN_ID}`, { method: 'DELETE', token }))).code).toBe('target_not_found');
  });
}
