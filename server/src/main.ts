/** The composition root: builds every service in the order of the data's path, starts them, stops them in reverse. Imported by nobody. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { VIEWER_TIMEOUT_MS } from '@millrace/contract/limits';
import { nanoid } from 'nanoid';
import { Accounts } from './accounts/accounts.ts';
import { createAuth } from './accounts/auth.ts';
import { BatchWriter } from './analytics/batch-writer.ts';
import { MeasurementHistory } from './analytics/measurement-history.ts';
import { Measurer } from './analytics/measurer.ts';
import { StreamSockets } from './analytics/stream-sockets.ts';
import { MemoryViewerCounter } from './analytics/viewer-counter.ts';
import { createApi } from './api/create-api.ts';
import { Pages } from './api/pages.ts';
import { ConfigError } from './config/config-error.ts';
import { type Config, loadConfig, type TlsFiles } from './config/load.ts';
import { loadSecrets } from './config/secrets.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import { systemClock as clock } from './lib/clock.ts';
import { Shutdown } from './lib/shutdown.ts';
import { errorCodeOf, StartError } from './lib/start-error.ts';
import { makeLog } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Readiness } from './observe/readiness.ts';
import { OperatorRoutes } from './observe/routes.ts';
import { serverMetrics } from './observe/server-metrics.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './outputs/cmaf/packager.ts';
import { PackagerRegistry } from './outputs/cmaf/registry.ts';
import { DashRoutes } from './outputs/dash/routes.ts';
import { HlsRoutes } from './outputs/hls/routes.ts';
import { BroadcastStore } from './store/broadcasts.ts';
import { MeasurementStore } from './store/measurements.ts';
import { openStore } from './store/open.ts';
import { StreamStore } from './store/streams.ts';
import { type ViewingRow, ViewingStore } from './store/viewings.ts';
import { Hub } from './stream/hub.ts';
import { BroadcastLog } from './streams/broadcast-log.ts';
import { StreamDirectory } from './streams/directory.ts';
import type { MediaPort } from './streams/media-port.ts';
import { randomNames } from './streams/names.ts';
import { PlaybackPermission } from './streams/playback-permission.ts';
import { PlaybackTokens } from './streams/playback-tokens.ts';
import { PublishPermission } from './streams/publish-permission.ts';
import { Streams } from './streams/streams.ts';
import { WatchPermission } from './streams/watch-permission.ts';
import { Bridges } from './transcode/bridges.ts';
import { WorkerPool } from './transcode/pool.ts';
import { HttpServer } from './transports/http/server.ts';

/** Where the launcher's build puts the pages. */
const PAGES_FOLDER = join(import.meta.dirname, '..', '..', 'web', 'dist');

/** A stop that takes longer ends where it is: a service manager would not wait either. */
const STOP_DEADLINE_MS = 10_000;

try {
  await run(await loadConfig());
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}

