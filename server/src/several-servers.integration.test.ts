/** Two servers on one PostgreSQL, each with a data folder of its own: what one does, and what it does when it starts again, leaves the other's alone. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Recording } from '@millrace/contract/entities/recording';
import { PublicStream } from '@millrace/contract/entities/stream';
import { nanoid } from 'nanoid';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { becomeGuest, makeStream, problemOf, read } from './api/testing/people.ts';
import { createTestServer, type TestServer } from './api/testing/test-server.ts';
import { Library } from './compose-library.ts';
import { JobRunner } from './jobs/runner.ts';
import { silentLog } from './lib/silent-log.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './outputs/cmaf/packager.ts';
import { serve } from './outputs/record/testing/http.ts';
import { TestBroadcast } from './outputs/record/testing/studio.ts';
import { JobStore } from './store/jobs.ts';
import { openStore, type Store } from './store/open.ts';
import { ServerStore } from './store/servers.ts';
import { type PostgresServer, startPostgres } from './store/testing/postgres-server.ts';
import { WorkerPool } from './transcode/pool.ts';
import { RecordingEvents } from './webhooks/recording-events.ts';

let postgres: PostgresServer;
let folder = '';
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-servers-'));
  postgres = await startPostgres();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Machine {
  readonly server: TestServer;
  readonly library: Library;
  readonly store: Store;
  readonly dataDir: string;
}

/** A server that starts on the data folder of this name, however the last one on it ended. */
async function startOn(name: string): Promise<Machine> {
  const dataDir = join(folder, name);
  const store = await openStore({ dataDir, databaseUrl: postgres.url, log: silentLog });
  const server = createTestServer({ store });
  const { clock } = server;
  const jobs = new JobStore(store.db, store.serverId);
  const library: Library = new Library({
    config: { dataDir, minFreeBytes: 0, recordingQuotaBytes: Number.POSITIVE_INFINITY, localCopyMs: Number.POSITIVE_INFINITY, publicUrl: undefined },
    objects: undefined,
    db: store.db,
    serverId: store.serverId,
    jobs,
    workers: new WorkerPool({ clock, log: silentLog, maxWorkers: 1 }),
    clock,
    events: new RecordingEvents({ events: server.events, clock }),
    wake: () => runner.wake(),
    streams: server.directory,
    tokens: server.tokens,
    log: silentLog,
    newId: nanoid,
    identify: () => undefined,
    changed() {},
    use() {},
  });
  const runner = new JobRunner({ store: jobs, clock, log: silentLog, handlers: library.jobs, newId: nanoid });
  closing.push(async () => {
    await library.close();
    await runner.close();
    await store.close();
  });
  runner.start();
  await library.start();
  for (const broadcast of await server.broadcastLog.restore()) server.hub.restore(broadcast);
  return { server, library, store, dataDir };
}

/** A broadcast that is recorded there, ten seconds of it. */
async function broadcastOn({ server, library }: Machine, token: string) {
  const { stream } = await makeStream(server, token, { record: true });
  server.publish(stream.id);
  const live = server.hub.get(stream.id);
  if (!live) throw new Error('nothing runs');
  const packager = library.recorder.follow(
    { broadcast: live.broadcast, publisher: {} },
    new Packager({ broadcast: live.broadcast, clock: server.clock, config: DEFAULT_PACKAGER_CONFIG }),
  );
  const sent = new TestBroadcast(packager, server.clock);
  for (let second = 0; second < 10; second++) {
    sent.send(1);
    await library.recorder.round();
  }
  await server.broadcastLog.flush();
  const { broadcastId } = live.broadcast;
  const recording = async () => {
    const rows = await server.recordingStore.listOwned((await server.streamStore.byId(stream.id))?.ownerId ?? '', { streamId: stream.id }, { after: undefined, limit: 1 });
    return rows[0];
  };
  return {
    streamId: stream.id,
    broadcastId,
    recording,
    id: (await recording())?.id ?? '',
    stored: () => server.broadcasts.byId(broadcastId),
    async end() {
      packager.end();
      await library.recorder.round();
      server.hub.stop(stream.id, 'stopped');
      await server.broadcastLog.flush();
    },
  };
}

/** At the pace of the database. */
async function until({ server, store }: Machine, what: string, reached: () => Promise<boolean>): Promise<void> {
  for (let steps = 0; !(await reached()); steps++) {
    if (steps > 5_000) throw new Error(`it never came to that: ${what}`);
    await store.ping();
    server.clock.advance(50);
  }
}

