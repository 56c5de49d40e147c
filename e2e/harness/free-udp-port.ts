/** A UDP port for servers that do not tell which one they took. */
import { createSocket } from 'node:dgram';

/** A port of the loopback interface that nobody listened on a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
