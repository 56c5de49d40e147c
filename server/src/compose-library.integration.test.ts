/** Recordings and a real S3 server: there while the broadcast runs, told when all is there, played from there alone, and gone when deleted. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { RECORDING_SOCKET_PATH, RECORDING_SOCKET_PROTOCOL } from '@millrace/contract/protocol';
import { listDeliveries } from '@millrace/contract/rest/webhooks';
import { nanoid } from 'nanoid';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { becomeGuest, makeStream, read } from './api/testing/people.ts';
import { createTestServer } from './api/testing/test-server.ts';
import { Library } from './compose-library.ts';
import { JobRunner } from './jobs/runner.ts';
import { silentLog } from './lib/silent-log.ts';
import { S3ObjectStore } from './library/s3-object-store.ts';
import { type Gate, startGate } from './library/testing/gate.ts';
import { type S3Server, startS3Server } from './library/testing/s3-server.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './outputs/cmaf/packager.ts';
import { serve } from './outputs/record/testing/http.ts';
import { TestBroadcast } from './outputs/record/testing/studio.ts';
import { JobStore } from './store/jobs.ts';
import { openTemporaryStore, type TemporaryStore } from './store/testing/temporary-store.ts';
import { WorkerPool } from './transcode/pool.ts';
import { HttpServer } from './transports/http/server.ts';
import { SocketClient } from './transports/http/testing/socket-client.ts';
import { RecordingEvents } from './webhooks/recording-events.ts';

const HOUR_MS = 3600_000;

let s3: S3Server;
let temporary: TemporaryStore;
let gate: Gate;
let dataDir = '';
const closing: (() => Promise<unknown>)[] = [];
/** What there is of them also when one does not come up in time. */
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  const open = async <Resource extends AsyncDisposable>(opening: Promise<Resource>): Promise<Resource> => scope.use(await opening);
  [s3, temporary] = await Promise.all([open(startS3Server()), open(openTemporaryStore())]);
});

beforeEach(async () => {
  gate = await startGate(s3.config.endpoint ?? '');
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-library-'));
});

afterEach(async () => {
  await gate[Symbol.asyncDispose]();
  for (const close of closing.splice(0).reverse()) await close();
  await temporary.store.db.deleteFrom('jobs').execute();
  await rm(dataDir, { recursive: true, force: true });
  const objects = new S3ObjectStore(s3.config);
  for await (const { key } of objects.list('')) await objects.delete([key]);
});

afterAll(() => scope.disposeAsync());

