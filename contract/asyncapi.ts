/** Writes the sockets as AsyncAPI 3.0 from the commands and events. tools/generate.ts stores it as asyncapi.json. */
import type { z } from 'zod';
import { StreamSocketCommand } from './commands/stream-socket.ts';
import { RecordingSocketEvent } from './events/recording-socket.ts';
import { StreamSocketEvent } from './events/stream-socket.ts';
import { type Json, type JsonObject, SchemaCollection } from './json-schema.ts';
import { RECORDING_SOCKET_PATH, RECORDING_SOCKET_PROTOCOL, STREAM_SOCKET_PROTOCOL, streamSocketPath } from './protocol.ts';

export function writeAsyncApi(version: string): JsonObject {
  const schemas = new SchemaCollection();
  const commands = messagesOf(StreamSocketCommand, 'input', schemas);
  const events = messagesOf(StreamSocketEvent, 'output', schemas);
  const ofRecordings = messagesOf(RecordingSocketEvent, 'output', schemas);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Millrace sockets',
      version,
      description: 'JSON text frames; `type` names the command or event. A socket that is refused closes with 4000 + the HTTP status of the error.',
    },
    defaultContentType: 'application/json',
    channels: {
      stream: {
        address: streamSocketPath('{id}'),
        title: 'Status, viewers and measurements of a stream',
        parameters: { id: { description: 'The public id of the stream.' } },
        bindings: bindingsOf(STREAM_SOCKET_PROTOCOL),
        messages: { ...commands, ...events },
      },
      recordings: {
        address: RECORDING_SOCKET_PATH,
        title: 'What becomes of your recordings, and how far what takes long has come',
        bindings: bindingsOf(RECORDING_SOCKET_PROTOCOL),
        messages: ofRecordings,
      },
    },
    operations: {
      receiveStreamCommand: { action: 'receive', channel: { $ref: '#/channels/stream' }, messages: refsTo('stream', commands) },
      sendStreamEvent: { action: 'send', channel: { $ref: '#/channels/stream' }, messages: refsTo('stream', events) },
      sendRecordingEvent: { action: 'send', channel: { $ref: '#/channels/recordings' }, messages: refsTo('recordings', ofRecordings) },
    },
    components: { schemas: schemas.components() },
  };
}

/** A socket is asked for by its subprotocol. */
function bindingsOf(protocol: string): Json {
  return { ws: { method: 'GET', headers: { type: 'object', properties: { 'Sec-WebSocket-Protocol': { type: 'string', const: protocol } } } } };
}

/** One message for each member of the union, by the name in its `type`. */
function messagesOf(
  union: z.ZodDiscriminatedUnion<readonly z.ZodObject<{ type: z.ZodLiteral<string> }>[]>,
  io: 'input' | 'output',
  schemas: SchemaCollection,
): Record<string, Json> {
  return Object.fromEntries(union.options.map((option) => [option.shape.type.value, { name: option.shape.type.value, payload: schemas.add(option, io) }]));
}

function refsTo(channel: string, messages: Record<string, Json>): Json[] {
  return Object.keys(messages).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));
}
