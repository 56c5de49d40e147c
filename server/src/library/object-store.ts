/** Object storage as the library sees it. `S3ObjectStore` is the one there is. */

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
}

export interface PartReference {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
}

/** Bytes and how they are checked on arrival. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** In base64, as the header Content-MD5 has it. */
  readonly md5: string;
}

export interface MultipartReference {
  readonly key: string;
  readonly multipartId: string;
}

/** A run of bytes in an object; at least one. */
export interface ObjectRange {
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Every call rejects with an AppError of the `storage_…` codes, or as its signal was aborted. Calls that may succeed a moment later are repeated a
 * few times before.
 */
export interface ObjectStore {
  /** Returns the ETag. */
  put(object: Piece & { readonly key: string; readonly contentType: string }, signal?: AbortSignal): Promise<string>;
  /** Returns the store's name for it. */
  beginMultipart(object: { readonly key: string; readonly contentType: string }, signal?: AbortSignal): Promise<string>;
  /** Returns the ETag of the part. */
  putPart(part: MultipartReference & Piece & { readonly number: number }, signal?: AbortSignal): Promise<string>;
  completeMultipart(upload: MultipartReference & { readonly parts: readonly PartReference[] }, signal?: AbortSignal): Promise<void>;
  /** Nothing happens when there is none. */
  abortMultipart(upload: MultipartReference): Promise<void>;
  /** Exactly so many bytes. */
  get(range: ObjectRange, signal?: AbortSignal): Promise<Uint8Array>;
  head(key: string, signal?: AbortSignal): Promise<StoredObject | undefined>;
  /** In the order of their keys. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** What is not there is deleted, too. */
  delete(keys: readonly string[]): Promise<void>;
  /** Writes, reads and deletes a small object: rejects with what is wrong. */
  check(signal?: AbortSignal): Promise<void>;
}