/** An owner with a stream that records, and a webhook for what becomes of it. */
async function openStudio() {
  const { db } = temporary.store;
  const server = createTestServer({ store: temporary.store });
  const { clock } = server;
  const { token, user } = await becomeGuest(server);
  const { stream } = await makeStream(server, token, { record: true, title: 'Regatta' });
  const events = ['recording.ready', 'recording.uploaded', 'recording.failed'];
  const { webhook } = await read(await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url: 'http://127.0.0.1:9/', events } }), WebhookWithSecret);
  const jobs = new JobStore(db, temporary.store.serverId);
  const objects = new S3ObjectStore({ ...s3.config, endpoint: gate.url, idleTimeoutMs: 2_000 });
  let runner: JobRunner | undefined;
  const open = async ({ localCopyMs = Number.POSITIVE_INFINITY, minFreeBytes = 0, isLate = false } = {}) => {
    const library: Library = new Library({
      config: { dataDir, minFreeBytes, recordingQuotaBytes: Number.POSITIVE_INFINITY, localCopyMs, publicUrl: undefined },
      objects: isLate ? undefined : objects,
      db,
      serverId: temporary.store.serverId,
      jobs,
      workers: new WorkerPool({ clock, log: silentLog, maxWorkers: 1 }),
      clock,
      events: new RecordingEvents({ events: server.events, clock }),
      wake: () => runner?.wake(),
      streams: server.directory,
      tokens: server.tokens,
      log: silentLog,
      newId: nanoid,
      identify: ({ authorization }) => (authorization === 'Bearer owner' ? user : undefined),
      changed() {},
      use() {},
    });
    runner = new JobRunner({ store: jobs, clock, log: silentLog, handlers: library.jobs, newId: nanoid });
    const opened = runner;
    closing.push(async () => {
      await library.close();
      await opened.close();
    });
    opened.start();
    await library.start();
    return library;
  };
  const until = async (what: string, reached: () => Promise<boolean>, stepMs = 20): Promise<void> => {
    for (let steps = 0; !(await reached()); steps++) {
      if (steps > 5_000) throw new Error(`it never came to that: ${what}`);
      // At the pace of the database.
      await temporary.store.ping();
      clock.advance(stepMs);
    }
  };
  const keys = async () => {
    const found = new Set<string>();
    for await (const { key } of objects.list('recordings/')) found.add(key);
    return found;
  };
  return {
    server,
    clock,
    objects,
    open,
    until,
    keys,
    /** A broadcast of some minutes is followed by the library. */
    broadcast(library: Library) {
      server.publish(stream.id);
      const live = server.hub.get(stream.id);
      if (!live) throw new Error('nothing runs');
      const packager = library.recorder.follow({ broadcast: live.broadcast, publisher: {} }, new Packager({ broadcast: live.broadcast, clock, config: DEFAULT_PACKAGER_CONFIG }));
      const sent = new TestBroadcast(packager, clock);
      return {
        async send(seconds: number) {
          for (let second = 0; second < seconds; second += 5) {
            sent.send(5);
            await library.recorder.round();
          }
        },
        async end() {
          packager.end();
          await library.recorder.round();
          server.hub.stop(stream.id, 'stopped');
        },
      };
    },
    /** What the owner's socket hears. */
    async listen({ sockets }: Library) {
      const http = new HttpServer({ host: '127.0.0.1', port: 0, clock, log: silentLog, handlers: [], fallback: (_request, response) => response.end(), upgrades: [sockets] });
      const { port } = await http.start();
      closing.push(async () => {
        await sockets.close();
        await http.close();
      });
      const client = new SocketClient(`ws://127.0.0.1:${port}${RECORDING_SOCKET_PATH}`, [RECORDING_SOCKET_PROTOCOL], { headers: { authorization: 'Bearer owner' } });
      await client.open();
      return () => client.heard.map((event) => RecordingSocketEvent.parse(event));
    },
    discard: (library: Library) => library.recorder.discard(stream.id),
    recording: async () => {
      const [recording] = await server.recordingStore.listOwned((await server.streamStore.byId(stream.id))?.ownerId ?? '', {}, { after: undefined, limit: 1 });
      if (!recording) throw new Error('nothing was recorded');
      return recording;
    },
    deliveries: async () =>
      (await read(await server.request(`/api/v1/webhooks/${webhook.id}/deliveries`, { token }), listDeliveries.success.body)).items.map(({ type }) => type).sort(),
  };
}

type Studio = Awaited<ReturnType<typeof openStudio>>;

/** All that a player may ask for, by its path. */
async function everythingOf(base: string): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const get = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(`${base}/${path}`, { headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    answers.set(`${path} ${headers['range'] ?? ''}`, `${response.status} ${response.headers.get('content-type')} ${bytes.toString('base64')}`);
    return bytes.toString();
  };
  await get('index.m3u8');
  await get('manifest.mpd');
  for (const name of ['video', 'audio']) {
    const playlist = await get(`${name}/index.m3u8`);
    for (const [uri] of playlist.matchAll(/[\w-]+\.(?:m4s|mp4)/g)) await get(`${name}/${uri}`);
  }
  await get('download.mp4');
  await get('download.mp4', { range: 'bytes=100000-250000' });
  await get('download.mp4', { range: 'bytes=-10' });
  return answers;
}

