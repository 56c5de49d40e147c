import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { Hub } from '../stream/hub.ts';
import { Metrics } from './metrics.ts';
import { type ServerParts, serverMetrics } from './server-metrics.ts';

function world() {
  let ids = 0;
  const clock = new FakeClock();
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged: () => {} }, makeSinks: () => [] });
  const packager = { epoch: 'e1', counters: { parts: 10, partLatencyMs: 50, maxPartLatencyMs: 9 } };
  let isAway = false;
  const parts: ServerParts = {
    hub,
    packagers: { all: () => [packager] },
    viewers: { total: 4 },
    sockets: [
      { counters: { open: 4, malformedFrames: 1, droppedEvents: 2, slowClients: 0, deadClients: 1, floods: 0 } },
      { counters: { open: 1, malformedFrames: 0, droppedEvents: 0, slowClients: 0, deadClients: 2, floods: 0 } },
    ],
    http: { connections: 6, counters: { requests: 7, refusedSockets: 0, failures: 0 }, http2Counters: { sessions: 2, idled: 0, slowRequests: 9, stalledAnswers: 0 } },
    certificate: { expiresAt: new Date(1_800_000_000_000) },
    ingests: { rtmp: { counters: { bytesReceived: 1000 } }, rtmps: { counters: { bytesReceived: 10 } }, whip: undefined },
    outputs: { hls: { counters: { bytes: 2000, blocked: 3 } } },
    publishing: { counters: { allowed: 1, wrongKeys: 2, refused: 0 } },
    uploads: { failing: 2, counters: { sentBytes: 70, fetchedBytes: 80 } },
    turn: { counters: { allocations: 2, bytesToPeers: 30, bytesToClients: 40, refusals: new Map([['expired', 5]]), dropped: { slow: 6 } } },
    transcode: {
      pool: { workers: { length: 2 }, jobs: 3, counters: { unitsIn: 70, unitsOut: 60, crashes: 1, hangs: 0, failedJobs: 4, cpuMicros: 2_500_000, started: 5 } },
      bridges: { counters: { droppedUnits: 8, restarts: 9 } },
      ladders: { counters: { droppedUnits: 10, restarts: 11, shed: 12 } },
      pictures: { counters: { made: 13, failed: 1 } },
    },
    sources: { states: [{ state: 'running' }, { state: 'waiting' }, { state: 'running' }] },
    processes: { counters: { running: 6, refused: 7 } },
    jobs: {
      census: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([{ kind: 'upload', running: 1, waiting: 2, scheduled: 3, failed: 4, oldestWaitingMs: 5_500 }])),
    },
    webrtc: {
      transport: {
        counters: { packetsReceived: 11, packetsSent: 12, bytesSent: 3000, neverConnected: 1, lost: 0, turnedAway: 0, strangers: 9, iceRestarts: 2, floods: 0, unsent: 0 },
      },
      whip: { counters: { sessions: 2, protocolErrors: 0, nacked: 0, keyFrameRequests: 0, strays: 0 } },
      whep: { counters: { viewers: 3, nacked: 6, resent: 5, keyFrameRequests: 0, skipped: 0, slowed: 0, lowered: 0, malformedRtcp: 0 } },
    },
    recorder: { recording: 1, freeBytes: 5_000, isLow: true, counters: { bytes: 77, lostSegments: 2, stopped: 1, failures: 0 } },
    unwritten: () => 8,
    ping: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve()),
  };
  const metrics = new Metrics(serverMetrics(parts));
  const publish = (streamId: string, start: 'auto' | 'manual' = 'auto') =>
    hub.publish({ streamId, start, secondPublisher: 'takeover', publisher: { protocol: 'rtmp', remoteAddress: '', onEvicted: () => {} } });
  return {
    hub,
    publish,
    lines: async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('millrace_')),
    loseDatabase: () => {
      isAway = true;
    },
  };
}

