/** `/ws/streams/{id}`: admits, opens, and passes on what happens to the stream: its status, its viewers, its measurements. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
import type { Measurement } from '@millrace/contract/entities/measurement';
import type { RecordingProblem, RecordingState } from '@millrace/contract/entities/recording';
import type { Visibility } from '@millrace/contract/entities/stream';
import { closeCodeOf, type ErrorCode } from '@millrace/contract/errors';
import type { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { Id } from '@millrace/contract/ids';
import { MAX_SOCKET_FRAME_BYTES } from '@millrace/contract/limits';
import { CLOSE_STREAM_DELETED, STREAM_SOCKET_PROTOCOL, streamSocketPath } from '@millrace/contract/protocol';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { PlaybackCredentials } from '../stream/playback-gate.ts';
import { SocketServer } from '../transports/http/socket.ts';
import { credentialsOf } from '../transports/http/socket-credentials.ts';
import type { MeasurementListener } from './measurer.ts';
import { encode, StreamChannel } from './stream-channel.ts';
import { StreamSession } from './stream-session.ts';
import type { ViewerCounter, ViewerListener } from './viewer-counter.ts';
import type { Visits } from './visits.ts';
import type { WatchDecision, WatchGate } from './watch-gate.ts';

export interface StreamSocketsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: WatchGate;
  readonly counter: Pick<ViewerCounter, 'count'>;
  readonly visits: Visits;
  /** The running broadcast of a stream, or one that ended a moment ago. */
  readonly broadcasts: { get(streamId: string): Broadcast | undefined };
  readonly recordings: KeptBroadcasts;
  /** PUBLIC_URL: pages of its origin may use the session cookie, beside those of the address they were asked at. */
  readonly publicOrigin?: string | undefined;
}

/** What was kept of broadcasts. */
export interface KeptBroadcasts {
  /** The recording that shows most of a broadcast, once one can be played. */
  keptOf(streamId: string, broadcastId: string): Promise<{ readonly id: string; readonly visibility: Visibility } | undefined>;
  /** The recording that is being made of a broadcast, else the one that was last. */
  latestOf(streamId: string, broadcastId: string): Promise<BroadcastRecording | undefined>;
}

/** What became of a recording, as far as the page of a broadcast shows it. */
export interface BroadcastRecording {
  readonly id: string;
  /** Null once the stream was deleted. */
  readonly streamId: string | null;
  readonly broadcastId: string;
  readonly state: RecordingState;
  readonly problem: RecordingProblem | null;
}

const PREFIX = streamSocketPath('');

/** Counts are told at most this often to each socket. */
const COUNT_MS = 1_000;

export class StreamSockets implements MeasurementListener, ViewerListener {
  readonly #deps: StreamSocketsDeps;
  readonly #server: SocketServer<StreamSocketCommand>;
  readonly #channels = new Map<string, StreamChannel<StreamSession>>();
  /** How often a stream became private. */
  #hidings = 0;
  #timer: Timer | undefined;

