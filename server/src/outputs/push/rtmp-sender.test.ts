import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { PublicAddresses } from '../../lib/public-address.ts';
import { rtmpSenders } from './rtmp-sender.ts';

/** RTMP 1.0 §7.1.7: a ping request in a chunk of its own. It is answered with as many bytes. */
const PING = Buffer.of(2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4);
const FLOOD = Buffer.alloc(PING.length * 4_000, PING);

/** More than the system's own buffers of both directions. */
const TOO_MUCH = 30_000_000;

test('a service that asks and asks and reads no answer is not read any more', async () => {
  let sent = 0;
  const server = createServer((socket) => {
    const go = (): void => {
      for (let more = !socket.destroyed && sent < TOO_MUCH; more; more = more && sent < TOO_MUCH) {
        sent += FLOOD.length;
        more = socket.write(FLOOD);
      }
    };
    socket.on('error', () => {});
    socket.on('drain', go);
    socket.once('data', () => {
      socket.pause();
      // S0, S1 and S2.
      socket.write(Buffer.alloc(3_073, 0).fill(3, 0, 1));
      go();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a server has no port');
  const abort = new AbortController();
  const addresses = new PublicAddresses({ allowPrivate: true, isOwnAddress: () => false });
  const target = { id: 't', protocol: 'rtmp', host: '127.0.0.1', port: address.port, app: 'live', key: 'k', passphrase: '' } as const;
  const opening = rtmpSenders({ addresses, clock: new FakeClock() }).open({ target, tracks: [], signal: abort.signal });
  const refused = expect(opening).rejects.toThrow();
  let before = 0;
  let looks = 0;
  await vi.waitFor(
    () => {
      looks = sent > 0 && sent === before ? looks + 1 : 0;
      before = sent;
      if (sent < TOO_MUCH && looks < 10) throw new Error('it goes on');
    },
    { timeout: 50_000, interval: 300 },
  );
  expect(sent).toBeLessThan(TOO_MUCH);
  abort.abort();
  await refused;
  server.close();
});
