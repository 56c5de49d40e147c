/** Events the server sends on `/ws/recordings`, of every recording of whoever opened it. Read the list when the socket opens; these tell of what comes after. */
import { z } from 'zod';
import { RecordingStorage, RecordingTask } from '../entities/recording.ts';
import { Id } from '../ids.ts';
import { CommandRefused, RecordingChanged } from './stream-socket.ts';

/** It is gone. */
export const RecordingDeleted = z.strictObject({
  type: z.literal('RECORDING_DELETED'),
  recordingId: Id,
});

/** Where it lies, how far its upload and what else takes long have come: at most once a second, as in the recording itself. */
export const RecordingProgressed = z.strictObject({
  type: z.literal('RECORDING_PROGRESSED'),
  recordingId: Id,
  storage: RecordingStorage,
  task: RecordingTask.nullable(),
});

export const RecordingSocketEvent = z.discriminatedUnion('type', [RecordingChanged, RecordingDeleted, RecordingProgressed, CommandRefused]).meta({ id: 'RecordingSocketEvent' });
export type RecordingSocketEvent = z.infer<typeof RecordingSocketEvent>;
