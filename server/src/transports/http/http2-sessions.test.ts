import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import { connect as connectTcp, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { Http2Sessions } from './http2-sessions.ts';

const scope: (() => void)[] = [];
afterEach(() => {
  for (const end of scope.splice(0).reverse()) end();
});

/** Sessions over bare TCP: what stands below does not matter to them. */
async function serve(request: (request: IncomingMessage, response: ServerResponse) => void, stalledAnswerMs?: number) {
  const sessions = new Http2Sessions({ clock: systemClock, request, ...(stalledAnswerMs === undefined ? {} : { stalledAnswerMs }) });
  const listener = createServer((socket) => sessions.accept(socket)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const client = connect(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
  client.on('error', () => {});
  scope.push(
    () => listener.close(),
    () => client.destroy(),
  );
  return { sessions, client };
}

test('an answer that nobody takes up is given up, and one that is read goes on', async () => {
  const { sessions, client } = await serve((_request, response) => {
    // More than the flow-control window lets out at once.
    response.end(Buffer.alloc(1_000_000));
  }, 100);
  const read = client.request({ ':path': '/' });
  let bytes = 0;
  read.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(read, 'end');
  expect([bytes, sessions.counters.stalledAnswers]).toEqual([1_000_000, 0]);
  const unread = client.request({ ':path': '/' });
  await once(unread, 'close');
  expect([unread.rstCode, sessions.counters.stalledAnswers]).toEqual([8, 1]);
});

test('routes read the host where HTTP/1.1 has it', async () => {
  const { client } = await serve((request, response) => response.end(request.headers.host));
  const stream = client.request({ ':path': '/', ':authority': 'laptop.local:8443' });
  expect(String(await stream.toArray())).toBe('laptop.local:8443');
});

test('bytes that are no HTTP/2 end the session alone', async () => {
  const { sessions, client } = await serve((_request, response) => response.end('fine'));
  expect(String(await client.request({ ':path': '/' }).toArray())).toBe('fine');
  const address = client.socket.remotePort;
  const garbage = connectTcp(address ?? 0, '127.0.0.1');
  garbage.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(garbage.resume(), 'close');
  expect(String(await client.request({ ':path': '/' }).toArray())).toBe('fine');
  expect(sessions.counters.sessions).toBe(1);
});
