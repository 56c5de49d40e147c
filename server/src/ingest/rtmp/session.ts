/** One RTMP publisher from its first byte to its last: authorise, open, pump, close. */
import type { Socket } from 'node:net';
import { ProtocolError } from '@millrace/media/protocol-error';
import { onStatus, readCommand, type StatusLevel } from '@millrace/media/rtmp/command';
import { UserControl, userControl } from '@millrace/media/rtmp/control';
import { type Message, MessageType } from '@millrace/media/rtmp/message';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Hub } from '../../stream/hub.ts';
import type { EvictionReason, Publication } from '../../stream/live-stream.ts';
import type { PublishDecision, PublishGate } from '../../stream/publish-gate.ts';
import type { ReadPacer } from '../../transports/tcp/read-pacer.ts';
import { type Haste, RtmpConnection } from './connection.ts';
import { negotiate, type PublishIntent } from './negotiation.ts';
import { type StreamTarget, ToStream } from './to-stream.ts';

/** From the accepted connection to the accepted publish. */
export const NEGOTIATION_TIMEOUT_MS = 10_000;

/** A publisher that sends nothing for this long has lost its network: viewers are told, its seat is free. */
export const LOST_AFTER_MS = 15_000;

/** A network that comes back within this time finds its connection open. */
export const IDLE_TIMEOUT_MS = 30_000;

/** How long a promised track is waited for. */
const ANNOUNCE_TIMEOUT_MS = 2_000;

/** How long a publisher that said goodbye may take to hang up: one that is cut off takes it for an error. */
const GOODBYE_MS = 5_000;

/** How often a server has its sessions look at what silence and waiting come to. */
export const CHECK_MS = 500;

export interface RtmpCounters {
  publishesStarted: number;
  /** Publishers whose key was not accepted. */
  refused: number;
  /** Publishers whose stream had another publisher. */
  occupied: number;
  /** Connections that broke the protocol or a limit. */
  protocolErrors: number;
  /** TRACK_NOT_SUPPORTED: things sent that cannot be served. */
  unsupportedTracks: number;
  lost: number;
  bytesReceived: number;
}

export interface RtmpSessionDeps {
  readonly hub: Pick<Hub, 'isOccupied' | 'publish'>;
  readonly gate: PublishGate;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: RtmpCounters;
  /** `rtmp` or `rtmps`. */
  readonly protocol: string;
  readonly pacer: ReadPacer;
  /** Whether somebody plays the stream or looks at its figures. Asked at every read. */
  isSeen(streamId: string): boolean;
}

type Allowed = Extract<PublishDecision, { allowed: true }>;

const SERVED = 'A broadcast takes one video track (H.264, HEVC, AV1 or VP9) and one audio track (AAC, Opus or MP3).';

const EVICTIONS: Readonly<Record<EvictionReason, string>> = {
  taken_over: 'Another publisher took over this stream.',
  stopped: 'The broadcast was ended.',
  stream_deleted: 'The stream was deleted.',
  server_stopped: 'The server stops.',
};

export class RtmpSession implements StreamTarget {
  /** Resolves when the session is over. Rejects only when the server itself is at fault. */
  readonly closed: Promise<void>;
  readonly #deps: RtmpSessionDeps;
  readonly #connection: RtmpConnection;
  readonly #remoteAddress: string;
  readonly #abort = new AbortController();
  #log: Log;
  #intent: PublishIntent | undefined;
  #allowed: Allowed | undefined;
  #publication: Publication | undefined;
  /** While it publishes. */
  #toStream: ToStream | undefined;
  #tracks: readonly Track[] = [];
  #leftAt: number | undefined;
  #wasLost = false;
  #waitingSince: number | undefined;
  /** Bytes already in the counters. */
  #countedBytes = 0;
  /** What this publisher sends in vain, for the owner to see. */
  readonly #unsupported = new Set<string>();

  constructor(socket: Socket, remoteAddress: string, deps: RtmpSessionDeps) {
    this.#deps = deps;
    this.#remoteAddress = remoteAddress;
    this.#log = deps.log.child({ remoteAddress, protocol: deps.protocol });
    this.#connection = new RtmpConnection(socket, deps.clock, deps.pacer);
    this.closed = this.#run();
  }

  get isPublishing(): boolean {
    return this.#publication !== undefined;
  }

