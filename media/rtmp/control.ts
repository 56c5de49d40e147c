/** Protocol control and user control messages: windows, bandwidth, pings. Source: Adobe RTMP 1.0 §5.4, §7.1.7. */
import { concat, u16, u32, u32Bytes } from '../big-endian.ts';
import { type Message, MessageType } from './message.ts';

export const UserControl = { streamBegin: 0, streamEof: 1, pingRequest: 6, pingResponse: 7 } as const;

export function windowAcknowledgementSize(bytes: number): Message {
  return control(MessageType.windowAcknowledgementSize, u32Bytes(bytes));
}

/** Limit type 2: the peer decides between the window it has and this one. */
export function setPeerBandwidth(bytes: number): Message {
  return control(MessageType.setPeerBandwidth, concat(u32Bytes(bytes), Uint8Array.of(2)));
}

/** @param received bytes so far, modulo 2^32. */
export function acknowledgement(received: number): Message {
  return control(MessageType.acknowledgement, u32Bytes(received));
}

export function userControl(event: number, value: number): Message {
  return control(MessageType.userControl, concat(Uint8Array.of(event >> 8, event & 0xff), u32Bytes(value)));
}

/** The answer to a ping request, undefined for any other message. */
export function pingReply(message: Message): Message | undefined {
  const { type, payload } = message;
  if (type !== MessageType.userControl || payload.length < 6 || u16(payload, 0) !== UserControl.pingRequest) return undefined;
  return userControl(UserControl.pingResponse, u32(payload, 2));
}

function control(type: number, payload: Uint8Array): Message {
  return { type, streamId: 0, timestamp: 0, payload };
}
