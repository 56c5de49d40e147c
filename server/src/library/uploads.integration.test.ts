/** Uploads to a real S3 server: whole, verified, and taken up again after lost connections, refusals, a full bucket and kill -9. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WASM_FLAGS } from '../../../tools/launch/server.js';
import { JobRunner } from '../jobs/runner.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/silent-log.ts';
import { JobStore } from '../store/jobs.ts';
import type { Store } from '../store/open.ts';
import { openTemporaryStore, prepareData, type TemporaryStore } from '../store/testing/temporary-store.ts';
import { UploadStore } from '../store/uploads.ts';
import { FolderUploads } from './folder-uploads.ts';
import { openObjectStore } from './open-object-store.ts';
import { S3ObjectStore, type S3Options } from './s3-object-store.ts';
import { type Gate, partNumberOf, startGate } from './testing/gate.ts';
import { type S3Server, startS3Server } from './testing/s3-server.ts';

/** The server of these tests takes small ones; such as others want are sent to one in a test of its own. */
const PART_BYTES = 128 * 1024;

let s3: S3Server | undefined;
let temporary: TemporaryStore | undefined;
let gate: Gate;
let folder = '';
let prefix = '';
const runners: JobRunner[] = [];
/** What there is of them also when one does not come up in time. */
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  const open = async <Resource extends AsyncDisposable>(opening: Promise<Resource>): Promise<Resource> => scope.use(await opening);
  [s3, temporary] = await Promise.all([open(startS3Server()), open(openTemporaryStore())]);
});

beforeEach(async () => {
  gate = await startGate(configOf().endpoint ?? '');
  folder = await mkdtemp(join(tmpdir(), 'millrace-upload-'));
  prefix = `recordings/${nanoid()}`;
});

afterEach(async () => {
  await gate[Symbol.asyncDispose]();
  await Promise.all(runners.splice(0).map((runner) => runner.close()));
  await theStore().db.deleteFrom('jobs').execute();
  await rm(folder, { recursive: true, force: true });
});

afterAll(() => scope.disposeAsync());

function theStore(): Store {
  if (!temporary) throw new Error('the store is not open');
  return temporary.store;
}

function configOf(): S3Options {
  if (!s3) throw new Error('the S3 server is not up');
  return s3.config;
}

/** The uploader behind the gate, with what its listener heard. */
function uploader(config: Partial<S3Options> = {}) {
  const clock = new FakeClock(Date.now());
  const told: string[] = [];
  const progress: (number | undefined)[] = [];
  const jobs = new JobStore(theStore().db);
  const objects = new S3ObjectStore({ ...configOf(), endpoint: gate.url, ...config });
  const uploads: FolderUploads = new FolderUploads({
    store: new UploadStore(theStore().db),
    jobs,
    objects,
    partBytes: PART_BYTES,
    listener: {
      isComplete: async () => false,
      async folderUploaded(done) {
        told.push(`uploaded ${done}`);
      },
      async folderMissing(gone) {
        told.push(`missing ${gone}`);
      },
      progressed: (prefix) => void progress.push(uploads.status(prefix)?.bytes),
    },
    clock,
    log: silentLog,
    newId: nanoid,
    wake: () => runner.wake(),
    closedFiles: (paths) => [...paths],
    async prepare() {},
  });
  const runner: JobRunner = new JobRunner({ store: jobs, clock, log: silentLog, handlers: [uploads], newId: nanoid });
  runners.push(runner);
  runner.start();
  /** Moves the clock on at the pace of the database, and slower: bytes take their time. */
  const until = async (reached: () => boolean, stepMs = 0) => {
    for (let steps = 0; !reached(); steps++) {
      if (steps > 20_000) throw new Error(`it never came to that: ${JSON.stringify(uploads.status(prefix))}`);
      await theStore().ping();
      clock.advance(stepMs);
    }
  };
  return { uploads, objects, told, progress, until, clock };
}

