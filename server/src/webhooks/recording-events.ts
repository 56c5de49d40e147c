/** Tells webhooks what became of recordings. */
import type { RecordingProblem } from '@millrace/contract/entities/recording';
import type { Clock } from '../lib/clock.ts';
import type { StoredRecording } from '../store/recordings.ts';
import type { Queryable } from '../store/webhooks.ts';
import type { EmittedEvent, WebhookEvents } from './events.ts';

const REASONS: Readonly<Record<RecordingProblem, string>> = {
  disk_full: 'The disk of the server is full.',
  quota_reached: 'There is no room left for recordings of yours.',
  write_failed: 'The recording could not be written.',
  interrupted: 'The server that recorded it is gone. When it comes back, so does the recording.',
  damaged: 'What was recorded cannot be read.',
};

export interface RecordingEventsDeps {
  readonly events: Pick<WebhookEvents, 'emit' | 'stored'>;
  readonly clock: Clock;
}

type Told = 'recording.ready' | 'recording.uploaded' | 'recording.failed';

export class RecordingEvents {
  readonly #deps: RecordingEventsDeps;

  constructor(deps: RecordingEventsDeps) {
    this.#deps = deps;
  }

  /** To be called in the transaction that stores how a recording ended. */
  recordingStored(transaction: Queryable, recording: StoredRecording): Promise<void> {
    return this.#tell(transaction, recording.state === 'ready' ? 'recording.ready' : 'recording.failed', recording);
  }

  /** To be called in the transaction that stores that. */
  recordingUploaded(transaction: Queryable, recording: StoredRecording): Promise<void> {
    return this.#tell(transaction, 'recording.uploaded', recording);
  }

  /** To be called when such a transaction is through. */
  stored(): void {
    this.#deps.events.stored();
  }

  async #tell(transaction: Queryable, type: Told, recording: StoredRecording): Promise<void> {
    const event = this.#eventOf(type, recording);
    if (event) await this.#deps.events.emit(transaction, { ownerId: recording.ownerId, eventId: `${type}:${recording.id}`, event });
  }

  /** Undefined for a recording whose stream is gone: nobody can ask for it any more. */
  #eventOf(type: Told, recording: StoredRecording): EmittedEvent | undefined {
    const { id, streamId, broadcastId, title, startedAt, seconds, bytes, problem } = recording;
    if (streamId === null) return undefined;
    const about = { id, streamId, broadcastId, title, startedAt: startedAt.toISOString(), durationSeconds: seconds, sizeBytes: bytes };
    const timestamp = new Date(this.#deps.clock.now()).toISOString();
    if (type !== 'recording.failed') return { type, timestamp, data: { recording: about } };
    return { type, timestamp, data: { recording: about, reason: REASONS[problem ?? 'write_failed'] } };
  }
}
