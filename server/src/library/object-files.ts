/** The files of a recording as they lie in object storage, and those of one that may lie on this machine as well. */
import { AppError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import type { StoredFiles, StoredReader } from '../lib/stored-files.ts';
import { BlockCache } from './block-cache.ts';
import type { ObjectStore } from './object-store.ts';

export interface ObjectFoldersDeps {
  readonly objects: Pick<ObjectStore, 'get'>;
  readonly log: Log;
  /** What is there, verified, below a prefix without a slash at its end. */
  uploaded(prefix: string): Promise<readonly { readonly key: string; readonly size: number }[]>;
}

/** Of all recordings together; what many watch is fetched once. */
const CACHE_BYTES = 64 * 1024 * 1024;

export class ObjectFolders {
  readonly counters = { bytes: 0 };
  readonly #deps: ObjectFoldersDeps;
  readonly #blocks: BlockCache;
  #isAway = false;

  constructor(deps: ObjectFoldersDeps) {
    this.#deps = deps;
    this.#blocks = new BlockCache({ maxBytes: CACHE_BYTES, fetch: (key, offset, bytes) => this.#fetch(key, offset, bytes) });
  }

  open(prefix: string): StoredFiles {
    return new ObjectFiles({ prefix, blocks: this.#blocks, uploaded: () => this.#deps.uploaded(prefix) });
  }

  /** Its objects are gone, or others. */
  forget(prefix: string): void {
    this.#blocks.forget(`${prefix}/`);
  }

  /** Rejects with AppError `storage_unreachable`, whatever is wrong: viewers can do nothing but wait. */
  async #fetch(key: string, offset: number, bytes: number): Promise<Uint8Array> {
    const { objects, log } = this.#deps;
    try {
      const content = await objects.get({ key, offset, bytes });
      this.counters.bytes += content.length;
      if (this.#isAway) log.info({}, 'recordings can be fetched from object storage again');
      this.#isAway = false;
      return content;
    } catch (error) {
      if (!this.#isAway) log.error({ err: error, key }, 'a recording cannot be fetched from object storage');
      this.#isAway = true;
      throw new AppError('storage_unreachable', {}, error);
    }
  }
}

interface ObjectFilesDeps {
  readonly prefix: string;
  readonly blocks: BlockCache;
  uploaded(): Promise<readonly { readonly key: string; readonly size: number }[]>;
}

class ObjectFiles implements StoredFiles, StoredReader {
  readonly #deps: ObjectFilesDeps;
  /** Asked for once: recordings that lie elsewhere do not change. */
  #sizes: Promise<ReadonlyMap<string, number>> | undefined;

  constructor(deps: ObjectFilesDeps) {
    this.#deps = deps;
  }

  sizes(): Promise<ReadonlyMap<string, number>> {
    this.#sizes ??= this.#list().catch((error: unknown) => {
      this.#sizes = undefined;
      throw error;
    });
    return this.#sizes;
  }

  async has(path: string): Promise<boolean> {
    return (await this.sizes()).has(path);
  }

  reader(): StoredReader {
    return this;
  }

  async read(path: string, offset = 0, bytes?: number): Promise<Uint8Array> {
    const { prefix, blocks } = this.#deps;
    const size = (await this.sizes()).get(path);
    if (size === undefined) throw new Error(`there is no ${path} in ${prefix}`);
    return blocks.read({ key: `${prefix}/${path}`, size }, offset, bytes ?? size);
  }

  async close(): Promise<void> {}

  async #list(): Promise<ReadonlyMap<string, number>> {
    const { prefix, uploaded } = this.#deps;
    const files = await uploaded();
    if (files.length === 0) throw new Error(`there is nothing in ${prefix}`);
    return new Map(files.map(({ key, size }) => [key.slice(prefix.length + 1), size]));
  }
}

/** Reads what is near, and what is not, or no longer, from afar: a copy may be removed in the middle of an answer. */
export class NearestFiles implements StoredFiles {
  readonly #near: StoredFiles;
  readonly #far: StoredFiles;

  constructor(near: StoredFiles, far: StoredFiles) {
    this.#near = near;
    this.#far = far;
  }

  sizes(): Promise<ReadonlyMap<string, number>> {
    return nearest(
      () => this.#near.sizes(),
      () => this.#far.sizes(),
    );
  }

  async has(path: string): Promise<boolean> {
    return (await this.#near.has(path)) || this.#far.has(path);
  }

  read(path: string): Promise<Uint8Array> {
    return nearest(
      () => this.#near.read(path),
      () => this.#far.read(path),
    );
  }

  reader(): StoredReader {
    const near = this.#near.reader();
    const far = this.#far.reader();
    return {
      read: (path, offset, bytes) =>
        nearest(
          () => near.read(path, offset, bytes),
          () => far.read(path, offset, bytes),
        ),
      close: async () => {
        await Promise.all([near.close(), far.close()]);
      },
    };
  }
}

async function nearest<Value>(near: () => Promise<Value>, far: () => Promise<Value>): Promise<Value> {
  try {
    return await near();
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return far();
    throw error;
  }
}
