/** Takes an aggregate message apart into the messages it holds. Source: Adobe RTMP 1.0 §7.1.6. */
import { u24 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Message } from './message.ts';

/** FLV tag header in front of each, and its length again behind. */
const HEADER_BYTES = 11;
const TRAILER_BYTES = 4;

/** The timestamp of the aggregate counts; those within only tell the distances. Throws ProtocolError. */
export function splitAggregate(aggregate: Message): Message[] {
  const { payload } = aggregate;
  const messages: Message[] = [];
  let at = 0;
  let first: number | undefined;
  while (at + HEADER_BYTES <= payload.length) {
    const type = payload[at] ?? 0;
    const length = u24(payload, at + 1);
    const time = u24(payload, at + 4) + (payload[at + 7] ?? 0) * 0x100_0000;
    first ??= time;
    const begin = at + HEADER_BYTES;
    if (begin + length > payload.length) throw new ProtocolError(`message of ${length} bytes exceeds its aggregate of ${payload.length}`);
    const timestamp = (aggregate.timestamp + time - first + 0x1_0000_0000) % 0x1_0000_0000;
    messages.push({ type, streamId: aggregate.streamId, timestamp, payload: payload.subarray(begin, begin + length) });
    at = begin + length + TRAILER_BYTES;
  }
  return messages;
}
