import { VIEWER_TIMEOUT_MS } from '@millrace/contract/limits';
import { CLOSE_SERVER_STOPPING, CLOSE_STREAM_DELETED, SESSION_COOKIE, STREAM_SOCKET_PROTOCOL, streamSocketPath } from '@millrace/contract/protocol';
import { expect, it, onTestFinished } from 'vitest';
import type { ClientOptions } from 'ws';
import { FakeClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import type { ViewingRow } from '../store/viewings.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { PlaybackCredentials } from '../stream/playback-gate.ts';
import type { SocketClient } from '../transports/http/testing/socket-client.ts';
import { SocketStand } from '../transports/http/testing/socket-stand.ts';
import { type BroadcastRecording, type KeptBroadcasts, StreamSockets } from './stream-sockets.ts';
import { MemoryViewerCounter, type ViewerListener } from './viewer-counter.ts';
import { Visits } from './visits.ts';
import type { WatchDecision } from './watch-gate.ts';

const STREAM = 'stream-aaaaaaaaaaaaaaa';
const PRIVATE = 'private-aaaaaaaaaaaaaa';
const CREATED = 1_700_000_000_000;
const RECORDING: BroadcastRecording = { id: 'recording', streamId: STREAM, broadcastId: 'b', state: 'recording', problem: null };
const LIVE: Broadcast = { streamId: STREAM, broadcastId: 'b', epoch: 'e', createdAt: CREATED, state: 'live', startedAt: CREATED };

class World {
  readonly clock = new FakeClock(CREATED + 60_000);
  readonly rows = new Map<string, ViewingRow>();
  readonly asked: PlaybackCredentials[] = [];
  readonly broadcasts = new Map<string, Broadcast>();
  readonly counter: MemoryViewerCounter;
  readonly visits: Visits;
  readonly sockets: StreamSockets;
  readonly stand: SocketStand;
  lastBroadcast: Broadcast | null = null;
  kept: Awaited<ReturnType<KeptBroadcasts['keptOf']>>;
  latest: () => Promise<BroadcastRecording | undefined> = async () => undefined;
  isAway = false;
  /** From now on it is. */
  isPrivate = false;
  /** What is asked is answered with this, however it stands then. */
  slowly: Promise<void> | undefined;
  #ids = 0;

  constructor() {
    const log = quietLog();
    const listener: ViewerListener = { viewersCounted: (streamId) => this.sockets.viewersCounted(streamId) };
    this.counter = new MemoryViewerCounter({ clock: this.clock, timeoutMs: VIEWER_TIMEOUT_MS, listener });
    this.visits = new Visits({
      clock: this.clock,
      counter: this.counter,
      viewings: { put: (row) => this.rows.set(row.id, row) },
      broadcasts: this.broadcasts,
      newId: () => `viewing${++this.#ids}`,
    });
    this.sockets = new StreamSockets({
      clock: this.clock,
      log,
      gate: { admit: (streamId, credentials) => this.#admit(streamId, credentials) },
      counter: this.counter,
      visits: this.visits,
      broadcasts: this.broadcasts,
      recordings: {
        keptOf: async (streamId, broadcastId) => (streamId === STREAM && broadcastId === LIVE.broadcastId ? this.kept : undefined),
        latestOf: (streamId, broadcastId) => (streamId === STREAM && broadcastId === LIVE.broadcastId ? this.latest() : Promise.resolve(undefined)),
      },
      publicOrigin: 'https://live.example/',
    });
    this.stand = new SocketStand(this.sockets, this.clock);
  }

  async start(): Promise<this> {
    this.counter.start();
    onTestFinished(() => this.counter.close());
    await this.stand.start();
    return this;
  }

  client(options: ClientOptions = {}, { streamId = STREAM, query = '', protocols = [STREAM_SOCKET_PROTOCOL] } = {}): SocketClient {
    return this.stand.client(`${streamSocketPath(streamId)}${query}`, protocols, options);
  }

  /** A watching client. */
  async watching(visitorId: string, options?: ClientOptions): Promise<SocketClient> {
    const client = await this.client(options).open();
    client.send({ type: 'WATCH', visitorId, protocol: 'll-hls', device: 'phone' });
    await client.settled();
    return client;
  }

  change(broadcast: Broadcast): void {
    this.broadcasts.set(broadcast.streamId, broadcast);
    this.sockets.broadcastChanged(broadcast);
  }

  /** Cookies and bearers name their user; `?token=good` opens the private stream. */
  async #admit(streamId: string, credentials: PlaybackCredentials): Promise<WatchDecision> {
    this.asked.push(credentials);
    const userId = /millrace_session=(\w+)|Bearer (\w+)/.exec(`${credentials.cookie} ${credentials.authorization}`)?.slice(1).find(Boolean) ?? null;
    if (this.isAway) throw new Error('the database is away');
    const isPrivate = streamId === PRIVATE || this.isPrivate;
    await this.slowly;
    if (isPrivate && userId !== 'owner' && credentials.token !== 'good') return { allowed: false, reason: credentials.token === undefined ? 'hidden' : 'denied' };
    return { allowed: true, isOwner: userId === 'owner', userId, lastBroadcast: this.lastBroadcast };
  }
}

function world(): Promise<World> {
  return new World().start();
}

const as = (user: string): ClientOptions => ({ headers: { cookie: `${SESSION_COOKIE}=${user}` } });

it('tells the status first, then each change', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, LIVE);
  const client = await made.client().open();
  expect(await client.next('STREAM_STATUS_CHANGED')).toEqual({
    type: 'STREAM_STATUS_CHANGED',
    status: 'live',
    broadcastId: 'b',
    epoch: 'e',
    startedAt: '2023-11-14T22:13:20.000Z',
    endedAt: null,
    reconnectUntil: null,
    at: '2023-11-14T22:14:20.000Z',
  });
  made.change({ ...LIVE, state: 'reconnecting', reconnectUntil: CREATED + 120_000 });
  expect(await client.next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'reconnecting', reconnectUntil: '2023-11-14T22:15:20.000Z' });
  made.change({ ...LIVE, state: 'ended', endedAt: CREATED + 90_000, endReason: 'stopped' });
  expect(await client.next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'ended', endedAt: '2023-11-14T22:14:50.000Z' });
});