async function untilUploaded({ until, recording }: Studio): Promise<void> {
  // It may be tried again after some seconds.
  await until('all of it is there', async () => (await recording()).uploadedAt !== null, 100);
}

test('a recording is sent while it is made, told when all of it is there, plays from there alone, and goes with its deletion', { timeout: 120_000 }, async () => {
  const studio = await openStudio();
  const library = await studio.open({ localCopyMs: HOUR_MS });
  const heard = await studio.listen(library);
  const broadcast = studio.broadcast(library);
  await broadcast.send(150);
  const { id, state } = await studio.recording();
  expect(state).toBe('recording');
  // Finished files alone: of the others there is more to come.
  await studio.until('its first files are there', async () => (await studio.keys()).size === 2);
  expect([...(await studio.keys())]).toEqual([`recordings/${id}/audio/media-0.m4s`, `recordings/${id}/video/media-0.m4s`]);
  expect(await studio.deliveries()).toEqual([]);

  gate.rule = ({ method }) => (method === 'PUT' ? { status: 507, body: '<Error><Code>StorageFull</Code></Error>' } : 'pass');
  await broadcast.end();
  await studio.until('it is ready', async () => (await studio.recording()).state === 'ready');
  // Word of a finished file that comes late.
  library.parts.uploads?.recordingGrew(id);
  expect(await studio.deliveries()).toEqual(['recording.ready']);
  const upload = async () => library.recordings.storageOf(await studio.recording()).upload;
  await studio.until('that there is no room is seen', async () => (await upload())?.state === 'failing');
  expect(await upload()).toMatchObject({ problem: 'storage_full', totalBytes: expect.any(Number) });
  expect(library.parts.uploads?.failing).toBe(1);
  const uploads = () => heard().flatMap((event) => (event.type === 'RECORDING_PROGRESSED' ? (event.storage.upload ?? []) : []));
  await studio.until('the owner is told of it', async () => uploads().some(({ problem }) => problem === 'storage_full'));
  await using http = await serve(library.vod);
  const base = `${http.base}/vod/${id}`;
  const fromHere = await everythingOf(base);
  expect([...fromHere.values()].filter((answer) => !/^20[06] /.test(answer))).toEqual([]);

  gate.rule = () => 'pass';
  await untilUploaded(studio);
  expect(await upload()).toMatchObject({ state: 'uploaded', secondsLeft: null, problem: null });
  expect(await studio.deliveries()).toEqual(['recording.ready', 'recording.uploaded']);
  await studio.until('the owner is told of that', async () => uploads().at(-1)?.state === 'uploaded');
  expect(heard().flatMap((event) => (event.type === 'RECORDING_CHANGED' ? event.state : []))).toEqual(['recording', 'ready', 'ready']);
  const folder = join(dataDir, 'media/recordings', id);
  expect(existsSync(folder)).toBe(true);
  expect((await studio.recording()).isLocal).toBe(true);

  // Its time here is over.
  studio.clock.advance(HOUR_MS + 11 * 60_000);
  await studio.until('it is there alone', async () => !(await studio.recording()).isLocal);
  expect(existsSync(folder)).toBe(false);
  library.vod.forget(id);
  expect(await everythingOf(base)).toEqual(fromHere);
  const { bytes } = await studio.recording();
  const { failing, counters } = library.parts.uploads ?? { failing: undefined };
  expect(failing).toBe(0);
  // Each byte went there once, and came back once, however often it was asked for.
  expect(counters?.sentBytes).toBeGreaterThan(bytes);
  expect(counters?.fetchedBytes).toBeGreaterThan(bytes);
  for (const moved of [counters?.sentBytes, counters?.fetchedBytes]) expect(moved).toBeLessThan(1.5 * bytes);

  // Viewers are told to wait while the store is away, and nothing is kept of that.
  library.vod.forget(id);
  const reopened = await studio.open();
  await using again = await serve(reopened.vod);
  gate.rule = () => 'break';
  const refused = await fetch(`${again.base}/vod/${id}/index.m3u8`);
  expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: 'storage_unreachable' })]);
  gate.rule = () => 'pass';
  expect((await fetch(`${again.base}/vod/${id}/index.m3u8`)).status).toBe(200);

  const owner = await studio.server.recordingStore.byId(id);
  await reopened.recordings.remove({ id: owner?.ownerId ?? '', kind: 'guest', name: '', createdAt: '' }, id);
  await studio.until('its objects are gone', async () => (await studio.keys()).size === 0);
  expect((await fetch(`${again.base}/vod/${id}/index.m3u8`)).status).toBe(404);
});

