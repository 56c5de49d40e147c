/** Tells webhooks what became of recordings. */
import type { RecordingProblem } from '@millrace/contract/entities/recording';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { StoredRecording } from '../store/recordings.ts';
import type { EmittedEvent, WebhookEvents } from './events.ts';

/** A database that is away is asked again after so long, at first and at most. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

/** Longer than a database takes to come back; what is lost then is in the log. */
const MAX_TRIES = 30;

const REASONS: Readonly<Record<RecordingProblem, string>> = {
  disk_full: 'The disk of the server is full.',
  quota_reached: 'There is no room left for recordings of yours.',
  write_failed: 'The recording could not be written.',
  interrupted: 'The server stopped before there was anything to keep.',
  damaged: 'What was recorded cannot be read.',
};

export interface RecordingEventsDeps {
  readonly events: Pick<WebhookEvents, 'emit'>;
  readonly clock: Clock;
  readonly log: Log;
}

type Told = 'recording.ready' | 'recording.uploaded' | 'recording.failed';

export class RecordingEvents {
  readonly #deps: RecordingEventsDeps;

  constructor(deps: RecordingEventsDeps) {
    this.#deps = deps;
  }

  recordingReady(recording: StoredRecording): void {
    void this.#tell('recording.ready', recording);
  }

  recordingFailed(recording: StoredRecording): void {
    void this.#tell('recording.failed', recording);
  }

  /** Rejects while the database is away. */
  async recordingUploaded(recording: StoredRecording): Promise<void> {
    const event = this.#eventOf('recording.uploaded', recording);
    if (event) await this.#deps.events.emit(recording.ownerId, `recording.uploaded:${recording.id}`, event);
  }

  async #tell(type: Told, recording: StoredRecording): Promise<void> {
    const { events, clock, log } = this.#deps;
    const event = this.#eventOf(type, recording);
    if (!event) return;
    for (let tries = 1, retryMs = FIRST_RETRY_MS; ; tries++, retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      try {
        await events.emit(recording.ownerId, `${type}:${recording.id}`, event);
        return;
      } catch (error) {
        if (tries === MAX_TRIES) {
          log.error({ err: error, recordingId: recording.id, type }, 'webhooks were not told of a recording');
          return;
        }
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
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
