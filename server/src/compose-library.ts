/** Builds what keeps broadcasts: the recorder, the library that knows whose recordings they are, and what plays them. For main.ts alone. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordingStorage } from '@millrace/contract/entities/recording';
import type { Kysely } from 'kysely';
import type { Config } from './config/load.ts';
import type { JobHandler } from './jobs/runner.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { Progress } from './lib/progress.ts';
import { errorCodeOf } from './lib/start-error.ts';
import { DiskFiles, type StoredFiles } from './lib/stored-files.ts';
import { FolderRemoval } from './library/folder-removal.ts';
import { LocalCopies } from './library/local-copies.ts';
import { NearestFiles } from './library/object-files.ts';
import type { ObjectStore } from './library/object-store.ts';
import { RecordingDesk } from './library/recording-desk.ts';
import { RecordingDirectory } from './library/recording-directory.ts';
import { RecordingPermission } from './library/recording-permission.ts';
import { RecordingPosters } from './library/recording-posters.ts';
import { RecordingSockets } from './library/recording-sockets.ts';
import { RecordingTasks } from './library/recording-tasks.ts';
import { RecordingUploads } from './library/recording-uploads.ts';
import { Recordings } from './library/recordings.ts';
import type { Packager } from './outputs/cmaf/packager.ts';
import type { PackagerRegistry } from './outputs/cmaf/registry.ts';
import { closedFiles } from './outputs/record/archive-folder.ts';
import { keepDownloadHead } from './outputs/record/download.ts';
import { archiveNames, readArchive } from './outputs/record/read-archive.ts';
import { Recorder, type RecordingOutcome } from './outputs/record/recorder.ts';
import { posterPath } from './outputs/record/stored-pictures.ts';
import { VodRoutes } from './outputs/record/vod-routes.ts';
import { PictureRoutes } from './outputs/thumbnail/routes.ts';
import { Thumbnailer } from './outputs/thumbnail/thumbnailer.ts';
import type { JobStore } from './store/jobs.ts';
import { type Also, RecordingStore, type StoredRecording } from './store/recordings.ts';
import type { Schema } from './store/schema.ts';
import { UploadStore } from './store/uploads.ts';
import type { LiveStream } from './stream/live-stream.ts';
import type { PlaybackGate } from './stream/playback-gate.ts';
import type { AdmissionDeps } from './streams/admission.ts';
import type { StreamDirectory } from './streams/directory.ts';
import { PictureJobs } from './transcode/picture-jobs.ts';
import type { WorkerPool } from './transcode/pool.ts';
import type { RecordingEvents } from './webhooks/recording-events.ts';

export interface LibraryDeps extends AdmissionDeps {
  readonly config: Pick<Config, 'dataDir' | 'minFreeBytes' | 'recordingQuotaBytes' | 'localCopyMs' | 'publicUrl'>;
  /** Where recordings are copied to; undefined: nowhere. */
  readonly objects: ObjectStore | undefined;
  readonly jobs: JobStore;
  /** Decode what posters and previews are made of. */
  readonly workers: WorkerPool;
  readonly events: RecordingEvents;
  /** A job was put. */
  wake(): void;
  readonly db: Kysely<Schema>;
  /** Of this server, among those on the database. */
  readonly serverId: string;
  readonly streams: StreamDirectory;
  readonly log: Log;
  newId(): string;
  /** A recording of a broadcast began or ended. */
  changed(recording: StoredRecording): void;
  /** Keeps the pictures of a stream converted while they are recorded. */
  use(streamId: string): void;
}

