/** Sockets rest between beats, and nothing that was sent is held back for longer. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../lib/clock.ts';
import { BEAT_MS, ReadPacer } from './read-pacer.ts';

test('a socket that sends small pieces is read at the beat, and then all that came', async () => {
  await using pair = await connected();
  const clock = new FakeClock();
  const pacer = new ReadPacer(clock);
  const reads: number[] = [];
  pair.server.on('data', (bytes: Buffer) => {
    reads.push(bytes.length);
    pacer.rest(pair.server, bytes.length);
  });
  pair.client.write('one');
  await once(pair.server, 'data');
  expect(pair.server.isPaused()).toBe(true);
  await written(pair.client, 'two');
  await written(pair.client, 'three');
  clock.advance(BEAT_MS - 1);
  expect(pair.server.isPaused()).toBe(true);
  const next = once(pair.server, 'data');
  clock.advance(1);
  await next;
  expect(reads).toEqual([3, 8]);
});

test('many small pieces that came during a rest are all handed out at its end', async () => {
  await using pair = await connected();
  const clock = new FakeClock();
  const pacer = new ReadPacer(clock);
  let received = 0;
  pair.server.on('data', (bytes: Buffer) => {
    received += bytes.length;
    pacer.rest(pair.server, bytes.length);
  });
  pair.client.write('.');
  await once(pair.server, 'data');
  for (let i = 1; i < 50; i++) {
    await written(pair.client, '.');
    // A turn for whoever would read it meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let beats = 0; beats < 3; beats++) {
    clock.advance(BEAT_MS);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(received).toBe(50);
});

test('a socket that sends more than a beat can hold is never slowed', async () => {
  await using pair = await connected();
  const pacer = new ReadPacer(systemClock);
  const total = 64 * 1024 * 1024;
  let received = 0;
  let rests = 0;
  const all = new Promise<void>((resolve) => {
    pair.server.on('data', (bytes: Buffer) => {
      received += bytes.length;
      pacer.rest(pair.server, bytes.length);
      if (pair.server.isPaused()) rests++;
      if (received === total) resolve();
    });
  });
  pair.client.write(Buffer.alloc(total));
  await all;
  // At a rest for every read of 64 KiB there would be a thousand.
  expect(rests).toBeLessThan(200);
});

async function connected(): Promise<{ readonly client: Socket; readonly server: Socket } & AsyncDisposable> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const accepted: Promise<[Socket]> = new Promise((resolve) => {
    listener.once('connection', (socket: Socket) => resolve([socket]));
  });
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const [server] = await accepted;
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
