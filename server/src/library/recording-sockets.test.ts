/** The socket of an owner's recordings, over real connections. */
import type { RecordingStorage, RecordingTask } from '@millrace/contract/entities/recording';
import { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { CLOSE_SERVER_STOPPING, RECORDING_SOCKET_PATH, RECORDING_SOCKET_PROTOCOL, SESSION_COOKIE } from '@millrace/contract/protocol';
import { expect, it } from 'vitest';
import type { ClientOptions } from 'ws';
import { FakeClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import type { StoredRecording } from '../store/recordings.ts';
import type { SocketClient } from '../transports/http/testing/socket-client.ts';
import { SocketStand } from '../transports/http/testing/socket-stand.ts';
import { RecordingSockets } from './recording-sockets.ts';

const HERE: RecordingStorage = { local: true, elsewhere: false, upload: null };
const UPLOADING: RecordingStorage = { ...HERE, upload: { state: 'uploading', sentBytes: 40, totalBytes: 100, secondsLeft: 6, problem: null } };

class World {
  readonly clock = new FakeClock();
  readonly recordings = new Map<string, StoredRecording>();
  readonly storage = new Map<string, RecordingStorage>();
  readonly tasks = new Map<string, RecordingTask>();
  readonly sockets: RecordingSockets;
  readonly stand: SocketStand;
  isDatabaseAway = false;

  constructor() {
    const { clock } = this;
    const log = quietLog();
    this.sockets = new RecordingSockets({
      clock,
      log,
      directory: {
        byId: async (id) => {
          if (this.isDatabaseAway) throw new Error('the database is away');
          return { recording: this.recordings.get(id) };
        },
      },
      // Cookies and bearers name their user.
      identify: async ({ cookie, authorization }) => {
        const id = /millrace_session=(\w+)|Bearer (\w+)/.exec(`${cookie} ${authorization}`)?.slice(1).find(Boolean);
        return id === undefined ? undefined : { id: `user-${id}`, kind: 'guest', name: id, createdAt: '2026-01-01T00:00:00.000Z' };
      },
      storageOf: ({ id }) => this.storage.get(id) ?? HERE,
      taskOf: (id) => this.tasks.get(id) ?? null,
      publicOrigin: 'https://live.example/',
    });
    this.stand = new SocketStand(this.sockets, clock);
  }

  async start(): Promise<this> {
    await this.stand.start();
    return this;
  }

  client(options: ClientOptions = {}, protocols = [RECORDING_SOCKET_PROTOCOL]): SocketClient {
    return this.stand.client(RECORDING_SOCKET_PATH, protocols, options);
  }

  recording(owner: string, name: string, changes: Partial<StoredRecording> = {}): StoredRecording {
    const at = new Date(this.clock.now());
    const made: StoredRecording = {
      ...{ id: name.padEnd(21, '0'), ownerId: `user-${owner}`, streamId: null, broadcastId: 'broadcast'.padEnd(21, '0'), title: name, visibility: 'unlisted' },
      ...{ state: 'ready', problem: null, seconds: 60, bytes: 100, startedAt: at, endedAt: at, updatedAt: at, uploadedAt: null, isLocal: true, serverId: 'here' },
      ...changes,
    };
    this.recordings.set(made.id, made);
    return made;
  }

  /** A second passes, and whatever it brings is told. */
  async second(...clients: readonly SocketClient[]): Promise<void> {
    this.clock.advance(1_000);
    // The directory is asked in turn.
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    await Promise.all(clients.map((client) => client.settled()));
  }
}

function world(): Promise<World> {
  return new World().start();
}

const as = (user: string): ClientOptions => ({ headers: { authorization: `Bearer ${user}` } });

it('tells an owner what becomes of their recordings, on every socket of theirs, and nobody else', async () => {
  const made = await world();
  const [first, second, other] = [await made.client(as('ann')).open(), await made.client(as('ann')).open(), await made.client(as('bob')).open()];
  const recording = made.recording('ann', 'regatta', { state: 'recording' });
  made.sockets.recordingChanged(recording);
  made.sockets.recordingChanged({ ...recording, state: 'ready', problem: 'disk_full' });
  made.storage.set(recording.id, UPLOADING);
  made.sockets.progressed(recording.id);
  await made.second();
  made.sockets.recordingDeleted(recording);
  const about = { type: 'RECORDING_CHANGED', recordingId: recording.id, streamId: null, broadcastId: recording.broadcastId };
  for (const client of [first, second]) {
    await client.settled();
    expect(client.heard).toEqual([
      { ...about, state: 'recording', problem: null },
      { ...about, state: 'ready', problem: 'disk_full' },
      { type: 'RECORDING_PROGRESSED', recordingId: recording.id, storage: UPLOADING, task: null },
      { type: 'RECORDING_DELETED', recordingId: recording.id },
    ]);
    for (const event of client.heard) expect(RecordingSocketEvent.safeParse(event).success).toBe(true);
  }
  await other.settled();
  expect(other.heard).toEqual([]);
});

it('tells progress once a second, however often it comes, as it is then', async () => {
  const made = await world();
  const client = await made.client(as('ann')).open();
  const { id } = made.recording('ann', 'regatta');
  for (let share = 0; share < 1; share += 0.001) {
    made.tasks.set(id, { kind: 'download', share, secondsLeft: 1 });
    made.sockets.progressed(id);
  }
  const last = made.tasks.get(id);
  await made.second(client);
  expect(client.heard).toEqual([{ type: 'RECORDING_PROGRESSED', recordingId: id, storage: HERE, task: last }]);
  await made.second(client);
  expect(client.heard).toHaveLength(1);
});

it('tells a few at a time, each in its turn, and an owner of many does not hold up another', async () => {
  const made = await world();
  const [ann, bob] = [await made.client(as('ann')).open(), await made.client(as('bob')).open()];
  const many = Array.from({ length: 10 }, (_, i) => made.recording('ann', `of-ann-${i}`).id);
  const one = made.recording('bob', 'of-bob').id;
  const progress = () => {
    for (const id of [...many, one]) made.sockets.progressed(id);
  };
  const heardBy = (client: SocketClient) => client.heard.map((event) => RecordingSocketEvent.parse(event)).map((event) => ('recordingId' in event ? event.recordingId : ''));
  progress();
  await made.second(ann, bob);
  expect(heardBy(bob)).toEqual([one]);
  expect(heardBy(ann)).toEqual(many.slice(0, 4));
  progress();
  await made.second(ann);
  progress();
  await made.second(ann);
  expect(new Set(heardBy(ann))).toEqual(new Set(many));
  expect(heardBy(ann)).toHaveLength(12);
});

it('keeps nothing while nobody listens, and goes on when the database is back', async () => {
  const made = await world();
  const { id } = made.recording('ann', 'regatta');
  made.sockets.progressed(id);
  const client = await made.client(as('ann')).open();
  await made.second(client);
  expect(client.heard).toEqual([]);
  made.isDatabaseAway = true;
  made.sockets.progressed(id);
  await made.second(client);
  expect(client.heard).toEqual([]);
  made.isDatabaseAway = false;
  await made.second(client);
  expect(client.heard).toHaveLength(1);
  made.sockets.progressed('gone'.padEnd(21, '0'));
  await made.second(client);
  expect(client.heard).toHaveLength(1);
});

it('lets in who has a session: by bearer, by subprotocol, by the cookie of its own pages; nobody else', async () => {
  const made = await world();
  const cookie = `${SESSION_COOKIE}=ann`;
  for (const client of [
    made.client(as('ann')),
    made.client({}, [RECORDING_SOCKET_PROTOCOL, 'bearer.ann']),
    made.client({ headers: { cookie } }),
    made.client({ origin: 'https://live.example', headers: { cookie } }),
  ]) {
    await client.open();
    expect(client.ws.protocol).toBe(RECORDING_SOCKET_PROTOCOL);
  }
  expect(await made.client().refusal()).toBe(401);
  // Browsers learn why from the close alone.
  expect(await made.client({ origin: 'https://evil.example', headers: { cookie } }).closed).toBe(4401);
  await expect.poll(() => made.sockets.counters.open).toBe(4);
});

it('takes no command: who goes on sending is shown out, and so is everybody when the server stops', async () => {
  const made = await world();
  const client = await made.client(as('ann')).open();
  client.send({ type: 'WATCH' });
  expect(await client.next('COMMAND_REFUSED')).toMatchObject({ code: 'invalid_request' });
  client.send('nonsense');
  client.send({});
  expect(await client.closed).toBe(4400);
  const quiet = await made.client(as('ann')).open();
  await made.stand.close();
  expect(await quiet.closed).toBe(CLOSE_SERVER_STOPPING);
});