/** Bytes that are not alike, so that parts that change places show. */
async function file(name: string, size: number): Promise<Buffer> {
  const bytes = randomBytes(size);
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), bytes);
  return bytes;
}

async function stored(objects: S3ObjectStore, key: string): Promise<string> {
  const { size } = (await objects.head(key)) ?? { size: 0 };
  return hash(size === 0 ? new Uint8Array() : await objects.get({ key, offset: 0, bytes: size }));
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a folder', () => {
  test('is there as it was here, small files, empty ones and some of several parts, but nothing unfinished', async () => {
    const files = new Map<string, Buffer>();
    for (const [name, size] of [
      ['index.m3u8', 300],
      ['video/1.m4s', 70_000],
      ['empty.vtt', 0],
      ['a name with ü & +?.mp4', 2.5 * PART_BYTES],
      ['video/exact.mp4', 2 * PART_BYTES],
    ] as const) {
      files.set(name, await file(name, size));
    }
    await file('video/2.m4s.part', 10);
    await file('.hidden/secret', 10);
    await symlink('/etc/hostname', join(folder, 'link'));
    const { uploads, objects, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => told.length > 0);
    expect(told).toEqual([`uploaded ${prefix}`]);
    const listed: Record<string, number> = {};
    for await (const { key, size } of objects.list(`${prefix}/`)) listed[key.slice(prefix.length + 1)] = size;
    expect(listed).toEqual(Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.length])));
    for (const [name, bytes] of files) expect(await stored(objects, `${prefix}/${name}`)).toBe(hash(bytes));
    expect(uploads.status(prefix)).toBeUndefined();
    expect(await uploads.uploaded(prefix)).toHaveLength(files.size);
  });

  test('that grows is told of once, when it is complete, and nothing is sent twice', async () => {
    await file('1.mp4', 2.5 * PART_BYTES);
    const { uploads, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: false });
    await until(() => gate.parts.length === 3);
    await file('2.m4s', 1000);
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => told.length > 0);
    expect(told).toEqual([`uploaded ${prefix}`]);
    expect(gate.parts).toHaveLength(3);
    expect((await uploads.uploaded(prefix)).map(({ key }) => key)).toEqual([`${prefix}/1.mp4`, `${prefix}/2.m4s`]);
  });

  test('that is gone is told as missing', async () => {
    const { uploads, told, until } = uploader();
    await uploads.enqueue({ prefix, folder: join(folder, 'nowhere'), isComplete: true });
    await until(() => told.length > 0);
    expect(told).toEqual([`missing ${prefix}`]);
  });

  test('is deleted from the store, with what was not finished', async () => {
    await file('1.mp4', 2.5 * PART_BYTES);
    await file('2.m4s', 10);
    const { uploads, objects, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => told.length > 0);
    await uploads.remove(prefix);
    expect(await objects.head(`${prefix}/2.m4s`)).toBeUndefined();
    const left: string[] = [];
    for await (const { key } of objects.list(`${prefix}/`)) left.push(key);
    expect(left).toEqual([]);
    expect(await uploads.uploaded(prefix)).toEqual([]);
  });

  test('tells how far it has come', async () => {
    await file('1.mp4', 3 * PART_BYTES);
    gate.rule = (request) => ((partNumberOf(request) ?? 0) > 2 ? 'hang' : 'pass');
    const { uploads, progress, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => {
      const status = uploads.status(prefix);
      return status?.state === 'running' && status.bytes === 2 * PART_BYTES;
    }, 10);
    expect(uploads.status(prefix)).toMatchObject({ state: 'running', totalBytes: 3 * PART_BYTES, remainingSeconds: expect.any(Number) });
    expect(progress).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
  });
});