export class Library {
  readonly recorder: Recorder;
  readonly recordings: Recordings;
  readonly vod: VodRoutes;
  readonly thumbnailer: Thumbnailer;
  /** What owners hear. */
  readonly sockets: RecordingSockets;
  /** Work for the job runner. */
  readonly jobs: readonly JobHandler[];
  readonly #desk: RecordingDesk;
  readonly #uploads: RecordingUploads | undefined;
  readonly #copies: LocalCopies | undefined;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ config, db, serverId, streams, tokens, clock, log, objects, workers, jobs, events, wake, newId, identify, changed, use }: LibraryDeps) {
    const folder = join(config.dataDir, 'media');
    const store = new RecordingStore(db, serverId);
    const directory = new RecordingDirectory({ store, clock });
    const isElsewhere = (recording: StoredRecording): boolean => store.isOfAnother(recording) && (recording.uploadedAt === null || !objects);
    const permission = new RecordingPermission({ directory, tokens, clock, identify, isElsewhere });
    this.#folder = folder;
    this.#clock = clock;
    this.#log = log;
    this.thumbnailer = new Thumbnailer({ makers: new PictureJobs(workers), clock, log });
    const tasks = new RecordingTasks({ clock, progressed: (id) => this.sockets.progressed(id) });
    const taskOf = (id: string) => tasks.of(id);
    const storageOf = (recording: StoredRecording): RecordingStorage => ({
      local: recording.isLocal,
      elsewhere: isElsewhere(recording),
      upload: this.#uploads?.statusOf(recording) ?? null,
    });
    this.sockets = new RecordingSockets({ clock, log, directory, identify, storageOf, taskOf, publicOrigin: config.publicUrl });
    const folderOf = (id: string): string => this.recorder.recordingFolder(id);
    if (objects) {
      const uploaded: Also = (transaction, recording) => events.recordingUploaded(transaction, recording);
      const stored = (): void => {
        events.stored();
        void this.#copies?.sweep();
      };
      const prepare = (id: string, path: string): Promise<void> =>
        followed(tasks.begin(id, 'download'), (progress) => keepDownloadHead(path, progress)).catch((error: unknown) =>
          log.warn({ err: error, path }, 'a recording is uploaded without the header of its download'),
        );
      const told = {
        changed: (recording: StoredRecording): void => {
          directory.forget(recording.id);
          this.sockets.recordingChanged(recording);
        },
        progressed: (id: string) => this.sockets.progressed(id),
      };
      const shared = { objects, recordings: store, uploads: new UploadStore(db), jobs, clock, log, newId, wake };
      const uploads = new RecordingUploads({ ...shared, ...told, folderOf, closedFiles, prepare, uploaded, stored });
      this.#uploads = uploads;
      this.#copies = new LocalCopies({
        recordings: store,
        clock,
        log,
        keepMs: config.localCopyMs,
        filesOf: (id) => new DiskFiles(folderOf(id)),
        missing: (id, files) => uploads.missing(id, files),
        uploadAgain: (id, paths) => uploads.again(id, paths),
        removeFolder: (id) => this.#removeFolder(id),
      });
    }
    const folders = new FolderRemoval({ recordings: store, jobs, clock, newId, remove: (id) => this.#removeFiles(id) });
    this.jobs = [...(this.#uploads?.jobs ?? []), folders];
    const followers = [events, folders, ...(this.#uploads ? [this.#uploads] : [])];
    const pages = {
      recordingChanged: (recording: StoredRecording): void => {
        this.sockets.recordingChanged(recording);
        changed(recording);
      },
      recordingDeleted: (recording: StoredRecording) => this.sockets.recordingDeleted(recording),
    };
    this.#desk = new RecordingDesk({ store, directory, streams, clock, log, quotaBytes: config.recordingQuotaBytes, followers, listener: pages, tasks, newId });
    const listener = {
      recordingEnded: (outcome: RecordingOutcome) => this.#desk.recordingEnded(outcome),
      recordingGrew: (id: string) => this.#uploads?.recordingGrew(id),
      recordingDropped: (id: string) => this.#desk.recordingDropped(id),
    };
    const copies = this.#copies;
    const makeRoom = copies && { makeRoom: () => copies.makeRoom() };
    this.recorder = new Recorder({ clock, log, folder, minFreeBytes: config.minFreeBytes, policy: this.#desk, listener, use, ...makeRoom });
    this.vod = new VodRoutes({
      gate: permission,
      clock,
      log,
      lookUp: (id) => permission.lookUp(id),
      filesOf: (id) => this.#filesOf(id),
      beginDownload: (id) => tasks.begin(id, 'download'),
    });
    const posters = new RecordingPosters({ clock, filesOf: (id) => this.#filesOf(id), path: posterPath(''), isElsewhere });
    this.recordings = new Recordings({
      store,
      directory,
      tokens,
      clock,
      storageOf,
      taskOf,
      hasPoster: (recording) => posters.has(recording),
      prepareDownload: (id) => this.vod.prepareDownload(id),
      changed: (recording) => this.sockets.recordingChanged(recording),
      removeRow: (id) => this.#desk.delete(id),
      removeFiles: (id) => this.#removeFiles(id),
    });
  }

  /** For whoever measures the server. */
  get parts(): { readonly recorder: Recorder; readonly uploads: RecordingUploads | undefined } {
    return { recorder: this.recorder, uploads: this.#uploads };
  }

  /** Rows that wait for the database. */
  get pending(): number {
    return this.#desk.pending;
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

  /** Also of its time before a restart, and what ended before the broadcast does because there was no room. */
  async discard({ streamId, broadcastId }: { readonly streamId: string; readonly broadcastId: string }): Promise<void> {
    await this.recorder.discard(streamId);
    await this.#desk.discard(streamId, broadcastId);
    await this.recordings.removeOf(streamId, broadcastId);
  }

  /** Gives up what servers were recording that nobody has seen since then. */
  endAbandoned(unseenSince: Date): Promise<void> {
    return this.#desk.endAbandoned(unseenSince);
  }

  /** Recordings that a crash interrupted are put right meanwhile: that may take a while, and nothing else waits for it. */
  async start(): Promise<void> {
    // What a removal was cut off in.
    await rm(this.#removed, { recursive: true, force: true });
    await this.recorder.start();
    this.thumbnailer.start();
    this.sockets.start();
    const archives = {
      names: () => archiveNames(join(this.#folder, 'recordings')),
      inspect: (id: string, progress: Progress) => readArchive(new DiskFiles(this.recorder.recordingFolder(id)), progress),
      remove: (id: string) => this.#removeFiles(id),
    };
    this.#desk.restore(archives).catch((error: unknown) => this.#log.error({ err: error }, 'interrupted recordings could not be put right'));
    this.#uploads?.start().catch((error: unknown) => this.#log.error({ err: error }, 'recordings that are not uploaded could not be looked for'));
    this.#copies?.start();
  }

  /** After the broadcasts have ended. */
  async close(): Promise<void> {
    this.thumbnailer.close();
    this.#copies?.close();
    await this.recorder.close();
    await this.#desk.flush();
  }

  get #removed(): string {
    return join(this.#folder, 'removed');
  }

  /** From object storage where they are not here, or no longer. */
  #filesOf(id: string): StoredFiles {
    const here = new DiskFiles(this.recorder.recordingFolder(id));
    return this.#uploads ? new NearestFiles(here, this.#uploads.filesOf(id)) : here;
  }

  async #removeFiles(id: string): Promise<void> {
    this.vod.forget(id);
    await this.#removeFolder(id);
  }

  /** At once, whatever comes in between: half a folder would look like a recording that is damaged. */
  async #removeFolder(id: string): Promise<void> {
    await mkdir(this.#removed, { recursive: true });
    const path = join(this.#removed, id);
    try {
      await rename(this.recorder.recordingFolder(id), path);
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(path, { recursive: true, force: true });
  }
}

/** Ends the progress with the work. */
async function followed(progress: Progress, work: (progress: Progress) => Promise<void>): Promise<void> {
  try {
    await work(progress);
  } finally {
    progress.end();
  }
}