it('tells of the stored broadcast when none runs, and takes one that should run but does not for none', async () => {
  const made = await world();
  made.lastBroadcast = { ...LIVE, state: 'ended', endedAt: CREATED + 1, endReason: 'stopped' };
  expect(await (await made.client().open()).next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'ended' });
  made.lastBroadcast = LIVE;
  expect(await (await made.client().open()).next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'idle', broadcastId: null });
});

it('tells of the recording when it is ready, and whoever comes after the end', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, LIVE);
  const there = await made.client().open();
  made.change({ ...LIVE, state: 'ended', endedAt: CREATED + 1, endReason: 'stopped' });
  await there.settled();
  expect(there.heard).not.toContainEqual(expect.objectContaining({ type: 'RECORDING_READY' }));
  made.kept = { id: 'recording', visibility: 'unlisted' };
  made.sockets.recordingChanged({ ...RECORDING, state: 'ready' });
  const told = { type: 'RECORDING_READY', broadcastId: 'b', recordingId: 'recording' };
  expect(await there.next('RECORDING_READY')).toEqual(told);
  expect(await (await made.client().open()).next('RECORDING_READY')).toEqual(told);
});

it('tells of a private recording to the owner alone', async () => {
  const made = await world();
  made.kept = { id: 'recording', visibility: 'private' };
  made.broadcasts.set(STREAM, { ...LIVE, state: 'ended', endedAt: CREATED + 1, endReason: 'stopped' });
  const viewer = await made.client().open();
  const owner = await made.client(as('owner')).open();
  await owner.next('RECORDING_READY');
  made.sockets.recordingChanged({ ...RECORDING, state: 'ready' });
  await owner.next('RECORDING_READY');
  await viewer.settled();
  expect(viewer.heard).not.toContainEqual(expect.objectContaining({ type: 'RECORDING_READY' }));
});

it('tells the owner alone that it is being recorded, and why no longer; and an owner who comes later', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, LIVE);
  const viewer = await made.client().open();
  const owner = await made.client(as('owner')).open();
  made.sockets.recordingChanged(RECORDING);
  const told = { type: 'RECORDING_CHANGED', recordingId: 'recording', streamId: STREAM, broadcastId: 'b', state: 'recording', problem: null };
  expect(await owner.next('RECORDING_CHANGED')).toEqual(told);
  made.sockets.recordingChanged({ ...RECORDING, state: 'ready', problem: 'disk_full' });
  expect(await owner.next('RECORDING_CHANGED')).toEqual({ ...told, state: 'ready', problem: 'disk_full' });
  made.latest = async () => ({ ...RECORDING, state: 'ready', problem: 'disk_full' });
  expect(await (await made.client(as('owner')).open()).next('RECORDING_CHANGED')).toEqual({ ...told, state: 'ready', problem: 'disk_full' });
  const late = await made.client().open();
  await Promise.all([viewer.settled(), late.settled()]);
  for (const { heard } of [viewer, late]) expect(heard).not.toContainEqual(expect.objectContaining({ type: 'RECORDING_CHANGED' }));
});

