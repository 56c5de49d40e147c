/** Writes the sockets as AsyncAPI 3.0 from the commands and events. tools/generate.ts stores it as asyncapi.json. */
import type { z } from 'zod';
import { StreamSocketCommand } from './commands/stream-socket.ts';
import { StreamSocketEvent } from './events/stream-socket.ts';
import { type Json, type JsonObject, SchemaCollection } from './json-schema.ts';
import { STREAM_SOCKET_PROTOCOL, streamSocketPath } from './protocol.ts';

export function writeAsyncApi(version: string): JsonObject {
  const schemas = new SchemaCollection();
  const commands = messagesOf(StreamSocketCommand, 'input', schemas);
  const events = messagesOf(StreamSocketEvent, 'output', schemas);
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
        bindings: { ws: { method: 'GET', headers: { type: 'object', properties: { 'Sec-WebSocket-Protocol': { type: 'string', const: STREAM_SOCKET_PROTOCOL } } } } },
        messages: { ...commands, ...events },
      },
    },
    operations: {
      receiveStreamCommand: { action: 'receive', channel: { $ref: '#/channels/stream' }, messages: refsTo(commands) },
      sendStreamEvent: { action: 'send', channel: { $ref: '#/channels/stream' }, messages: refsTo(events) },
    },
    components: { schemas: schemas.components() },
  };
}

/** One message for each member of the union, by the name in its `type`. */
function messagesOf(
  union: z.ZodDiscriminatedUnion<readonly z.ZodObject<{ type: z.ZodLiteral<string> }>[]>,
  io: 'input' | 'output',
  schemas: SchemaCollection,
): Record<string, Json> {
  return Object.fromEntries(union.options.map((option) => [option.shape.type.value, { name: option.shape.type.value, payload: schemas.add(option, io) }]));
}

function refsTo(messages: Record<string, Json>): Json[] {
  return Object.keys(messages).map((name) => ({ $ref: `#/channels/stream/messages/${name}` }));
}
