/** Folders of files, wherever they lie: whoever reads them does not know whether that is this machine. */
import { access, type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Paths are relative to the folder, with slashes. */
export interface StoredFiles {
  /** Every file with its size. Rejects where there is no such folder. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  has(path: string): Promise<boolean>;
  /** A small file, whole. */
  read(path: string): Promise<Uint8Array>;
  /** For runs of bytes of large ones; to be closed. */
  reader(): StoredReader;
}

export interface StoredReader {
  /** Exactly so many bytes, the caller's own. Rejects when the file is gone or ends before. */
  read(path: string, offset: number, bytes: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export class DiskFiles implements StoredFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async sizes(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const entry of await readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      sizes.set(relative(this.#folder, path).split(sep).join('/'), (await stat(path)).size);
    }
    return sizes;
  }

  has(path: string): Promise<boolean> {
    return access(join(this.#folder, path)).then(
      () => true,
      () => false,
    );
  }

  read(path: string): Promise<Uint8Array> {
    return readFile(join(this.#folder, path));
  }

  reader(): StoredReader {
    return new DiskReader(this.#folder);
  }
}

/** Pictures and sound alternate: a file of each stays open. */
const OPEN_FILES = 2;

export class DiskReader implements StoredReader {
  readonly #folder: string;
  /** The one used last is the last. */
  readonly #open = new Map<string, FileHandle>();

  /** @param folder what paths begin in; absolute ones need none. */
  constructor(folder = '') {
    this.#folder = folder;
  }

  async read(path: string, offset: number, bytes: number): Promise<Uint8Array> {
    const handle = await this.#handleOf(path);
    const piece = Buffer.allocUnsafeSlow(bytes);
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = await handle.read(piece, done, bytes - done, offset + done);
      if (bytesRead === 0) throw new Error(`${path} ends at ${offset + done}, ${bytes} bytes at ${offset} were expected`);
      done += bytesRead;
    }
    return piece;
  }

  async close(): Promise<void> {
    const handles = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(handles.map((handle) => handle.close()));
  }

  async #handleOf(path: string): Promise<FileHandle> {
    const handle = this.#open.get(path) ?? (await open(join(this.#folder, path), 'r'));
    this.#open.delete(path);
    this.#open.set(path, handle);
    if (this.#open.size > OPEN_FILES) {
      const [oldest] = this.#open;
      if (oldest) {
        this.#open.delete(oldest[0]);
        await oldest[1].close();
      }
    }
    return handle;
  }
}
