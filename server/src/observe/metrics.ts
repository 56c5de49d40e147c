/** `/metrics`: plain counters of the parts, read when somebody asks, in Prometheus' words. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** A number, or one per set of labels. */
export type Reading = number | Iterable<readonly [labels: Readonly<Record<string, string>>, value: number]>;

interface MetricEntry {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Everything there is to see, by the name of its source. */
const METRICS = {
  broadcasts: { kind: 'gauge', name: 'millrace_broadcasts', help: 'Broadcasts that run, by state.', labels: ['state'] },
  publishers: { kind: 'gauge', name: 'millrace_publishers', help: 'Publishers that send now, by protocol.', labels: ['protocol'] },
  viewers: { kind: 'gauge', name: 'millrace_viewers', help: 'Viewers counted by their sockets, of all streams.' },
  bytesIn: { kind: 'counter', name: 'millrace_received_bytes_total', help: 'Bytes received from publishers, by protocol.', labels: ['protocol'] },
  bytesOut: { kind: 'counter', name: 'millrace_sent_bytes_total', help: 'Bytes of media sent to viewers, by protocol.', labels: ['protocol'] },
  droppedUnits: { kind: 'counter', name: 'millrace_dropped_units_total', help: 'Units lost by slow readers or refused at ingest.' },
  repairedTimestamps: { kind: 'counter', name: 'millrace_repaired_timestamps_total', help: 'Timestamps of publishers that were put right.' },
  discontinuities: { kind: 'counter', name: 'millrace_discontinuities_total', help: 'Places where broadcasts do not continue what was before.' },
  sinkFailures: { kind: 'counter', name: 'millrace_sink_failures_total', help: 'Failures inside of outputs.' },
  parts: { kind: 'counter', name: 'millrace_parts_total', help: 'Parts published.' },
  partLatencySeconds: { kind: 'counter', name: 'millrace_part_latency_seconds_total', help: 'From the arrival of a part’s last unit to its publication, summed over parts.' },
  maxPartLatencySeconds: { kind: 'gauge', name: 'millrace_part_latency_max_seconds', help: 'The longest such time in the broadcasts that run.' },
  blockedRequests: { kind: 'gauge', name: 'millrace_blocked_requests', help: 'Requests held until the part they ask for exists.' },
  publishAttempts: { kind: 'counter', name: 'millrace_publish_attempts_total', help: 'Publishers that came, by what they were answered.', labels: ['result'] },
  httpRequests: { kind: 'counter', name: 'millrace_http_requests_total', help: 'HTTP requests.' },
  httpFailures: { kind: 'counter', name: 'millrace_http_failures_total', help: 'HTTP requests that failed inside of the server.' },
  httpConnections: { kind: 'gauge', name: 'millrace_http_connections', help: 'TCP connections to the HTTP and HTTPS ports, WebSockets included.' },
  http2Sessions: { kind: 'gauge', name: 'millrace_http2_sessions', help: 'Connections that speak HTTP/2.' },
  http2Incidents: { kind: 'counter', name: 'millrace_http2_incidents_total', help: 'What the bounds of HTTP/2 ended, by kind.', labels: ['kind'] },
  certificateExpires: { kind: 'gauge', name: 'millrace_certificate_expires_timestamp_seconds', help: 'When the certificate of HTTPS and RTMPS ends, in seconds since 1970.' },
  sockets: { kind: 'gauge', name: 'millrace_sockets', help: 'Open WebSockets.' },
  socketEvents: { kind: 'counter', name: 'millrace_socket_incidents_total', help: 'What went wrong on WebSockets, by kind.', labels: ['kind'] },
  turnAllocations: { kind: 'gauge', name: 'millrace_turn_allocations', help: 'Relays that are open.' },
  turnBytes: { kind: 'counter', name: 'millrace_turn_relayed_bytes_total', help: 'Bytes relayed, by direction.', labels: ['direction'] },
  turnRefusals: { kind: 'counter', name: 'millrace_turn_refusals_total', help: 'What the relay refused, by reason.', labels: ['reason'] },
  turnDrops: { kind: 'counter', name: 'millrace_turn_dropped_packets_total', help: 'Packets not relayed, by reason.', labels: ['reason'] },
  webrtcSessions: { kind: 'gauge', name: 'millrace_webrtc_sessions', help: 'WebRTC sessions, by protocol.', labels: ['protocol'] },
  webrtcPackets: { kind: 'counter', name: 'millrace_webrtc_packets_total', help: 'RTP and RTCP packets, by direction.', labels: ['direction'] },
  webrtcEvents: {
    kind: 'counter',
    name: 'millrace_webrtc_incidents_total',
    help: 'What happened on WebRTC sessions, by kind: losses, repairs, sessions that failed.',
    labels: ['kind'],
  },
  transcodeWorkers: { kind: 'gauge', name: 'millrace_transcode_workers', help: 'FFmpeg processes that run.' },
  transcodeJobs: { kind: 'gauge', name: 'millrace_transcode_jobs', help: 'Tracks that they convert.' },
  transcodeCpuSeconds: { kind: 'counter', name: 'millrace_transcode_cpu_seconds_total', help: 'Processor time of the FFmpeg processes.' },
  transcodeUnits: {
    kind: 'counter',
    name: 'millrace_transcode_units_total',
    help: 'Units given to the FFmpeg processes, got from them, and lost because they were slow or away.',
    labels: ['kind'],
  },
  transcodeEvents: { kind: 'counter', name: 'millrace_transcode_incidents_total', help: 'What happened to FFmpeg processes and their work, by kind.', labels: ['kind'] },
  pictures: { kind: 'counter', name: 'millrace_pictures_total', help: 'Key frames that became posters and previews, and those that could not be decoded.', labels: ['result'] },
  sources: { kind: 'gauge', name: 'millrace_sources', help: 'Sources that are switched on, by state.', labels: ['state'] },
  mediaProcesses: { kind: 'gauge', name: 'millrace_media_processes', help: 'Processes that fetch sources or forward broadcasts.' },
  mediaProcessRefusals: { kind: 'counter', name: 'millrace_media_process_refusals_total', help: 'How often there was no room for one more.' },
  jobs: { kind: 'gauge', name: 'millrace_jobs', help: 'Jobs in the database, by kind and by what becomes of them.', labels: ['kind', 'state'] },
  oldestJobSeconds: {
    kind: 'gauge',
    name: 'millrace_jobs_oldest_waiting_seconds',
    help: 'For how long the first job of a kind has been due that nobody works on.',
    labels: ['kind'],
  },
  recordings: { kind: 'gauge', name: 'millrace_recordings', help: 'Recordings that are being written.' },
  archivedBytes: { kind: 'counter', name: 'millrace_archived_bytes_total', help: 'Bytes of media written to disk, for recordings and for viewers who go back.' },
  recordingEvents: { kind: 'counter', name: 'millrace_recording_incidents_total', help: 'What went wrong with writing broadcasts to disk, by kind.', labels: ['kind'] },
  diskFree: { kind: 'gauge', name: 'millrace_disk_free_bytes', help: 'Free space of the data folder.' },
  failingUploads: { kind: 'gauge', name: 'millrace_uploads_failing', help: 'Recordings whose way into object storage is barred: tried again.' },
  storageBytes: { kind: 'counter', name: 'millrace_storage_bytes_total', help: 'Bytes sent to object storage and fetched from it, by direction.', labels: ['direction'] },
  diskLow: { kind: 'gauge', name: 'millrace_disk_low', help: '1 when there is less than DISK_FREE_MIN_GB: recordings stop.' },
  databaseUp: { kind: 'gauge', name: 'millrace_database_up', help: '1 when the database answers.' },
  unwrittenRows: { kind: 'gauge', name: 'millrace_unwritten_rows', help: 'Rows that wait for the database.' },
} as const satisfies Record<string, MetricEntry>;

/** Where the numbers come from; what is missing is not shown. Counters must not fall. */
export type MetricSources = { readonly [Name in keyof typeof METRICS]?: () => Reading | Promise<Reading> };

/** Fine enough to see the stalls that viewers would, without waking an idle process all the time. */
const LAG_PRECISION_MS = 100;

export class Metrics {
  readonly #registry = new Registry();

  constructor(sources: MetricSources) {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
    for (const [name, entry] of Object.entries<MetricEntry>(METRICS)) {
      const read = Object.entries(sources).find(([source]) => source === name)?.[1];
      if (read) this.#register(entry, read);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #register({ kind, name, help, labels = [] }: MetricEntry, read: () => Reading | Promise<Reading>): void {
    const registers = [this.#registry];
    const labelNames = [...labels];
    if (kind === 'gauge') {
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        async collect() {
          const reading = await read();
          this.reset();
          for (const [values, value] of seriesOf(reading)) this.set({ ...values }, value);
        },
      });
    } else {
      new Counter({
        name,
        help,
        labelNames,
        registers,
        async collect() {
          const reading = await read();
          this.reset();
          for (const [values, value] of seriesOf(reading)) this.inc({ ...values }, value);
        },
      });
    }
  }
}

function seriesOf(reading: Reading): Iterable<readonly [Readonly<Record<string, string>>, number]> {
  return typeof reading === 'number' ? [[{}, reading]] : reading;
}
