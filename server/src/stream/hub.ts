/** The running broadcasts by stream id. Ingests publish into it, outputs read from it, the product listens to it. */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { Clock } from '../lib/clock.ts';
import { type Broadcast, reconnecting } from './broadcast.ts';
import { LiveStream, type Publication, type PublisherInfo } from './live-stream.ts';
import type { Sink } from './sink.ts';

/** How long a broadcast that has ended can still be read: late viewers finish what they are watching. */
const ENDED_LINGER_MS = 60_000;

export interface HubListener {
  /** A broadcast came to be or changed its state. Must not block or throw. */
  broadcastChanged(broadcast: Broadcast): void;
}

export interface HubDeps {
  readonly clock: Clock;
  readonly reconnectGraceMs: number;
  readonly listener: HubListener;
  newId(): string;
  makeSinks(stream: LiveStream): readonly Sink[];
  /** An output of a stream threw: see LiveStreamDeps. */
  onSinkFailure?(stream: LiveStream, error: unknown, failures: number): void;
}

export interface PublishRequest {
  readonly streamId: string;
  readonly start: 'auto' | 'manual';
  readonly secondPublisher: 'takeover' | 'refuse';
  readonly publisher: PublisherInfo;
  /** When its first unit arrived, milliseconds since the Unix epoch; now when left out. A broadcast that it opens begins then. */
  readonly mediaSince?: number;
}

export class Hub {
  readonly #deps: HubDeps;
  readonly #streams = new Map<string, LiveStream>();

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  /** The running broadcast of a stream, or one that ended a moment ago. */
  get(streamId: string): LiveStream | undefined {
    return this.#streams.get(streamId);
  }

  /** Every broadcast that runs. */
  *running(): Iterable<LiveStream> {
    for (const stream of this.#streams.values()) if (stream.broadcast.state !== 'ended') yield stream;
  }

  /** True while a publisher sits on this stream: one that may not take over is refused before it sends media. */
  isOccupied(streamId: string): boolean {
    const stream = this.#streams.get(streamId);
    return stream?.publisher !== undefined && stream.broadcast.state !== 'ended';
  }

  /** Called with the first media. Takes the publisher's seat of a stream, opening a broadcast when none runs. Undefined: the seat is taken and stays so. */
  publish(request: PublishRequest): Publication | undefined {
    const current = this.#streams.get(request.streamId);
    if (current && current.broadcast.state !== 'ended') {
      if (current.publisher && request.secondPublisher === 'refuse') return undefined;
      return current.publish(request.publisher);
    }
    const now = request.mediaSince ?? this.#deps.clock.now();
    const base = { streamId: request.streamId, broadcastId: this.#deps.newId(), epoch: this.#deps.newId(), createdAt: now };
    const broadcast: Broadcast = request.start === 'auto' ? { ...base, state: 'live', startedAt: now } : { ...base, state: 'preview', startedAt: null };
    return this.#open(broadcast).publish(request.publisher);
  }

  /** Brings back a broadcast that ran when the server stopped; its publisher has a grace from now on. Its playlists begin anew. */
  restore(broadcast: Broadcast): void {
    if (this.#streams.has(broadcast.streamId)) return;
    this.#open(reconnecting({ ...broadcast, epoch: this.#deps.newId() }, this.#deps.clock.now() + this.#deps.reconnectGraceMs));
  }

  /** Lets viewers into a previewed broadcast. False: nothing is in preview. */
  start(streamId: string): boolean {
    const stream = this.#streams.get(streamId);
    if (stream?.broadcast.state !== 'preview') return false;
    stream.start();
    return true;
  }

  /** Ends a broadcast. False: none runs. */
  stop(streamId: string, reason: EndReason): boolean {
    const stream = this.#streams.get(streamId);
    if (!stream || stream.broadcast.state === 'ended') return false;
    stream.end(reason);
    return true;
  }

  #open(broadcast: Broadcast): LiveStream {
    const { clock, reconnectGraceMs, newId, makeSinks, listener, onSinkFailure } = this.#deps;
    const stream = new LiveStream(broadcast, {
      clock,
      reconnectGraceMs,
      newEpoch: newId,
      makeSinks,
      ...(onSinkFailure && { onSinkFailure }),
      onChange: (changed) => {
        listener.broadcastChanged(changed.broadcast);
        if (changed.broadcast.state === 'ended') this.#forgetLater(changed);
      },
    });
    this.#streams.set(broadcast.streamId, stream);
    listener.broadcastChanged(broadcast);
    return stream;
  }

  #forgetLater(stream: LiveStream): void {
    this.#deps.clock.after(ENDED_LINGER_MS, () => {
      const { streamId } = stream.broadcast;
      if (this.#streams.get(streamId) === stream) this.#streams.delete(streamId);
    });
  }
}
