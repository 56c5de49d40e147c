/** Events the server sends on `/ws/streams/{id}`. */
import { z } from 'zod';
import { BroadcastState } from '../entities/broadcast.ts';
import { Measurement } from '../entities/measurement.ts';
import { RecordingProblem, RecordingState } from '../entities/recording.ts';
import { ERROR_CODES } from '../errors.ts';
import { Id, Instant } from '../ids.ts';

/** First on every socket and again at each change, within 1 s. */
export const StreamStatusChanged = z.strictObject({
  type: z.literal('STREAM_STATUS_CHANGED'),
  status: BroadcastState,
  broadcastId: Id.nullable(),
  /** Changes whenever the playlists begin anew, so that a player knows to load them again. */
  epoch: z.string().nullable(),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  /** While reconnecting: when the server stops waiting. */
  reconnectUntil: Instant.nullable(),
  /** The server's clock as it sent this. */
  at: Instant,
});

export const ViewersCounted = z.strictObject({
  type: z.literal('VIEWERS_COUNTED'),
  viewers: z.int().nonnegative(),
});

/** Each second while media arrives; to the owner only. */
export const Measured = z.strictObject({
  type: z.literal('MEASURED'),
  measurement: Measurement,
});

/**
 * What was kept of a broadcast can be watched: after its end, and on every socket that opens later, until the next broadcast. Of a recording
 * that is private only the owner hears.
 */
export const RecordingReady = z.strictObject({
  type: z.literal('RECORDING_READY'),
  broadcastId: Id,
  recordingId: Id,
});

/**
 * A recording began, ended, ran into a problem, was uploaded or changed by its owner: `GET /recordings/{id}` has all of it. On a stream's socket
 * to the owner alone, when it begins and ends, and as the socket opens if the running broadcast has one.
 */
export const RecordingChanged = z.strictObject({
  type: z.literal('RECORDING_CHANGED'),
  recordingId: Id,
  /** Null once the stream was deleted. */
  streamId: Id.nullable(),
  broadcastId: Id,
  state: RecordingState,
  problem: RecordingProblem.nullable(),
});

/** A command was refused. */
export const CommandRefused = z.strictObject({
  type: z.literal('COMMAND_REFUSED'),
  code: z.enum(ERROR_CODES),
  detail: z.string(),
});

export const StreamSocketEvent = z
  .discriminatedUnion('type', [StreamStatusChanged, ViewersCounted, Measured, RecordingChanged, RecordingReady, CommandRefused])
  .meta({ id: 'StreamSocketEvent' });
export type StreamSocketEvent = z.infer<typeof StreamSocketEvent>;
