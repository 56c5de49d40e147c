/** Brings recordings into object storage once they are whole, and out of it when they are deleted. */
import type { JobHandler } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { JobStore } from '../store/jobs.ts';
import type { RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { UploadStore } from '../store/uploads.ts';
import { FolderUploads } from './folder-uploads.ts';
import type { ObjectStore } from './object-store.ts';

const PREFIX = 'recordings';

export interface RecordingUploadsDeps {
  readonly objects: ObjectStore;
  readonly recordings: Pick<RecordingStore, 'byId'>;
  readonly uploads: UploadStore;
  readonly jobs: JobStore;
  readonly clock: Clock;
  readonly log: Log;
  newId(): string;
  wake(): void;
  folderOf(id: string): string;
  /** Everything is there, verified. When it rejects it is called again. */
  uploaded(recording: StoredRecording): Promise<void>;
}

export class RecordingUploads {
  /** Work for the job runner. */
  readonly job: JobHandler;
  readonly #deps: RecordingUploadsDeps;
  readonly #folders: FolderUploads;

  constructor(deps: RecordingUploadsDeps) {
    const { uploads: store, jobs, objects, clock, log, newId, wake } = deps;
    this.#deps = deps;
    const listener = {
      folderUploaded: (prefix: string) => this.#uploaded(prefix),
      // Its owner deleted it meanwhile.
      folderMissing: async () => {},
    };
    this.#folders = new FolderUploads({ store, jobs, objects, listener, clock, log, newId, wake });
    this.job = this.#folders;
  }

  recordingReady({ id }: StoredRecording): void {
    const { log, folderOf } = this.#deps;
    this.#folders
      .enqueue({ prefix: prefixOf(id), folder: folderOf(id), isComplete: true })
      .catch((error: unknown) => log.error({ err: error, recordingId: id }, 'a recording is not uploaded'));
  }

  recordingFailed(): void {}

  remove(id: string): Promise<void> {
    return this.#folders.remove(prefixOf(id));
  }

  async #uploaded(prefix: string): Promise<void> {
    const recording = await this.#deps.recordings.byId(prefix.slice(PREFIX.length + 1));
    if (recording) await this.#deps.uploaded(recording);
  }
}

function prefixOf(id: string): string {
  return `${PREFIX}/${id}`;
}