async function run(config: Config): Promise<void> {
  const log = makeLog(config.logLevel);
  const tls = config.tls && (await readTls(config.tls));
  const store = await openStore({ dataDir: config.dataDir, databaseUrl: config.databaseUrl, log });
  const secrets = await loadSecrets(config.dataDir);
  const ports = { http: config.httpPort, rtmp: config.rtmpPort, rtmps: config.rtmpsPort };

  // The hub, what it feeds and what it tells of.
  const registry = new PackagerRegistry({ clock });
  const workers = new WorkerPool({ clock, log, maxWorkers: config.transcodeWorkers });
  const bridges = new Bridges({ pool: workers, clock, log });
  const broadcastLog = new BroadcastLog({ store: new BroadcastStore(store.db), clock, log });
  const hub = new Hub({
    clock,
    reconnectGraceMs: config.reconnectGraceMs,
    newId: nanoid,
    makeSinks: ({ broadcast }) => {
      const packager = new Packager({ broadcast, clock, config: DEFAULT_PACKAGER_CONFIG });
      registry.set(broadcast.streamId, packager);
      return [packager];
    },
    listener: {
      broadcastChanged: (broadcast) => {
        broadcastLog.broadcastChanged(broadcast);
        sockets.broadcastChanged(broadcast);
      },
    },
    onSinkFailure: ({ broadcast }, error, failures) => log.error({ err: error, streamId: broadcast.streamId, failures }, 'an output failed'),
  });

  // The product: who people are, what streams there are, who may do what.
  const accounts = new Accounts({ auth: createAuth({ db: store.db, secret: secrets.session, log, newId: nanoid }), clock, guests: config.guests });
  const identify = accounts.identify.bind(accounts);
  const mayPublish = accounts.mayPublish.bind(accounts);
  const viewers = new MemoryViewerCounter({ clock, timeoutMs: VIEWER_TIMEOUT_MS, listener: { viewersCounted: (streamId) => sockets.viewersCounted(streamId) } });
  const media = mediaPortOf(hub, viewers);
  const streamStore = new StreamStore(store.db);
  const directory = new StreamDirectory({ store: streamStore, clock });
  const streams = new Streams({ store: streamStore, directory, media, clock, names: randomNames, mayPublish, onRemoved: (streamId) => sockets.streamDeleted(streamId) });
  const tokens = new PlaybackTokens(secrets.playback);
  const playback = new PlaybackPermission({ directory, media, tokens, clock, identify });
  const publishing = new PublishPermission({ directory, media, clock, mayPublish });

  // What viewers and owners hear, and what is remembered of it.
  const viewings = new BatchWriter<ViewingRow>({ clock, log, name: 'viewings', keyOf: ({ id }) => id, write: (rows) => new ViewingStore(store.db).put(rows) });
  const history = new MeasurementHistory({ clock, log, store: new MeasurementStore(store.db) });
  const sockets = new StreamSockets({
    clock,
    log,
    gate: new WatchPermission({ store: streamStore, playback, identify }),
    counter: viewers,
    viewings,
    broadcasts: { get: media.broadcast },
    publicOrigin: config.publicUrl,
    newId: nanoid,
  });
  const measurer = new Measurer({ clock, streams: hub, viewers, listeners: [sockets, history] });

  // The doors.
  const rtmp = new RtmpServer({ hub, gate: publishing, clock, log, config: { host: config.host, port: config.rtmpPort } });
  const rtmps =
    tls && config.rtmpsPort !== undefined ? new RtmpServer({ hub, gate: publishing, clock, log, config: { host: config.host, port: config.rtmpsPort, tls } }) : undefined;
  const hls = new HlsRoutes({ registry, gate: playback, clock });
  const dash = new DashRoutes({ registry, gate: playback, clock });
  const api = createApi({
    accounts,
    streams,
    tokens,
    history: { minutes: (streamId, since) => history.since(streamId, since) },
    connection: { publicUrl: config.publicUrl, trustProxy: config.trustProxy, ports: () => ports },
    pages: await Pages.load(PAGES_FOLDER),
    clock,
    log,
    newInstance: nanoid,
  });
  const readiness = new Readiness({ clock, checks: [{ name: 'The database', check: () => store.ping() }] });
  const http = new HttpServer({
    host: config.host,
    port: config.httpPort,
    clock,
    log,
    handlers: [hls, dash, { handle: (request, response, path) => operator.handle(request, response, path) }],
    fallback: getRequestListener((request, env) => api.fetch(request, env)),
    upgrades: [sockets],
  });

  const ingests = [rtmp, ...(rtmps ? [rtmps] : [])].map((server, i) => ({
    protocol: i === 0 ? 'rtmp' : 'rtmps',
    get counters() {
      return server.counters;
    },
  }));
  const operator = new OperatorRoutes({
    readiness,
    metrics: new Metrics(
      serverMetrics({
        hub,
        packagers: registry,
        viewers,
        sockets,
        http,
        ingests,
        outputs: [
          { protocol: 'hls', counters: hls.counters },
          { protocol: 'dash', counters: dash.counters },
        ],
        publishing,
        unwritten: () => broadcastLog.pending + viewings.pending.length,
        ping: () => store.ping(),
      }),
    ),
  });

  const shutdown = new Shutdown({ clock, log, deadlineMs: STOP_DEADLINE_MS, exit: (code) => process.exit(code) });
  shutdown.add('readiness', () => readiness.stopping());
  shutdown.add('rtmp', () => rtmp.close('server_stopped'));
  shutdown.add('rtmps', () => rtmps?.close('server_stopped'));
  shutdown.add('broadcasts', () => {
    for (const { broadcast } of [...hub.running()]) hub.stop(broadcast.streamId, 'server_stopped');
  });
  shutdown.add('transcoding', () => {
    bridges.close();
    workers.close();
  });
  shutdown.add('sockets', () => sockets.close());
  shutdown.add('http', () => http.close());
  shutdown.add('measurements', async () => {
    measurer.close();
    viewers.close();
    await Promise.all([history.close(), viewings.close(), broadcastLog.flush()]);
  });
  shutdown.add('database', () => store.close());
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void shutdown.stop(signal));

  for (const broadcast of await broadcastLog.restore()) hub.restore(broadcast);
  for (const service of [viewings, viewers, history, measurer, sockets]) service.start();
  ports.rtmp = (await rtmp.start()).port;
  if (rtmps) ports.rtmps = (await rtmps.start()).port;
  ports.http = (await http.start()).port;
  readiness.serving();
  console.log(readyLine(config, ports));
}

async function readTls({ certFile, keyFile }: TlsFiles): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  try {
    return { cert: await readFile(certFile), key: await readFile(keyFile) };
  } catch (error) {
    throw new StartError(`The certificate or its key cannot be read (${errorCodeOf(error) ?? 'unknown'}). Check TLS_CERT_FILE (${certFile}) and TLS_KEY_FILE (${keyFile}).`, error);
  }
}

/** The product's view of the hub. */
function mediaPortOf(hub: Hub, viewers: { count(streamId: string): number }): MediaPort {
  return {
    broadcast: (streamId) => hub.get(streamId)?.broadcast,
    *running() {
      for (const { broadcast } of hub.running()) yield broadcast;
    },
    start: (streamId) => hub.start(streamId),
    stop: (streamId, reason) => hub.stop(streamId, reason),
    viewers: (streamId) => viewers.count(streamId),
  };
}

/** The one line on standard output. */
function readyLine({ publicUrl, host }: Config, ports: { readonly http: number; readonly rtmp: number; readonly rtmps: number | undefined }): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const addresses = [`http=http://${name}:${ports.http}`, `rtmp=rtmp://${name}:${ports.rtmp}/live`];
  if (ports.rtmps !== undefined) addresses.push(`rtmps=rtmps://${name}:${ports.rtmps}/live`);
  if (publicUrl !== undefined) addresses.push(`public=${publicUrl}`);
  return `ready ${addresses.join(' ')}`;
}