  /** Ends the session, telling the publisher. A server that stops asks those that can to connect anew. */
  close(reason: EvictionReason): void {
    const { canReconnect = false, streamId = 0 } = this.#intent ?? {};
    const description = EVICTIONS[reason];
    if (reason === 'server_stopped' && canReconnect) {
      this.#connection.send(onStatus(0, 'status', 'NetConnection.Connect.ReconnectRequest', description));
    } else if (this.#allowed) {
      const isFault = reason === 'taken_over' || reason === 'stream_deleted';
      this.#status(isFault ? 'error' : 'status', isFault ? 'NetStream.Publish.BadName' : 'NetStream.Unpublish.Success', description);
      this.#connection.send(userControl(UserControl.streamEof, streamId));
    }
    this.#log.info({ reason }, 'publisher told to go');
    this.#connection.close();
    this.#abort.abort();
  }

  /** What silence and waiting come to. To be called every CHECK_MS; never throws. */
  check(): void {
    try {
      if (this.#toStream) this.#check(this.#toStream);
    } catch (error) {
      this.#connection.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const deadline = clock.after(NEGOTIATION_TIMEOUT_MS, () => {
      this.#connection.fail(new ProtocolError(`nothing published within ${NEGOTIATION_TIMEOUT_MS} ms`));
      this.#abort.abort();
    });
    try {
      const intent = await negotiate(this.#connection);
      if (!intent) return;
      this.#intent = intent;
      this.#allowed = await this.#authorise(intent);
      deadline.cancel();
      if (!this.#allowed || this.#connection.end) return;
      this.#open(intent);
      await this.#pump();
    } catch (error) {
      this.#connection.fail(error instanceof Error ? error : new Error(String(error)));
    } finally {
      deadline.cancel();
      this.#close();
      await this.#connection.closed;
    }
  }

  /** Undefined: refused, and the publisher knows why. */
  async #authorise({ key }: PublishIntent): Promise<Allowed | undefined> {
    const { gate, hub, counters, protocol } = this.#deps;
    const decision = await gate.authorise({ key, protocol, remoteAddress: this.#remoteAddress }, this.#abort.signal);
    if (!decision.allowed) {
      counters.refused++;
      this.#log.warn({ reason: decision.reason }, 'publisher refused');
      this.#status('error', 'NetStream.Publish.Unauthorized', decision.message);
      return undefined;
    }
    this.#log = this.#log.child({ streamId: decision.streamId });
    if (decision.secondPublisher === 'refuse' && hub.isOccupied(decision.streamId)) {
      this.#refuseOccupied();
      return undefined;
    }
    return decision;
  }

  #open({ streamId }: PublishIntent): void {
    this.#connection.trust();
    this.#connection.send(userControl(UserControl.streamBegin, streamId));
    this.#status('status', 'NetStream.Publish.Start', 'Publishing.');
    this.#deps.counters.publishesStarted++;
    this.#log.info({}, 'publisher accepted');
  }

  async #pump(): Promise<void> {
    const toStream = new ToStream(this);
    this.#toStream = toStream;
    try {
      await this.#connection.pump(
        (message) => this.#take(message, toStream),
        () => this.#haste,
      );
    } finally {
      this.#toStream = undefined;
    }
  }

  /** A beat is nothing to a part of 200 ms, and a good part of the delay in real time. A long one would show in figures and in how old a part is. */
  get #haste(): Haste {
    if (this.#publication?.isRead) return 'at-once';
    return !this.#allowed || this.#deps.isSeen(this.#allowed.streamId) ? 'soon' : 'later';
  }

  #close(): void {
    const { counters } = this.#deps;
    const end = this.#connection.end;
    this.#abort.abort();
    this.#countBytes();
    // A connection that just ends is a crash or a network that cleans up: nobody said goodbye.
    this.#publication?.close('lost');
    this.#publication = undefined;
    if (end?.how === 'failed') {
      counters.protocolErrors++;
      if (end.error instanceof ProtocolError) this.#log.warn({ reason: end.error.message }, 'connection closed for what it sent');
      else this.#log.error({ err: end.error }, 'connection closed for a fault of the server');
      if (this.#allowed) this.#status('error', 'NetConnection.Connect.Closed', end.error.message);
    } else {
      this.#log.info({ how: this.#leftAt === undefined ? (end?.how ?? 'closed') : 'left', bytes: this.#connection.bytesReceived }, 'connection over');
    }
    this.#connection.close();
  }

