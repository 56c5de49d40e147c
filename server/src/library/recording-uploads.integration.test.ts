/** What becomes of the jobs that bring recordings into object storage, where servers and moments come in one another's way. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/silent-log.ts';
import { JobStore } from '../store/jobs.ts';
import { RecordingStore, type StoredRecording } from '../store/recordings.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import { UploadStore } from '../store/uploads.ts';
import { RecordingUploads } from './recording-uploads.ts';
import { S3ObjectStore } from './s3-object-store.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary[Symbol.asyncDispose]();
});

async function makeRecording(state: StoredRecording['state']): Promise<StoredRecording> {
  const { db, serverId } = temporary.store;
  const at = new Date();
  const ownerId = nanoid();
  await db.insertInto('users').values({ id: ownerId, name: 'Somebody', email: ownerId, created_at: at, updated_at: at }).execute();
  const about = { title: 'Harbour', visibility: 'unlisted', problem: null, seconds: 60, bytes: 1_000, isLocal: true, uploadedAt: null } as const;
  const recording: StoredRecording = {
    serverId,
    id: nanoid(),
    ownerId,
    streamId: null,
    broadcastId: nanoid(),
    state,
    startedAt: at,
    endedAt: state === 'recording' ? null : at,
    updatedAt: at,
    ...about,
  };
  await new RecordingStore(db, serverId).insert(recording);
  return recording;
}

/** Of a server on which no recording lies. */
function uploads() {
  const { db, serverId } = temporary.store;
  const recordingUploads = new RecordingUploads({
    objects: new S3ObjectStore({ endpoint: 'http://127.0.0.1:9', bucket: 'none', region: 'none', accessKeyId: 'none', secretAccessKey: 'none' }),
    recordings: new RecordingStore(db, serverId),
    uploads: new UploadStore(db),
    jobs: new JobStore(db),
    clock: systemClock,
    log: silentLog,
    newId: nanoid,
    wake() {},
    folderOf: (id) => join(tmpdir(), 'nowhere', id),
    closedFiles: () => [],
    async prepare() {},
    async uploaded() {},
    stored() {},
    changed() {},
    progressed() {},
  });
  const [job] = recordingUploads.jobs;
  return {
    run: (id: string, isComplete: boolean) =>
      job?.run({ data: { prefix: `recordings/${id}`, folder: join(tmpdir(), 'nowhere', id), isComplete }, attempts: 1, signal: new AbortController().signal }),
  };
}

test('a file that is told of when its recording has ended does not make less of what is to be uploaded', async () => {
  const { run } = uploads();
  // Of one that is being made nothing is here yet; of one that has ended everything is missed.
  expect(await run((await makeRecording('recording')).id, false)).toEqual({ kind: 'done' });
  expect(await run((await makeRecording('ready')).id, false)).toMatchObject({ kind: 'again' });
});

test('what lies on another server waits for that one; what is nowhere is forgotten', async () => {
  const { run } = uploads();
  const { id } = await makeRecording('ready');
  expect(await run(id, true)).toMatchObject({ kind: 'again' });
  await new RecordingStore(temporary.store.db, temporary.store.serverId).delete(id);
  expect(await run(id, true)).toEqual({ kind: 'done' });
});
