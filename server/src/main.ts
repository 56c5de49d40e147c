/** The composition root: builds every service in the order of the data's path, starts them, stops them in reverse. Imported by nobody. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { VIEWER_TIMEOUT_MS } from '@millrace/contract/limits';
import { nanoid } from 'nanoid';
import pino from 'pino';
import { Accounts } from './accounts/accounts.ts';
import { createAuth } from './accounts/auth.ts';
import { BatchWriter } from './analytics/batch-writer.ts';
import { MeasurementHistory } from './analytics/measurement-history.ts';
import { type MeasurementListener, Measurer } from './analytics/measurer.ts';
import { StreamSockets } from './analytics/stream-sockets.ts';
import { MemoryViewerCounter } from './analytics/viewer-counter.ts';
import { createApi } from './api/create-api.ts';
import { Pages } from './api/pages.ts';
import { ConfigError } from './config/config-error.ts';
import { type Config, loadConfig } from './config/load.ts';
import { loadSecrets } from './config/secrets.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import { systemClock as clock } from './lib/clock.ts';
import { StartError } from './lib/start-error.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './outputs/cmaf/packager.ts';
import { PackagerRegistry } from './outputs/cmaf/registry.ts';
import { HlsRoutes } from './outputs/hls/routes.ts';
import { BroadcastStore } from './store/broadcasts.ts';
import { MeasurementStore } from './store/measurements.ts';
import { openStore } from './store/open.ts';
import { StreamStore } from './store/streams.ts';
import { type ViewingRow, ViewingStore } from './store/viewings.ts';
import { Hub, type HubListener } from './stream/hub.ts';
import { BroadcastLog } from './streams/broadcast-log.ts';
import { StreamDirectory } from './streams/directory.ts';
import type { MediaPort } from './streams/media-port.ts';
import { randomNames } from './streams/names.ts';
import { PlaybackPermission } from './streams/playback-permission.ts';
import { PlaybackTokens } from './streams/playback-tokens.ts';
import { PublishPermission } from './streams/publish-permission.ts';
import { Streams } from './streams/streams.ts';
import { WatchPermission } from './streams/watch-permission.ts';
import { HttpServer } from './transports/http/server.ts';

/** Where the launcher's build puts the pages. */
const PAGES_FOLDER = join(import.meta.dirname, '..', '..', 'web', 'dist');

try {
  await run(await loadConfig());
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}

async function run(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel }, pino.destination(2));
  const store = await openStore({ dataDir: config.dataDir, databaseUrl: config.databaseUrl, log });
  const secrets = await loadSecrets(config.dataDir);
  const ports = { http: config.httpPort, rtmp: config.rtmpPort, rtmps: config.rtmpsPort };

  // The hub, and what it tells of.
  const broadcastLog = new BroadcastLog({ store: new BroadcastStore(store.db), clock, log });
  const registry = new PackagerRegistry({ clock });
  const listeners: HubListener[] = [broadcastLog];
  const hub = new Hub({
    clock,
    reconnectGraceMs: config.reconnectGraceMs,
    listener: {
      broadcastChanged: (broadcast) => {
        for (const listener of listeners) listener.broadcastChanged(broadcast);
      },
    },
    newId: nanoid,
    makeSinks: ({ broadcast }) => {
      const packager = new Packager({ broadcast, clock, config: DEFAULT_PACKAGER_CONFIG });
      registry.set(broadcast.streamId, packager);
      return [packager];
    },
    onSinkFailure: ({ broadcast }, error, failures) => log.error({ err: error, streamId: broadcast.streamId, failures }, 'an output failed'),
  });

  // The product.
  const accounts = new Accounts({ auth: createAuth({ db: store.db, secret: secrets.session, log, newId: nanoid }), clock, guests: config.guests });
  const identify = accounts.identify.bind(accounts);
  const mayPublish = accounts.mayPublish.bind(accounts);
  const viewings = new BatchWriter<ViewingRow>({ clock, log, name: 'viewings', keyOf: ({ id }) => id, write: (rows) => new ViewingStore(store.db).put(rows) });
  const viewers = new MemoryViewerCounter({ clock, timeoutMs: VIEWER_TIMEOUT_MS, listener: { viewersCounted: (streamId) => sockets.viewersCounted(streamId) } });
  const media: MediaPort = {
    broadcast: (streamId) => hub.get(streamId)?.broadcast,
    *running() {
      for (const { broadcast } of hub.running()) yield broadcast;
    },
    start: (streamId) => hub.start(streamId),
    stop: (streamId, reason) => hub.stop(streamId, reason),
    viewers: (streamId) => viewers.count(streamId),
  };
  const streamStore = new StreamStore(store.db);
  const directory = new StreamDirectory({ store: streamStore, clock });
  const streams = new Streams({ store: streamStore, directory, media, clock, names: randomNames, mayPublish });
  const tokens = new PlaybackTokens(secrets.playback);
  const playback = new PlaybackPermission({ directory, media, tokens, clock, identify });
  const publishing = new PublishPermission({ directory, media, clock, mayPublish });

  // What viewers and owners hear.
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
  listeners.push(sockets);
  const history = new MeasurementHistory({ clock, log, store: new MeasurementStore(store.db) });
  const measured: MeasurementListener[] = [sockets, history];
  const measurer = new Measurer({ clock, streams: hub, viewers, listeners: measured });

  // The doors.
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
  const hls = new HlsRoutes({ registry, gate: playback, clock });
  const http = new HttpServer({
    host: config.host,
    port: config.httpPort,
    clock,
    log,
    handlers: [hls],
    fallback: getRequestListener((request, env) => api.fetch(request, env)),
    upgrades: [sockets],
  });
  const rtmp = new RtmpServer({ hub, gate: publishing, clock, log, config: { host: config.host, port: config.rtmpPort } });
  const tls = config.tls && { cert: await readFile(config.tls.certFile), key: await readFile(config.tls.keyFile) };
  const rtmps =
    tls && config.rtmpsPort !== undefined ? new RtmpServer({ hub, gate: publishing, clock, log, config: { host: config.host, port: config.rtmpsPort, tls } }) : undefined;

  for (const broadcast of await broadcastLog.restore()) hub.restore(broadcast);
  for (const service of [viewings, viewers, history, measurer, sockets]) service.start();
  ports.rtmp = (await rtmp.start()).port;
  if (rtmps) ports.rtmps = (await rtmps.start()).port;
  ports.http = (await http.start()).port;
  console.log(`ready http=http://localhost:${ports.http} rtmp=rtmp://localhost:${ports.rtmp}/live${rtmps ? ` rtmps=rtmps://localhost:${ports.rtmps}/live` : ''}`);

  const stop = async () => {
    await rtmp.close('server_stopped');
    await rtmps?.close('server_stopped');
    for (const { broadcast } of [...hub.running()]) hub.stop(broadcast.streamId, 'server_stopped');
    await sockets.close();
    await http.close();
    measurer.close();
    await store.close();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