describe('trouble', () => {
  test('a connection that breaks: it goes on where it was', async () => {
    const bytes = await file('1.mp4', 5 * PART_BYTES);
    let broken = true;
    gate.rule = (request) => (broken && (partNumberOf(request) ?? 0) > 2 ? 'break' : 'pass');
    const { uploads, objects, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    expect(uploads.status(prefix)).toMatchObject({ code: 'storage_unreachable' });
    broken = false;
    await until(() => told.length > 0, 100);
    expect(gate.parts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(await stored(objects, `${prefix}/1.mp4`)).toBe(hash(bytes));
  });

  test('a store that does not answer is given up after a while and asked again', async () => {
    await file('1.m4s', 10);
    gate.rule = () => 'hang';
    const { uploads, told, until } = uploader({ idleTimeoutMs: 200 });
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    expect(uploads.status(prefix)).toMatchObject({ code: 'storage_unreachable' });
    gate.rule = () => 'pass';
    await until(() => told.length > 0, 100);
  });

  test.each([
    ['a user that is unknown', { accessKeyId: 'nobody' }, 'storage_refused', /S3_ACCESS_KEY_ID/],
    ['a bucket that is not there', { bucket: 'nowhere' }, 'storage_bucket_missing', /S3_BUCKET/],
    ['a server that is not there', { endpoint: 'http://127.0.0.1:9' }, 'storage_unreachable', /S3_ENDPOINT.*ECONNREFUSED/],
  ] as const)('%s: said so, and tried again', async (_, config, code, sentence) => {
    await file('1.m4s', 10);
    await file('2.mp4', 1.125 * PART_BYTES);
    const { uploads, told, until, objects } = uploader(config);
    await expect(objects.check()).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    expect(uploads.status(prefix)).toMatchObject({ code, detail: expect.stringMatching(sentence) });
    const [job] = await theStore().db.selectFrom('jobs').select('last_error').execute();
    expect(job?.last_error).toMatch(sentence);
    expect(told).toEqual([]);
  });

  test('a secret that is wrong: said so, for uploads and for questions, whose answers have no body', async () => {
    // The server of these tests knows users, but does not check signatures: this is what Amazon says.
    gate.rule = ({ method }) => ({ status: 403, body: method === 'HEAD' ? '' : '<Error><Code>SignatureDoesNotMatch</Code><Message>…</Message></Error>' });
    const { objects } = uploader();
    for (const call of [() => objects.check(), () => objects.head('a')]) await expect(call()).rejects.toMatchObject({ code: 'storage_refused' });
  });

  test('a bucket that is full: said so, and done when there is room', async () => {
    await file('1.mp4', 2.5 * PART_BYTES);
    let full = true;
    gate.rule = (request) =>
      full && partNumberOf(request) === 3
        ? { status: 507, body: '<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>' }
        : 'pass';
    const { uploads, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    expect(uploads.status(prefix)).toMatchObject({ code: 'storage_full' });
    full = false;
    await until(() => told.length > 0, 100);
    expect(gate.parts.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test('a store that forgot the upload: begun anew', async () => {
    const bytes = await file('1.mp4', 2.5 * PART_BYTES);
    gate.rule = (request) => (partNumberOf(request) === 3 ? 'break' : 'pass');
    const { uploads, objects, told, until } = uploader();
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    const forgotten = (await new UploadStore(theStore().db).byKey(`${prefix}/1.mp4`))?.multipartId ?? '';
    const answer = { status: 404, body: '<Error><Code>NoSuchUpload</Code><Message>The specified multipart upload does not exist.</Message></Error>' };
    gate.rule = ({ url }) => (url?.includes(encodeURIComponent(forgotten)) ? answer : 'pass');
    await until(() => told.length > 0, 100);
    expect(await stored(objects, `${prefix}/1.mp4`)).toBe(hash(bytes));
  });

  test('an answer that was lost after the store had put it together: seen, and not sent again', async () => {
    const bytes = await file('1.mp4', 2.5 * PART_BYTES);
    const { uploads, objects, told, until } = uploader();
    let cut = true;
    gate.rule = (request) => (cut && request.method === 'HEAD' ? 'break' : 'pass');
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    cut = false;
    await until(() => told.length > 0, 100);
    expect(gate.parts).toHaveLength(3);
    expect(await stored(objects, `${prefix}/1.mp4`)).toBe(hash(bytes));
  });

  test('what arrived is not what was sent: noticed, and sent again', async () => {
    const bytes = await file('1.m4s', 1000);
    const { uploads, objects, told, until } = uploader();
    let damage = true;
    gate.rule = (request) => (damage && request.method === 'HEAD' ? { status: 200, body: '' } : 'pass');
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => uploads.status(prefix)?.state === 'retrying');
    expect(uploads.status(prefix)).toMatchObject({ code: 'storage_damaged' });
    damage = false;
    await until(() => told.length > 0, 100);
    expect(await stored(objects, `${prefix}/1.m4s`)).toBe(hash(bytes));
  });

  test('a file that changes meanwhile is sent as it is in the end', async () => {
    await file('1.mp4', 2.5 * PART_BYTES);
    const { uploads, objects, told, until } = uploader();
    gate.rule = (request) => (partNumberOf(request) === 3 ? 'hang' : 'pass');
    await uploads.enqueue({ prefix, folder, isComplete: true });
    await until(() => gate.parts.length === 2);
    await appendFile(join(folder, '1.mp4'), 'more');
    gate.rule = () => 'break';
    await runners[0]?.close();
    gate.rule = () => 'pass';
    const second = uploader();
    await second.until(() => second.told.length > 0, 100);
    expect(told).toEqual([]);
    expect(await objects.head(`${prefix}/1.mp4`)).toMatchObject({ size: 2.5 * PART_BYTES + 4 });
  });

  test('kill -9 in the middle: the next life goes on from the parts that were there', { timeout: 300_000 }, async () => {
    const bytes = await file('1.mp4', 5 * PART_BYTES);
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-killed-'));
    prepareData(dataDir);
    const lives: ChildProcess[] = [];
    const start = () => {
      const life = spawn(process.execPath, [...WASM_FLAGS, join(import.meta.dirname, 'testing/upload-until-killed.ts'), dataDir, gate.url, folder, String(PART_BYTES)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      lives.push(life);
      return life;
    };
    const died = async (life: ChildProcess): Promise<never> => {
      const [code, signal] = await once(life, 'exit');
      throw new Error(`it ended by itself: ${code ?? signal}`);
    };
    const kill = async (life: ChildProcess) => {
      if (life.exitCode !== null || life.signalCode !== null) return;
      const exited = once(life, 'exit');
      life.kill('SIGKILL');
      await exited;
    };
    try {
      const reachedFourth = Promise.withResolvers<void>();
      gate.rule = (request) => {
        if ((partNumberOf(request) ?? 0) < 4) return 'pass';
        reachedFourth.resolve();
        return 'hang';
      };
      const first = start();
      await Promise.race([reachedFourth.promise, died(first)]);
      expect(gate.parts.length).toBeGreaterThanOrEqual(2);
      await kill(first);
      gate.rule = () => 'pass';
      const second = start();
      const [line] = await Promise.race([once(second.stdout, 'data'), died(second)]);
      expect(String(line)).toBe('uploaded big\n');
    } finally {
      await Promise.all(lives.map(kill));
      await rm(dataDir, { recursive: true, force: true });
    }
    // Every part came; at most the one whose answer was on its way came twice.
    expect(new Set(gate.parts).size).toBe(5);
    expect(gate.parts.length).toBeLessThanOrEqual(6);
    expect(await stored(new S3ObjectStore(configOf()), 'big/1.mp4')).toBe(hash(bytes));
  });
});

describe('the start', () => {
  test.each([
    ['is there', {}, 'object storage is there'],
    ['has no such bucket', { bucket: 'nowhere' }, 'object storage takes nothing now: uploads will wait'],
  ])('says in the log when the storage %s', async (_, config, message) => {
    const said = Promise.withResolvers<string>();
    const note = (_fields: object, text: string) => said.resolve(text);
    await openObjectStore({ config: { ...configOf(), ...config }, log: { ...silentLog, info: note, error: note } });
    expect(await said.promise).toBe(message);
  });
});
