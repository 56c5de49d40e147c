/** The bad network of the tests does what it is told, and nothing when it is told nothing. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UdpProxy } from './udp-proxy.ts';
import { until } from './until.ts';

const scope: { current: AsyncDisposableStack } = { current: new AsyncDisposableStack() };

beforeEach(() => {
  scope.current = new AsyncDisposableStack();
});
afterEach(() => scope.current.disposeAsync());

interface World {
  readonly proxy: UdpProxy;
  /** Numbers as they came to the server, in order, and the ports they came from. */
  readonly arrived: number[];
  readonly ports: Set<number>;
  /** Numbers that came back. */
  readonly returned: number[];
  send(from: number, count: number): void;
}

async function world({ echo = true }: { readonly echo?: boolean } = {}): Promise<World> {
  const bound = async (): Promise<Socket> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    scope.current.defer(() => void socket.close());
    await once(socket, 'listening');
    return socket;
  };
  const [server, client] = [await bound(), await bound()];
  const proxy = scope.current.use(await UdpProxy.before(server.address().port));
  const [arrived, returned, ports] = [[] as number[], [] as number[], new Set<number>()];
  server.on('message', (packet, { port, address }) => {
    arrived.push(packet.readUInt16BE());
    ports.add(port);
    if (echo) server.send(packet, port, address);
  });
  client.on('message', (packet) => returned.push(packet.readUInt16BE()));
  const send = (from: number, count: number) => {
    for (let i = from; i < from + count; i++) client.send(Buffer.from([i >> 8, i & 0xff]), proxy.port, '127.0.0.1');
  };
  return { proxy, arrived, ports, returned, send };
}

const soon = { what: 'the packets', timeoutMs: 5_000 };

test('without a fault everything passes in order, both ways', async () => {
  const { proxy, arrived, returned, send } = await world();
  send(0, 100);
  await until(() => returned.length === 100, soon);
  expect(arrived).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(proxy.lost).toBe(0);
});

test('losses come in bursts and make up the share that was asked for', async () => {
  const { proxy, arrived, send } = await world({ echo: false });
  proxy.fault = { loss: 0.2, burst: 10 };
  for (let at = 0; at < 2_000; at += 100) {
    const before = arrived.length + proxy.lost;
    send(at, 100);
    await until(() => arrived.length + proxy.lost >= before + 100, soon);
  }
  proxy.fault = {};
  send(2_000, 1);
  await until(() => arrived.includes(2_000), soon);
  const gaps = arrived.slice(1).map((number, i) => number - (arrived[i] ?? 0) - 1);
  // All but the one that the end of the fault cut off.
  expect(gaps.filter((gap) => gap > 0 && gap < 10).length).toBeLessThanOrEqual(1);
  expect(arrived.length).toBeGreaterThan(1_400);
  expect(arrived.length).toBeLessThan(1_850);
});

test('jitter makes packets overtake each other and loses none', async () => {
  const { proxy, arrived, returned, send } = await world();
  proxy.fault = { delayMs: 20, jitterMs: 50 };
  const started = performance.now();
  send(0, 50);
  await until(() => returned.length === 50, soon);
  expect(performance.now() - started).toBeGreaterThan(39);
  expect(arrived).not.toEqual(arrived.toSorted((a, b) => a - b));
  expect(proxy.lost).toBe(0);
});

test('a replay sends each packet twice more', async () => {
  const { proxy, arrived, send } = await world({ echo: false });
  proxy.fault = { replayAfterMs: 50 };
  send(0, 20);
  await until(() => arrived.length === 60, soon);
  expect(new Set(arrived).size).toBe(20);
  expect(proxy.counts).toEqual({ passed: 20, replayed: 40 });
});

test('what is narrow lets so much through a second, keeps some waiting, and loses the rest', async () => {
  const { proxy, arrived, send } = await world({ echo: false });
  // 125 packets of two bytes a second, of which 25 may wait.
  proxy.fault = { bitsPerSecond: 2_000, queueMs: 200 };
  const started = performance.now();
  send(0, 100);
  await until(() => proxy.lost + proxy.counts.passed === 100, soon);
  expect(proxy.counts.passed).toBeGreaterThanOrEqual(25);
  expect(proxy.counts.passed).toBeLessThan(60);
  await until(() => arrived.length === proxy.counts.passed, soon);
  expect(arrived).toEqual(arrived.toSorted((a, b) => a - b));
  expect(performance.now() - started).toBeGreaterThan(150);
});

test('after a rebinding packets come from another port, and answers find the client', async () => {
  const { proxy, ports, returned, send } = await world();
  send(0, 1);
  await until(() => returned.length === 1, soon);
  proxy.rebind();
  send(1, 1);
  await until(() => returned.length === 2, soon);
  expect(ports.size).toBe(2);
});
