/**
 * Between the media path, which writes recordings, and the library, which knows whose they are: decides what is kept of a broadcast, writes
 * down how it ended, and after a crash what became of recordings that were being made.
 */
import type { RecordingProblem } from '@millrace/contract/entities/recording';
import type { Transaction } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Progress } from '../lib/progress.ts';
import type { NewRecording, RecordingEnd, RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { Schema } from '../store/schema.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { KnownStream, StreamDirectory } from '../streams/directory.ts';
import type { RecordingDirectory } from './recording-directory.ts';
import type { RecordingTasks } from './recording-tasks.ts';

/** Hears of recordings in the transaction that writes them down: what follows is as sure as they are. */
export interface RecordingFollower {
  /** How it ended: ready to be played, whole or with a `problem`, or failed. */
  recordingStored(transaction: Transaction<Schema>, recording: StoredRecording): Promise<void>;
  /** It is gone. */
  recordingDeleted?(transaction: Transaction<Schema>, recording: StoredRecording): Promise<void>;
  /** The transaction is through. */
  stored(): void;
}

/** Hears of recordings after they are written down. Must not throw. */
export interface RecordingListener {
  /** It began or ended. */
  recordingChanged(recording: StoredRecording): void;
  recordingDeleted(recording: StoredRecording): void;
}

/** What the media path finds on disk. */
export interface ArchivePort {
  /** The ids of everything that lies there. */
  names(): Promise<string[]>;
  remove(id: string): Promise<void>;
  /** Rejects where there is nothing to play. */
  inspect(id: string, progress: Progress): Promise<{ readonly seconds: number; readonly bytes: number; readonly faults: readonly string[] }>;
}

export interface RecordingDeskDeps {
  readonly store: RecordingStore;
  readonly directory: RecordingDirectory;
  readonly streams: StreamDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** What one owner may keep; infinity: as much as there is room. */
  readonly quotaBytes: number;
  readonly followers: readonly RecordingFollower[];
  readonly listener: RecordingListener;
  /** Says how far the repair of recordings has come. */
  readonly tasks: Pick<RecordingTasks, 'begin'>;
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
    const { store, streams, quotaBytes, listener, newId } = this.#deps;
    const { stream } = await streams.byId(broadcast.streamId);
    if (!stream) return { recording: undefined, rewindSeconds: 0 };
    const rewindSeconds = isLow ? 0 : (stream.rewindSeconds ?? Number.POSITIVE_INFINITY);
    if (!stream.record) return { recording: undefined, rewindSeconds };
    const maxBytes = quotaBytes - (await store.bytesOf(stream.ownerId));
    const problem = isLow ? 'disk_full' : maxBytes <= 0 ? 'quota_reached' : null;
    const recording = this.#recordingOf(broadcast, stream, { id: newId(), problem });
    if (problem === null) {
      listener.recordingChanged(await store.insert(recording));
      return { recording: { id: recording.id, maxBytes }, rewindSeconds };
    }
    const refused = await store.insert(recording, this.#stored);
    this.#tellStored();
    listener.recordingChanged(refused);
    this.#deps.log.error({ streamId: stream.id, ownerId: stream.ownerId, problem }, 'a broadcast is not recorded');
    return { recording: undefined, rewindSeconds };
  }

  recordingEnded({ id, seconds, bytes, problem }: { readonly id: string; readonly seconds: number; readonly bytes: number; readonly problem: RecordingProblem | null }): void {
    const endedAt = new Date(this.#deps.clock.now());
    this.#persist(() => this.#finish(id, { state: seconds > 0 ? 'ready' : 'failed', problem, seconds, bytes, endedAt }));
  }

  recordingDropped(id: string): void {
    this.#persist(() => this.delete(id));
  }

  /** Forgets it, and has those who follow tidy up. */
  async delete(id: string): Promise<void> {
    const { store, followers, listener } = this.#deps;
    const recording = await store.delete(id, async (transaction, deleted) => {
      for (const follower of followers) await follower.recordingDeleted?.(transaction, deleted);
    });
    this.#tellStored();
    if (recording) listener.recordingDeleted(recording);
  }

  /** When everything that has changed until now is written. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** What is being made of this broadcast will not be kept, also if the server dies before the broadcast ends. */
  async discard(streamId: string, broadcastId: string): Promise<void> {
    await this.flush();
    await this.#deps.store.setUnwanted(streamId, broadcastId);
  }

  /** After a start: recordings that were being made here become what there is of them, and what nobody knows is reported. */
  async restore(archives: ArchivePort): Promise<void> {
    const { store, log, tasks } = this.#deps;
    await store.claim(await archives.names());
    const unfinished = (await store.unfinished()).map(({ recording, isUnwanted }) => ({ recording, repair: isUnwanted ? undefined : tasks.begin(recording.id, 'repair') }));
    try {
      for (const { recording, repair } of unfinished) {
        if (repair) await this.#repair(recording, archives, repair);
        else await this.#forget(recording, archives);
      }
    } finally {
      for (const { repair } of unfinished) repair?.end();
    }
    const names = await archives.names();
    const known = await store.existing(names);
    for (const name of names) if (!known.has(name)) log.warn({ folder: name }, 'a folder among the recordings belongs to none of them: it is left alone');
  }

  /** Those that were being made on servers that nobody has seen since then: their files are out of reach. */
  async endAbandoned(unseenSince: Date): Promise<void> {
    const { store, clock, log } = this.#deps;
    for (const { recording, isUnwanted } of await store.abandoned(unseenSince)) {
      const { id, serverId } = recording;
      log.warn({ recordingId: id, serverId }, 'a recording is given up whose server is gone');
      if (isUnwanted) await this.delete(id);
      else this.#tellOf(await store.giveUp(recording, new Date(clock.now()), this.#stored));
    }
  }

  /** The files first: without its row nobody would look for them. */
  async #forget({ id }: StoredRecording, archives: ArchivePort): Promise<void> {
    await archives.remove(id);
    await this.delete(id);
    this.#deps.log.info({ recordingId: id }, 'a recording that was not to be kept was interrupted, and is deleted');
  }

  async #repair(recording: StoredRecording, archives: ArchivePort, progress: Progress): Promise<void> {
    const { log } = this.#deps;
    const { id, startedAt } = recording;
    progress.advance(0);
    const found = await archives.inspect(id, progress).catch((error: unknown) => {
      log.error({ err: error, recordingId: id }, 'a recording was interrupted and cannot be read');
      return undefined;
    });
    progress.end();
    if (found?.seconds === 0) log.error({ recordingId: id, faults: found.faults }, 'a recording was interrupted and nothing of it can be read');
    if (!found || found.seconds === 0) {
      await this.#finish(id, { state: 'failed', problem: 'damaged', seconds: 0, bytes: 0, endedAt: startedAt });
      return;
    }
    const { seconds, bytes, faults } = found;
    log.warn({ recordingId: id, seconds: Math.round(seconds), faults }, 'a recording was interrupted: what there is of it is kept');
    const endedAt = new Date(startedAt.getTime() + seconds * 1000);
    await this.#finish(id, { state: 'ready', problem: 'interrupted', seconds, bytes, endedAt });
  }

  async #finish(id: string, end: RecordingEnd): Promise<void> {
    const { store, clock } = this.#deps;
    this.#tellOf(await store.finish(id, end, new Date(clock.now()), this.#stored));
  }

  /** @param recording as it is stored now, if it is. */
  #tellOf(recording: StoredRecording | undefined): void {
    const { directory, listener } = this.#deps;
    this.#tellStored();
    if (!recording) return;
    directory.forget(recording.id);
    listener.recordingChanged(recording);
  }

  readonly #stored = async (transaction: Transaction<Schema>, recording: StoredRecording): Promise<void> => {
    for (const follower of this.#deps.followers) await follower.recordingStored(transaction, recording);
  };

  #tellStored(): void {
    for (const follower of this.#deps.followers) follower.stored();
  }

  #recordingOf(broadcast: Broadcast, stream: KnownStream, { id, problem }: { readonly id: string; readonly problem: RecordingProblem | null }): NewRecording {
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
      uploadedAt: null,
      isLocal: problem === null,
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
