/** The same calls to another server of the S3 API, which keeps objects in its own way and checks every signature. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import { UploadStore } from '../store/uploads.ts';
import { FileUpload } from './file-upload.ts';
import { S3ObjectStore } from './s3-object-store.ts';
import type { S3Server } from './testing/s3-server.ts';
import { startSwiftServer } from './testing/swift-server.ts';

const MIB = 1024 * 1024;

let swift: S3Server;
let temporary: TemporaryStore;
let folder = '';

beforeAll(async () => {
  [swift, temporary] = await Promise.all([startSwiftServer(), openTemporaryStore()]);
  folder = await mkdtemp(join(tmpdir(), 'millrace-second-'));
}, 400_000);

afterAll(async () => {
  await temporary[Symbol.asyncDispose]();
  await swift[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('files of one part, of several and empty ones are there, verified, in ranges and in the list, and go', { timeout: 120_000 }, async () => {
  const objects = new S3ObjectStore(swift.config);
  await objects.check();
  const store = new UploadStore(temporary.store.db);
  const uploads = new FileUpload({ store, objects, clock: systemClock });
  const signal = new AbortController().signal;
  const files = new Map<string, Buffer>();
  for (const [name, size] of [
    ['empty.vtt', 0],
    ['index', 80],
    ['a name with ü & +?.m4s', 70_000],
    ['media-0.m4s', 20 * MIB],
  ] as const) {
    const bytes = randomBytes(size);
    files.set(name, bytes);
    await writeFile(join(folder, name), bytes);
    await uploads.upload({ path: join(folder, name), key: `recordings/one/${name}`, contentType: 'video/iso.segment', signal, onProgress() {} });
  }
  expect((await store.verifiedBelow('recordings/one/')).map(({ size }) => size).sort((a, b) => a - b)).toEqual([0, 80, 70_000, 20 * MIB]);
  const listed: Record<string, number> = {};
  for await (const { key, size } of objects.list('recordings/one/')) listed[key.slice('recordings/one/'.length)] = size;
  expect(listed).toEqual(Object.fromEntries([...files].map(([name, { length }]) => [name, length])));
  const large = files.get('media-0.m4s') ?? Buffer.alloc(0);
  // Across the border of two parts.
  for (const [offset, bytes] of [
    [0, 1],
    [8 * MIB - 500_000, MIB],
    [20 * MIB - 7, 7],
  ] as const) {
    const content = await objects.get({ key: 'recordings/one/media-0.m4s', offset, bytes });
    expect(hash(content)).toBe(hash(large.subarray(offset, offset + bytes)));
  }
  await expect(objects.get({ key: 'recordings/one/index', offset: 70, bytes: 20 })).rejects.toMatchObject({ code: 'storage_unreachable' });
  const multipartId = await objects.beginMultipart({ key: 'recordings/one/more', contentType: 'video/mp4' });
  await objects.abortMultipart({ key: 'recordings/one/more', multipartId });
  await objects.delete([...files.keys()].map((name) => `recordings/one/${name}`));
  for (const name of files.keys()) expect(await objects.head(`recordings/one/${name}`)).toBeUndefined();
});

test.each([
  ['a secret that is wrong', { secretAccessKey: 'another' }, 'storage_refused'],
  ['a user that is unknown', { accessKeyId: 'tests:nobody' }, 'storage_refused'],
  ['a bucket that is not there', { bucket: 'nowhere' }, 'storage_bucket_missing'],
] as const)('%s is told as such', async (_, change, code) => {
  const objects = new S3ObjectStore({ ...swift.config, ...change });
  await expect(objects.check()).rejects.toMatchObject({ code });
});

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