it('does not tell what was stored of a recording after what happened since', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, LIVE);
  const asked = Promise.withResolvers<BroadcastRecording>();
  made.latest = () => asked.promise;
  const owner = await made.client(as('owner')).open();
  await owner.next('STREAM_STATUS_CHANGED');
  made.sockets.recordingChanged({ ...RECORDING, state: 'ready', problem: 'disk_full' });
  asked.resolve(RECORDING);
  await owner.settled();
  expect(owner.heard.filter((event) => JSON.stringify(event).includes('RECORDING_CHANGED'))).toHaveLength(1);
});

it('shows a preview and measurements to the owner alone', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, { ...LIVE, state: 'preview', startedAt: null });
  const owner = await made.client(as('owner')).open();
  const viewer = await made.client().open();
  expect(await owner.next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'preview', epoch: 'e' });
  expect(await viewer.next('STREAM_STATUS_CHANGED')).toMatchObject({ status: 'idle', epoch: null });
  const measurement = {
    at: '2023-11-14T22:14:20.000Z',
    video: null,
    audio: null,
    droppedUnits: 0,
    repairedTimestamps: 0,
    discontinuities: 0,
    viewers: 0,
    warnings: [],
    bridges: [],
    ladder: null,
  };
  made.sockets.measured(LIVE, measurement);
  expect(await owner.next('MEASURED')).toEqual({ type: 'MEASURED', measurement });
  await viewer.settled();
  expect(viewer.heard).toEqual([]);
});

it('counts the tabs of one person once, by session or by visitor', async () => {
  const made = await world();
  const first = await made.watching('visitor-1');
  const second = await made.watching('visitor-1');
  await made.watching('visitor-2');
  await made.watching('visitor-3', as('ann'));
  await made.watching('visitor-4', as('ann'));
  expect(made.counter.count(STREAM)).toBe(3);
  made.clock.advance(1_000);
  expect(await first.next('VIEWERS_COUNTED')).toEqual({ type: 'VIEWERS_COUNTED', viewers: 3 });
  await first.close();
  expect(made.counter.count(STREAM)).toBe(3);
  second.send({ type: 'LEAVE' });
  await second.settled();
  expect(made.counter.count(STREAM)).toBe(2);
});

it('tells the count at most once a second, and not when nothing changed', async () => {
  const made = await world();
  const client = await made.watching('visitor-1');
  const others = await Promise.all(['visitor-2', 'visitor-3', 'visitor-4'].map((visitor) => made.watching(visitor)));
  await others[0]?.close();
  for (let second = 0; second < 3; second++) made.clock.advance(1_000);
  await client.settled();
  expect(client.heard.slice(1)).toEqual([{ type: 'VIEWERS_COUNTED', viewers: 3 }]);
});

it('lets go of a viewer who stopped without a word within 15 s, and takes it back when it beats again', async () => {
  const made = await world();
  const vanished = await made.watching('visitor-1');
  const there = await made.watching('visitor-2');
  vanished.ws.pause();
  for (let seconds = 0; seconds < 15; seconds += 5) {
    made.clock.advance(5_000);
    there.send({ type: 'HEARTBEAT', latencyMs: 900 });
    await there.settled();
  }
  expect(made.counter.count(STREAM)).toBe(1);
  const [row] = made.rows.values();
  expect(row?.endedAt).toEqual(row?.startedAt);
  vanished.ws.resume();
  vanished.send({ type: 'HEARTBEAT' });
  await vanished.settled();
  expect(made.counter.count(STREAM)).toBe(2);
});

it('keeps a row of each viewing: times, protocol, device, stalls and mean latency', async () => {
  const made = await world();
  made.broadcasts.set(STREAM, LIVE);
  const client = await made.watching('visitor-1', as('ann'));
  const startedAt = new Date(made.clock.now());
  for (const [latencyMs, stalls] of [[1000, 0] as const, [2000, 2] as const]) {
    made.clock.advance(5_000);
    client.send({ type: 'HEARTBEAT', latencyMs, stalls });
    await client.settled();
  }
  made.clock.advance(1_000);
  await client.close();
  await expect.poll(() => made.counter.total).toBe(0);
  expect([...made.rows.values()]).toEqual([
    {
      id: 'viewing1',
      streamId: STREAM,
      broadcastId: 'b',
      userId: 'ann',
      protocol: 'll-hls',
      device: 'phone',
      startedAt,
      endedAt: new Date(startedAt.getTime() + 11_000),
      stalls: 2,
      meanLatencyMs: 1500,
    },
  ]);
});

