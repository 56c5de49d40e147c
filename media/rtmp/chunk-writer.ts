/** Cuts messages into chunks, the counterpart of the chunk reader. Source: Adobe RTMP 1.0 §5.3. */
import { concat, putU24, putU32, u32Bytes } from '../big-endian.ts';
import { type Message, MessageType } from './message.ts';

const EXTENDED = 0xffffff;

export class ChunkWriter {
  #chunkSize = 128;

  /** The bytes of a message on chunk stream `chunkStreamId` (2–65599): a full header first, type 3 headers between. */
  write(chunkStreamId: number, message: Message): Uint8Array {
    const isExtended = message.timestamp >= EXTENDED;
    const extended = isExtended ? u32Bytes(message.timestamp) : new Uint8Array(0);
    const { payload } = message;
    const parts = [basicHeader(0, chunkStreamId), fullHeader(message), extended, payload.subarray(0, this.#chunkSize)];
    for (let at = this.#chunkSize; at < payload.length; at += this.#chunkSize) {
      parts.push(basicHeader(3, chunkStreamId), extended, payload.subarray(at, at + this.#chunkSize));
    }
    return concat(...parts);
  }

  /** Changes the size of the chunks that follow; the message returned tells the peer. */
  setChunkSize(size: number): Uint8Array {
    const bytes = this.write(2, { type: MessageType.setChunkSize, streamId: 0, timestamp: 0, payload: u32Bytes(size) });
    this.#chunkSize = size;
    return bytes;
  }
}

/** Format and chunk stream in one, two or three bytes. */
export function basicHeader(format: number, chunkStreamId: number): Uint8Array {
  if (chunkStreamId < 64) return Uint8Array.of((format << 6) | chunkStreamId);
  if (chunkStreamId < 320) return Uint8Array.of(format << 6, chunkStreamId - 64);
  return Uint8Array.of((format << 6) | 1, (chunkStreamId - 64) & 0xff, (chunkStreamId - 64) >> 8);
}

function fullHeader(message: Message): Uint8Array {
  const header = new Uint8Array(11);
  putU24(header, 0, Math.min(message.timestamp, EXTENDED));
  putU24(header, 3, message.payload.length);
  header[6] = message.type;
  const streamId = new Uint8Array(4);
  putU32(streamId, 0, message.streamId);
  header.set(streamId.reverse(), 7);
  return header;
}
