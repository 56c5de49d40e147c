/**
 * Memory for media that comes in small pieces, about in the order in which it is let go: pieces lie one behind the other in slabs, and a slab is freed with its last one.
 * Pieces that are each allocated by themselves lie between short-lived things and keep an allocator from ever giving back what it once had.
 */

/** What the first slab holds: most connections never send media. Each further one holds twice as much. */
const FIRST_BYTES = 16 * 1024;

/** A tenth of a second to seconds of media, and a mapping of its own with every usual allocator: what is freed goes back to the system. */
const MOST_BYTES = 256 * 1024;

/** Larger pieces need no slab. */
const MOST_PIECE_BYTES = MOST_BYTES / 2;

export class Slabs {
  #slab = new ArrayBuffer(0);
  #used = 0;
  #nextBytes = FIRST_BYTES;

  /** So many zeros. */
  take(bytes: number): Uint8Array {
    if (bytes > MOST_PIECE_BYTES) return new Uint8Array(bytes);
    if (bytes > this.#slab.byteLength - this.#used) {
      this.#slab = new ArrayBuffer(Math.max(bytes, this.#nextBytes));
      this.#nextBytes = Math.min(MOST_BYTES, this.#nextBytes * 2);
      this.#used = 0;
    }
    const piece = new Uint8Array(this.#slab, this.#used, bytes);
    this.#used += bytes;
    return piece;
  }

  copy(bytes: Uint8Array): Uint8Array {
    const piece = this.take(bytes.length);
    piece.set(bytes);
    return piece;
  }
}
