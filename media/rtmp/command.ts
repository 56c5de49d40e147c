/** Commands and their answers: named calls in AMF. Source: Adobe RTMP 1.0 §7.1.1, §7.2. */
import { readAmf0 } from '../amf/read.ts';
import { type AmfObject, type AmfValue, amfObject } from '../amf/value.ts';
import { writeAmf0 } from '../amf/write.ts';
import { type Message, MessageType } from './message.ts';

export interface Command {
  readonly name: string;
  /** 0: no answer is wanted. */
  readonly transaction: number;
  /** The command object, null for most commands. */
  readonly object: AmfValue;
  readonly args: readonly AmfValue[];
  readonly streamId: number;
}

export type StatusLevel = 'status' | 'warning' | 'error';

/** The command of a message, undefined for any other message. Throws ProtocolError. */
export function readCommand(message: Message): Command | undefined {
  const { type, payload, streamId } = message;
  if (type !== MessageType.amf0Command && type !== MessageType.amf3Command) return undefined;
  const [name, transaction, object, ...args] = readAmf0(type === MessageType.amf3Command ? withoutAmf3Byte(payload) : payload);
  return { name: typeof name === 'string' ? name : '', transaction: typeof transaction === 'number' ? transaction : 0, object, args, streamId };
}

/** AMF3 messages hold AMF0 behind one zero byte, unless a value says otherwise; encoders use no such values. */
export function withoutAmf3Byte(payload: Uint8Array): Uint8Array {
  return payload[0] === 0 ? payload.subarray(1) : payload;
}

export function writeCommand(streamId: number, ...values: readonly AmfValue[]): Message {
  return { type: MessageType.amf0Command, streamId, timestamp: 0, payload: writeAmf0(...values) };
}

/** `_result` of a command. */
export function result(command: Command, ...values: readonly AmfValue[]): Message {
  return writeCommand(0, '_result', command.transaction, ...values);
}

/** `_error` of a command. */
export function failure(command: Command, code: string, description: string): Message {
  return writeCommand(0, '_error', command.transaction, null, statusObject('error', code, description));
}

export function onStatus(streamId: number, level: StatusLevel, code: string, description: string): Message {
  return writeCommand(streamId, 'onStatus', 0, null, statusObject(level, code, description));
}

function statusObject(level: StatusLevel, code: string, description: string): AmfObject {
  return amfObject({ level, code, description });
}
