/** The product with a real store and a real hub, without sockets: what the API tests talk to. */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { MinuteMeasurement } from '@millrace/contract/entities/measurement';
import type { RecordingTask } from '@millrace/contract/entities/recording';
import { sql } from 'kysely';
import { nanoid } from 'nanoid';
import { Accounts } from '../../accounts/accounts.ts';
import { createAuth } from '../../accounts/auth.ts';
import { JobRunner } from '../../jobs/runner.ts';
import { FakeClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { PublicAddresses } from '../../lib/public-address.ts';
import { Sealer } from '../../lib/sealed.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { OpenApiRecorder } from '../../lib/testing/openapi-recorder.ts';
import { RecordingDirectory } from '../../library/recording-directory.ts';
import { Recordings } from '../../library/recordings.ts';
import { IDLE } from '../../outputs/push/target.ts';
import { BroadcastStore } from '../../store/broadcasts.ts';
import { JobStore } from '../../store/jobs.ts';
import type { Store } from '../../store/open.ts';
import { RecordingStore } from '../../store/recordings.ts';
import { SourceStore } from '../../store/sources.ts';
import { StreamStore } from '../../store/streams.ts';
import { TargetStore } from '../../store/targets.ts';
import { Hub } from '../../stream/hub.ts';
import type { Publication } from '../../stream/live-stream.ts';
import { BroadcastLog } from '../../streams/broadcast-log.ts';
import { StreamDirectory } from '../../streams/directory.ts';
import type { MediaPort } from '../../streams/media-port.ts';
import { randomNames } from '../../streams/names.ts';
import { PlaybackPermission } from '../../streams/playback-permission.ts';
import { PlaybackTokens } from '../../streams/playback-tokens.ts';
import { PublishPermission } from '../../streams/publish-permission.ts';
import { Sources } from '../../streams/sources.ts';
import { Streams } from '../../streams/streams.ts';
import { Targets } from '../../streams/targets.ts';
import { IceServers } from '../../transports/turn/ice-servers.ts';
import type { TurnPorts } from '../../transports/turn/server.ts';
import { createWebhooks } from '../../webhooks/service.ts';
import type { ServedCertificate } from '../connection.ts';
import { type Api, createApi } from '../create-api.ts';
import type { AuthoritySource } from '../handlers/trust.ts';
import type { Pages } from '../pages.ts';

export interface TestServerOptions {
  readonly store: Store;
  readonly guests?: 'publish' | 'watch' | 'off';
  readonly publicUrl?: string;
  readonly trustProxy?: boolean;
  readonly pages?: Pages;
  /** The relay's ports; undefined: it is off. */
  readonly turn?: TurnPorts;
  /** As of HTTPS with a certificate. */
  readonly certificate?: ServedCertificate;
  readonly authority?: AuthoritySource;
  /** As the setting; true unless given, since the tests' receivers are on this machine. */
  readonly allowPrivateAddresses?: boolean;
  /** Shared by the servers of a suite. */
  readonly recorder?: OpenApiRecorder;
}

export interface TestRequest {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly remoteAddress?: string;
  /** As over TLS. */
  readonly encrypted?: boolean;
}

/** As a real server waits. */
const GRACE_MS = 60_000;

export function createTestServer({
  store,
  guests = 'publish',
  publicUrl,
  trustProxy = false,
  pages,
  turn,
  certificate,
  authority,
  allowPrivateAddresses = true,
  recorder = new OpenApiRecorder({ part: 'api' }),
}: TestServerOptions) {
  // The auth library keeps its own time, so the clock begins now.
  const clock = new FakeClock(Date.now());
  // What a test does not expect is to be seen.
  const log: Log = { ...silentLog, error: (fields, message) => console.error(message, fields) };
  const broadcasts = new BroadcastStore(store.db, store.serverId);
  const jobs: JobRunner[] = [];
  const accounts = new Accounts({ auth: createAuth({ db: store.db, secret: 'a secret for tests that is long enough', log, newId: nanoid }), clock, guests });
  const mayPublish = accounts.mayPublish.bind(accounts);
  const addresses = new PublicAddresses({ allowPrivate: allowPrivateAddresses, isOwnAddress: () => false });
  const hooks = createWebhooks({ db: store.db, clock, log, sealer: new Sealer('a secret for sealing in tests, long enough'), addresses, mayPublish, wake: () => jobs[0]?.wake() });
  const broadcastLog = new BroadcastLog({ store: broadcasts, follower: hooks.events, clock, log });
  const hub = new Hub({ clock, reconnectGraceMs: GRACE_MS, listener: broadcastLog, newId: nanoid, makeSinks: () => [] });
  const viewers = new Map<string, number>();
  /** Streams of whose broadcast there is a picture, and recordings that have one. */
  const posters = new Set<string>();
  const fetching = { changed: [] as string[] };
  const forwarding = { changed: [] as string[], status: (_targetId: string) => IDLE };
  const media: MediaPort = {
    broadcast: (id) => hub.get(id)?.broadcast,
    *running() {
      for (const stream of hub.running()) yield stream.broadcast;
    },
    start: (id) => hub.start(id),
    stop: (id, reason: EndReason) => hub.stop(id, reason),
    viewers: (id) => viewers.get(id) ?? 0,
    hasPoster: (id) => posters.has(id),
  };
  const streamStore = new StreamStore(store.db);
  const directory = new StreamDirectory({ store: streamStore, clock });
  const discarded: string[] = [];
  const madePrivate: string[] = [];
  const streams = new Streams({
    store: streamStore,
    directory,
    media,
    clock,
    names: randomNames,
    mayPublish,
    broadcastsStored: () => broadcastLog.flush(),
    onMadePrivate: (streamId) => void madePrivate.push(streamId),
    onRemoved() {},
    async discardRecordings({ streamId, broadcastId }) {
      discarded.push(streamId);
      await recordings.removeOf(streamId, broadcastId);
    },
  });
  const targets = new Targets({
    store: new TargetStore(store.db),
    streams,
    sealer: new Sealer('a secret for sealing in tests, long enough'),
    addresses: new PublicAddresses({ allowPrivate: false, isOwnAddress: () => false, resolve: async () => [{ address: '198.41.0.4' }] }),
    clock,
    newId: nanoid,
    forwarding: () => ({ ...forwarding, targetsChanged: (streamId) => void forwarding.changed.push(streamId) }),
  });
  const sources = new Sources({
    store: new SourceStore(store.db, store.serverId),
    streams,
    directory,
    sealer: new Sealer('a secret for sealing in tests, long enough'),
    addresses: new PublicAddresses({ allowPrivate: false, isOwnAddress: () => false, resolve: async () => [{ address: '198.41.0.4' }] }),
    clock,
    log,
    mayPublish,
    fetching: () => ({
      status: () => ({ state: 'idle', problem: null, error: null, retryAt: null }),
      sourceChanged: async (streamId) => void fetching.changed.push(streamId),
    }),
  });
  const tokens = new PlaybackTokens('another secret for tests');
  const recordingStore = new RecordingStore(store.db, store.serverId);
  const recordingDirectory = new RecordingDirectory({ store: recordingStore, clock });
  const removedFiles: string[] = [];
  const tasks = new Map<string, RecordingTask>();
  /** Downloads that take long. */
  const preparing = new Map<string, Promise<void>>();
  const changed: string[] = [];
  const recordings = new Recordings({
    store: recordingStore,
    directory: recordingDirectory,
    tokens,
    clock,
    storageOf: (recording) => ({ local: recording.isLocal, elsewhere: recordingStore.isOfAnother(recording), upload: null }),
    taskOf: (id) => tasks.get(id) ?? null,
    hasPoster: async ({ id }) => posters.has(id),
    prepareDownload: (id) => preparing.get(id) ?? Promise.resolve(),
    changed: ({ id }) => void changed.push(id),
    async removeRow(id) {
      await recordingStore.delete(id);
    },
    async removeFiles(id) {
      removedFiles.push(id);
    },
  });
  const minutes = new Map<string, MinuteMeasurement[]>();
  const api = createApi({
    accounts,
    streams,
    targets,
    recordings,
    sources,
    tokens,
    webhooks: hooks.webhooks,
    history: { minutes: async (id, since) => (minutes.get(id) ?? []).filter((minute) => since === undefined || new Date(minute.at) > since) },
    iceServers: new IceServers({
      clock,
      secret: 'a secret of the relay',
      urls: undefined,
      ports: () => turn,
      isTlsTrusted: () => true,
      httpsPort: () => undefined,
      fallbackHostname: 'localhost',
    }),
    connection: { publicUrl, trustProxy, ports: () => ({ http: 8080, https: 8443, rtmp: 1935, rtmps: 1936 }), certificate },
    authority,
    pages,
    clock,
    log,
    newInstance: nanoid,
  });
  return {
    api,
    clock,
    hub,
    viewers,
    posters,
    tasks,
    preparing,
    changed,
    forwarding,
    targets,
    sources,
    fetching,
    minutes,
    broadcasts,
    broadcastLog,
    streamStore,
    events: hooks.events,
    scheduleHooks: () => hooks.start(),
    /** Sends what waits in the database, the test's to close. */
    startJobs(): JobRunner {
      const runner = new JobRunner({ store: new JobStore(store.db), clock, log, handlers: hooks.jobs, newId: nanoid });
      jobs.unshift(runner);
      runner.start();
      return runner;
    },
    recordingStore,
    recordingDirectory,
    directory,
    discarded,
    madePrivate,
    removedFiles,
    playback: new PlaybackPermission({ directory, media, tokens, clock, identify: accounts.identify.bind(accounts) }),
    publishing: new PublishPermission({ directory, media, clock, mayPublish }),
    tokens,
    /** The rows of a table as they are stored. */
    dump: (table: string) => sql`select * from ${sql.table(table)}`.execute(store.db),
    /** Calls the API; every answer is checked against the OpenAPI document. */
    async request(path: string, options: TestRequest = {}): Promise<Response> {
      const response = await send(api, path, options);
      await recorder.check(options.method ?? 'GET', path, response);
      return response;
    },
    /** A broadcast of this stream, as its publisher sees it. */
    publish(streamId: string, start: 'auto' | 'manual' = 'auto'): Publication {
      const publication = hub.publish({ streamId, start, secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '192.0.2.1', onEvicted() {} } });
      if (!publication) throw new Error('the seat is taken');
      return publication;
    },
  };
}

export type TestServer = ReturnType<typeof createTestServer>;

function send(api: Api, path: string, { method = 'GET', token, body, headers = {}, remoteAddress = '192.0.2.1', encrypted }: TestRequest): Promise<Response> {
  const all = new Headers(headers);
  if (token !== undefined) all.set('authorization', `Bearer ${token}`);
  if (body !== undefined && !all.has('content-type')) all.set('content-type', 'application/json');
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
  return api.fetch(new Request(`http://live.test${path}`, { method, headers: all, body: text }), { incoming: { socket: { remoteAddress, encrypted } } });
}
