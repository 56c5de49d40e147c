/** A track that a packager gets from a bridge: what the bridge has told of it since the broadcast last began anew. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { LiveStream } from '../../stream/live-stream.ts';

export type BridgeWant = { readonly kind: 'audio'; readonly codec: 'aac' } | { readonly kind: 'video'; readonly codec: 'h264'; readonly bFrames: false };

interface Lease {
  subscribe(listener: { track(track: Track): void; unit(unit: Unit): void; fail(): void; end(): void }): () => void;
  release(): void;
}

/** The part of the bridges that is needed here. */
export interface BridgeSource {
  acquire(stream: LiveStream, want: BridgeWant): Lease;
}

export interface BridgedTrackListener {
  /** The format of what follows has changed. */
  changed(): void;
  /** @param isFirst true for the first of its format, with which the track becomes ready. */
  unit(unit: Unit, isFirst: boolean): void;
  /** Nothing comes until further notice. */
  failed(): void;
}

export class BridgedTrack {
  readonly #lease: Lease;
  #track: Track | undefined;
  #hasUnit = false;
  #isFailed = false;

  constructor(lease: Lease, listener: BridgedTrackListener) {
    this.#lease = lease;
    lease.subscribe({
      track: (track) => {
        const wasReady = this.ready !== undefined;
        this.#track = track;
        if (wasReady) listener.changed();
      },
      unit: (unit) => {
        // What comes before the bridge has told its format again belongs to what was.
        if (!this.#track) return;
        const isFirst = !this.#hasUnit;
        this.#hasUnit = true;
        this.#isFailed = false;
        listener.unit(unit, isFirst);
      },
      fail: () => {
        this.#hasUnit = false;
        this.#isFailed = true;
        listener.failed();
      },
      // The broadcast's own end is told by its sink.
      end() {},
    });
  }

  /** The track once there is something of it; what it was made of takes its place until then. */
  get ready(): Track | undefined {
    return this.#hasUnit ? this.#track : undefined;
  }

  /** False while it is worth waiting. */
  get isSettled(): boolean {
    return this.#hasUnit || this.#isFailed;
  }

  /** The broadcast begins anew, and so will the bridge. */
  expect(): void {
    this.#track = undefined;
    this.#hasUnit = false;
    this.#isFailed = false;
  }

  release(): void {
    this.#lease.release();
  }
}
