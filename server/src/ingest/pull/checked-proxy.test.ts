import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { PublicAddresses } from '../../lib/public-address.ts';
import { CheckedProxy } from './checked-proxy.ts';

/** What a client gets through the proxy from a server that says this. */
async function fetched(said: string): Promise<{ readonly status: number | undefined; readonly failure: string | undefined }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(said));
  });
  server.listen(0, '127.0.0.1');
  const context = createSecureContext();
  const addresses = new PublicAddresses({ allowPrivate: true, isOwnAddress: () => false });
  const proxy = new CheckedProxy({ addresses, farTls: context, nearTls: { context: async () => context } });
  const [at] = await Promise.all([proxy.start(), once(server, 'listening')]);
  onTestFinished(() => {
    proxy.close();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a server has no port');
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(at, { path: `http://127.0.0.1:${address.port}/`, agent: false })
      .on('response', resolve)
      .on('error', reject)
      .end();
  });
  answer.resume();
  await once(answer, 'close');
  return { status: answer.statusCode, failure: proxy.failure?.code };
}

test('what a server answers comes through', async () => {
  expect(await fetched('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno')).toEqual({ status: 404, failure: undefined });
});

test.each(['HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 000 x\r\nContent-Length: 0\r\n\r\n'])('a status that is none is a failure of the source: %j', async (said) => {
  expect(await fetched(said)).toEqual({ status: 502, failure: 'source_unreachable' });
});

test('trailers that are announced where none can be are not passed on', async () => {
  expect(await fetched('HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 2\r\n\r\nok')).toEqual({ status: 200, failure: undefined });
});