test('a server that starts again takes up what was its own; the other one goes on, and what it has is told as such', { timeout: 60_000 }, async () => {
  const [first, other] = [await startOn('first'), await startOn('other')];
  expect(first.store.serverId).not.toBe(other.store.serverId);
  const { token } = await becomeGuest(first.server);
  const mine = await broadcastOn(first, token);
  const theirs = await broadcastOn(other, token);

  // It dies, and is back.
  const again = await startOn('first');
  expect(again.store.serverId).toBe(first.store.serverId);
  await until(again, 'its recording is put right', async () => (await mine.recording())?.state === 'ready');
  expect(await mine.recording()).toMatchObject({ problem: 'interrupted' });
  expect([...again.server.hub.running()].map(({ broadcast }) => broadcast.broadcastId)).toEqual([mine.broadcastId]);
  expect(await theirs.recording()).toMatchObject({ state: 'recording', problem: null });
  expect(await theirs.stored()).toMatchObject({ state: 'live' });

  const stop = await again.server.request(`/api/v1/streams/${theirs.streamId}/stop`, { method: 'POST', token });
  expect([stop.status, (await problemOf(stop)).code]).toEqual([503, 'on_another_server']);
  const { code } = (await again.server.streamStore.byId(theirs.streamId)) ?? { code: '' };
  expect(await read(await again.server.request(`/api/v1/codes/${code}`), PublicStream)).toMatchObject({ status: 'live', elsewhere: true });
  expect(await read(await other.server.request(`/api/v1/codes/${code}`), PublicStream)).toMatchObject({ status: 'live', elsewhere: false });
  await theirs.end();
  await until(other, 'its recording is ready', async () => (await theirs.recording())?.state === 'ready');
  expect(await theirs.recording()).toMatchObject({ problem: null });
  // When nobody comes back to it.
  again.server.clock.advance(61_000);
  await again.server.broadcastLog.flush();
  expect(await mine.stored()).toMatchObject({ state: 'ended' });

  const path = `/api/v1/recordings/${theirs.id}`;
  for (const [{ server }, elsewhere] of [
    [again, true],
    [other, false],
  ] as const)
    expect((await read(await server.request(path, { token }), Recording)).storage).toMatchObject({ local: true, elsewhere });
  expect((await problemOf(await again.server.request(`${path}/view`))).code).toBe('on_another_server');
  expect((await problemOf(await again.server.request(`${path}/download`, { method: 'POST', token }))).code).toBe('on_another_server');
  const playlist = async ({ library }: Machine) => {
    await using http = await serve(library.vod);
    const response = await fetch(`${http.base}/vod/${theirs.id}/index.m3u8`);
    return { status: response.status, text: await response.text() };
  };
  expect((await playlist(other)).status).toBe(200);
  expect(await playlist(again)).toMatchObject({ status: 503, text: expect.stringContaining('on_another_server') });

  // Deleted here, its files go there.
  const files = join(other.dataDir, 'media/recordings', theirs.id);
  expect(existsSync(files)).toBe(true);
  const owner = (await theirs.recording())?.ownerId ?? '';
  await again.library.recordings.remove({ id: owner, kind: 'guest', name: '', createdAt: '' }, theirs.id);
  expect(existsSync(files)).toBe(true);
  await until(other, 'its files are gone', async () => !existsSync(files));
  expect(await theirs.recording()).toBeUndefined();
});

test('what a server was recording that nobody sees any more is given up, and put right when it comes back', { timeout: 60_000 }, async () => {
  const [gone, other] = [await startOn('gone'), await startOn('left')];
  const { token } = await becomeGuest(gone.server);
  const { recording, id, streamId, broadcastId } = await broadcastOn(gone, token);
  const unwanted = await broadcastOn(gone, token);
  await gone.library.discard(unwanted);
  const own = await broadcastOn(other, token);
  const now = gone.server.clock.now();
  await new ServerStore(gone.store.db, gone.store.serverId).seen(new Date(now));
  await other.library.endAbandoned(new Date(now - 1));
  expect(await recording()).toMatchObject({ state: 'recording' });
  await other.library.endAbandoned(new Date(now));
  expect(await recording()).toMatchObject({ id, state: 'failed', problem: 'interrupted', serverId: gone.store.serverId });
  expect(await unwanted.recording()).toBeUndefined();
  expect(await own.recording()).toMatchObject({ state: 'recording' });
  expect(await gone.server.recordingStore.latestOf(streamId, broadcastId)).toMatchObject({ id });

  const again = await startOn('gone');
  await until(again, 'it is put right', async () => (await recording())?.state === 'ready');
  expect(await recording()).toMatchObject({ id, problem: 'interrupted', seconds: expect.closeTo(10, 0) });
});

test('recordings from before servers had names belong to the server that has their files', { timeout: 60_000 }, async () => {
  const machine = await startOn('upgraded');
  const { token } = await becomeGuest(machine.server);
  const { id, recording } = await broadcastOn(machine, token);
  await machine.store.db.updateTable('recordings').set({ server_id: null }).where('id', '=', id).execute();
  const bystander = await startOn('bystander');
  const own = await broadcastOn(bystander, token);
  await until(await startOn('bystander'), 'it has put its own right', async () => (await own.recording())?.state === 'ready');
  expect(await recording()).toMatchObject({ state: 'recording', serverId: null });
  const again = await startOn('upgraded');
  await until(again, 'it is put right', async () => (await recording())?.state === 'ready');
  expect(await recording()).toMatchObject({ problem: 'interrupted', serverId: machine.store.serverId });
});

test('what was not to be kept is not, also when the server dies before the broadcast has ended', { timeout: 60_000 }, async () => {
  const machine = await startOn('careless');
  const { token } = await becomeGuest(machine.server);
  const { id, streamId, broadcastId, recording } = await broadcastOn(machine, token);
  const files = join(machine.dataDir, 'media/recordings', id);
  await machine.library.discard({ streamId, broadcastId });
  expect([existsSync(files), (await recording())?.state]).toEqual([true, 'recording']);
  const again = await startOn('careless');
  await until(again, 'it is gone', async () => (await recording()) === undefined);
  expect(existsSync(files)).toBe(false);
});
