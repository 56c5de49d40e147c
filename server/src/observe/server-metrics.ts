/** The metrics of a whole server from its parts, each seen only as far as it counts. */
import type { MetricSources, Reading } from './metrics.ts';
import { RunningTotal } from './running-total.ts';

interface RunningBroadcast {
  readonly broadcast: { readonly broadcastId: string; readonly state: string };
  readonly publisher: { readonly protocol: string } | undefined;
  readonly counters: {
    readonly droppedUnits: number;
    readonly repaired: number;
    readonly jumps: number;
    readonly discontinuities: number;
    readonly sinkFailures: number;
  };
}

interface PackagerPart {
  readonly epoch: string;
  readonly counters: { readonly parts: number; readonly partLatencyMs: number; readonly maxPartLatencyMs: number };
}

export interface ServerParts {
  readonly hub: { running(): Iterable<RunningBroadcast> };
  readonly packagers: { all(): Iterable<PackagerPart> };
  readonly viewers: { readonly total: number };
  /** Of streams, of recordings. */
  readonly sockets: readonly {
    readonly counters: {
      readonly open: number;
      readonly malformedFrames: number;
      readonly droppedEvents: number;
      readonly slowClients: number;
      readonly deadClients: number;
      readonly floods: number;
    };
  }[];
  readonly http: {
    readonly connections: number;
    readonly counters: { readonly requests: number; readonly refusedSockets: number; readonly failures: number };
    readonly http2Counters: { readonly sessions: number; readonly idled: number; readonly slowRequests: number; readonly stalledAnswers: number };
  };
  /** Undefined while nothing is encrypted. */
  readonly certificate: { readonly expiresAt: Date } | undefined;
  /** By protocol; undefined where it is off. */
  readonly ingests: Readonly<Record<string, { readonly counters: { readonly bytesReceived: number } } | undefined>>;
  /** By protocol, but for WHEP: what WebRTC sends is its alone. */
  readonly outputs: Readonly<Record<string, { readonly counters: { readonly bytes: number; readonly blocked?: number } }>>;
  readonly publishing: { readonly counters: { readonly allowed: number; readonly wrongKeys: number; readonly refused: number } };
  /** The built-in relay, when it is on. */
  readonly turn?:
    | {
        readonly counters: {
          readonly allocations: number;
          readonly bytesToPeers: number;
          readonly bytesToClients: number;
          readonly refusals: ReadonlyMap<string, number>;
          readonly dropped: Readonly<Record<string, number>>;
        };
      }
    | undefined;
  readonly transcode: {
    readonly pool: {
      readonly workers: { readonly length: number };
      readonly jobs: number;
      readonly counters: {
        readonly unitsIn: number;
        readonly unitsOut: number;
        readonly crashes: number;
        readonly hangs: number;
        readonly failedJobs: number;
        readonly cpuMicros: number;
        readonly started: number;
      };
    };
    readonly bridges: { readonly counters: { readonly droppedUnits: number; readonly restarts: number } };
    readonly ladders: { readonly counters: { readonly droppedUnits: number; readonly restarts: number; readonly shed: number } };
    readonly pictures: { readonly counters: { readonly made: number; readonly failed: number } };
  };
  readonly sources: { readonly states: readonly { readonly state: string }[] };
  readonly processes: { readonly counters: { readonly running: number; readonly refused: number } };
  readonly jobs: {
    census(): Promise<
      readonly {
        readonly kind: string;
        readonly running: number;
        readonly waiting: number;
        readonly scheduled: number;
        readonly failed: number;
        readonly oldestWaitingMs: number;
      }[]
    >;
  };
  readonly webrtc: {
    readonly transport: {
      readonly counters: {
        readonly packetsReceived: number;
        readonly packetsSent: number;
        readonly bytesSent: number;
        readonly neverConnected: number;
        readonly lost: number;
        readonly turnedAway: number;
        readonly strangers: number;
        readonly iceRestarts: number;
        readonly floods: number;
        readonly unsent: number;
      };
    };
    readonly whip: {
      readonly counters: { readonly sessions: number; readonly protocolErrors: number; readonly nacked: number; readonly keyFrameRequests: number; readonly strays: number };
    };
    readonly whep: {
      readonly counters: {
        readonly viewers: number;
        readonly nacked: number;
        readonly resent: number;
        readonly keyFrameRequests: number;
        readonly skipped: number;
        readonly slowed: number;
        readonly lowered: number;
        readonly malformedRtcp: number;
      };
    };
  };
  readonly recorder: {
    readonly recording: number;
    /** Undefined before it was measured. */
    readonly freeBytes: number | undefined;
    readonly isLow: boolean;
    readonly counters: { readonly bytes: number; readonly lostSegments: number; readonly stopped: number; readonly failures: number };
  };
  /** Undefined: there is no object storage. */
  readonly uploads?: { readonly failing: number; readonly counters: { readonly sentBytes: number; readonly fetchedBytes: number } } | undefined;
  /** Rows and broadcasts that wait for the database. */
  unwritten(): number;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
}

