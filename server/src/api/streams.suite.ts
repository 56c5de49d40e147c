/** How an owner's calls behave over HTTP. Run by rest.integration.test.ts. */
import { CODE_ALPHABET } from '@millrace/contract/ids';
import { createPlaybackToken, getStreamMetrics, listStreams, StreamWithAddresses, StreamWithKey } from '@millrace/contract/rest/streams';
import { expect, test } from 'vitest';
import { becomeGuest, makeStream, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

const UNKNOWN_ID = 'abcdefghijklmnopqrstu';

export function streamsSuite(suite: Suite): void {
  test('a new stream has a code, a key shown once, and addresses on the host that was asked', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const response = await server.request('/api/v1/streams', { method: 'POST', token, body: { title: '  Harbour  ' }, headers: { host: 'cam.example:8080' } });
    expect(response.status).toBe(201);
    const made = await read(response, StreamWithKey);
    expect(made.stream).toMatchObject({ title: 'Harbour', visibility: 'unlisted', start: 'auto', secondPublisher: 'takeover', status: 'idle', broadcast: null, viewers: 0 });
    expect(made.stream.code).toMatch(new RegExp(`^[${CODE_ALPHABET}]{6}$`));
    expect(made.streamKey).toMatch(/^mk_[A-Za-z0-9]{40}$/);
    expect(made.ingest.rtmp).toEqual({ url: 'rtmp://cam.example:1935/live', key: made.streamKey });
    expect(made.ingest.rtmps).toEqual({ url: 'rtmps://cam.example:1936/live', key: made.streamKey });
    expect(made.ingest.whip).toEqual({ url: `http://cam.example:8080/whip/${made.stream.id}`, token: made.streamKey });
    expect(made.playback).toEqual({
      page: `http://cam.example:8080/w/${made.stream.code}`,
      hls: `http://cam.example:8080/hls/${made.stream.id}/index.m3u8`,
      dash: `http://cam.example:8080/dash/${made.stream.id}/manifest.mpd`,
      whep: `http://cam.example:8080/whep/${made.stream.id}`,
      poster: `http://cam.example:8080/hls/${made.stream.id}/poster.jpg`,
      storyboard: `http://cam.example:8080/hls/${made.stream.id}/storyboard.vtt`,
    });
    const again = await server.request(`/api/v1/streams/${made.stream.id}`, { token });
    expect(await again.text()).not.toContain('mk_');
    expect(again.headers.get('cache-control')).toBe('no-store');
  });

  test('PUBLIC_URL decides the addresses whatever the request says', async () => {
    const server = suite.server({ publicUrl: 'https://tv.example.org' });
    const { playback, ingest } = await makeStream(server, (await becomeGuest(server)).token);
    expect(playback.page).toMatch(/^https:\/\/tv\.example\.org\/w\//);
    expect(ingest.rtmp?.url).toBe('rtmp://tv.example.org:1935/live');
  });

  test('a Host header that is no host is not repeated', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    for (const host of ['evil.test/path', 'a b', 'x"onload=', 'a'.repeat(300)]) {
      const answer = await read(await server.request(`/api/v1/streams/${stream.id}`, { token, headers: { host } }), StreamWithAddresses);
      expect(answer.playback.page).toBe(`http://localhost:8080/w/${stream.code}`);
    }
  });

  test('wrong fields are named, unknown ones too', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const post = (body: unknown) => server.request('/api/v1/streams', { method: 'POST', token, body });
    const response = await post({ title: '', visibility: 'secret', colour: 'red' });
    expect(response.status).toBe(400);
    const { fields } = await problemOf(response);
    expect(fields?.map((field) => field.path).sort()).toEqual(['colour', 'title', 'visibility']);
    for (const body of [{}, [], '"text"', 'null', { title: 7 }, '{"title":', { title: 'x'.repeat(121) }, '{"title":"a","__proto__":{"x":1}}']) {
      expect((await problemOf(await post(body))).code).toBe('invalid_request');
    }
  });

  test('a body that is too large or not JSON is refused', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const large = await server.request('/api/v1/streams', { method: 'POST', token, body: { title: 'x'.repeat(70_000) } });
    expect((await problemOf(large)).code).toBe('body_too_large');
    const form = await server.request('/api/v1/streams', { method: 'POST', token, body: 'title=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect((await problemOf(form)).code).toBe('unsupported_media_type');
  });

  test('pages of streams are newest first, without gaps or repeats, and filter by status', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const ids: string[] = [];
    for (let made = 0; made < 5; made++) {
      ids.unshift((await makeStream(server, token)).stream.id);
      server.clock.advance(1);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const response = await server.request(`/api/v1/streams?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, { token });
      const page: { items: { id: string }[]; nextCursor: string | null } = await read(response, listStreams.success.body);
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map((stream) => stream.id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(ids);

    const first = ids[0] ?? '';
    server.publish(first);
    await server.broadcastLog.flush();
    const byStatus = async (status: string) =>
      (await read(await server.request(`/api/v1/streams?status=${status}`, { token }), listStreams.success.body)).items.map(({ id }) => id);
    expect(await byStatus('live')).toEqual([first]);
    expect(await byStatus('idle')).toEqual(ids.slice(1));
    server.hub.stop(first, 'stopped');
    await server.broadcastLog.flush();
    expect(await byStatus('live')).toEqual([]);
    expect(await byStatus('ended')).toEqual([first]);
  });

  test('a cursor that was not given out, a limit out of range and a repeated parameter are refused', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    for (const query of ['cursor=x', `cursor=${'A'.repeat(199)}`, 'limit=0', 'limit=101', 'limit=ten', 'limit=1&limit=2', 'status=asleep', 'colour=red']) {
      const response = await server.request(`/api/v1/streams?${query}`, { token });
      expect(response.status).toBe(400);
      expect((await problemOf(response)).fields?.[0]?.path).toBe(query.split('=')[0]);
    }
  });

  test('a stream of somebody else answers as one that does not exist, whatever is asked', async () => {
    const server = suite.server();
    const { stream } = await makeStream(server, (await becomeGuest(server)).token);
    const { token } = await becomeGuest(server);
    const calls = [
      ['GET', ''],
      ['PATCH', '', { title: 'Mine' }],
      ['DELETE', ''],
      ['POST', '/start'],
      ['POST', '/stop'],
      ['POST', '/key'],
      ['POST', '/playback-tokens', {}],
      ['GET', '/metrics'],
    ] as const;
    for (const id of [stream.id, UNKNOWN_ID, 'x', '%00']) {
      for (const [method, below, body] of calls) {
        const response = await server.request(`/api/v1/streams/${id}${below}`, { method, token, body });
        expect([method, below, response.status]).toEqual([method, below, 404]);
        expect((await problemOf(response)).code).toBe('stream_not_found');
        expect((await server.request(`/api/v1/streams/${id}${below}`, { method, body })).status).toBe(401);
      }
    }
  });

  test('settings change one by one', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { description: 'Boats' });
    server.clock.advance(1000);
    const changed = await read(await server.request(`/api/v1/streams/${stream.id}`, { method: 'PATCH', token, body: { visibility: 'public' } }), StreamWithAddresses);
    expect(changed.stream).toEqual({ ...stream, visibility: 'public', updatedAt: changed.stream.updatedAt });
    expect(changed.stream.updatedAt > stream.updatedAt).toBe(true);
    const nothing = await server.request(`/api/v1/streams/${stream.id}`, { method: 'PATCH', token, body: {} });
    expect(nothing.status).toBe(200);
  });

  test('who watches is sent away when a stream becomes private, and at no other change', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const change = (body: object) => server.request(`/api/v1/streams/${stream.id}`, { method: 'PATCH', token, body });
    for (const body of [{ visibility: 'public' }, { title: 'Quay' }, { visibility: 'unlisted' }]) await change(body);
    expect(server.madePrivate).toEqual([]);
    for (const body of [{ visibility: 'private' }, { visibility: 'private' }, { title: 'Pier' }]) expect((await change(body)).status).toBe(200);
    expect(server.madePrivate).toEqual([stream.id]);
  });

  test('a guest may own twenty streams, also when it asks for many at once', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const answers = await Promise.all(Array.from({ length: 23 }, () => server.request('/api/v1/streams', { method: 'POST', token, body: { title: 'Harbour' } })));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(20);
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(3);
  });

  test('a manual broadcast starts when its owner says so, and stops', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { start: 'manual', visibility: 'public' });
    const call = (what: string) => server.request(`/api/v1/streams/${stream.id}/${what}`, { method: 'POST', token });
    expect((await problemOf(await call('start'))).code).toBe('no_media');
    expect((await problemOf(await call('stop'))).code).toBe('not_running');
    server.publish(stream.id, 'manual');
    const seen = await read(await server.request(`/api/v1/streams/${stream.id}`, { token }), StreamWithAddresses);
    expect(seen.stream).toMatchObject({ status: 'preview', broadcast: { startedAt: null, endedAt: null } });
    const started = await read(await call('start'), StreamWithAddresses);
    expect(started.stream).toMatchObject({ status: 'live' });
    expect((await call('start')).status).toBe(200);
    const stopped = await read(await call('stop'), StreamWithAddresses);
    expect(stopped.stream).toMatchObject({ status: 'ended', broadcast: { id: started.stream.broadcast?.id, endReason: 'stopped' } });
    expect((await problemOf(await call('stop'))).code).toBe('not_running');
  });

  test('a deleted stream is gone, its broadcast ends and its key opens nothing', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream, streamKey } = await makeStream(server, token);
    server.publish(stream.id);
    const response = await server.request(`/api/v1/streams/${stream.id}`, { method: 'DELETE', token });
    expect(response.status).toBe(204);
    expect(server.hub.get(stream.id)?.broadcast).toMatchObject({ state: 'ended', endReason: 'stream_deleted' });
    expect((await server.request(`/api/v1/streams/${stream.id}`, { token })).status).toBe(404);
    expect(await server.publishing.authorise({ key: streamKey, protocol: 'test', remoteAddress: '192.0.2.9' }, AbortSignal.timeout(5000))).toMatchObject({ reason: 'wrong_key' });
  });

  test('a replaced key stops working at once; the publisher that is connected stays', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream, streamKey } = await makeStream(server, token);
    const authorise = (key: string) => server.publishing.authorise({ key, protocol: 'test', remoteAddress: '192.0.2.9' }, AbortSignal.timeout(5000));
    expect(await authorise(streamKey)).toMatchObject({ allowed: true, streamId: stream.id });
    server.publish(stream.id);
    const rotated = await read(await server.request(`/api/v1/streams/${stream.id}/key`, { method: 'POST', token }), StreamWithKey);
    expect(rotated.streamKey).not.toBe(streamKey);
    expect(await authorise(streamKey)).toMatchObject({ allowed: false, reason: 'wrong_key' });
    expect(await authorise(rotated.streamKey)).toMatchObject({ allowed: true });
    expect(server.hub.isOccupied(stream.id)).toBe(true);
  });

  test('a playback token opens a private stream to others until it expires', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream, playback } = await makeStream(server, token, { visibility: 'private' });
    expect(playback.hls).toMatch(/\?token=.+$/);
    const made = await read(
      await server.request(`/api/v1/streams/${stream.id}/playback-tokens`, { method: 'POST', token, body: { expiresInSeconds: 60 } }),
      createPlaybackToken.success.body,
    );
    expect(made.playback.hls).toContain(encodeURIComponent(made.token));
    const check = (credential: string | undefined) => server.playback.check(stream.id, { token: credential, cookie: undefined, authorization: undefined });
    expect(await check(made.token)).toBe('allowed');
    expect(await check(undefined)).toBe('denied');
    server.clock.advance(60_000);
    expect(await check(made.token)).toBe('denied');
  });

  test('the history of a stream is given from where the owner knows it', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const minute = (at: string) => ({
      at,
      videoBitsPerSecond: 2_500_000,
      audioBitsPerSecond: 128_000,
      framesPerSecond: 30,
      keyFrameIntervalSeconds: 2,
      droppedUnits: 0,
      viewers: 3,
    });
    server.minutes.set(stream.id, [minute('2026-01-01T00:00:00.000Z'), minute('2026-01-01T00:01:00.000Z')]);
    const history = async (query: string) => (await read(await server.request(`/api/v1/streams/${stream.id}/metrics${query}`, { token }), getStreamMetrics.success.body)).items;
    expect(await history('')).toHaveLength(2);
    expect(await history('?since=2026-01-01T00:00:00Z')).toEqual([minute('2026-01-01T00:01:00.000Z')]);
    expect((await server.request(`/api/v1/streams/${stream.id}/metrics?since=yesterday`, { token })).status).toBe(400);
  });
}
