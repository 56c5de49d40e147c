/** VP9 frames from RTP payloads, of either mode. Of several spatial layers the lowest is kept: it decodes alone. Source: RFC 9628 §4.2. */
import { concat } from '../big-endian.ts';
import { readVp9KeyFrame, readVpcC, writeVpcC } from '../codecs/vp9.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';

/** Bits of the descriptor's first byte. */
const HAS_ID = 0x80;
const PREDICTED = 0x40;
const HAS_LAYERS = 0x20;
const FLEXIBLE = 0x10;
const BEGIN = 0x08;
const END = 0x04;
const HAS_STRUCTURE = 0x02;

const MAX_REFERENCES = 3;

interface Descriptor {
  readonly begins: boolean;
  readonly ends: boolean;
  readonly spatialLayer: number;
  /** Of the descriptor; the frame's bytes follow. */
  readonly bytes: number;
}

export class Vp9Builder implements FrameBuilder {
  #pieces: Uint8Array[] = [];
  #hasEnded = false;
  #hasLayersAbove = false;
  #format: VideoFormat | undefined;

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  begins(payload: Uint8Array): boolean {
    const descriptor = readDescriptor(payload);
    return descriptor?.begins === true && descriptor.spatialLayer === 0;
  }

  add(payload: Uint8Array): boolean {
    const descriptor = readDescriptor(payload);
    if (!descriptor) return false;
    if (descriptor.spatialLayer > 0) {
      this.#hasLayersAbove = true;
      return true;
    }
    if (this.#hasEnded || descriptor.begins !== (this.#pieces.length === 0)) return false;
    this.#pieces.push(payload.subarray(descriptor.bytes));
    this.#hasEnded = descriptor.ends;
    return true;
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const data = concat(...this.#pieces);
    const isOnlyAbove = this.#pieces.length === 0 && this.#hasLayersAbove;
    const isWhole = this.#hasEnded;
    this.reset();
    if (isOnlyAbove) return 'nothing';
    if (!isWhole) return 'damaged';
    const header = readVp9KeyFrame(data);
    if (header) {
      const { config, codecString } = readVpcC(writeVpcC(header));
      const { width, height } = header;
      const before = this.#format;
      const isSame = before?.width === width && before.height === height && before.config.every((byte, i) => byte === config[i]);
      if (!isSame) this.#format = { codec: 'vp9', config, codecString, width, height };
    }
    return this.#format ? { data, key: header !== undefined } : 'nothing';
  }

  reset(): void {
    this.#pieces = [];
    this.#hasEnded = false;
    this.#hasLayersAbove = false;
  }
}

/** Undefined when it does not end within the payload. */
function readDescriptor(payload: Uint8Array): Descriptor | undefined {
  const first = payload[0] ?? 0;
  let at = 1;
  let spatialLayer = 0;
  if (first & HAS_ID) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  if (first & HAS_LAYERS) {
    spatialLayer = ((payload[at] ?? 0) >> 1) & 7;
    at += first & FLEXIBLE ? 1 : 2;
  }
  if ((first & FLEXIBLE) !== 0 && (first & PREDICTED) !== 0) {
    for (let i = 0; i < MAX_REFERENCES; i++) if (((payload[at++] ?? 0) & 1) === 0) break;
  }
  if (first & HAS_STRUCTURE) at = structureEnd(payload, at);
  return at < payload.length ? { begins: (first & BEGIN) !== 0, ends: (first & END) !== 0, spatialLayer, bytes: at } : undefined;
}

/** §4.2.1: sizes of the layers, then the group of pictures with its references. */
function structureEnd(payload: Uint8Array, start: number): number {
  const head = payload[start] ?? 0;
  let at = start + 1;
  if (head & 0x10) at += 4 * ((head >> 5) + 1);
  if ((head & 0x08) === 0) return at;
  const pictures = payload[at++] ?? 0;
  for (let i = 0; i < pictures && at < payload.length; i++) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  return at;
}
