/** Events the server sends on `/ws/streams/{id}`. */
import { z } from 'zod';
import { BroadcastState } from '../entities/broadcast.ts';
import { Measurement } from '../entities/measurement.ts';
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

/** A command was refused. */
export const CommandRefused = z.strictObject({
  type: z.literal('COMMAND_REFUSED'),
  code: z.enum(ERROR_CODES),
  detail: z.string(),
});

export const StreamSocketEvent = z.discriminatedUnion('type', [StreamStatusChanged, ViewersCounted, Measured, RecordingReady, CommandRefused]).meta({ id: 'StreamSocketEvent' });
export type StreamSocketEvent = z.infer<typeof StreamSocketEvent>;
