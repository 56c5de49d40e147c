/** The socket of an owner's recordings against a real WebSocket server. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';
import type { ConnectionState } from './event-socket.ts';
import { recordingSocket } from './recording-socket.ts';

let server: WebSocketServer;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0] ?? false });
  await once(server, 'listening');
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

it('asks as its owner, gives typed events on, passes over what it does not know, and stops when it is refused', async () => {
  const arriving = new Promise<{ client: ServerSocket; request: IncomingMessage }>((resolve) => server.once('connection', (client, request) => resolve({ client, request })));
  const address = server.address();
  const events: RecordingSocketEvent[] = [];
  const states: ConnectionState[] = [];
  const refused = Promise.withResolvers<void>();
  const socket = recordingSocket({
    origin: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    bearer: 'a-token',
    WebSocket,
    random: () => 0,
    network: new EventTarget(),
    listener: {
      event: (event) => void events.push(event),
      connection: (state) => {
        states.push(state);
        if (state === 'refused') refused.resolve();
      },
    },
  });
  socket.start();
  const { client, request } = await arriving;
  expect(request.url).toBe('/ws/recordings');
  expect(request.headers['sec-websocket-protocol']?.replaceAll(' ', '')).toBe('millrace.recordings.v1,bearer.a-token');
  const progress = {
    type: 'RECORDING_PROGRESSED',
    recordingId: 'recording'.padEnd(21, '0'),
    storage: { local: true, elsewhere: false, upload: null },
    task: { kind: 'repair', share: 0.5, secondsLeft: 3 },
  };
  for (const frame of ['nonsense', { type: 'NEW_THING' }, { ...progress, task: { kind: 'repair', share: 2, secondsLeft: 3 } }, progress]) client.send(JSON.stringify(frame));
  client.close(4401);
  await refused.promise;
  expect(events).toEqual([progress]);
  expect(states).toEqual(['connecting', 'open', 'refused']);
  expect(socket.isOpen).toBe(false);
});
