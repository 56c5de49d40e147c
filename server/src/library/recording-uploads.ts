/** Brings recordings into object storage while they are made and when they are whole, reads them there, and takes them out when they are deleted. */
import type { RecordingUpload } from '@millrace/contract/entities/recording';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { JobHandler, JobOutcome, RunningJob } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { StoredFiles } from '../lib/stored-files.ts';
import type { JobStore } from '../store/jobs.ts';
import type { Also, RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { Schema } from '../store/schema.ts';
import type { UploadStore } from '../store/uploads.ts';
import { FOLDER_UPLOAD_JOB, FolderUploads, isFinished } from './folder-uploads.ts';
import { ObjectFolders } from './object-files.ts';
import type { ObjectStore } from './object-store.ts';
import type { RecordingFollower } from './recording-desk.ts';

const PREFIX = 'recordings';

export interface RecordingUploadsDeps {
  readonly objects: ObjectStore;
  readonly recordings: Pick<RecordingStore, 'byId' | 'notUploaded' | 'setUploaded'>;
  readonly uploads: UploadStore;
  readonly jobs: JobStore;
  readonly clock: Clock;
  readonly log: Log;
  newId(): string;
  wake(): void;
  folderOf(id: string): string;
  /** Those files of a recording, by their paths, to which nothing is added any more. */
  closedFiles(paths: readonly string[]): string[];
  /** Puts into its folder what is needed to play it from afar. */
  prepare(id: string, folder: string): Promise<void>;
  /** All of it is there, verified: called in the transaction that stores that. */
  readonly uploaded: Also;
  /** Such a transaction is through. */
  stored(): void;
  /** `statusOf` says something else of it now: after what its row says has changed, and as it goes on. */
  changed(recording: StoredRecording): void;
  progressed(id: string): void;
}

const REMOVAL_JOB = 'recording-removal';
const RemovalData = z.object({ id: z.string().min(1) });

/** An upload that runs stops at its next file; its objects must not come after they were deleted. */
const RUNNING_UPLOAD_MS = 5_000;

export class RecordingUploads implements RecordingFollower {
  /** Work for the job runner. */
  readonly jobs: readonly JobHandler[];
  readonly #deps: RecordingUploadsDeps;
  readonly #uploads: FolderUploads;
  readonly #folders: ObjectFolders;

  constructor(deps: RecordingUploadsDeps) {
    const { uploads: store, jobs, objects, clock, log, newId, wake, closedFiles } = deps;
    this.#deps = deps;
    const listener = {
      folderUploaded: (prefix: string) => this.#uploaded(prefix),
      isComplete: async (prefix: string) => (await this.#deps.recordings.byId(idOf(prefix)))?.state === 'ready',
      folderMissing: (prefix: string) => this.#missing(prefix),
      progressed: (prefix: string) => this.#deps.progressed(idOf(prefix)),
    };
    const prepare = (prefix: string, folder: string): Promise<void> => deps.prepare(idOf(prefix), folder);
    this.#uploads = new FolderUploads({ store, jobs, objects, listener, clock, log, newId, wake, closedFiles, prepare });
    this.#folders = new ObjectFolders({ objects, log, uploaded: (prefix) => this.#uploads.uploaded(prefix) });
    const removal = { kind: REMOVAL_JOB, concurrency: 1, run: (job: RunningJob) => this.#runRemoval(job) };
    this.jobs = [this.#uploads, removal];
  }

  /** Recordings whose upload is tried again. */
  get failing(): number {
    return this.#uploads.failing;
  }

  get counters(): { readonly sentBytes: number; readonly fetchedBytes: number } {
    return { sentBytes: this.#uploads.counters.bytes, fetchedBytes: this.#folders.counters.bytes };
  }

  /** What is not there goes there: recordings from before there was a store, and those that an earlier life did not come to. */
  async start(): Promise<void> {
    for (const { id } of await this.#deps.recordings.notUploaded()) await this.#put(id, true);
    this.#deps.wake();
  }

  /** A file of one that is being made is finished. */
  recordingGrew(id: string): void {
    this.#put(id, false).then(
      () => this.#deps.wake(),
      (error: unknown) => this.#deps.log.warn({ err: error, recordingId: id }, 'a recording is not uploaded while it is made: it will be when it has ended'),
    );
  }

  async recordingStored(transaction: Transaction<Schema>, { id, state, problem }: StoredRecording): Promise<void> {
    if (state === 'ready') await this.#put(id, true, transaction);
    // What was sent of it while it was made; of one that its server may yet come back for, that stays.
    else if (problem !== 'interrupted') await this.recordingDeleted(transaction, { id });
  }

  async recordingDeleted(transaction: Transaction<Schema>, { id }: Pick<StoredRecording, 'id'>): Promise<void> {
    const { jobs, clock, newId } = this.#deps;
    const at = new Date(clock.now());
    await jobs.put({ id: newId(), kind: REMOVAL_JOB, uniqueKey: id, data: { id }, runAt: at, at }, transaction);
  }

  stored(): void {
    this.#deps.wake();
  }

  filesOf(id: string): StoredFiles {
    return this.#folders.open(prefixOf(id));
  }

  statusOf({ id, bytes, state, uploadedAt }: StoredRecording): RecordingUpload | null {
    if (uploadedAt) return { state: 'uploaded', sentBytes: bytes, totalBytes: bytes, secondsLeft: null, problem: null };
    if (state === 'failed') return null;
    const status = this.#uploads.status(prefixOf(id));
    if (!status) return state === 'recording' ? null : { state: 'waiting', sentBytes: 0, totalBytes: bytes, secondsLeft: null, problem: null };
    const { bytes: sentBytes, totalBytes } = status;
    if (status.state === 'running') return { state: 'uploading', sentBytes, totalBytes, secondsLeft: status.remainingSeconds ?? null, problem: null };
    return { state: 'failing', sentBytes, totalBytes, secondsLeft: null, problem: status.code };
  }

  /** What of these local files is not there, as large as here, in the store's own words. Rejects with AppError `storage_…`. */
  async missing(id: string, local: ReadonlyMap<string, number>): Promise<string[]> {
    const there = new Map<string, number>();
    for await (const { key, size } of this.#deps.objects.list(`${prefixOf(id)}/`)) there.set(key, size);
    const verified = new Set((await this.#uploads.uploaded(prefixOf(id))).map(({ key }) => key));
    return [...local].flatMap(([path, size]) => {
      if (!isFinished(path)) return [];
      const key = `${prefixOf(id)}/${path}`;
      return verified.has(key) && there.get(key) === size ? [] : [path];
    });
  }

  /** Sends these files of it once more. */
  async again(id: string, paths: readonly string[]): Promise<void> {
    const { uploads, recordings, changed } = this.#deps;
    for (const path of paths) await uploads.forget(`${prefixOf(id)}/${path}`);
    const recording = await recordings.setUploaded(id, null, (transaction) => this.#put(id, true, transaction));
    this.#folders.forget(prefixOf(id));
    if (recording) changed(recording);
    this.#deps.wake();
  }

  #put(id: string, isComplete: boolean, transaction?: Transaction<Schema>): Promise<void> {
    return this.#uploads.put({ prefix: prefixOf(id), folder: this.#deps.folderOf(id), isComplete }, transaction);
  }

  async #uploaded(prefix: string): Promise<void> {
    const { recordings, clock, uploaded, stored, changed } = this.#deps;
    const recording = await recordings.setUploaded(idOf(prefix), new Date(clock.now()), uploaded);
    stored();
    if (recording) changed(recording);
  }

  /** Its owner deleted it meanwhile; or the job is from before servers had names, and the turn of the one that has the files comes. */
  async #missing(prefix: string): Promise<void> {
    const id = idOf(prefix);
    if (await this.#deps.recordings.byId(id)) throw new Error(`the files of recording ${id} are not on this server`);
  }

  /** Whoever stops the server does not wait for a store that hangs: what goes on may be done again. */
  #runRemoval({ data, signal }: RunningJob): Promise<JobOutcome> {
    const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    return Promise.race([this.#remove(RemovalData.parse(data).id), stopped]);
  }

  async #remove(id: string): Promise<JobOutcome> {
    const { jobs } = this.#deps;
    if (!(await jobs.cancel({ kind: FOLDER_UPLOAD_JOB, uniqueKey: prefixOf(id) }))) return { kind: 'again', inMs: RUNNING_UPLOAD_MS, reason: null };
    await this.#uploads.remove(prefixOf(id));
    this.#folders.forget(prefixOf(id));
    return { kind: 'done' };
  }
}

function prefixOf(id: string): string {
  return `${PREFIX}/${id}`;
}

function idOf(prefix: string): string {
  return prefix.slice(PREFIX.length + 1);
}
