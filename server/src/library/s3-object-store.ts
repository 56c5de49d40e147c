/** Object storage by the S3 API: Amazon's and everybody else's. */
import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { S3Config } from '../config/load.ts';
import type { MultipartReference, ObjectRange, ObjectStore, PartReference, Piece, StoredObject } from './object-store.ts';
import { storageError } from './storage-error.ts';

export interface S3Options extends S3Config {
  /** 30 s unless given. */
  readonly idleTimeoutMs?: number;
}

/** A host that takes longer to accept a connection is away. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A connection on which nothing moves for so long is dead. */
const IDLE_TIMEOUT_MS = 30_000;

/** Each call, the first included, with a growing pause between. */
const MAX_ATTEMPTS = 3;

/** Of the object that `check` writes and deletes. */
const CHECK_KEY = '.millrace-check';

/** Deletions at once: the call that deletes many is not everywhere. */
const DELETIONS = 8;

export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #idleTimeoutMs: number;

  constructor({ endpoint, bucket, region, accessKeyId, secretAccessKey, idleTimeoutMs = IDLE_TIMEOUT_MS }: S3Options) {
    this.#bucket = bucket;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#client = new S3Client({
      region,
      credentials: { accessKeyId, secretAccessKey },
      // Names of buckets in host names need a DNS of their own: other servers have them in the path.
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: idleTimeoutMs },
      // Amazon's newer checksums are unknown to other servers; Content-MD5 is known to all.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  async put({ key, bytes, md5, contentType }: Piece & { readonly key: string; readonly contentType: string }, signal?: AbortSignal): Promise<string> {
    const command = new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: bytes, ContentLength: bytes.length, ContentMD5: md5, ContentType: contentType });
    const { ETag } = await this.#send(() => this.#client.send(command, optionsOf(signal)), signal);
    return bare(ETag);
  }

  async beginMultipart({ key, contentType }: { readonly key: string; readonly contentType: string }, signal?: AbortSignal): Promise<string> {
    const command = new CreateMultipartUploadCommand({ Bucket: this.#bucket, Key: key, ContentType: contentType });
    const { UploadId } = await this.#send(() => this.#client.send(command, optionsOf(signal)), signal);
    if (UploadId === undefined) throw new Error('the store gave no upload id');
    return UploadId;
  }

  async putPart({ key, multipartId, number, bytes, md5 }: MultipartReference & Piece & { readonly number: number }, signal?: AbortSignal): Promise<string> {
    const part = { Bucket: this.#bucket, Key: key, UploadId: multipartId, PartNumber: number, Body: bytes, ContentLength: bytes.length, ContentMD5: md5 };
    const { ETag } = await this.#send(() => this.#client.send(new UploadPartCommand(part), optionsOf(signal)), signal);
    return bare(ETag);
  }

  async completeMultipart({ key, multipartId, parts }: MultipartReference & { readonly parts: readonly PartReference[] }, signal?: AbortSignal): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: multipartId,
      MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` })) },
    });
    await this.#send(() => this.#client.send(command, optionsOf(signal)), signal);
  }

  async abortMultipart({ key, multipartId }: MultipartReference): Promise<void> {
    const command = new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key: key, UploadId: multipartId });
    await this.#sendOr(undefined, () => this.#client.send(command));
  }

  async get({ key, offset, bytes }: ObjectRange, signal?: AbortSignal): Promise<Uint8Array> {
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range: `bytes=${offset}-${offset + bytes - 1}` });
    for (let attempt = 1; ; attempt++) {
      // The client watches over the answer's head alone.
      const late = AbortSignal.timeout(this.#idleTimeoutMs);
      const either = signal ? AbortSignal.any([signal, late]) : late;
      const { Body } = await this.#send(() => this.#client.send(command, { abortSignal: either }), signal);
      const content = await this.#send(() => wholeOf(Body, bytes, either), signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (attempt === MAX_ATTEMPTS) throw error;
        return undefined;
      });
      if (content) return content;
    }
  }

  async head(key: string, signal?: AbortSignal): Promise<StoredObject | undefined> {
    const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: key });
    const found = await this.#sendOr(undefined, () => this.#client.send(command, optionsOf(signal)), signal);
    return found && { key, size: found.ContentLength ?? 0, etag: bare(found.ETag) };
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix })[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: page } = await this.#send(() => pages.next());
      if (done) return;
      for (const { Key: key, Size: size = 0, ETag } of page.Contents ?? []) if (key !== undefined) yield { key, size, etag: bare(ETag) };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += DELETIONS) {
      await Promise.all(keys.slice(i, i + DELETIONS).map((key) => this.#sendOr(undefined, () => this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key })))));
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    const bytes = Buffer.from('Millrace may write here.\n');
    await this.put({ key: CHECK_KEY, bytes, md5: createHash('md5').update(bytes).digest('base64'), contentType: 'text/plain' }, signal);
    if (!(await this.head(CHECK_KEY, signal))) throw storageError(new Error('what was written is not there'));
    await this.delete([CHECK_KEY]);
  }

  close(): void {
    this.#client.destroy();
  }

  async #send<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await call();
    } catch (error) {
      signal?.throwIfAborted();
      throw storageError(error);
    }
  }

  /** What is not there answers `fallback`. */
  async #sendOr<T, F>(fallback: F, call: () => Promise<T>, signal?: AbortSignal): Promise<T | F> {
    try {
      return await this.#send(call, signal);
    } catch (error) {
      if (isNotThere(error)) return fallback;
      throw error;
    }
  }
}

/** And the answers of stores that do not know the call: there is nothing to abort in them. */
const NOT_THERE = ['NotFound', 'NoSuchKey', 'NoSuchUpload', 'MethodNotAllowed', 'NotImplemented'];

function isNotThere(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && NOT_THERE.includes(cause.name);
}

function optionsOf(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

/** Rejects when it is not as long as it was asked for, or does not come to its end. */
async function wholeOf(body: unknown, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (!(body instanceof Readable)) throw new Error('the store gave no body');
  const whole = Buffer.allocUnsafeSlow(bytes);
  let length = 0;
  for await (const piece of addAbortSignal(signal, body)) {
    if (!(piece instanceof Uint8Array) || length + piece.length > bytes) throw new Error(`the store gave more than the ${bytes} bytes that were asked for`);
    whole.set(piece, length);
    length += piece.length;
  }
  if (length < bytes) throw new Error(`the store gave ${length} bytes of ${bytes}`);
  return whole;
}

function bare(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}
