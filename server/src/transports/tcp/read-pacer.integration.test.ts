/** Sockets rest between beats; nothing is lost, nothing waits longer than that, nothing is slowed. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { ReadPacer } from './read-pacer.ts';

const PIECES = 300;

test('small pieces that come one by one are read together, in order', async () => {
  await using pair = await connected();
  const { reads, text } = collect(pair.server);
  for (let i = 0; i < PIECES; i++) {
    await written(pair.client, `${i} `);
    // Lets the other side's loop see each of them.
    await new Promise(setImmediate);
  }
  pair.client.end();
  await once(pair.server, 'end');
  expect(text()).toBe(Array.from({ length: PIECES }, (_, i) => `${i} `).join(''));
  expect(reads()).toBeLessThan(PIECES / 3);
});

test('what nobody sees rests longer, unless so much comes that a long rest could not hold it', async () => {
  await using seen = await connected();
  await using unseen = await connected();
  await using busy = await connected();
  const pacer = new ReadPacer();
  const ofSeen = collect(seen.server, { pacer });
  const ofUnseen = collect(unseen.server, { pacer, isSeen: false });
  const ofBusy = collect(busy.server, { pacer, isSeen: false });
  let sentToBusy = 0;
  while (ofSeen.reads() < 30) {
    await Promise.all([written(seen.client, 'a'), written(unseen.client, 'a')]);
    if (ofBusy.length() === sentToBusy) {
      sentToBusy += 20 * 1024;
      await written(busy.client, 'a'.repeat(20 * 1024));
    }
    await new Promise(setImmediate);
  }
  expect(ofUnseen.reads()).toBeLessThan(20);
  expect(ofBusy.reads()).toBeGreaterThan(20);
});

test('a socket rests after small reads alone: who sends more than a beat can hold is never slowed', async () => {
  await using pair = await connected();
  const total = 64 * 1024 * 1024;
  const stops = vi.spyOn(Reflect.get(pair.server, '_handle'), 'readStop');
  const { length, reads, smallReads } = collect(pair.server);
  pair.client.end(Buffer.alloc(total));
  await once(pair.server, 'end');
  expect(length()).toBe(total);
  expect(smallReads()).toBeLessThan(reads());
  expect(stops).toHaveBeenCalledTimes(smallReads());
});

test('a peer that goes away during a rest is noticed', async () => {
  await using pair = await connected();
  collect(pair.server);
  pair.client.write('one');
  await once(pair.server, 'data');
  pair.client.destroy();
  await once(pair.server, 'close');
  expect(pair.server.destroyed).toBe(true);
});

function collect(socket: Socket, { pacer = new ReadPacer(), isSeen = true } = {}) {
  const pieces: Buffer[] = [];
  let small = 0;
  socket.on('data', (bytes: Buffer) => {
    pieces.push(bytes);
    if (bytes.length < 32 * 1024) small++;
    pacer.rest(socket, bytes.length, isSeen);
  });
  return {
    reads: () => pieces.length,
    smallReads: () => small,
    length: () => pieces.reduce((sum, piece) => sum + piece.length, 0),
    text: () => Buffer.concat(pieces).toString(),
  };
}

async function connected(): Promise<{ readonly client: Socket; readonly server: Socket } & AsyncDisposable> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const accepted = new Promise<Socket>((resolve) => {
    listener.once('connection', resolve);
  });
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const server = await accepted;
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** Resolves when the kernel has it, which on loopback is when the other side can read it. */
function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.write(text, () => resolve());
  });
}
