/** Brings folders of finished files into object storage, as jobs: every file verified, every trouble named, tried again until it is done. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { ErrorCode } from '@millrace/contract/errors';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { JobHandler, JobOutcome, RunningJob } from '../jobs/runner.ts';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import type { JobStore } from '../store/jobs.ts';
import type { Schema } from '../store/schema.ts';
import type { UploadStore } from '../store/uploads.ts';
import { FileUpload } from './file-upload.ts';
import type { ObjectStore } from './object-store.ts';

/** How far the upload of a folder has come. */
export type UploadStatus =
  | { readonly state: 'running'; readonly bytes: number; readonly totalBytes: number; readonly remainingSeconds: number | undefined }
  /** Something is wrong; it is tried again at `retryAt`, milliseconds since the epoch. */
  | { readonly state: 'retrying'; readonly bytes: number; readonly totalBytes: number; readonly code: ErrorCode; readonly detail: string; readonly retryAt: number };

export interface UploadListener {
  /** Asked of folders that were not complete when they were put: word of that may have been overtaken by an older one. */
  isComplete(prefix: string): Promise<boolean>;
  /** Everything is there, verified. Called before the job is forgotten: when it rejects it is called again later. */
  folderUploaded(prefix: string): Promise<void>;
  /** The folder is gone before everything was there. When it rejects it is looked for again later. */
  folderMissing(prefix: string): Promise<void>;
  /** What `status` says of it is something else now. Often, while bytes arrive. */
  progressed(prefix: string): void;
}

export interface FolderUploadsDeps {
  readonly store: UploadStore;
  readonly jobs: JobStore;
  readonly objects: ObjectStore;
  readonly listener: UploadListener;
  readonly clock: Clock;
  readonly log: Log;
  readonly partBytes?: number;
  newId(): string;
  /** A job was put. */
  wake(): void;
  /** Of the paths in a folder that is not complete, those to which nothing is added any more. */
  closedFiles(paths: readonly string[]): string[];
  /** Completes a folder before it is sent for good. */
  prepare(prefix: string, folder: string): Promise<void>;
}

export interface FolderToUpload {
  /** Where its files go: keys are `<prefix>/<path in the folder>`. No slash at the end. */
  readonly prefix: string;
  /** Absolute. */
  readonly folder: string;
  /** Whether these are all its files. Without it nobody is told: more are to come. */
  readonly isComplete: boolean;
}

export const FOLDER_UPLOAD_JOB = 'folder-upload';
const Data = z.object({ prefix: z.string().min(1), folder: z.string().min(1), isComplete: z.boolean() });

/** So many folders, and files of each: at most 6 parts of 8 MiB are in memory. */
const FOLDERS_AT_ONCE = 1;
const FILES_AT_ONCE = 3;

/** After a failure: doubled each time that it fails without anything having arrived, at most 15 minutes. */
const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 15 * 60_000;

/** Of files that are being written by other parts, or were when they died. */
const UNFINISHED = /^\.|\.(?:tmp|part|new)$/;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.mpd': 'application/dash+xml',
  '.mp4': 'video/mp4',
  '.m4s': 'video/iso.segment',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.png': 'image/png',
  '.vtt': 'text/vtt',
  '.json': 'application/json',
};

export class FolderUploads implements JobHandler {
  readonly kind = FOLDER_UPLOAD_JOB;
  readonly concurrency = FOLDERS_AT_ONCE;
  /** That arrived, verified or not. */
  readonly counters = { bytes: 0 };
  readonly #deps: FolderUploadsDeps;
  readonly #files: FileUpload;
  readonly #status = new Map<string, UploadStatus>();
  /** Runs in a row in which nothing arrived. */
  readonly #failures = new Map<string, number>();

  constructor(deps: FolderUploadsDeps) {
    this.#deps = deps;
    this.#files = new FileUpload(deps);
  }

