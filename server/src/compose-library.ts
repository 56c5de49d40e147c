/** Builds what keeps broadcasts: the recorder, the library that knows whose recordings they are, and what plays them. For main.ts alone. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { User } from '@millrace/contract/entities/user';
import type { Kysely } from 'kysely';
import type { Config } from './config/load.ts';
import type { JobHandler } from './jobs/runner.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { ObjectStore } from './library/object-store.ts';
import { RecordingDesk, type RecordingListener } from './library/recording-desk.ts';
import { RecordingDirectory } from './library/recording-directory.ts';
import { RecordingPermission } from './library/recording-permission.ts';
import { RecordingUploads } from './library/recording-uploads.ts';
import { Recordings } from './library/recordings.ts';
import type { Packager } from './outputs/cmaf/packager.ts';
import type { PackagerRegistry } from './outputs/cmaf/registry.ts';
import { archiveFiles, archiveNames, readArchive } from './outputs/record/read-archive.ts';
import { Recorder } from './outputs/record/recorder.ts';
import { VodRoutes } from './outputs/record/vod-routes.ts';
import { PictureRoutes } from './outputs/thumbnail/routes.ts';
import { Thumbnailer } from './outputs/thumbnail/thumbnailer.ts';
import { JobStore } from './store/jobs.ts';
import { RecordingStore, type StoredRecording } from './store/recordings.ts';
import type { Schema } from './store/schema.ts';
import { UploadStore } from './store/uploads.ts';
import type { LiveStream } from './stream/live-stream.ts';
import type { PlaybackGate } from './stream/playback-gate.ts';
import type { StreamDirectory } from './streams/directory.ts';
import type { PlaybackTokens } from './streams/playback-tokens.ts';
import { PictureJobs } from './transcode/picture-jobs.ts';
import type { WorkerPool } from './transcode/pool.ts';
import type { RecordingEvents } from './webhooks/recording-events.ts';

export interface LibraryDeps {
  readonly config: Pick<Config, 'dataDir' | 'minFreeBytes' | 'recordingQuotaBytes'>;
  /** Where recordings are copied to; undefined: nowhere. */
  readonly objects: ObjectStore | undefined;
  /** Decode what posters and previews are made of. */
  readonly workers: WorkerPool;
  readonly events: RecordingEvents;
  /** A job was put. */
  wake(): void;
  readonly db: Kysely<Schema>;
  readonly streams: StreamDirectory;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
  readonly log: Log;
  newId(): string;
  identify(credentials: { readonly cookie: string | undefined; readonly authorization: string | undefined }): User | undefined | Promise<User | undefined>;
  /** A recording of this broadcast can be played from now on. */
  ready(streamId: string, broadcastId: string): void;
  /** Keeps the pictures of a stream converted while they are recorded. */
  use(streamId: string): void;
}

export class Library {
  readonly recorder: Recorder;
  readonly recordings: Recordings;
  readonly vod: VodRoutes;
  readonly thumbnailer: Thumbnailer;
  /** Work for the job runner. */
  readonly jobs: readonly JobHandler[];
  readonly #desk: RecordingDesk;
  readonly #uploads: RecordingUploads | undefined;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ config, db, streams, tokens, clock, log, objects, workers, events, wake, newId, identify, ready, use }: LibraryDeps) {
    const folder = join(config.dataDir, 'media');
    const store = new RecordingStore(db);
    const directory = new RecordingDirectory({ store, clock });
    const permission = new RecordingPermission({ directory, tokens, clock, identify });
    this.#root = join(folder, 'recordings');
    this.#clock = clock;
    this.#log = log;
    const jobs = new JobStore(db);
    this.thumbnailer = new Thumbnailer({ makers: new PictureJobs(workers), clock, log });
    const folderOf = (id: string): string => this.recorder.recordingFolder(id);
    const uploaded = (recording: StoredRecording): Promise<void> => events.recordingUploaded(recording);
    this.#uploads = objects && new RecordingUploads({ objects, recordings: store, uploads: new UploadStore(db), jobs, clock, log, newId, wake, folderOf, uploaded });
    this.jobs = this.#uploads ? [this.#uploads.job] : [];
    const pages: RecordingListener = {
      recordingReady: ({ streamId, broadcastId }) => streamId !== null && ready(streamId, broadcastId),
      recordingFailed: () => {},
    };
    const listeners = [events, pages, ...(this.#uploads ? [this.#uploads] : [])];
    this.#desk = new RecordingDesk({ store, directory, streams, clock, log, quotaBytes: config.recordingQuotaBytes, listeners, newId });
    this.recorder = new Recorder({ clock, log, folder, minFreeBytes: config.minFreeBytes, policy: this.#desk, listener: this.#desk, use });
    this.vod = new VodRoutes({ gate: permission, clock, log, titleOf: (id) => permission.titleOf(id), folderOf });
    this.recordings = new Recordings({ store, directory, tokens, clock, removeFiles: (id) => this.#removeFiles(id) });
  }

  /** Rows that wait for the database. */
  get pending(): number {
    return this.#desk.pending;
  }

  /** Every file of a recording, for whoever copies it elsewhere. */
  files(id: string): Promise<{ readonly path: string; readonly bytes: number }[]> {
    return archiveFiles(this.recorder.recordingFolder(id));
  }

  /** Takes every packager of a stream as it is made. */
  follow(stream: LiveStream, packager: Packager): Packager {
    return this.recorder.follow(stream, packager, this.thumbnailer.follow(stream, packager));
  }

  /**
   * What answers for recordings, and for the pictures of broadcasts: these before the routes of their media.
   * @param gate of broadcasts.
   */
  routes(registry: PackagerRegistry, gate: PlaybackGate): readonly (VodRoutes | PictureRoutes)[] {
    return [this.vod, new PictureRoutes({ thumbnailer: this.thumbnailer, registry, gate, clock: this.#clock })];
  }

  /** Recordings that a crash interrupted are put right meanwhile: that may take a while, and nothing else waits for it. */
  async start(): Promise<void> {
    await this.recorder.start();
    this.thumbnailer.start();
    const archives = { names: () => archiveNames(this.#root), inspect: (id: string) => readArchive(this.recorder.recordingFolder(id)) };
    this.#desk.restore(archives).catch((error: unknown) => this.#log.error({ err: error }, 'interrupted recordings could not be put right'));
  }

  /** After the broadcasts have ended. */
  async close(): Promise<void> {
    this.thumbnailer.close();
    await this.recorder.close();
    await this.#desk.flush();
  }

  async #removeFiles(id: string): Promise<void> {
    this.vod.forget(id);
    await rm(this.recorder.recordingFolder(id), { recursive: true, force: true });
    await this.#uploads?.remove(id);
  }
}