  constructor(deps: StreamSocketsDeps) {
    this.#deps = deps;
    this.#server = new SocketServer({
      clock: deps.clock,
      log: deps.log,
      protocol: STREAM_SOCKET_PROTOCOL,
      maxFrameBytes: MAX_SOCKET_FRAME_BYTES,
      command: StreamSocketCommand,
      refusal: (code, detail) => encode({ type: 'COMMAND_REFUSED', code, detail }),
    });
  }

  get counters(): SocketServer<StreamSocketCommand>['counters'] & { readonly open: number } {
    return { ...this.#server.counters, open: this.#server.size };
  }

  /** Whether anybody hears what happens to this stream. */
  isHeard(streamId: string): boolean {
    return this.#channels.has(streamId);
  }

  start(): void {
    this.#server.start();
    this.#timer ??= this.#deps.clock.every(COUNT_MS, () => {
      for (const [streamId, channel] of this.#channels) channel.tellViewers(this.#deps.counter.count(streamId));
    });
  }

  async close(): Promise<void> {
    await this.#server.close();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer, path: string): boolean {
    if (!path.startsWith(PREFIX)) return false;
    const id = Id.safeParse(path.slice(PREFIX.length));
    if (id.success) void this.#admit(id.data, request, connection, head);
    else this.#server.refuse('stream_not_found', request, connection, head);
    return true;
  }

  broadcastChanged(broadcast: Broadcast): void {
    this.#channels.get(broadcast.streamId)?.status(broadcast, this.#deps.clock.now());
  }

  viewersCounted(streamId: string): void {
    this.#channels.get(streamId)?.viewersChanged();
  }

  measured(broadcast: Broadcast, measurement: Measurement): void {
    this.#channels.get(broadcast.streamId)?.measured(() => ({ type: 'MEASURED', measurement }));
  }

  /** A recording began or ended. */
  recordingChanged(recording: BroadcastRecording): void {
    const { streamId, broadcastId, state } = recording;
    const channel = streamId === null ? undefined : this.#channels.get(streamId);
    if (!channel || streamId === null) return;
    channel.recordingChanged(changeOf(recording));
    if (state === 'ready') void this.#tellOfRecording(streamId, broadcastId, (event, isPrivate) => channel.recordingReady(event, isPrivate));
  }

  /** Ends the sockets of a stream that is no more. */
  streamDeleted(streamId: string): void {
    this.#channels.get(streamId)?.close(CLOSE_STREAM_DELETED, 'the stream was deleted');
  }

  /** Ends the sockets of those who may not watch any more: the stream has become private. */
  async streamHidden(streamId: string): Promise<void> {
    this.#hidings++;
    for (const session of this.#channels.get(streamId)?.all() ?? []) {
      try {
        const decision = await this.#deps.gate.admit(streamId, session.credentials);
        if (!decision.allowed) session.close(closeCodeOf(refusalOf(decision)), refusalOf(decision));
      } catch (error) {
        // It comes again, and is asked then.
        this.#deps.log.warn({ err: error, streamId }, 'it could not be learnt whether a viewer may stay');
        session.close(closeCodeOf('internal'), 'internal');
      }
    }
  }

  async #admit(streamId: string, request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> {
    const credentials = credentialsOf(request, this.#deps.publicOrigin);
    let decision: WatchDecision;
    try {
      let hidings: number;
      do {
        hidings = this.#hidings;
        decision = await this.#deps.gate.admit(streamId, credentials);
        // What was asked before a stream became private does not hold after it.
      } while (hidings !== this.#hidings);
    } catch (error) {
      this.#deps.log.error({ err: error, streamId }, 'a socket could not be admitted');
      this.#server.refuse('internal', request, connection, head);
      return;
    }
    if (!decision.allowed) this.#server.refuse(refusalOf(decision), request, connection, head);
    else this.#open(streamId, { ...decision, credentials }, request, connection, head);
  }

  #open(streamId: string, admitted: Admitted, request: IncomingMessage, connection: Duplex, head: Buffer): void {
    const { clock, visits, broadcasts } = this.#deps;
    this.#server.accept(request, connection, head, (socket) => {
      const channel = this.#channels.get(streamId) ?? new StreamChannel<StreamSession>();
      this.#channels.set(streamId, channel);
      const session = new StreamSession(socket, visits, {
        streamId,
        audience: admitted.isOwner ? 'owner' : 'viewer',
        userId: admitted.userId,
        credentials: admitted.credentials,
        clock,
        closed: (member) => {
          channel.leave(member);
          if (channel.isEmpty && this.#channels.get(streamId) === channel) this.#channels.delete(streamId);
        },
      });
      const broadcast = broadcasts.get(streamId) ?? lastOf(admitted.lastBroadcast);
      channel.join(session, broadcast, clock.now());
      if (!broadcast) return;
      if (broadcast.state !== 'ended') {
        if (admitted.isOwner) void this.#tellWhatIsRecorded(broadcast, channel, session);
        return;
      }
      void this.#tellOfRecording(streamId, broadcast.broadcastId, (event, isPrivate) => {
        if (!isPrivate || admitted.isOwner) session.send(encode(event));
      });
    });
  }

  async #tellWhatIsRecorded({ streamId, broadcastId }: Broadcast, channel: StreamChannel, session: StreamSession): Promise<void> {
    const before = channel.recordingChanges;
    try {
      const recording = await this.#deps.recordings.latestOf(streamId, broadcastId);
      // What was told meanwhile is newer.
      if (recording && channel.recordingChanges === before) session.send(encode(changeOf(recording)));
    } catch (error) {
      this.#deps.log.warn({ err: error, streamId }, 'an owner was not told whether a broadcast is recorded');
    }
  }

  async #tellOfRecording(streamId: string, broadcastId: string, tell: (event: StreamSocketEvent, isPrivate: boolean) => void): Promise<void> {
    try {
      const kept = await this.#deps.recordings.keptOf(streamId, broadcastId);
      if (kept) tell({ type: 'RECORDING_READY', broadcastId, recordingId: kept.id }, kept.visibility === 'private');
    } catch (error) {
      this.#deps.log.warn({ err: error, streamId }, 'viewers were not told of the recording');
    }
  }
}

function changeOf({ id, streamId, broadcastId, state, problem }: BroadcastRecording): StreamSocketEvent {
  return { type: 'RECORDING_CHANGED', recordingId: id, streamId, broadcastId, state, problem };
}

type Admitted = Extract<WatchDecision, { readonly allowed: true }> & { readonly credentials: PlaybackCredentials };

function refusalOf({ reason }: Extract<WatchDecision, { readonly allowed: false }>): ErrorCode {
  return reason === 'denied' ? 'playback_not_allowed' : 'stream_not_found';
}

/** What is stored as running but is not here does not run. */
function lastOf(broadcast: Broadcast | null): Broadcast | null {
  return broadcast?.state === 'ended' ? broadcast : null;
}
