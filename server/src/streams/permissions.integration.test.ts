/** Who may publish and who may watch, on a real store and a real hub. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becomeGuest, makeStream } from '../api/testing/people.ts';
import { createTestServer, type TestServer } from '../api/testing/test-server.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import type { PlaybackCredentials } from '../stream/playback-gate.ts';
import { StreamDirectory } from './directory.ts';

let temporary: TemporaryStore | undefined;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary?.[Symbol.asyncDispose]();
});

function newServer(guests: 'publish' | 'watch' = 'publish'): TestServer {
  if (!temporary) throw new Error('the store is not open');
  return createTestServer({ store: temporary.store, guests });
}

function publishWith(server: TestServer, key: string, remoteAddress = '198.51.100.7', signal = new AbortController().signal) {
  return server.publishing.authorise({ key, protocol: 'test', remoteAddress }, signal);
}

const WRONG_KEY = `mk_${'a'.repeat(40)}`;
const NOBODY: PlaybackCredentials = { token: undefined, cookie: undefined, authorization: undefined };

describe('publishing', () => {
  test('needs the key, and is told how the stream is to be treated', async () => {
    const server = newServer();
    const { stream, streamKey } = await makeStream(server, (await becomeGuest(server)).token, { start: 'manual', secondPublisher: 'refuse' });
    expect(await publishWith(server, streamKey)).toEqual({ allowed: true, streamId: stream.id, start: 'manual', secondPublisher: 'refuse' });
    for (const key of [WRONG_KEY, '', stream.code, stream.id, `${streamKey}x`, streamKey.toUpperCase()]) {
      expect(await publishWith(server, key)).toMatchObject({ allowed: false, reason: 'wrong_key' });
    }
    expect(server.publishing.counters).toEqual({ allowed: 1, wrongKeys: 6, refused: 6 });
  });

  test('ten wrong keys shut an address out for a minute, even with the right one', async () => {
    const server = newServer();
    const { streamKey } = await makeStream(server, (await becomeGuest(server)).token);
    for (let tries = 0; tries < 10; tries++) {
      expect(server.publishing.mayConnect('198.51.100.7')).toBe(true);
      await publishWith(server, WRONG_KEY);
    }
    expect(server.publishing.mayConnect('198.51.100.7')).toBe(false);
    expect(await publishWith(server, streamKey)).toMatchObject({ allowed: false, reason: 'too_many_tries' });
    expect(server.publishing.mayConnect('198.51.100.8')).toBe(true);
    expect(await publishWith(server, streamKey, '198.51.100.8')).toMatchObject({ allowed: true });
    server.clock.advance(60_000);
    expect(server.publishing.mayConnect('198.51.100.7')).toBe(true);
    expect(await publishWith(server, streamKey)).toMatchObject({ allowed: true });
  });

  test('wrong keys that come all at once shut an address out as those that come one by one', async () => {
    const server = newServer();
    const { streamKey } = await makeStream(server, (await becomeGuest(server)).token);
    const guesses = Array.from({ length: 30 }, (_, i) => `mk_${String(i).padStart(40, 'a')}`);
    const answers = await Promise.all([...guesses, streamKey].map((key) => publishWith(server, key)));
    expect(answers.at(-1)).toMatchObject({ allowed: false, reason: 'too_many_tries' });
    expect(server.publishing.counters).toEqual({ allowed: 0, wrongKeys: 10, refused: 31 });
  });

  test('a guest has four broadcasts at once; one that runs may be taken over, one that ends makes room', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => makeStream(server, token)));
    const [first, , , , fifth] = made;
    if (!first || !fifth) throw new Error('five were made');
    for (const { stream } of made.slice(0, 4)) server.publish(stream.id);
    const refused = await publishWith(server, fifth.streamKey);
    expect(refused).toMatchObject({ allowed: false, reason: 'limit_reached' });
    const again = new AbortController();
    expect(await publishWith(server, first.streamKey, undefined, again.signal)).toMatchObject({ allowed: true });
    const other = await makeStream(server, (await becomeGuest(server)).token);
    expect(await publishWith(server, other.streamKey)).toMatchObject({ allowed: true });
    server.hub.stop(first.stream.id, 'stopped');
    expect(await publishWith(server, fifth.streamKey)).toMatchObject({ allowed: false, reason: 'limit_reached' });
    again.abort();
    expect(await publishWith(server, fifth.streamKey)).toMatchObject({ allowed: true });
  });

  test('of more publishers of a guest that come at once than there may be, no more are let in; one that goes makes room', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    const made = await Promise.all([1, 2, 3, 4, 5, 6].map(() => makeStream(server, token)));
    const sessions = made.map(() => new AbortController());
    const answers = await Promise.all(made.map(({ streamKey }, i) => publishWith(server, streamKey, undefined, sessions[i]?.signal)));
    expect(answers.map(({ allowed }) => allowed).filter(Boolean)).toHaveLength(4);
    const [refused] = made.filter((_, i) => !answers[i]?.allowed);
    // Before its first picture.
    sessions[answers.findIndex(({ allowed }) => allowed)]?.abort();
    expect(await publishWith(server, refused?.streamKey ?? '')).toMatchObject({ allowed: true });
    expect(server.publishing.counters).toMatchObject({ allowed: 5, refused: 2 });
  });

  test('is not for guests where the operator says so', async () => {
    const server = newServer();
    const { streamKey } = await makeStream(server, (await becomeGuest(server)).token);
    expect(await publishWith(newServer('watch'), streamKey)).toMatchObject({ allowed: false, reason: 'not_allowed' });
  });
});

describe('watching', () => {
  test('a public or unlisted stream is for everybody, without asking the database twice', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    for (const visibility of ['public', 'unlisted']) {
      const { stream } = await makeStream(server, token, { visibility });
      expect(await server.playback.check(stream.id, NOBODY)).toBe('open');
      // No promise the second time.
      expect(server.playback.check(stream.id, NOBODY)).toBe('open');
    }
  });

  test('a private stream is for its owner and for who has a token', async () => {
    const server = newServer();
    const owner = await becomeGuest(server);
    const other = await becomeGuest(server);
    const { stream, playback } = await makeStream(server, owner.token, { visibility: 'private' });
    const token = new URL(playback.hls).searchParams.get('token') ?? '';
    const check = (credentials: Partial<PlaybackCredentials>) => server.playback.check(stream.id, { ...NOBODY, ...credentials });
    expect(await check({})).toBe('denied');
    expect(await check({ token })).toBe('allowed');
    expect(await check({ token: `${token}x` })).toBe('denied');
    expect(await check({ authorization: `Bearer ${owner.token}` })).toBe('allowed');
    expect(check({ authorization: `Bearer ${owner.token}` })).toBe('allowed');
    expect(await check({ authorization: `Bearer ${other.token}` })).toBe('denied');
    const elsewhere = await makeStream(server, owner.token, { visibility: 'private' });
    expect(await server.playback.check(elsewhere.stream.id, { ...NOBODY, token })).toBe('denied');
  });

  test('a preview is for its owner alone, also while its publisher is away', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { visibility: 'public', start: 'manual' });
    const check = (credentials: Partial<PlaybackCredentials>) => server.playback.check(stream.id, { ...NOBODY, ...credentials });
    const publication = server.publish(stream.id, 'manual');
    expect(await check({})).toBe('hidden');
    expect(await check({ authorization: `Bearer ${token}` })).toBe('allowed');
    publication.close('lost');
    expect(await check({})).toBe('hidden');
    server.publish(stream.id, 'manual');
    server.hub.start(stream.id);
    server.hub.stop(stream.id, 'stopped');
    expect(await check({})).toBe('open');
  });

  test('a change of visibility and a deletion count at once', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { visibility: 'public' });
    expect(await server.playback.check(stream.id, NOBODY)).toBe('open');
    await server.request(`/api/v1/streams/${stream.id}`, { method: 'PATCH', token, body: { visibility: 'private' } });
    expect(await server.playback.check(stream.id, NOBODY)).toBe('denied');
    await server.request(`/api/v1/streams/${stream.id}`, { method: 'DELETE', token });
    expect(await server.playback.check(stream.id, NOBODY)).toBe('hidden');
  });

  test('a list of what is live that is read meanwhile does not bring back what was', async () => {
    const server = newServer();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { visibility: 'public' });
    const row = await server.streamStore.byId(stream.id);
    if (!row) throw new Error('the stream is there');
    const { promise, resolve } = Promise.withResolvers<(typeof row)[]>();
    const store = { byId: (id: string) => server.streamStore.byId(id), byKeyHash: (keyHash: Buffer) => server.streamStore.byKeyHash(keyHash), byIds: () => promise };
    const directory = new StreamDirectory({ store, clock: server.clock });
    const listing = directory.byIds([stream.id]);
    await server.streamStore.update(stream.id, { visibility: 'private' }, new Date(server.clock.now()));
    directory.forget(stream.id);
    resolve([row]);
    expect((await listing).map(({ visibility }) => visibility)).toEqual(['public']);
    expect((await directory.byId(stream.id)).stream?.visibility).toBe('private');
  });

  test('a stream that does not exist is hidden, whatever its id', async () => {
    const server = newServer();
    for (const id of ['', 'abcdefghijklmnopqrstu', "'; drop table streams; --", 'a'.repeat(10_000)]) expect(await server.playback.check(id, NOBODY)).toBe('hidden');
  });
});
