import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { PublicAddresses } from '../../lib/public-address.ts';
import { Tunnel } from './tunnel.ts';

/** What comes through when a server says this, in these pieces, one after the other has arrived. */
async function said(...pieces: readonly string[]): Promise<{ readonly text: string; readonly failure: string | undefined }> {
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a server has no port');
  const addresses = new PublicAddresses({ allowPrivate: true, isOwnAddress: () => false });
  const tunnel = new Tunnel({ host: '127.0.0.1', port: address.port, isTls: false, isRtsp: true, addresses, farTls: createSecureContext() });
  const near = connect(await tunnel.start(), '127.0.0.1');
  const far = await accepted;
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    tunnel.close();
    server.close();
  });
  let text = '';
  near.on('error', () => {});
  far.on('error', () => {});
  near.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  const over = once(near, 'close');
  for (const piece of pieces) {
    const expected = text.length + piece.length;
    far.write(Buffer.from(piece, 'latin1'));
    while (text.length < expected && !near.destroyed) await Promise.race([once(near, 'data'), over]);
  }
  far.end();
  await over;
  return { text, failure: tunnel.failure?.code };
}

const LOCATION = 'Moved\r\nLocation: rtsp://192.168.0.1/\r\n\r\n';

test.each([
  ['as usual', `RTSP/1.0 301 ${LOCATION}`],
  ['with zeros before it', `RTSP/1.0 000301 ${LOCATION}`],
  ['with a sign before it', `RTSP/1.0 +301 ${LOCATION}`],
  ['as a number that wraps around', `RTSP/1.0 4294967597 ${LOCATION}`],
  ['with carriage returns in it', `R\rTSP/1.0 3\r01 ${LOCATION}`],
  ['behind packets of media', `$\0\0\x04abcdRTSP/1.0 301 ${LOCATION}`],
])('an answer of RTSP that redirects is not passed on: %s', async (_, answer) => {
  expect(await said('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n', answer)).toEqual({ text: 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n', failure: 'source_unreadable' });
});

test.each([
  ['in the name of the protocol', ['RT', 'SP/1.0 301 Moved']],
  ['behind a long version', [`RTSP/${'x'.repeat(300)}`, ' 301 Moved']],
  ['in the number', ['RTSP/1.0 3', '01 Moved']],
])('however it is cut: %s', async (_, pieces) => {
  const { text, failure } = await said(...pieces);
  expect(text).toBe(pieces[0]);
  expect(failure).toBe('source_unreadable');
});

test('what never comes to its number is given up', async () => {
  expect((await said('RTSP/1.0 ', '0'.repeat(5_000))).failure).toBe('source_unreadable');
});

test('everything else comes through', async () => {
  const pieces = [
    'RTSP/1.0 2',
    '00 OK\r\nCSeq: 1\r\n\r\n',
    'GET_PARAMETER rtsp://a/ RTSP/1.0\r\nCSeq: 2\r\n\r\n',
    `$\0${'x'.repeat(9_000)} 301 `,
    'RTSP/1.0 404 Not Found\r\n\r\n',
  ];
  expect(await said(...pieces)).toEqual({ text: pieces.join(''), failure: undefined });
});

test('hostile text costs no more than any other', async () => {
  const text = 'RTSP/'.repeat(100_000);
  const begun = performance.now();
  await said(text);
  expect(performance.now() - begun).toBeLessThan(5_000);
});
