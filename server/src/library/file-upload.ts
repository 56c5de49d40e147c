/** Puts one file into object storage: in parts, from where an earlier try was cut off, and looks whether it arrived whole. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Upload, UploadPart, UploadStore } from '../store/uploads.ts';
import type { ObjectStore } from './object-store.ts';

export interface FileUploadDeps {
  readonly store: UploadStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** Of a part that is not the last, where a file does not need larger ones. */
  readonly partBytes?: number;
}

export interface FileToUpload {
  /** On this machine. */
  readonly path: string;
  /** In the store. */
  readonly key: string;
  readonly contentType: string;
  readonly signal: AbortSignal;
  /** Bytes that are there now, of this file; at first those of an earlier try. */
  onProgress(bytes: number): void;
}

/** S3 takes no smaller parts but the last (5 MiB); larger ones cost memory and are lost with a connection. */
const PART_BYTES = 8 * 1024 * 1024;

/** S3's limit is 10 000. */
const MAX_PARTS = 9_000;

/** Of one file, each in memory while it is sent. */
const PARTS_AT_ONCE = 2;

export class FileUpload {
  readonly #deps: FileUploadDeps;

  constructor(deps: FileUploadDeps) {
    this.#deps = deps;
  }

  /** Returns the size when the object is there, whole. Rejects with AppError `storage_…`; the next call goes on from where this one came to. */
  async upload(file: FileToUpload): Promise<number> {
    await using handle = await open(file.path, 'r');
    const { size, mtime } = await handle.stat();
    const modifiedAt = new Date(Math.floor(mtime.getTime()));
    const known = await this.#deps.store.byKey(file.key);
    const isSame = known?.size === size && known.modifiedAt.getTime() === modifiedAt.getTime();
    if (isSame && known.verifiedAt !== null) {
      file.onProgress(size);
      return size;
    }
    if (known && !isSame && known.multipartId !== null) await this.#deps.objects.abortMultipart({ key: file.key, multipartId: known.multipartId });
    const upload = known && isSame ? known : await this.#begin(file, size, modifiedAt);
    const parts = upload.multipartId === null ? await this.#whole(file, handle, upload) : await this.#inParts(file, handle, upload, upload.multipartId);
    const after = await handle.stat();
    if (after.size !== size || after.mtime.getTime() !== mtime.getTime()) throw new Error(`${file.path} changed while it was uploaded`);
    await this.#verify(file, handle, size, parts);
    return size;
  }

  async #begin({ key, contentType, signal }: FileToUpload, size: number, modifiedAt: Date): Promise<Upload> {
    const { store, objects } = this.#deps;
    const partSize = Math.max(this.#deps.partBytes ?? PART_BYTES, Math.ceil(size / MAX_PARTS));
    const multipartId = size <= partSize ? null : await objects.beginMultipart({ key, contentType }, signal);
    const upload = { key, size, modifiedAt, partSize, multipartId };
    await store.begin(upload);
    return { ...upload, verifiedAt: null, parts: [] };
  }

  async #whole({ key, contentType, signal, onProgress }: FileToUpload, handle: FileHandle, { size }: Upload): Promise<UploadPart[]> {
    onProgress(0);
    const bytes = await read(handle, 0, size);
    const md5 = createHash('md5').update(bytes).digest();
    const etag = await this.#deps.objects.put({ key, bytes, md5: md5.toString('base64'), contentType }, signal);
    onProgress(size);
    return [{ number: 1, etag, md5: md5.toString('hex') }];
  }

  async #inParts(file: FileToUpload, handle: FileHandle, upload: Upload, multipartId: string): Promise<UploadPart[]> {
    const { objects, store } = this.#deps;
    const { key, size, partSize } = upload;
    const parts = new Map(upload.parts.map((part) => [part.number, part]));
    const sizeOf = (number: number) => Math.min(partSize, size - (number - 1) * partSize);
    let bytesThere = [...parts.keys()].reduce((sum, number) => sum + sizeOf(number), 0);
    file.onProgress(bytesThere);
    const total = Math.ceil(size / partSize);
    let next = 1;
    const failed = new AbortController();
    const work = async () => {
      for (let number = next++; number <= total; number = next++) {
        if (parts.has(number)) continue;
        // What is on its way arrives: it need not be sent again.
        if (failed.signal.aborted) return;
        file.signal.throwIfAborted();
        const bytes = await read(handle, (number - 1) * partSize, sizeOf(number));
        const md5 = createHash('md5').update(bytes).digest();
        const etag = await objects.putPart({ key, multipartId, number, bytes, md5: md5.toString('base64') }, file.signal);
        const part: UploadPart = { number, etag, md5: md5.toString('hex') };
        await store.addPart(key, part);
        parts.set(number, part);
        bytesThere += bytes.length;
        file.onProgress(bytesThere);
      }
    };
    await Promise.allSettled(
      Array.from({ length: PARTS_AT_ONCE }, () =>
        work().catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
    file.signal.throwIfAborted();
    if (failed.signal.aborted) return this.#lost(upload, failed.signal.reason);
    const ordered = [...parts.values()].sort((a, b) => a.number - b.number);
    try {
      await objects.completeMultipart({ key, multipartId, parts: ordered }, file.signal);
    } catch (error) {
      // It may have been put together nevertheless, now or in an earlier life, and the answer lost: then it is there, and is looked at.
      file.signal.throwIfAborted();
      const found = await objects.head(key, file.signal);
      if (found?.size !== size) return this.#lost(upload, error);
    }
    return ordered;
  }

  /** An upload that the store has forgotten begins anew at the next try. */
  async #lost({ key }: Upload, error: unknown): Promise<never> {
    if (isLost(error)) await this.#deps.store.forget(key);
    throw error;
  }

  async #verify({ key, signal }: FileToUpload, handle: FileHandle, size: number, parts: readonly UploadPart[]): Promise<void> {
    const { store, objects, clock } = this.#deps;
    const found = await objects.head(key, signal);
    if (found?.size !== size || !(await isTagOf(found.etag, parts, handle, size))) {
      await store.forget(key);
      const seen = found ? `${found.size} bytes with ETag ${found.etag}` : 'nothing';
      throw new AppError('storage_damaged', { detail: `Object storage has ${seen} where ${size} bytes were sent. The file is sent again.` });
    }
    await store.verified(key, new Date(clock.now()));
  }
}

/** Whether the ETag of an object says the same as what was sent; true when it says nothing. */
async function isTagOf(etag: string, parts: readonly UploadPart[], handle: FileHandle, size: number): Promise<boolean> {
  // Where objects are encrypted tags are something else: the size, and the MD5 that was checked as each part arrived, have to do.
  if (!parts.every((part) => part.etag === part.md5)) return true;
  // Amazon's way: the MD5 of the parts' MD5s, and how many.
  const hash = createHash('md5');
  if (/^[0-9a-f]{32}-\d+$/.test(etag)) {
    for (const { md5 } of parts) hash.update(Buffer.from(md5, 'hex'));
    return etag === `${hash.digest('hex')}-${parts.length}`;
  }
  if (!/^[0-9a-f]{32}$/.test(etag)) return true;
  if (parts.length === 1) return etag === parts[0]?.md5;
  for (let at = 0; at < size; at += PART_BYTES) hash.update(await read(handle, at, Math.min(PART_BYTES, size - at)));
  return etag === hash.digest('hex');
}

function isLost(error: unknown): boolean {
  return error instanceof AppError && error.code === 'storage_upload_lost';
}

async function read(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) throw new Error('the file became shorter while it was uploaded');
    at += bytesRead;
  }
  return bytes;
}
