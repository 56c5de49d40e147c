/**
 * Between the media path, which writes recordings, and the library, which knows whose they are: decides what is kept of a broadcast, writes
 * down how it ended, and after a crash what became of recordings that were being made.
 */
import type { RecordingProblem } from '@millrace/contract/entities/recording';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { RecordingEnd, RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { KnownStream, StreamDirectory } from '../streams/directory.ts';
import type { RecordingDirectory } from './recording-directory.ts';

/** Hears of recordings once they are written down. Must not block or throw. */
export interface RecordingListener {
  /** It can be played; `problem` says when it is not all of its broadcast. */
  recordingReady(recording: StoredRecording): void;
  /** There is nothing to play. */
  recordingFailed(recording: StoredRecording): void;
}

/** What the media path finds on disk. */
export interface ArchivePort {
  /** The ids of everything that lies there. */
  names(): Promise<string[]>;
  /** Rejects where there is nothing to play. */
  inspect(id: string): Promise<{ readonly seconds: number; readonly bytes: number; readonly faults: readonly string[] }>;
}

export interface RecordingDeskDeps {
  readonly store: RecordingStore;
  readonly directory: RecordingDirectory;
  readonly streams: StreamDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** What one owner may keep; infinity: as much as there is room. */
  readonly quotaBytes: number;
  readonly listeners: readonly RecordingListener[];
  newId(): string;
}

/** The media path's plan for a broadcast; see the recorder. */
interface Plan {
  readonly recording: { readonly id: string; readonly maxBytes: number } | undefined;
  readonly rewindSeconds: number;
}

/** A database that is away is asked again after so long, at first and at most. */
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export class RecordingDesk {
  readonly #deps: RecordingDeskDeps;
  readonly #writing = new Set<Promise<void>>();

  constructor(deps: RecordingDeskDeps) {
    this.#deps = deps;
  }

  /** Changes that are not in the database yet. */
  get pending(): number {
    return this.#writing.size;
  }

  /** Rejects while the database is away. */
  async plan(broadcast: Broadcast, { isLow }: { readonly isLow: boolean }): Promise<Plan> {
    const { store, streams, quotaBytes, newId } = this.#deps;
    const { stream } = await streams.byId(broadcast.streamId);
    if (!stream) return { recording: undefined, rewindSeconds: 0 };
    const rewindSeconds = isLow ? 0 : (stream.rewindSeconds ?? Number.POSITIVE_INFINITY);
    if (!stream.record) return { recording: undefined, rewindSeconds };
    const maxBytes = quotaBytes - (await store.bytesOf(stream.ownerId));
    const problem = isLow ? 'disk_full' : maxBytes <= 0 ? 'quota_reached' : null;
    const recording = this.#recordingOf(broadcast, stream, { id: newId(), problem });
    await store.insert(recording);
    if (problem === null) return { recording: { id: recording.id, maxBytes }, rewindSeconds };
    this.#deps.log.error({ streamId: stream.id, ownerId: stream.ownerId, problem }, 'a broadcast is not recorded');
    for (const listener of this.#deps.listeners) listener.recordingFailed(recording);
    return { recording: undefined, rewindSeconds };
  }

  recordingEnded({ id, seconds, bytes, problem }: { readonly id: string; readonly seconds: number; readonly bytes: number; readonly problem: RecordingProblem | null }): void {
    const endedAt = new Date(this.#deps.clock.now());
    this.#persist(() => this.#finish(id, { state: seconds > 0 ? 'ready' : 'failed', problem, seconds, bytes, endedAt }));
  }

  recordingDropped(id: string): void {
    this.#persist(() => this.#deps.store.delete(id));
  }

  /** When everything that has changed until now is written. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** After a start: recordings that were being made become what there is of them, and what nobody knows is reported. */
  async restore(archives: ArchivePort): Promise<void> {
    const { store, log } = this.#deps;
    for (const recording of await store.unfinished()) await this.#repair(recording, archives);
    const names = await archives.names();
    const known = await store.existing(names);
    for (const name of names) if (!known.has(name)) log.warn({ folder: name }, 'a folder among the recordings belongs to none of them: it is left alone');
  }

  async #repair(recording: StoredRecording, archives: ArchivePort): Promise<void> {
    const { log } = this.#deps;
    const { id, startedAt } = recording;
    try {
      const { seconds, bytes, faults } = await archives.inspect(id);
      log.warn({ recordingId: id, seconds: Math.round(seconds), faults }, 'a recording was interrupted: what there is of it is kept');
      const endedAt = new Date(startedAt.getTime() + seconds * 1000);
      await this.#finish(id, { state: 'ready', problem: 'interrupted', seconds, bytes, endedAt });
    } catch (error) {
      log.error({ err: error, recordingId: id }, 'a recording was interrupted and cannot be read');
      await this.#finish(id, { state: 'failed', problem: 'damaged', seconds: 0, bytes: 0, endedAt: startedAt });
    }
  }

  async #finish(id: string, end: RecordingEnd): Promise<void> {
    const { store, directory, clock, listeners } = this.#deps;
    const recording = await store.finish(id, end, new Date(clock.now()));
    directory.forget(id);
    if (!recording) return;
    for (const listener of listeners) {
      if (recording.state === 'ready') listener.recordingReady(recording);
      else listener.recordingFailed(recording);
    }
  }

  #recordingOf(broadcast: Broadcast, stream: KnownStream, { id, problem }: { readonly id: string; readonly problem: RecordingProblem | null }): StoredRecording {
    const startedAt = new Date(broadcast.startedAt ?? broadcast.createdAt);
    return {
      id,
      ownerId: stream.ownerId,
      streamId: stream.id,
      broadcastId: broadcast.broadcastId,
      title: stream.title,
      visibility: stream.visibility,
      state: problem === null ? 'recording' : 'failed',
      problem,
      seconds: 0,
      bytes: 0,
      startedAt,
      endedAt: problem === null ? null : startedAt,
      updatedAt: new Date(this.#deps.clock.now()),
    };
  }

  #persist(write: () => Promise<void>): void {
    const writing = this.#tryUntilWritten(write).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #tryUntilWritten(write: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#deps;
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      try {
        await write();
        return;
      } catch (error) {
        log.warn({ err: error, retryMs }, 'how a recording ended is not stored, trying again');
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
  }
}
