/** Builds what viewers and owners hear of a broadcast while it runs, and what is remembered of it. For main.ts alone. */
import type { Kysely } from 'kysely';
import { BatchWriter } from './analytics/batch-writer.ts';
import { MeasurementHistory } from './analytics/measurement-history.ts';
import { Measurer } from './analytics/measurer.ts';
import { StreamSockets, type StreamSocketsDeps } from './analytics/stream-sockets.ts';
import type { MemoryViewerCounter } from './analytics/viewer-counter.ts';
import { Visits } from './analytics/visits.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { MeasurementStore } from './store/measurements.ts';
import type { Schema } from './store/schema.ts';
import { type ViewingRow, ViewingStore } from './store/viewings.ts';
import type { Hub } from './stream/hub.ts';
import type { LiveStream } from './stream/live-stream.ts';
import type { Bridges } from './transcode/bridges.ts';
import type { Ladders } from './transcode/ladders.ts';

export interface AudienceDeps extends Pick<StreamSocketsDeps, 'gate' | 'recordings' | 'publicOrigin'> {
  readonly db: Kysely<Schema>;
  readonly hub: Hub;
  readonly bridges: Bridges;
  readonly ladders: Ladders;
  /** Counts; its listener is the sockets. */
  readonly viewers: MemoryViewerCounter;
  readonly clock: Clock;
  readonly log: Log;
  newId(): string;
}

export interface Audience {
  readonly viewings: BatchWriter<ViewingRow>;
  readonly visits: Visits;
  readonly history: MeasurementHistory;
  readonly sockets: StreamSockets;
  readonly measurer: Measurer<LiveStream>;
}

export function composeAudience({ db, hub, bridges, ladders, viewers, gate, recordings, publicOrigin, clock, log, newId }: AudienceDeps): Audience {
  const broadcasts = { get: (streamId: string) => hub.get(streamId)?.broadcast };
  const viewings = new BatchWriter<ViewingRow>({ clock, log, name: 'viewings', keyOf: ({ id }) => id, write: (rows) => new ViewingStore(db).put(rows) });
  const visits = new Visits({ clock, counter: viewers, viewings, broadcasts, newId });
  const history = new MeasurementHistory({ clock, log, store: new MeasurementStore(db) });
  const sockets = new StreamSockets({ clock, log, gate, counter: viewers, visits, broadcasts, recordings, publicOrigin });
  const measurer = new Measurer({ clock, streams: hub, bridges, ladders, viewers, listeners: [sockets, history] });
  return { viewings, visits, history, sockets, measurer };
}