const SOCKET_INCIDENTS = ['malformedFrames', 'droppedEvents', 'slowClients', 'deadClients', 'floods'] as const;

export function serverMetrics(parts: ServerParts): MetricSources {
  const { hub, packagers, viewers, sockets, http, certificate, ingests, outputs, publishing, transcode, recorder, webrtc } = parts;

  /** A sum over broadcasts that stays when they end. */
  const ofBroadcasts = (count: (running: RunningBroadcast) => number) => {
    const total = new RunningTotal();
    return () => total.read([...hub.running()].map((running) => [running.broadcast.broadcastId, count(running)] as const));
  };
  const ofPackagers = (count: (packager: PackagerPart) => number) => {
    const total = new RunningTotal();
    return () => total.read([...packagers.all()].map((packager) => [packager.epoch, count(packager)] as const));
  };

  // What the database knows is not shown while it is away.
  const census = () => parts.jobs.census().catch(() => []);

  return {
    broadcasts: () =>
      tally(
        'state',
        [...hub.running()].map(({ broadcast }) => broadcast.state),
      ),
    publishers: () =>
      tally(
        'protocol',
        [...hub.running()].flatMap(({ publisher }) => publisher?.protocol ?? []),
      ),
    viewers: () => viewers.total,
    bytesIn: () => Object.entries(ingests).flatMap(([protocol, ingest]) => (ingest ? [[{ protocol }, ingest.counters.bytesReceived] as const] : [])),
    bytesOut: () => [
      ...Object.entries(outputs).map(([protocol, { counters }]) => [{ protocol }, counters.bytes] as const),
      [{ protocol: 'whep' }, webrtc.transport.counters.bytesSent],
    ],
    droppedUnits: ofBroadcasts(({ counters }) => counters.droppedUnits),
    repairedTimestamps: ofBroadcasts(({ counters }) => counters.repaired),
    discontinuities: ofBroadcasts(({ counters }) => counters.discontinuities + counters.jumps),
    sinkFailures: ofBroadcasts(({ counters }) => counters.sinkFailures),
    parts: ofPackagers(({ counters }) => counters.parts),
    partLatencySeconds: ofPackagers(({ counters }) => counters.partLatencyMs / 1000),
    maxPartLatencySeconds: () => Math.max(0, ...[...packagers.all()].map(({ counters }) => counters.maxPartLatencyMs / 1000)),
    blockedRequests: () => Object.values(outputs).reduce((sum, { counters }) => sum + (counters.blocked ?? 0), 0),
    publishAttempts: () => Object.entries(publishing.counters).map(([result, count]) => [{ result }, count]),
    httpRequests: () => http.counters.requests,
    httpFailures: () => http.counters.failures,
    httpConnections: () => http.connections,
    http2Sessions: () => http.http2Counters.sessions,
    http2Incidents: () => {
      const { idled, slowRequests, stalledAnswers } = http.http2Counters;
      return Object.entries({ idled, slowRequests, stalledAnswers }).map(([kind, count]) => [{ kind }, count]);
    },
    ...(certificate ? { certificateExpires: () => certificate.expiresAt.getTime() / 1000 } : {}),
    sockets: () => sockets.reduce((sum, { counters }) => sum + counters.open, 0),
    socketEvents: () => [
      ...SOCKET_INCIDENTS.map((kind): [{ kind: string }, number] => [{ kind }, sockets.reduce((sum, { counters }) => sum + counters[kind], 0)]),
      [{ kind: 'refused' }, http.counters.refusedSockets],
    ],
    ...(parts.turn ? turnMetrics(parts.turn) : {}),
    ...(parts.uploads ? uploadMetrics(parts.uploads) : {}),
    webrtcSessions: () => [
      [{ protocol: 'whip' }, webrtc.whip.counters.sessions],
      [{ protocol: 'whep' }, webrtc.whep.counters.viewers],
    ],
    webrtcPackets: () => [
      [{ direction: 'in' }, webrtc.transport.counters.packetsReceived],
      [{ direction: 'out' }, webrtc.transport.counters.packetsSent],
    ],
    webrtcEvents: () => {
      const { neverConnected, lost, turnedAway, strangers, iceRestarts, floods, unsent } = webrtc.transport.counters;
      const { protocolErrors, nacked, keyFrameRequests, strays } = webrtc.whip.counters;
      const { counters: whep } = webrtc.whep;
      const ofTransport = { neverConnected, lost, turnedAway, strangers, iceRestarts, floods, unsent };
      const ofWhip = { whipMalformed: protocolErrors, whipNacks: nacked, whipKeyFrameRequests: keyFrameRequests, whipStrays: strays };
      const ofWhep = {
        whepMalformed: whep.malformedRtcp,
        whepNacks: whep.nacked,
        whepResent: whep.resent,
        whepKeyFrameRequests: whep.keyFrameRequests,
        whepSkipped: whep.skipped,
        whepSlowed: whep.slowed,
        whepLowered: whep.lowered,
      };
      return Object.entries({ ...ofTransport, ...ofWhip, ...ofWhep }).map(([kind, count]) => [{ kind }, count]);
    },
    transcodeWorkers: () => transcode.pool.workers.length,
    transcodeJobs: () => transcode.pool.jobs,
    transcodeCpuSeconds: () => transcode.pool.counters.cpuMicros / 1_000_000,
    transcodeUnits: () => {
      const { unitsIn, unitsOut } = transcode.pool.counters;
      return Object.entries({ in: unitsIn, out: unitsOut, dropped: transcode.bridges.counters.droppedUnits + transcode.ladders.counters.droppedUnits }).map(([kind, count]) => [
        { kind },
        count,
      ]);
    },
    transcodeEvents: () => {
      const { started, crashes, hangs, failedJobs } = transcode.pool.counters;
      return Object.entries({
        started,
        crashes,
        hangs,
        failedJobs,
        restarts: transcode.bridges.counters.restarts + transcode.ladders.counters.restarts,
        shedTiers: transcode.ladders.counters.shed,
      }).map(([kind, count]) => [{ kind }, count]);
    },
    pictures: () => Object.entries(transcode.pictures.counters).map(([result, count]) => [{ result }, count]),
    sources: () =>
      tally(
        'state',
        parts.sources.states.map(({ state }) => state),
      ),
    mediaProcesses: () => parts.processes.counters.running,
    mediaProcessRefusals: () => parts.processes.counters.refused,
    jobs: async () => (await census()).flatMap(({ kind, oldestWaitingMs: _, ...states }) => Object.entries(states).map(([state, count]) => [{ kind, state }, count] as const)),
    oldestJobSeconds: async () => (await census()).map(({ kind, oldestWaitingMs }) => [{ kind }, oldestWaitingMs / 1000] as const),
    recordings: () => recorder.recording,
    archivedBytes: () => recorder.counters.bytes,
    recordingEvents: () => {
      const { lostSegments, stopped, failures } = recorder.counters;
      return Object.entries({ lostSegments, stopped, failures }).map(([kind, count]) => [{ kind }, count]);
    },
    diskFree: () => recorder.freeBytes ?? 0,
    diskLow: () => Number(recorder.isLow),
    databaseUp: () =>
      parts.ping().then(
        () => 1,
        () => 0,
      ),
    unwrittenRows: () => parts.unwritten(),
  };
}

function uploadMetrics(uploads: NonNullable<ServerParts['uploads']>): MetricSources {
  return {
    failingUploads: () => uploads.failing,
    storageBytes: () => [
      [{ direction: 'out' }, uploads.counters.sentBytes],
      [{ direction: 'in' }, uploads.counters.fetchedBytes],
    ],
  };
}

function turnMetrics(turn: NonNullable<ServerParts['turn']>): MetricSources {
  return {
    turnAllocations: () => turn.counters.allocations,
    turnBytes: () => [
      [{ direction: 'to_peers' }, turn.counters.bytesToPeers],
      [{ direction: 'to_clients' }, turn.counters.bytesToClients],
    ],
    turnRefusals: () => [...turn.counters.refusals].map(([reason, count]) => [{ reason }, count]),
    turnDrops: () => Object.entries(turn.counters.dropped).map(([reason, count]) => [{ reason }, count]),
  };
}

function tally(label: string, values: readonly string[]): Reading {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => [{ [label]: value }, count]);
}
