/** VP8 and VP9 frames as RTP payloads: a descriptor before each piece. Sources: RFC 7741 §4.2, RFC 9628 §4.2. */
import { Slabs } from '../slabs.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';
import { MAX_PAYLOAD_BYTES, PacketBuffer, type Packetizer, type PacketizerOptions } from './packetizer.ts';

/** Picture ids have fifteen bits, behind a bit that says so. */
const PICTURE_IDS = 0x8000;
const LONG_ID = 0x8000;

/** VP8: extension present; beginning of a partition; a picture id follows. */
const VP8_EXTENDED = 0x80;
const VP8_START = 0x10;
const VP8_HAS_ID = 0x80;
const VP8_DESCRIPTOR_BYTES = 4;

/** VP9: picture id, inter-picture predicted, flexible mode, beginning and end of the frame. */
const VP9_HAS_ID = 0x80;
const VP9_PREDICTED = 0x40;
const VP9_FLEXIBLE = 0x10;
const VP9_BEGIN = 0x08;
const VP9_END = 0x04;
/** The picture before this one, and no further reference. */
const VP9_REFERS_TO_LAST = 1 << 1;
const VP9_DESCRIPTOR_BYTES = 4;

interface VpxOptions extends PacketizerOptions {
  /** Of the first frame: random. */
  readonly firstPictureId?: number;
}

export class Vp8Packetizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #memory = new Slabs();
  #pictureId: number;

  constructor({ maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES, firstPictureId = 0 }: VpxOptions = {}) {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
    this.#pictureId = firstPictureId % PICTURE_IDS;
  }

  packetize({ data }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const room = this.#maxPayloadBytes - VP8_DESCRIPTOR_BYTES;
    const count = Math.ceil(data.length / room);
    const buffer = new PacketBuffer(this.#memory, data.length + count * VP8_DESCRIPTOR_BYTES, count, this.#headerBytes);
    for (let at = 0; at < data.length; at += room) {
      buffer.open();
      buffer.byte(VP8_EXTENDED | (at === 0 ? VP8_START : 0));
      buffer.byte(VP8_HAS_ID);
      buffer.u16(LONG_ID | this.#pictureId);
      buffer.bytes(data.subarray(at, at + room));
      buffer.close();
    }
    if (count > 0) this.#pictureId = (this.#pictureId + 1) % PICTURE_IDS;
    return buffer.packets;
  }
}

/**
 * In flexible mode: each frame says that it refers to the one before, which holds through all before it. The other mode would
 * promise a pattern of layers that a stream of somebody else's encoder need not keep.
 */
export class Vp9Packetizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #memory = new Slabs();
  #pictureId: number;

  constructor({ maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES, firstPictureId = 0 }: VpxOptions = {}) {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
    this.#pictureId = firstPictureId % PICTURE_IDS;
  }

  packetize({ data, key }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const room = this.#maxPayloadBytes - VP9_DESCRIPTOR_BYTES;
    const count = Math.ceil(data.length / room);
    const buffer = new PacketBuffer(this.#memory, data.length + count * VP9_DESCRIPTOR_BYTES, count, this.#headerBytes);
    for (let at = 0; at < data.length; at += room) {
      buffer.open();
      const ends = (at === 0 ? VP9_BEGIN : 0) | (at + room >= data.length ? VP9_END : 0);
      buffer.byte(VP9_HAS_ID | VP9_FLEXIBLE | (key ? 0 : VP9_PREDICTED) | ends);
      buffer.u16(LONG_ID | this.#pictureId);
      if (!key) buffer.byte(VP9_REFERS_TO_LAST);
      buffer.bytes(data.subarray(at, at + room));
      buffer.close();
    }
    if (count > 0) this.#pictureId = (this.#pictureId + 1) % PICTURE_IDS;
    return buffer.packets;
  }
}
