/** For tests: a port for a server that cannot be asked which one it took. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Of the loopback interface; nobody listened on it a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
