/** A process that uploads a folder as the server does, and says when all of it is there. Killed by its test. */
import { nanoid } from 'nanoid';
import { JobRunner } from '../../jobs/runner.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { silentLog as log } from '../../lib/silent-log.ts';
import { JobStore } from '../../store/jobs.ts';
import { openStore } from '../../store/open.ts';
import { UploadStore } from '../../store/uploads.ts';
import { FolderUploads } from '../folder-uploads.ts';
import { S3ObjectStore } from '../s3-object-store.ts';

const [dataDir, endpoint, folder, partBytes] = process.argv.slice(2);
if (dataDir === undefined || endpoint === undefined || folder === undefined || partBytes === undefined) throw new Error('which folders?');
const { db } = await openStore({ dataDir, log });
const jobs = new JobStore(db);
await jobs.releaseAll();
const uploads = new FolderUploads({
  store: new UploadStore(db),
  jobs,
  objects: new S3ObjectStore({ endpoint, bucket: 'recordings', region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }),
  partBytes: Number(partBytes),
  listener: {
    isComplete: async () => false,
    async folderUploaded(prefix) {
      console.log(`uploaded ${prefix}`);
    },
    async folderMissing() {},
    progressed() {},
  },
  clock,
  log,
  newId: nanoid,
  wake() {},
  closedFiles: (paths) => [...paths],
  async prepare() {},
});
// As after a start: only the first life has put the job.
if ((await db.selectFrom('jobs').select('id').execute()).length === 0) await uploads.enqueue({ prefix: 'big', folder, isComplete: true });
new JobRunner({ store: jobs, clock, log, handlers: [uploads], newId: nanoid }).start();
// The runner's timers do not keep a process alive.
setInterval(() => {}, 60_000);