  #take(message: Message, toStream: ToStream): void {
    if (this.#leftAt !== undefined) return;
    if (message.type !== MessageType.amf0Command && message.type !== MessageType.amf3Command) {
      toStream.take(message, this.#deps.clock.now());
      return;
    }
    const name = readCommand(message)?.name;
    if (name !== 'FCUnpublish' && name !== 'deleteStream' && name !== 'closeStream') return;
    this.#leftAt = this.#deps.clock.monotonic();
    this.#publication?.close('left');
    this.#publication = undefined;
    this.#status('status', 'NetStream.Unpublish.Success', 'Goodbye.');
  }

  #check(toStream: ToStream): void {
    const now = this.#deps.clock.monotonic();
    this.#countBytes();
    if (this.#leftAt !== undefined) {
      if (now - this.#leftAt >= GOODBYE_MS) this.#connection.close();
      return;
    }
    if (toStream.isWaiting) {
      this.#waitingSince ??= now;
      if (now - this.#waitingSince >= ANNOUNCE_TIMEOUT_MS) toStream.announce();
    }
    const { silentMs } = this.#connection;
    if (silentMs >= IDLE_TIMEOUT_MS) {
      this.#connection.fail(new ProtocolError(`nothing received for ${Math.round(silentMs / 1000)} s`));
    } else if (silentMs >= LOST_AFTER_MS && this.#publication) {
      this.#deps.counters.lost++;
      this.#log.warn({ silentMs: Math.round(silentMs) }, 'publisher lost');
      this.#publication.close('lost');
      this.#publication = undefined;
      this.#wasLost = true;
    }
  }

  tracks(tracks: readonly Track[], since: number): void {
    this.#tracks = tracks;
    const formats = tracks.map((track) => (track.kind === 'video' ? `${track.codecString} ${track.width}x${track.height}` : `${track.codecString} ${track.sampleRate} Hz`));
    this.#log.info({ formats }, 'formats');
    if (this.#publication) this.#publication.tracks(tracks);
    else this.#publish(since);
  }

  unit(unit: Unit, arrivedAt: number): void {
    // A lost publisher that is heard again takes its seat again.
    if (!this.#publication) this.#publish(arrivedAt);
    this.#publication?.unit(unit, arrivedAt);
  }

  unsupported(what: string): void {
    this.#deps.counters.unsupportedTracks++;
    this.#log.warn({ what: JSON.stringify(what) }, 'track not supported');
    this.#unsupported.add(what);
    this.#publication?.refuseTrack(what);
    this.#status('warning', 'NetStream.Publish.TrackNotSupported', `Not served: ${what}. ${SERVED}`);
  }

  dropped(units: number): void {
    this.#publication?.countDropped(units);
  }

  #publish(mediaSince: number): void {
    if (!this.#allowed || this.#connection.end) return;
    const { streamId, start, secondPublisher } = this.#allowed;
    this.#publication = this.#deps.hub.publish({
      streamId,
      start,
      mediaSince,
      // One that was lost does not push out whoever came in its place, most likely the same encoder on a new connection.
      secondPublisher: this.#wasLost ? 'refuse' : secondPublisher,
      publisher: {
        protocol: this.#deps.protocol,
        remoteAddress: this.#remoteAddress,
        onEvicted: (reason) => {
          this.#publication = undefined;
          this.close(reason);
        },
      },
    });
    if (!this.#publication) {
      this.#refuseOccupied();
      this.#connection.close();
      return;
    }
    for (const what of this.#unsupported) this.#publication.refuseTrack(what);
    this.#publication.tracks(this.#tracks);
  }

  #refuseOccupied(): void {
    this.#deps.counters.occupied++;
    this.#log.warn({}, 'second publisher refused');
    this.#status('error', 'NetStream.Publish.BadName', 'This stream has a publisher already.');
  }

  #status(level: StatusLevel, code: string, description: string): void {
    this.#connection.send(onStatus(this.#intent?.streamId ?? 0, level, code, description));
  }

  #countBytes(): void {
    const { bytesReceived } = this.#connection;
    this.#deps.counters.bytesReceived += bytesReceived - this.#countedBytes;
    this.#countedBytes = bytesReceived;
  }
}
