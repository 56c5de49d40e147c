/** How the library's calls behave over HTTP, and who may see what. Run by rest.integration.test.ts. */
import { PublicRecording, Recording } from '@millrace/contract/entities/recording';
import { createRecordingToken, listRecordings, prepareDownload } from '@millrace/contract/rest/recordings';
import { nanoid } from 'nanoid';
import { expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { silentLog } from '../lib/silent-log.ts';
import { RecordingDesk, type RecordingFollower } from '../library/recording-desk.ts';
import type { NewRecording, StoredRecording } from '../store/recordings.ts';
import { becomeGuest, makeStream, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';
import type { TestServer } from './testing/test-server.ts';

async function makeRecording(server: TestServer, ownerId: string, changes: Partial<NewRecording> = {}): Promise<StoredRecording> {
  const startedAt = changes.startedAt ?? new Date(server.clock.now() - 60_000);
  const base = { id: nanoid(), ownerId, streamId: null, broadcastId: nanoid(), title: 'Harbour', visibility: 'unlisted', state: 'ready', problem: null } as const;
  const recording: NewRecording = {
    ...base,
    seconds: 60,
    bytes: 5_000_000_000,
    startedAt,
    endedAt: new Date(server.clock.now()),
    updatedAt: startedAt,
    uploadedAt: null,
    isLocal: true,
    ...changes,
  };
  await server.recordingStore.insert(recording);
  const stored = await server.recordingStore.byId(recording.id);
  if (!stored) throw new Error('it is not there');
  return stored;
}

function deskOf(server: TestServer, quotaBytes = Number.POSITIVE_INFINITY, ...others: readonly RecordingFollower[]) {
  const heard: string[] = [];
  const told: string[] = [];
  /** What takes long now. */
  const tasks = new Set<string>();
  const desk = new RecordingDesk({
    store: server.recordingStore,
    directory: server.recordingDirectory,
    streams: server.directory,
    clock: server.clock,
    log: silentLog,
    quotaBytes,
    newId: nanoid,
    tasks: {
      begin(id, kind) {
        tasks.add(`${kind} ${id}`);
        return { advance() {}, end: () => tasks.delete(`${kind} ${id}`) };
      },
    },
    listener: {
      recordingChanged: ({ title, state }) => void told.push(`${state} ${title}`),
      recordingDeleted: ({ title }) => void told.push(`deleted ${title}`),
    },
    followers: [
      { recordingStored: async (_, { title, state, problem }) => void heard.push(problem && state === 'failed' ? `failed ${title} ${problem}` : `${state} ${title}`), stored() {} },
      ...others,
    ],
  });
  return { desk, heard, told, tasks };
}

export function recordingsSuite(suite: Suite): void {
  test('what was kept of a broadcast is the longest recording of it that can be played', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const kept = (broadcastId: string) => server.recordingStore.longestReady(stream.id, broadcastId);
    const of = { streamId: stream.id, broadcastId: nanoid() };
    const making = await makeRecording(server, user.id, { ...of, seconds: 900, state: 'recording', endedAt: null });
    await makeRecording(server, user.id, { ...of, seconds: 0, state: 'failed', problem: 'damaged' });
    await makeRecording(server, user.id, { streamId: stream.id, seconds: 900 });
    expect(await kept(of.broadcastId)).toBeUndefined();
    await makeRecording(server, user.id, { ...of, seconds: 20 });
    const long = await makeRecording(server, user.id, { ...of, seconds: 600, problem: 'interrupted' });
    await makeRecording(server, user.id, { ...of, seconds: 30 });
    expect(await kept(of.broadcastId)).toEqual(long);
    // What is being made of it is what its owner hears of while it runs, however old; then what was last.
    expect(await server.recordingStore.latestOf(stream.id, of.broadcastId)).toMatchObject({ state: 'recording' });
    await server.recordingStore.finish(
      making.id,
      { state: 'ready', problem: 'disk_full', seconds: 9, bytes: 9, endedAt: new Date(server.clock.now()) },
      new Date(server.clock.now() + 1),
    );
    expect(await server.recordingStore.latestOf(stream.id, of.broadcastId)).toMatchObject({ id: making.id, problem: 'disk_full' });
    expect(await server.recordingStore.latestOf(stream.id, nanoid())).toBeUndefined();
  });

  test('an owner lists their own, newest first, page by page, by stream, by state and by a part of the title', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const at = (minute: number) => new Date(server.clock.now() + minute * 60_000);
    await makeRecording(server, user.id, { title: 'First of 100%', startedAt: at(1), streamId: stream.id });
    await makeRecording(server, user.id, { title: 'Second', startedAt: at(2) });
    await makeRecording(server, user.id, { title: 'third', startedAt: at(3), state: 'recording', endedAt: null });
    await makeRecording(server, (await becomeGuest(server)).user.id, { title: 'Somebody else’s' });
    const list = async (query: string) => read(await server.request(`/api/v1/recordings${query}`, { token }), listRecordings.success.body);
    const all = await list('');
    expect(all.items.map(({ title }) => title)).toEqual(['third', 'Second', 'First of 100%']);
    expect(all.nextCursor).toBeNull();
    const page = await list('?limit=2');
    expect(page.items.map(({ title }) => title)).toEqual(['third', 'Second']);
    expect((await list(`?limit=2&cursor=${page.nextCursor}`)).items.map(({ title }) => title)).toEqual(['First of 100%']);
    expect((await list('?text=SEC')).items.map(({ title }) => title)).toEqual(['Second']);
    expect((await list('?text=0%25')).items.map(({ title }) => title)).toEqual(['First of 100%']);
    expect((await list('?text=_')).items).toEqual([]);
    expect((await list(`?streamId=${stream.id}`)).items.map(({ title }) => title)).toEqual(['First of 100%']);
    expect((await list('?state=recording')).items.map(({ title }) => title)).toEqual(['third']);
    expect((await problemOf(await server.request('/api/v1/recordings?cursor=x', { token }))).code).toBe('invalid_request');
    // What PostgreSQL refuses.
    expect((await problemOf(await server.request('/api/v1/recordings?text=%00', { token }))).code).toBe('invalid_request');
    expect((await problemOf(await server.request('/api/v1/recordings'))).code).toBe('not_authenticated');
  });

  test('a recording is renamed and hidden by its owner alone; to others it does not exist', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const other = await becomeGuest(server);
    const { id } = await makeRecording(server, user.id);
    const path = `/api/v1/recordings/${id}`;
    const changed = await read(await server.request(path, { method: 'PATCH', token, body: { title: '  Quay ', visibility: 'private' } }), Recording);
    expect(changed).toMatchObject({ title: 'Quay', visibility: 'private', bytes: 5_000_000_000 });
    expect(changed.playback.hls).toMatch(new RegExp(`/vod/${id}/index\\.m3u8\\?token=`));
    expect((await read(await server.request(path, { token }), Recording)).title).toBe('Quay');
    expect(server.changed).toEqual([id]);
    expect((await problemOf(await server.request(path, { method: 'PATCH', token, body: { state: 'ready' } }))).code).toBe('invalid_request');
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { body: { title: 'Mine' } } : {};
      expect((await problemOf(await server.request(path, { method, token: other.token, ...body }))).code).toBe('recording_not_found');
    }
    expect((await problemOf(await server.request(`${path}/playback-tokens`, { method: 'POST', token: other.token, body: {} }))).code).toBe('recording_not_found');
  });

  test('whoever may watch sees it: all unless it is private, then its owner and who brings a token', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const open = await makeRecording(server, user.id, { visibility: 'public' });
    const hidden = await makeRecording(server, user.id, { visibility: 'private' });
    const view = (id: string, query = '', as?: string) => server.request(`/api/v1/recordings/${id}/view${query}`, { token: as });
    expect(await read(await view(open.id), PublicRecording)).toMatchObject({ title: 'Harbour', seconds: 60, isOwner: false, hasPoster: false });
    server.posters.add(open.id);
    expect(await read(await view(open.id), PublicRecording)).toMatchObject({ hasPoster: true });
    const listed = await read(await server.request('/api/v1/recordings', { token }), listRecordings.success.body);
    expect(new Map(listed.items.map(({ id, hasPoster }) => [id, hasPoster]))).toEqual(
      new Map([
        [open.id, true],
        [hidden.id, false],
      ]),
    );
    expect((await problemOf(await view(hidden.id))).code).toBe('recording_not_found');
    expect((await problemOf(await view(hidden.id, '?token=nonsense'))).code).toBe('recording_not_found');
    expect(await read(await view(hidden.id, '', token), PublicRecording)).toMatchObject({ isOwner: true });
    const made = await read(
      await server.request(`/api/v1/recordings/${hidden.id}/playback-tokens`, { method: 'POST', token, body: { expiresInSeconds: 60 } }),
      createRecordingToken.success.body,
    );
    const seen = await read(await view(hidden.id, `?token=${made.token}`), PublicRecording);
    expect(seen.isOwner).toBe(false);
    expect(seen.playback.hls).toBe(made.playback.hls);
    server.clock.advance(61_000);
    expect((await problemOf(await view(hidden.id, `?token=${made.token}`))).code).toBe('recording_not_found');
    const running = await makeRecording(server, user.id, { state: 'recording', endedAt: null });
    expect((await problemOf(await view(running.id))).code).toBe('recording_not_ready');
  });

  test('a deleted recording takes its files with it; one that is being made stays', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const { id } = await makeRecording(server, user.id);
    const running = await makeRecording(server, user.id, { state: 'recording', endedAt: null });
    expect((await server.request(`/api/v1/recordings/${id}`, { method: 'DELETE', token })).status).toBe(204);
    expect(server.removedFiles).toEqual([id]);
    expect((await problemOf(await server.request(`/api/v1/recordings/${id}`, { token }))).code).toBe('recording_not_found');
    expect((await problemOf(await server.request(`/api/v1/recordings/${running.id}`, { method: 'DELETE', token }))).code).toBe('recording_not_ready');
    expect(server.removedFiles).toEqual([id]);
  });

  test('a download is made ready for its owner: at once, or with word of how far it is', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const other = await becomeGuest(server);
    const { id } = await makeRecording(server, user.id);
    const prepare = (as: string, of = id) => server.request(`/api/v1/recordings/${of}/download`, { method: 'POST', token: as });
    expect(await read(await prepare(token), prepareDownload.success.body)).toEqual({ isReady: true, task: null });
    expect((await problemOf(await prepare(other.token))).code).toBe('recording_not_found');
    const running = await makeRecording(server, user.id, { state: 'recording', endedAt: null });
    expect((await problemOf(await prepare(token, running.id))).code).toBe('recording_not_ready');
    const made = Promise.withResolvers<void>();
    const task = { kind: 'download', share: 0.4, secondsLeft: 3 } as const;
    server.preparing.set(id, made.promise);
    server.tasks.set(id, task);
    let isAnswered = false;
    const answer = prepare(token).finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      await server.recordingStore.byId(id);
      server.clock.advance(100);
    }
    expect(await read(await answer, prepareDownload.success.body)).toEqual({ isReady: false, task });
    // Whoever looks at it sees the same.
    expect((await read(await server.request(`/api/v1/recordings/${id}`, { token }), Recording)).task).toEqual(task);
    made.reject(new AppError('storage_unreachable'));
    expect((await problemOf(await prepare(token))).code).toBe('storage_unreachable');
  });

  test('a recording outlives its stream', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const { id } = await makeRecording(server, user.id, { streamId: stream.id });
    await server.request(`/api/v1/streams/${stream.id}`, { method: 'DELETE', token });
    expect(await read(await server.request(`/api/v1/recordings/${id}`, { token }), Recording)).toMatchObject({ streamId: null });
  });

  test('stop can say that the recording is not to be kept', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const kept = await makeStream(server, token);
    const dropped = await makeStream(server, token);
    for (const { stream } of [kept, dropped]) server.publish(stream.id);
    // Before a restart, or until there was no room.
    const { broadcastId = '' } = server.hub.get(dropped.stream.id)?.broadcast ?? {};
    const before = await makeRecording(server, user.id, { streamId: dropped.stream.id, broadcastId });
    const other = await makeRecording(server, user.id, { streamId: dropped.stream.id });
    await server.request(`/api/v1/streams/${kept.stream.id}/stop`, { method: 'POST', token });
    await server.request(`/api/v1/streams/${dropped.stream.id}/stop`, { method: 'POST', token, body: { keepRecording: false } });
    expect(server.discarded).toEqual([dropped.stream.id]);
    expect(server.removedFiles).toEqual([before.id]);
    expect(await server.recordingStore.byId(before.id)).toBeUndefined();
    expect(await server.recordingStore.byId(other.id)).toBeDefined();
    expect((await problemOf(await server.request(`/api/v1/streams/${kept.stream.id}/stop`, { method: 'POST', token, body: { keep: 1 } }))).code).toBe('invalid_request');
  });

  test('a broadcast is recorded as its owner set, under the stream’s title, and heard of when it is ready', async () => {
    const server = suite.server();
    const { token, user } = await becomeGuest(server);
    const { stream } = await makeStream(server, token, { title: 'Regatta', record: true, rewindSeconds: null, visibility: 'private' });
    server.publish(stream.id);
    const broadcast = server.hub.get(stream.id)?.broadcast;
    if (!broadcast) throw new Error('nothing runs');
    const { desk, heard, told } = deskOf(server);
    const plan = await desk.plan(broadcast, { isLow: false });
    expect(plan.rewindSeconds).toBe(Number.POSITIVE_INFINITY);
    const id = plan.recording?.id ?? '';
    const path = `/api/v1/recordings/${id}`;
    expect(await read(await server.request(path, { token }), Recording)).toMatchObject({ title: 'Regatta', visibility: 'private', state: 'recording', streamId: stream.id });
    desk.recordingEnded({ id, seconds: 12.5, bytes: 700, problem: null });
    await desk.flush();
    expect(await read(await server.request(path, { token }), Recording)).toMatchObject({ state: 'ready', seconds: 12.5, bytes: 700 });
    expect(heard).toEqual(['ready Regatta']);
    expect(told).toEqual(['recording Regatta', 'ready Regatta']);
    const quiet = await makeStream(server, token, { rewindSeconds: 0 });
    server.publish(quiet.stream.id);
    const other = server.hub.get(quiet.stream.id)?.broadcast;
    if (!other) throw new Error('nothing runs');
    expect(await desk.plan(other, { isLow: false })).toEqual({ recording: undefined, rewindSeconds: 0 });
    // What is kept is counted, and a recording that has no room says so where its owner looks.
    const full = deskOf(server, 700);
    expect((await full.desk.plan(broadcast, { isLow: false })).recording).toBeUndefined();
    expect((await desk.plan(broadcast, { isLow: true })).rewindSeconds).toBe(0);
    expect(full.heard).toEqual(['failed Regatta quota_reached']);
    expect(heard).toEqual(['ready Regatta', 'failed Regatta disk_full']);
    expect(full.told).toEqual(['failed Regatta']);
    await desk.delete(id);
    expect(told).toEqual(['recording Regatta', 'ready Regatta', 'failed Regatta', 'deleted Regatta']);
    const stored = await server.recordingStore.listOwned(user.id, { state: 'failed' }, { after: undefined, limit: 10 });
    expect(stored.map(({ problem }) => problem).sort()).toEqual(['disk_full', 'quota_reached']);
  });

  test('what follows from the end of a recording is stored with it, or neither is', async () => {
    const server = suite.server();
    const { user } = await becomeGuest(server);
    const { id } = await makeRecording(server, user.id, { state: 'recording', endedAt: null });
    let tries = 0;
    let isAway = true;
    const { desk, heard } = deskOf(server, Number.POSITIVE_INFINITY, {
      async recordingStored() {
        tries++;
        if (isAway) throw new Error('the database went away');
      },
      stored() {},
    });
    desk.recordingEnded({ id, seconds: 5, bytes: 100, problem: null });
    while (tries < 2) {
      await server.recordingStore.byId(id);
      server.clock.advance(100);
    }
    expect(await server.recordingStore.byId(id)).toMatchObject({ state: 'recording', endedAt: null });
    isAway = false;
    while (desk.pending > 0) {
      await server.recordingStore.byId(id);
      server.clock.advance(1_000);
    }
    expect(await server.recordingStore.byId(id)).toMatchObject({ state: 'ready', seconds: 5 });
    expect(heard.length).toBe(tries);
  });

  test('recordings that a crash interrupted become what there is of them', async () => {
    const server = suite.server();
    const { user } = await becomeGuest(server);
    const startedAt = new Date(server.clock.now());
    const readable = await makeRecording(server, user.id, { title: 'Readable', state: 'recording', endedAt: null, startedAt });
    const lost = await makeRecording(server, user.id, { title: 'Lost', state: 'recording', endedAt: null });
    const empty = await makeRecording(server, user.id, { title: 'Empty', state: 'recording', endedAt: null });
    const { desk, heard, tasks } = deskOf(server);
    const repairing: string[][] = [];
    await desk.restore({
      names: async () => [readable.id, 'alien'],
      async remove() {},
      async inspect(id) {
        repairing.push([...tasks]);
        if (id === empty.id) return { seconds: 0, bytes: 0, faults: ['video has no index'] };
        if (id !== readable.id) throw new Error('no such file');
        return { seconds: 30, bytes: 900, faults: [] };
      },
    });
    expect(await server.recordingStore.byId(readable.id)).toMatchObject({ state: 'ready', problem: 'interrupted', seconds: 30, endedAt: new Date(startedAt.getTime() + 30_000) });
    expect(await server.recordingStore.byId(lost.id)).toMatchObject({ state: 'failed', problem: 'damaged' });
    expect(await server.recordingStore.byId(empty.id)).toMatchObject({ state: 'failed', problem: 'damaged', seconds: 0 });
    expect(heard).toContain('ready Readable');
    expect(heard).toContain('failed Lost damaged');
    // Those that wait for their turn are known to be repaired as well.
    expect(repairing[0]).toEqual(expect.arrayContaining([`repair ${readable.id}`, `repair ${lost.id}`]));
    expect(repairing.map(({ length }) => length)).toEqual(repairing.map((_, done) => repairing.length - done));
    expect(tasks.size).toBe(0);
  });
}
