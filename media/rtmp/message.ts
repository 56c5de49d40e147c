/** RTMP messages and their type numbers: what the chunk layer carries. Source: Adobe RTMP 1.0 §5.4, §6, §7. */

export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  amf3Data: 15,
  amf3Command: 17,
  amf0Data: 18,
  amf0Command: 20,
  aggregate: 22,
} as const;

export interface Message {
  readonly type: number;
  /** The RTMP stream it belongs to; 0 is the connection itself. */
  readonly streamId: number;
  /** Milliseconds in [0, 2^32). */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}