  /** Folders that are tried again. */
  get failing(): number {
    return [...this.#status.values()].filter(({ state }) => state === 'retrying').length;
  }

  /** To be called when files were added, and once more when there are no more to come. What is there already is not sent again. */
  async enqueue(folder: FolderToUpload): Promise<void> {
    await this.put(folder);
    this.#deps.wake();
  }

  /** The same in the transaction of what it follows from; the job runner is to be woken afterwards. */
  async put({ prefix, folder, isComplete }: FolderToUpload, transaction?: Transaction<Schema>): Promise<void> {
    const { jobs, clock, newId } = this.#deps;
    const at = new Date(clock.now());
    const job = { id: newId(), kind: FOLDER_UPLOAD_JOB, uniqueKey: prefix, data: { prefix, folder, isComplete }, runAt: at, at };
    await jobs.put({ ...job, serverId: jobs.serverId }, transaction);
  }

  /** Undefined: nothing is known of it in this process; it is done, waits, or never was. */
  status(prefix: string): UploadStatus | undefined {
    return this.#status.get(prefix);
  }

  /** What is there, verified. */
  async uploaded(prefix: string): Promise<{ key: string; size: number }[]> {
    return this.#deps.store.verifiedBelow(`${prefix}/`);
  }

  /** Deletes everything below the prefix, finished or not, in the store and in what is known of it. */
  async remove(prefix: string): Promise<void> {
    const { store, objects } = this.#deps;
    this.#forget(prefix);
    for (const unfinished of await store.forgetBelow(`${prefix}/`)) await objects.abortMultipart(unfinished);
    let keys: string[] = [];
    const flush = async () => {
      await objects.delete(keys);
      keys = [];
    };
    for await (const { key } of objects.list(`${prefix}/`)) {
      keys.push(key);
      if (keys.length >= 500) await flush();
    }
    await flush();
  }

  async run({ data, signal }: RunningJob): Promise<JobOutcome> {
    const { listener, log } = this.#deps;
    const { prefix, folder, isComplete: wasComplete } = Data.parse(data);
    let arrived = 0;
    try {
      const isComplete = wasComplete || (await listener.isComplete(prefix));
      const files = isComplete ? await this.#wholeFolder(prefix, folder) : await this.#finishedPart(folder);
      if (!files) {
        if (isComplete) await listener.folderMissing(prefix);
        this.#forget(prefix);
        return { kind: 'done' };
      }
      await this.#uploadAll(prefix, folder, files, signal, (bytes) => {
        arrived += bytes;
        this.counters.bytes += bytes;
      });
      if (isComplete) await listener.folderUploaded(prefix);
      this.#forget(prefix);
      log.info({ prefix, files: files.length, isComplete }, 'uploaded');
      return { kind: 'done' };
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(prefix, error, arrived > 0);
    }
  }

  async #wholeFolder(prefix: string, folder: string): Promise<LocalFile[] | undefined> {
    if (!(await filesOf(folder))) return undefined;
    await this.#deps.prepare(prefix, folder);
    return filesOf(folder);
  }

  async #finishedPart(folder: string): Promise<LocalFile[] | undefined> {
    const files = await filesOf(folder);
    const closed = new Set(this.#deps.closedFiles(files?.map(({ path }) => path) ?? []));
    return files?.filter(({ path }) => closed.has(path));
  }

  async #uploadAll(prefix: string, folder: string, files: readonly LocalFile[], signal: AbortSignal, onArrived: (bytes: number) => void): Promise<void> {
    const { clock } = this.#deps;
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    const progress = new Map<string, number>();
    const begun = clock.monotonic();
    let known = 0;
    let arrived = 0;
    const tell = (path: string, bytes: number, isFirst: boolean) => {
      const before = progress.get(path) ?? 0;
      progress.set(path, bytes);
      // What an earlier run had brought there says nothing of the speed of this one.
      if (isFirst && bytes > 0) known += bytes;
      else {
        arrived += bytes - before;
        onArrived(bytes - before);
      }
      // It goes on only when something has come through.
      if (arrived === 0 && this.#status.get(prefix)?.state === 'retrying') return;
      const there = [...progress.values()].reduce((sum, value) => sum + value, 0);
      const seconds = (clock.monotonic() - begun) / 1000;
      const perSecond = seconds > 0 ? (there - known) / seconds : 0;
      const remainingSeconds = perSecond > 0 ? Math.ceil((totalBytes - there) / perSecond) : undefined;
      this.#status.set(prefix, { state: 'running', bytes: there, totalBytes, remainingSeconds });
      this.#deps.listener.progressed(prefix);
    };
    let next = 0;
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const work = async () => {
      for (let file = files[next++]; file; file = files[next++]) {
        const { path } = file;
        either.throwIfAborted();
        let isFirst = true;
        await this.#files.upload({
          path: join(folder, path),
          key: `${prefix}/${path}`,
          contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream',
          signal: either,
          onProgress(bytes) {
            tell(path, bytes, isFirst);
            isFirst = false;
          },
        });
      }
    };
    const workers = Array.from({ length: FILES_AT_ONCE }, () =>
      work().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    );
    // All have stopped when this ends: nothing goes on behind the job's back.
    const outcomes = await Promise.allSettled(workers);
    if (outcomes.some(({ status }) => status === 'rejected')) throw failed.signal.reason;
  }

  #failed(prefix: string, error: unknown, hasArrived: boolean): JobOutcome {
    const { clock, log, listener } = this.#deps;
    const failures = hasArrived ? 1 : (this.#failures.get(prefix) ?? 0) + 1;
    this.#failures.set(prefix, failures);
    const inMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(20, failures - 1));
    const code = error instanceof AppError ? error.code : 'internal';
    const detail = error instanceof Error ? error.message : String(error);
    const { bytes, totalBytes } = this.#status.get(prefix) ?? { bytes: 0, totalBytes: 0 };
    this.#status.set(prefix, { state: 'retrying', bytes, totalBytes, code, detail, retryAt: clock.now() + inMs });
    listener.progressed(prefix);
    log.warn({ err: error, prefix, code, inMs }, 'an upload failed, trying again');
    return { kind: 'again', inMs, reason: detail };
  }

  #forget(prefix: string): void {
    this.#failures.delete(prefix);
    if (this.#status.delete(prefix)) this.#deps.listener.progressed(prefix);
  }
}

/** Whether a file is one to be sent. @param path in its folder, with slashes. */
export function isFinished(path: string): boolean {
  return !path.split('/').some((name) => UNFINISHED.test(name));
}

interface LocalFile {
  /** In the folder, with slashes. */
  readonly path: string;
  readonly size: number;
}

/** Every finished file below a folder, sorted; links are not followed. Undefined when there is no such folder. */
async function filesOf(folder: string): Promise<LocalFile[] | undefined> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
    const finished = paths.filter(isFinished).sort();
    return await Promise.all(finished.map(async (path) => ({ path, size: (await stat(join(folder, path))).size })));
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
