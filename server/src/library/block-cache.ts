/** Blocks of files that lie far away: each is fetched once for all who read it at the time, and the last ones are kept. */

export interface BlockCacheDeps {
  readonly maxBytes: number;
  /** Exactly so many bytes. */
  fetch(key: string, offset: number, bytes: number): Promise<Uint8Array>;
}

export interface FarFile {
  readonly key: string;
  readonly size: number;
}

/** A journey for some seconds of media; a viewer waits for one before the first byte. */
export const BLOCK_BYTES = 1024 * 1024;

interface Block {
  readonly bytes: number;
  readonly content: Promise<Uint8Array>;
}

export class BlockCache {
  readonly #deps: BlockCacheDeps;
  /** The one used last is the last. */
  readonly #blocks = new Map<string, Block>();
  #bytes = 0;

  constructor(deps: BlockCacheDeps) {
    this.#deps = deps;
  }

  /** A copy, so that slow readers do not hold whole blocks. Rejects beyond the end. */
  async read(file: FarFile, offset: number, bytes: number): Promise<Uint8Array> {
    if (offset < 0 || offset + bytes > file.size) throw new Error(`${file.key} has ${file.size} bytes, ${bytes} at ${offset} were expected`);
    const out = Buffer.allocUnsafeSlow(bytes);
    for (let done = 0; done < bytes; ) {
      const at = offset + done;
      const number = Math.floor(at / BLOCK_BYTES);
      const block = await this.#block(file, number);
      const piece = block.subarray(at - number * BLOCK_BYTES, at - number * BLOCK_BYTES + bytes - done);
      if (piece.length === 0) throw new Error(`${file.key} is shorter than ${file.size} bytes`);
      out.set(piece, done);
      done += piece.length;
    }
    return out;
  }

  /** What begins so is other bytes from now on. */
  forget(prefix: string): void {
    for (const id of this.#blocks.keys()) if (id.startsWith(prefix)) this.#remove(id);
  }

  #block({ key, size }: FarFile, number: number): Promise<Uint8Array> {
    const id = `${key}\n${number}`;
    const known = this.#blocks.get(id);
    if (known) {
      this.#blocks.delete(id);
      this.#blocks.set(id, known);
      return known.content;
    }
    const offset = number * BLOCK_BYTES;
    const bytes = Math.min(BLOCK_BYTES, size - offset);
    const content = this.#deps.fetch(key, offset, bytes);
    const block = { bytes, content };
    this.#blocks.set(id, block);
    this.#bytes += bytes;
    content.catch(() => {
      if (this.#blocks.get(id) === block) this.#remove(id);
    });
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#deps.maxBytes || oldest === id) break;
      this.#remove(oldest);
    }
    return content;
  }

  #remove(id: string): void {
    this.#bytes -= this.#blocks.get(id)?.bytes ?? 0;
    this.#blocks.delete(id);
  }
}