it('takes the same watch again for a sign of life, and other ones for ten viewings a minute', async () => {
  const made = await world();
  const client = await made.watching('visitor-1');
  const watch = (protocol: string) => client.send({ type: 'WATCH', visitorId: 'visitor-1', protocol, device: 'phone' });
  made.clock.advance(5_000);
  for (let i = 0; i < 20; i++) watch('ll-hls');
  await client.settled();
  expect(made.rows.size).toBe(1);
  for (let i = 0; i < 20; i++) watch(i % 2 === 0 ? 'whep' : 'll-hls');
  expect(await client.next('COMMAND_REFUSED')).toMatchObject({ code: 'too_many_requests' });
  await client.settled();
  expect(made.rows.size).toBe(10);
  expect(made.counter.count(STREAM)).toBe(1);
  made.clock.advance(9_000);
  client.send({ type: 'HEARTBEAT' });
  await client.settled();
  made.clock.advance(9_000);
  expect(made.counter.count(STREAM)).toBe(1);
});

it('refuses a heartbeat without a watch', async () => {
  const client = await (await world()).client().open();
  client.send({ type: 'HEARTBEAT' });
  expect(await client.next('COMMAND_REFUSED')).toMatchObject({ code: 'invalid_request' });
});

it('keeps the count right while a thousand sockets come and go', async () => {
  const made = await world();
  const clients = await Promise.all(Array.from({ length: 1000 }, (_, i) => made.watching(`visitor-${i}`)));
  expect(made.counter.count(STREAM)).toBe(1000);
  await Promise.all(clients.slice(0, 400).map((client) => client.close()));
  for (const client of clients.slice(400, 500)) client.ws.terminate();
  await expect.poll(() => made.counter.count(STREAM)).toBe(500);
  expect(made.sockets.counters.open).toBe(500);
  await made.stand.close();
  expect(made.counter.total).toBe(0);
}, 20_000);

it('answers 404 for what is hidden and 401 for a stale token; a browser’s page gets the close code instead', async () => {
  const made = await world();
  expect(await made.client({}, { streamId: PRIVATE }).refusal()).toBe(404);
  expect(await made.client({}, { streamId: PRIVATE, query: '?token=stale' }).refusal()).toBe(401);
  expect(await made.client({}, { streamId: 'nonsense' }).refusal()).toBe(404);
  expect(await made.client({ origin: 'https://other.example' }, { streamId: PRIVATE }).closed).toBe(4404);
  expect(await made.client({ origin: 'https://other.example' }, { streamId: PRIVATE, query: '?token=stale' }).closed).toBe(4401);
});

it('opens a private stream by token, by bearer and by the owner’s cookie', async () => {
  const made = await world();
  for (const client of [
    made.client({}, { streamId: PRIVATE, query: '?token=good' }),
    made.client({}, { streamId: PRIVATE, protocols: [STREAM_SOCKET_PROTOCOL, 'bearer.owner'] }),
    made.client({ headers: { authorization: 'Bearer owner' } }, { streamId: PRIVATE }),
    made.client(as('owner'), { streamId: PRIVATE }),
  ]) {
    await client.open();
    expect(client.ws.protocol).toBe(STREAM_SOCKET_PROTOCOL);
  }
});

it('takes the cookie from its own pages only', async () => {
  const made = await world();
  const cookie = `${SESSION_COOKIE}=owner`;
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${made.stand.port}`, 'https://live.example']) await made.client({ origin, headers: { cookie } }).open();
  expect(made.asked.map((credentials) => credentials.cookie)).toEqual([undefined, undefined, cookie, cookie]);
});

it('lets go of those who may not watch a stream that has become private, and of nobody else', async () => {
  const made = await world();
  const [viewer, stale, holder, owner] = [made.client(), made.client({}, { query: '?token=stale' }), made.client({}, { query: '?token=good' }), made.client(as('owner'))];
  for (const client of [viewer, stale, holder, owner]) await client.open();
  made.isPrivate = true;
  await made.sockets.streamHidden(STREAM);
  expect(await viewer.closed).toBe(4404);
  expect(await stale.closed).toBe(4401);
  for (const client of [holder, owner]) await client.settled();
  await expect.poll(() => made.sockets.counters.open).toBe(2);
  // Who cannot be asked about now comes again, and is asked then.
  made.isAway = true;
  await made.sockets.streamHidden(STREAM);
  expect(await holder.closed).toBe(4500);
});

it('admits nobody by an answer from before the stream became private', async () => {
  const made = await world();
  const slow = Promise.withResolvers<void>();
  made.slowly = slow.promise;
  const late = made.client();
  await expect.poll(() => made.asked.length).toBe(1);
  made.isPrivate = true;
  await made.sockets.streamHidden(STREAM);
  slow.resolve();
  expect(await late.refusal()).toBe(404);
});

it('closes the sockets of a deleted stream, and all of them when the server stops', async () => {
  const made = await world();
  const deleted = await made.client().open();
  await deleted.next('STREAM_STATUS_CHANGED');
  made.sockets.streamDeleted(STREAM);
  expect(await deleted.closed).toBe(CLOSE_STREAM_DELETED);
  const last = await made.client().open();
  await made.stand.close();
  expect(await last.closed).toBe(CLOSE_SERVER_STOPPING);
});
