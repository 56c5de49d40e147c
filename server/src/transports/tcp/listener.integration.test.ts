import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { selfSigned } from '../../lib/testing/self-signed.ts';
import { TcpListener, type TcpListenerOptions } from './listener.ts';

const OPTIONS: TcpListenerOptions = { host: '127.0.0.1', port: 0, maxConnections: 3, maxConnectionsPerAddress: 2, tlsHandshakeTimeoutMs: 1_000 };

async function listening(options: TcpListenerOptions, mayConnect = true) {
  const refusals: string[] = [];
  const accepted: Socket[] = [];
  const listener = new TcpListener(options, {
    mayConnect: () => mayConnect,
    connected: (socket) => accepted.push(socket),
    refused: (remoteAddress, reason) => refusals.push(`${remoteAddress}: ${reason}`),
  });
  return { listener, accepted, refusals, ...(await listener.start()) };
}

/** Resolves when the server has hung up. */
async function hungUp(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').resume();
  await once(socket, 'close');
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

test('one address gets so many connections and no more, until one of them ends', async () => {
  const { listener, accepted, refusals, port } = await listening(OPTIONS);
  const first = await connected(port);
  await connected(port);
  await hungUp(port);
  expect(refusals).toEqual(['127.0.0.1: more than 2 connections from one address']);
  expect(accepted).toHaveLength(2);
  first.destroy();
  if (accepted[0]) await once(accepted[0].resume(), 'close');
  expect(listener.connections).toBe(1);
  const third = await connected(port);
  await listener.close();
  third.destroy();
  expect(accepted).toHaveLength(3);
});

test('an address that is shut out is closed at the door', async () => {
  const { listener, accepted, refusals, port } = await listening(OPTIONS, false);
  await hungUp(port);
  expect(accepted).toHaveLength(0);
  expect(refusals).toEqual(['127.0.0.1: address is shut out']);
  await listener.close();
});

test('TLS shows a new certificate to new connections while old ones go on', async () => {
  const [first, second] = [await selfSigned({ name: 'first' }), await selfSigned({ name: 'second' })];
  const { listener, port } = await listening({ ...OPTIONS, tls: first });
  const greeted = async (): Promise<TLSSocket> => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  };
  const old = await greeted();
  listener.setCertificate(second);
  const fresh = await greeted();
  expect([old, fresh].map((socket) => socket.getPeerX509Certificate()?.subject)).toEqual(['CN=first', 'CN=second']);
  expect(old.destroyed).toBe(false);
  await listener.close();
  old.destroy();
  fresh.destroy();
});

test('a close right behind the last connection’s end does not wait for what has happened', async () => {
  const { listener, accepted, port } = await listening(OPTIONS);
  const client = await connected(port);
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  listener.stop();
  accepted[0]?.destroy();
  // The server tells of its end by then, the connection of its own later.
  await new Promise((resolve) => process.nextTick(resolve));
  expect(listener.connections).toBe(1);
  await listener.close();
  client.destroy();
});

test('a port that is taken rejects the start', async () => {
  const { listener, port } = await listening(OPTIONS);
  await expect(listening({ ...OPTIONS, port })).rejects.toThrow('EADDRINUSE');
  await listener.close();
});
