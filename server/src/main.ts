/** The composition root: builds every service in the order of the data's path, starts them, stops them in reverse. Imported by nobody. */
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { VIEWER_TIMEOUT_MS } from '@millrace/contract/limits';
import { nanoid } from 'nanoid';
import { Accounts } from './accounts/accounts.ts';
import { createAuth } from './accounts/auth.ts';
import { MemoryViewerCounter } from './analytics/viewer-counter.ts';
import { createApi } from './api/create-api.ts';
import { Pages } from './api/pages.ts';
import { Certificates } from './certificates/certificates.ts';
import { CertificateRoutes } from './certificates/routes.ts';
import { composeAudience } from './compose-audience.ts';
import { composeExchange } from './compose-exchange.ts';
import { Library } from './compose-library.ts';
import { composeRealTime } from './compose-real-time.ts';
import { composeRelay } from './compose-relay.ts';
import { type Config, loadConfig } from './config/load.ts';
import { loadSecrets } from './config/secrets.ts';
import { greet } from './greeting/greeting.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import { JobRunner } from './jobs/runner.ts';
import { systemClock as clock } from './lib/clock.ts';
import { lanAddressOf, thisMachine } from './lib/machine.ts';
import { PublicAddresses } from './lib/public-address.ts';
import { Sealer } from './lib/sealed.ts';
import { Shutdown } from './lib/shutdown.ts';
import { diskError, StartError } from './lib/start-error.ts';
import { openObjectStore } from './library/open-object-store.ts';
import { makeLog } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Readiness } from './observe/readiness.ts';
import { OperatorRoutes } from './observe/routes.ts';
import { serverMetrics } from './observe/server-metrics.ts';
import { BridgedSink } from './outputs/cmaf/bridged-sink.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './outputs/cmaf/packager.ts';
import { PackagerRegistry } from './outputs/cmaf/registry.ts';
import { DashRoutes } from './outputs/dash/routes.ts';
import { HlsRoutes } from './outputs/hls/routes.ts';
import { readyLine, type ServedPorts } from './served-ports.ts';
import { BroadcastStore } from './store/broadcasts.ts';
import { JobStore } from './store/jobs.ts';
import { openStore } from './store/open.ts';
import { ServerStore } from './store/servers.ts';
import { SourceStore } from './store/sources.ts';
import { StreamStore } from './store/streams.ts';
import { TargetStore } from './store/targets.ts';
import { Hub } from './stream/hub.ts';
import { BroadcastLog } from './streams/broadcast-log.ts';
import { BroadcastsElsewhere } from './streams/broadcasts-elsewhere.ts';
import { StreamDirectory } from './streams/directory.ts';
import type { MediaPort } from './streams/media-port.ts';
import { randomNames } from './streams/names.ts';
import { PlaybackPermission } from './streams/playback-permission.ts';
import { PlaybackTokens } from './streams/playback-tokens.ts';
import { PublishPermission } from './streams/publish-permission.ts';
import { ServerWatch } from './streams/server-watch.ts';
import { Sources } from './streams/sources.ts';
import { Streams } from './streams/streams.ts';
import { Targets } from './streams/targets.ts';
import { WatchPermission } from './streams/watch-permission.ts';
import { Bridges } from './transcode/bridges.ts';
import { EncoderTrial, hardwareCandidates } from './transcode/encoder-trial.ts';
import { Ladders } from './transcode/ladders.ts';
import { WorkerPool } from './transcode/pool.ts';
import { remoteAddressOf } from './transports/http/remote-address.ts';
import { SecureListener } from './transports/http/secure-listener.ts';
import { HttpServer } from './transports/http/server.ts';
import { SocketLimit } from './transports/http/socket-limit.ts';
import { OwnAddresses } from './transports/turn/own-addresses.ts';
import { IceRestarts } from './transports/webrtc/ice-restarts.ts';
import { RecordingEvents } from './webhooks/recording-events.ts';
import { createWebhooks } from './webhooks/service.ts';

/** Where the launcher's build puts the pages. */
const PAGES_FOLDER = join(import.meta.dirname, '..', '..', 'web', 'dist');

/** A stop that takes longer ends where it is: a service manager would not wait either. */
const STOP_DEADLINE_MS = 10_000;

try {
  await run(await loadConfig());
} catch (error) {
  const told = diskError(error);
  if (!(told instanceof StartError)) throw error;
  console.error(told.message);
  process.exit(1);
}

