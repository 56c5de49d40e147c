/** The pulled cable must behave as one, else the reconnection tests show nothing. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

test('bytes pass both ways', async () => {
  await using pair = await openPair();
  pair.client.write('ping');
  expect(String((await once(pair.accepted, 'data'))[0])).toBe('ping');
  pair.accepted.write('pong');
  expect(String((await once(pair.client, 'data'))[0])).toBe('pong');
});

test('a frozen connection hides even its end, and a new one passes after resuming', async () => {
  await using pair = await openPair();
  pair.proxy.freeze();
  let heard = false;
  for (const event of ['data', 'end', 'close']) pair.accepted.on(event, () => (heard = true));
  pair.client.write('lost');
  pair.client.destroy();
  pair.proxy.resume('lost');
  await using again = await openClient(pair.proxy, pair.connections);
  again.client.write('new');
  expect(String((await once(again.accepted, 'data'))[0])).toBe('new');
  expect(heard).toBe(false);
});

test('a frozen connection that is kept delivers what it held back', async () => {
  await using pair = await openPair();
  pair.proxy.freeze();
  pair.client.write('late');
  pair.proxy.resume('kept');
  expect(String((await once(pair.accepted, 'data'))[0])).toBe('late');
});

test('a cut ends both sides', async () => {
  await using pair = await openPair();
  const ends = Promise.all([closed(pair.accepted), closed(pair.client)]);
  pair.proxy.cut();
  await ends;
});

test('who is disconnected stays so until there is a network again', async () => {
  await using pair = await openPair();
  const ends = Promise.all([closed(pair.accepted), closed(pair.client)]);
  pair.proxy.disconnect();
  await ends;
  await closed(connect(pair.proxy.port, '127.0.0.1'));
  pair.proxy.reconnect();
  await using again = await openClient(pair.proxy, pair.connections);
  again.client.write('back');
  expect(String((await once(again.accepted, 'data'))[0])).toBe('back');
});

// Not `once` of node:events, which takes a reset for a failure of the test.
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('error', () => undefined).on('close', () => resolve()));
}

async function openPair() {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    connections.push(socket);
    server.emit('accepted');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy = await TcpProxy.to({ host: '127.0.0.1', port: address.port });
  const accepted = once(server, 'accepted');
  const client = connect(proxy.port, '127.0.0.1');
  await accepted;
  const [first] = connections;
  if (!first) throw new Error('no connection');
  return {
    proxy,
    client,
    accepted: first,
    connections: { server, list: connections },
    async [Symbol.asyncDispose]() {
      client.destroy();
      for (const socket of connections) socket.destroy();
      await proxy[Symbol.asyncDispose]();
      server.close();
    },
  };
}

async function openClient(proxy: TcpProxy, connections: { readonly server: NodeJS.EventEmitter; readonly list: readonly Socket[] }) {
  const arrived = once(connections.server, 'accepted');
  const client = connect(proxy.port, '127.0.0.1');
  await arrived;
  const accepted = connections.list.at(-1);
  if (!accepted) throw new Error('no connection');
  return {
    client,
    accepted,
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}