test('what is only here stays: a copy goes for room alone, once the store still has all of it; what it lost is sent again', { timeout: 120_000 }, async () => {
  const studio = await openStudio();
  // From before there was a store.
  const before = await studio.open({ isLate: true });
  const broadcast = studio.broadcast(before);
  await broadcast.send(10);
  await broadcast.end();
  await studio.until('it is ready', async () => (await studio.recording()).state === 'ready');
  const { id } = await studio.recording();
  const folder = join(dataDir, 'media/recordings', id);
  // Where a crash left something: nobody waits for that to be there as well.
  await writeFile(join(folder, 'poster.jpg.tmp'), 'half');
  await studio.open();
  await untilUploaded(studio);

  await studio.objects.delete([`recordings/${id}/video/media-0.m4s`]);
  const first = (await studio.recording()).uploadedAt;
  const library = await studio.open({ minFreeBytes: Number.MAX_SAFE_INTEGER });
  studio.clock.advance(3_000);
  await studio.until('it is sent again', async () => {
    const { uploadedAt } = await studio.recording();
    return uploadedAt !== null && uploadedAt.getTime() !== first?.getTime();
  });
  expect(await studio.keys()).toContain(`recordings/${id}/video/media-0.m4s`);
  studio.clock.advance(10_000);
  await studio.until('it makes room', async () => !(await studio.recording()).isLocal);
  expect(existsSync(folder)).toBe(false);
  await using http = await serve(library.vod);
  expect((await fetch(`${http.base}/vod/${id}/download.mp4`)).status).toBe(200);
  expect(library.recordings.storageOf(await studio.recording())).toMatchObject({ local: false, elsewhere: false, upload: { state: 'uploaded' } });
});

test('nothing is left of a recording that is not kept, nor of one that is deleted while it is sent', { timeout: 120_000 }, async () => {
  const studio = await openStudio();
  const library = await studio.open();
  const dropped = studio.broadcast(library);
  await dropped.send(150);
  await studio.until('its first files are there', async () => (await studio.keys()).size === 2);
  studio.discard(library);
  await dropped.end();
  await studio.until('they are gone', async () => (await studio.keys()).size === 0);

  const deleted = studio.broadcast(library);
  await deleted.send(10);
  const sending = Promise.withResolvers<void>();
  gate.rule = ({ method, url }) => {
    if (method !== 'PUT' || !url?.includes('media-0')) return 'pass';
    sending.resolve();
    return 'hang';
  };
  await deleted.end();
  await studio.until('it is ready', async () => (await studio.recording()).state === 'ready');
  await sending.promise;
  const { id, ownerId } = await studio.recording();
  await library.recordings.remove({ id: ownerId, kind: 'guest', name: '', createdAt: '' }, id);
  // What hung comes through after all.
  gate.rule = () => 'pass';
  await studio.until(
    'nothing is to be done any more',
    async () => (await temporary.store.db.selectFrom('jobs').select('id').where('kind', 'in', ['folder-upload', 'recording-removal']).execute()).length === 0,
  );
  expect(await studio.keys()).toEqual(new Set());
  expect(await temporary.store.db.selectFrom('uploads').select('key').where('key', 'like', `recordings/${id}/%`).execute()).toEqual([]);
});