it('shows every part’s numbers', async () => {
  const { lines, publish } = world();
  publish('a');
  publish('b', 'manual');
  publish('c')?.close('lost');
  const shown = await lines();
  for (const line of [
    'millrace_broadcasts{state="live"} 1',
    'millrace_broadcasts{state="preview"} 1',
    'millrace_broadcasts{state="reconnecting"} 1',
    'millrace_publishers{protocol="rtmp"} 2',
    'millrace_viewers 4',
    'millrace_received_bytes_total{protocol="rtmps"} 10',
    'millrace_sent_bytes_total{protocol="hls"} 2000',
    'millrace_parts_total 10',
    'millrace_part_latency_seconds_total 0.05',
    'millrace_part_latency_max_seconds 0.009',
    'millrace_blocked_requests 3',
    'millrace_pictures_total{result="made"} 13',
    'millrace_recordings 1',
    'millrace_archived_bytes_total 77',
    'millrace_recording_incidents_total{kind="stopped"} 1',
    'millrace_disk_free_bytes 5000',
    'millrace_disk_low 1',
    'millrace_publish_attempts_total{result="wrongKeys"} 2',
    'millrace_webrtc_sessions{protocol="whep"} 3',
    'millrace_webrtc_packets_total{direction="out"} 12',
    'millrace_webrtc_incidents_total{kind="strangers"} 9',
    'millrace_webrtc_incidents_total{kind="iceRestarts"} 2',
    'millrace_webrtc_incidents_total{kind="whepResent"} 5',
    'millrace_http_connections 6',
    'millrace_http2_sessions 2',
    'millrace_http2_incidents_total{kind="slowRequests"} 9',
    'millrace_certificate_expires_timestamp_seconds 1800000000',
    'millrace_sockets 5',
    'millrace_socket_incidents_total{kind="deadClients"} 3',
    'millrace_uploads_failing 2',
    'millrace_storage_bytes_total{direction="out"} 70',
    'millrace_storage_bytes_total{direction="in"} 80',
    'millrace_turn_allocations 2',
    'millrace_turn_relayed_bytes_total{direction="to_peers"} 30',
    'millrace_turn_refusals_total{reason="expired"} 5',
    'millrace_turn_dropped_packets_total{reason="slow"} 6',
    'millrace_transcode_workers 2',
    'millrace_transcode_jobs 3',
    'millrace_transcode_cpu_seconds_total 2.5',
    'millrace_transcode_units_total{kind="dropped"} 18',
    'millrace_transcode_units_total{kind="out"} 60',
    'millrace_transcode_incidents_total{kind="failedJobs"} 4',
    'millrace_transcode_incidents_total{kind="restarts"} 20',
    'millrace_sources{state="running"} 2',
    'millrace_sources{state="waiting"} 1',
    'millrace_media_processes 6',
    'millrace_media_process_refusals_total 7',
    'millrace_jobs{kind="upload",state="running"} 1',
    'millrace_jobs{kind="upload",state="waiting"} 2',
    'millrace_jobs{kind="upload",state="scheduled"} 3',
    'millrace_jobs{kind="upload",state="failed"} 4',
    'millrace_jobs_oldest_waiting_seconds{kind="upload"} 5.5',
    'millrace_database_up 1',
    'millrace_unwritten_rows 8',
  ])
    expect(shown).toContain(line);
});

it('keeps what a broadcast has dropped when the broadcast is over', async () => {
  const { hub, lines, publish } = world();
  publish('a')?.countDropped(5);
  expect(await lines()).toContain('millrace_dropped_units_total 5');
  hub.stop('a', 'stopped');
  publish('a')?.countDropped(2);
  expect(await lines()).toContain('millrace_dropped_units_total 7');
});

it('says that the database is away, and all the rest', async () => {
  const { lines, loseDatabase } = world();
  loseDatabase();
  expect(await lines()).toEqual(expect.arrayContaining(['millrace_database_up 0', 'millrace_viewers 4']));
});
