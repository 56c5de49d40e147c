/** Has the files of a deleted recording removed by the server whose disk they are on, when another one was told to delete it. */
import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { JobHandler, JobOutcome, RunningJob } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { JobStore } from '../store/jobs.ts';
import type { RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { Schema } from '../store/schema.ts';
import type { RecordingFollower } from './recording-desk.ts';

export interface FolderRemovalDeps {
  readonly recordings: Pick<RecordingStore, 'isOfAnother'>;
  readonly jobs: JobStore;
  readonly clock: Clock;
  newId(): string;
  /** On this server. */
  remove(id: string): Promise<void>;
}

const Data = z.object({ id: z.string().min(1) });

export class FolderRemoval implements JobHandler, RecordingFollower {
  readonly kind = 'recording-folder-removal';
  readonly concurrency = 1;
  readonly #deps: FolderRemovalDeps;

  constructor(deps: FolderRemovalDeps) {
    this.#deps = deps;
  }

  async recordingStored(): Promise<void> {}

  async recordingDeleted(transaction: Transaction<Schema>, recording: StoredRecording): Promise<void> {
    const { recordings, jobs, clock, newId } = this.#deps;
    const { id, isLocal, serverId } = recording;
    if (!isLocal || serverId === null || !recordings.isOfAnother(recording)) return;
    const at = new Date(clock.now());
    await jobs.put({ id: newId(), kind: this.kind, uniqueKey: id, serverId, data: { id }, runAt: at, at }, transaction);
  }

  stored(): void {}

  async run({ data }: RunningJob): Promise<JobOutcome> {
    await this.#deps.remove(Data.parse(data).id);
    return { kind: 'done' };
  }
}
