/** Reads bit fields and Exp-Golomb codes of codec headers, most significant bit first. */
import { ProtocolError } from './protocol-error.ts';

export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bitsLeft(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  /** An unsigned field of up to 32 bits. */
  bits(count: number): number {
    if (count > this.bitsLeft) throw new ProtocolError(`header ends ${count - this.bitsLeft} bits too early`);
    let value = 0;
    for (let i = 0; i < count; i++) {
      const bit = ((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1;
      value = value * 2 + bit;
      this.#at++;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw new ProtocolError(`header ends ${count - this.bitsLeft} bits too early`);
    this.#at += count;
  }

  /** ue(v) of H.264 and HEVC. */
  unsignedGolomb(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros++;
      if (zeros > 32) throw new ProtocolError('Exp-Golomb code is longer than 32 bits');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v) of H.264 and HEVC. */
  signedGolomb(): number {
    const code = this.unsignedGolomb();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