async function run(config: Config): Promise<void> {
  const log = makeLog(config.logLevel);
  const store = await openStore({ dataDir: config.dataDir, databaseUrl: config.databaseUrl, log });
  const secrets = await loadSecrets(config.dataDir);
  const certificates = usesTls(config)
    ? new Certificates({ folder: join(config.dataDir, 'tls'), clock, log, host: config.host, machine: thisMachine, files: config.tls, acme: config.acme })
    : undefined;
  await certificates?.start();
  const tls = certificates?.current();
  const ports: ServedPorts = { http: config.httpPort, https: config.httpsPort, rtmp: config.rtmpPort, rtmps: config.rtmpsPort, webrtc: config.webrtc.port, turn: undefined };

  // The hub, what it feeds and what it tells of.
  const registry = new PackagerRegistry({ clock });
  const workers = new WorkerPool({ clock, log, maxWorkers: config.transcodeWorkers });
  const bridges = new Bridges({ pool: workers, clock, log });
  const ownAddresses = new OwnAddresses({ clock, publicAddresses: config.webrtc.addresses });
  const addresses = new PublicAddresses({ allowPrivate: config.allowPrivateAddresses, isOwnAddress: (address) => ownAddresses.has(address) });
  const sealer = new Sealer(secrets.sealing);
  const hooks = createWebhooks({
    db: store.db,
    clock,
    log,
    sealer,
    addresses,
    mayPublish: (user) => accounts.mayPublish(user),
    wake: () => jobs.wake(),
  });
  const jobStore = new JobStore(store.db, store.serverId);
  const broadcastLog = new BroadcastLog({ store: new BroadcastStore(store.db, store.serverId), follower: hooks.events, clock, log });
  const serverWatch =
    store.kind === 'server'
      ? new ServerWatch({
          servers: new ServerStore(store.db, store.serverId),
          broadcasts: broadcastLog,
          recordings: { endAbandoned: (unseenSince) => library.endAbandoned(unseenSince) },
          clock,
          log,
          moved: () => pull.lookAgain(),
        })
      : undefined;
  const encoders = new EncoderTrial({ clock, log, candidates: config.ladder.hardware ? hardwareCandidates(process.platform) : [] });
  const ladders = new Ladders({ pool: workers, clock, log, settings: config.ladder.tiers, encoders, modeOf: (streamId) => directory.ladderOf(streamId) });
  const hub = new Hub({
    clock,
    reconnectGraceMs: config.reconnectGraceMs,
    newId: nanoid,
    makeSinks: (stream) => {
      const { createdAt } = stream.broadcast;
      const makePackager = (epoch: string) => library.follow(stream, new Packager({ broadcast: { epoch, createdAt }, clock, config: DEFAULT_PACKAGER_CONFIG }));
      return [new BridgedSink({ stream, bridges, ladders, registry, clock, makePackager, newEpoch: nanoid })];
    },
    listener: {
      broadcastChanged: (broadcast) => {
        broadcastLog.broadcastChanged(broadcast);
        sockets.broadcastChanged(broadcast);
        push.broadcastChanged(broadcast);
      },
    },
    onSinkFailure: ({ broadcast }, error, failures) => log.error({ err: error, streamId: broadcast.streamId, failures }, 'an output failed'),
  });

  // The product: who people are, what streams there are, who may do what.
  const accounts = new Accounts({ auth: createAuth({ db: store.db, secret: secrets.session, log, newId: nanoid }), clock, guests: config.guests });
  const identify = accounts.identify.bind(accounts);
  const mayPublish = accounts.mayPublish.bind(accounts);
  const viewers = new MemoryViewerCounter({ clock, timeoutMs: VIEWER_TIMEOUT_MS, listener: { viewersCounted: (streamId) => sockets.viewersCounted(streamId) } });
  const media = mediaPortOf(hub, viewers, { has: (streamId) => library.thumbnailer.find(streamId)?.pictures.poster !== undefined });
  const streamStore = new StreamStore(store.db);
  const directory = new StreamDirectory({ store: streamStore, clock });
  const tokens = new PlaybackTokens(secrets.playback);
  const library = new Library({
    config,
    db: store.db,
    serverId: store.serverId,
    streams: directory,
    tokens,
    clock,
    log,
    // Read only by those who have one: it takes a while.
    objects: config.s3 && (await openObjectStore({ config: config.s3, log })),
    workers,
    jobs: jobStore,
    events: new RecordingEvents({ events: hooks.events, clock }),
    wake: () => jobs.wake(),
    newId: nanoid,
    identify,
    changed: (recording) => sockets.recordingChanged(recording),
    use: (streamId) => registry.keepAwake(streamId),
  });
  const jobs = new JobRunner({ store: jobStore, clock, log, handlers: [...hooks.jobs, ...library.jobs], newId: nanoid });
  const streams = new Streams({
    store: streamStore,
    directory,
    media,
    clock,
    names: randomNames,
    mayPublish,
    broadcastsStored: () => broadcastLog.flush(),
    discardRecordings: (broadcast) => library.discard(broadcast),
    onMadePrivate: (streamId) => {
      whep.dismiss(streamId);
      void sockets.streamHidden(streamId);
    },
    onRemoved: (streamId) => {
      sockets.streamDeleted(streamId);
      pull.streamDeleted(streamId);
    },
  });
  const targets = new Targets({ store: new TargetStore(store.db), streams, sealer, addresses, clock, newId: nanoid, forwarding: () => push });
  const sources = new Sources({ store: new SourceStore(store.db, store.serverId), streams, directory, sealer, addresses, clock, log, mayPublish, fetching: () => pull });
  const isWatched = (streamId: string) => viewers.count(streamId) > 0 || whep.viewersOf(streamId) > 0;
  const { processes, pull, push } = composeExchange({ config, hub, bridges, addresses, targets, sources, isWatched, clock, log });
  const permission = new PlaybackPermission({ directory, media, tokens, clock, identify });
  const playback = pull.waking(permission, true);
  const publishing = new PublishPermission({ directory, media, clock, mayPublish });

  // What viewers and owners hear, and what is remembered of it.
  const { viewings, visits, history, sockets, measurer } = composeAudience({
    db: store.db,
    hub,
    bridges,
    ladders,
    viewers,
    gate: new WatchPermission({ store: streamStore, playback: pull.waking(permission, false), identify }),
    recordings: library.recordings,
    publicOrigin: config.publicUrl,
    clock,
    log,
    newId: nanoid,
  });

  // The doors.
  const isSeen = (streamId: string) => registry.isPlayed(streamId) || sockets.isHeard(streamId);
  const toRtmp = { hub, gate: publishing, clock, log, isSeen };
  const rtmp = new RtmpServer({ ...toRtmp, config: { host: config.host, port: config.rtmpPort } });
  const rtmps = tls && config.rtmpsPort !== undefined ? new RtmpServer({ ...toRtmp, config: { host: config.host, port: config.rtmpsPort, tls } }) : undefined;
  const restarts = new IceRestarts({ clock, config: { host: config.host, addresses: config.webrtc.addresses }, port: () => ports.turn?.port });
  const toOwnMedia = (packet: Uint8Array) => webrtc.fromRelay(packet);
  const { turn, iceServers } = composeRelay({ config, secret: secrets.turn, certificates, ports, ownAddresses, toOwnMedia, guests: restarts, clock, log });
  const elsewhere = new BroadcastsElsewhere({ store: streamStore, media, clock, log });
  const hls = new HlsRoutes({ registry, gate: playback, elsewhere, clock });
  const dash = new DashRoutes({ registry, gate: playback, elsewhere, clock });
  const { webrtc, whip, whep, routes } = composeRealTime({
    config,
    hub,
    bridges,
    ladders,
    publishing,
    playback,
    elsewhere,
    visits,
    restarts,
    iceServers,
    newId: nanoid,
    clock,
    log,
  });
  const api = createApi({
    accounts,
    streams,
    targets,
    recordings: library.recordings,
    sources,
    tokens,
    webhooks: hooks.webhooks,
    history: { minutes: (streamId, since) => history.since(streamId, since) },
    iceServers,
    connection: { publicUrl: config.publicUrl, trustProxy: config.trustProxy, ports: () => ports, certificate: certificates },
    authority: certificates,
    pages: Pages.load(PAGES_FOLDER),
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
    handlers: [
      ...library.routes(registry, permission),
      hls,
      dash,
      ...routes,
      ...(certificates ? [new CertificateRoutes({ certificates })] : []),
      { handle: (request, response, path) => operator.handle(request, response, path) },
    ],
    fallback: getRequestListener((request, env) => api.fetch(request, env)),
    upgrades: [sockets, library.sockets],
    socketLimit: new SocketLimit({ remoteAddressOf: (request) => remoteAddressOf(request, config.trustProxy) }),
  });
  const https = tls && config.httpsPort !== undefined ? new SecureListener({ host: config.host, port: config.httpsPort, certificate: tls, http, turn, clock, log }) : undefined;
  certificates?.onChange((pair) => {
    https?.setCertificate(pair);
    rtmps?.setCertificate(pair);
  });

  const operator = new OperatorRoutes({
    readiness,
    metrics: new Metrics(
      serverMetrics({
        hub,
        packagers: registry,
        viewers,
        sockets: [sockets, library.sockets],
        http,
        certificate: certificates,
        ingests: { rtmp, rtmps, pull, whip },
        outputs: { hls, dash, vod: library.vod, push },
        publishing,
        turn,
        ...library.parts,
        transcode: { pool: workers, bridges, ladders, pictures: library.thumbnailer },
        processes,
        sources: pull,
        jobs: { census: () => jobStore.census(clock.now()) },
        webrtc: { transport: webrtc, whip, whep },
        unwritten: () => broadcastLog.pending + viewings.pending.length + library.pending,
        ping: () => store.ping(),
      }),
    ),
  });

  const shutdown = new Shutdown({ clock, log, deadlineMs: STOP_DEADLINE_MS, exit: (code) => process.exit(code) });
  shutdown.add('readiness', () => readiness.stopping());
  // A browser that is sent away comes back at once, and would begin another broadcast.
  shutdown.add('offers', () => webrtc.stop());
  shutdown.add('sources', () => pull.close());
  shutdown.add('rtmp', () => rtmp.close('server_stopped'));
  shutdown.add('rtmps', () => rtmps?.close('server_stopped'));
  shutdown.add('turn', () => turn?.close());
  shutdown.add('broadcasts', () => {
    for (const { broadcast } of [...hub.running()]) hub.stop(broadcast.streamId, 'server_stopped');
  });
  shutdown.add('forwarding', () => push.close());
  shutdown.add('recordings', () => library.close());
  shutdown.add('webrtc', () => webrtc.close());
  shutdown.add('transcoding', () => {
    bridges.close();
    ladders.close();
    workers.close();
  });
  shutdown.add('sockets', async () => {
    await Promise.all([sockets.close(), library.sockets.close()]);
  });
  shutdown.add('http', async () => {
    https?.stop();
    await http.close();
    await https?.close();
    await certificates?.close();
  });
  shutdown.add('measurements', async () => {
    measurer.close();
    viewers.close();
    await Promise.all([history.close(), viewings.close(), broadcastLog.flush()]);
  });
  shutdown.add('server watch', () => serverWatch?.close());
  shutdown.add('jobs', () => jobs.close());
  shutdown.add('database', () => store.close());
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void shutdown.stop(signal));

  // On a database of its own nobody else works on what an earlier life had begun.
  if (store.kind === 'embedded') await jobStore.releaseAll();
  await hooks.start();
  jobs.start();
  await library.start();
  await serverWatch?.start();
  for (const broadcast of await broadcastLog.restore()) hub.restore(broadcast);
  for (const service of [viewings, viewers, history, measurer, sockets]) service.start();
  ports.rtmp = (await rtmp.start()).port;
  if (rtmps) ports.rtmps = (await rtmps.start()).port;
  ports.turn = await turn?.start();
  ports.webrtc = (await webrtc.start()).port;
  ports.http = (await http.start()).port;
  if (https) ports.https = (await https.start()).port;
  await pull.start();
  certificates?.watch();
  readiness.serving();
  const lanAddress = await lanAddressOf(thisMachine());
  console.log(readyLine(config, ports, lanAddress));
  if (process.stderr.isTTY)
    console.error(
      await greet({ publicUrl: config.publicUrl, host: config.host, ports, machine: thisMachine(), lanAddress, fingerprint: certificates?.caCertificate?.fingerprint }),
    );
}

function usesTls({ httpsPort, rtmpsPort, turn }: Config): boolean {
  return httpsPort !== undefined || rtmpsPort !== undefined || (turn.kind === 'built-in' && turn.tlsPort !== undefined);
}

/** The product's view of the hub. */
function mediaPortOf(hub: Hub, viewers: { count(streamId: string): number }, posters: { has(streamId: string): boolean }): MediaPort {
  return {
    broadcast: (streamId) => hub.get(streamId)?.broadcast,
    *running() {
      for (const { broadcast } of hub.running()) yield broadcast;
    },
    start: (streamId) => hub.start(streamId),
    stop: (streamId, reason) => hub.stop(streamId, reason),
    viewers: (streamId) => viewers.count(streamId),
    hasPoster: (streamId) => posters.has(streamId),
  };
}
