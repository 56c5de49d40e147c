/** The bridges that run: started for the first who needs one, shared, stopped a while after the last. */

import type { Track } from '@millrace/media/track';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { Bridge, type BridgeCounters, type BridgeListener } from './bridge.ts';
import { type BridgeWant, sourceOf } from './derived-track.ts';
import type { WorkerPool } from './pool.ts';

/** A bridge that nobody uses runs on so long: viewers reload pages. */
export const BRIDGE_LINGER_MS = 10_000;

/** What somebody holds who needs a track in another codec. */
export interface BridgeLease {
  /** What comes out; of pictures undefined until the first is made. */
  readonly track: Track | undefined;
  /** Hears the current group of pictures and then what comes. Returns how to stop. */
  subscribe(listener: BridgeListener): () => void;
  /** Makes the next picture a key frame; at most one a second. */
  requestKeyFrame(): void;
  /** Not needed any more; also stops what was subscribed through it. */
  release(): void;
}

/** A bridge that works, as the owner is told. */
export interface RunningBridge {
  readonly kind: 'audio' | 'video';
  /** Codecs by their short names. */
  readonly from: Track['codec'];
  readonly to: Track['codec'];
  readonly reason: 'CODEC' | 'B_FRAMES';
  /** It does not work: players get what there is without it. */
  readonly failed: boolean;
}

export interface BridgesDeps {
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly log: Log;
}

interface Entry {
  readonly bridge: Bridge;
  leases: number;
  lingerTimer: Timer | undefined;
}

export class Bridges {
  readonly #deps: BridgesDeps;
  readonly #entries = new Map<LiveStream, Map<string, Entry>>();
  /** Of bridges that are closed. */
  readonly #past: BridgeCounters = { droppedUnits: 0, restarts: 0 };

  constructor(deps: BridgesDeps) {
    this.#deps = deps;
  }

  /** A share in the bridge that makes this of the stream, which is started when it does not run. */
  acquire(stream: LiveStream, want: BridgeWant): BridgeLease {
    const entry = this.#entryFor(stream, want);
    const { bridge } = entry;
    entry.lingerTimer?.cancel();
    entry.leases++;
    const stops = new Set<() => void>();
    let held = true;
    return {
      get track() {
        return bridge.track;
      },
      subscribe: (listener) => {
        const stop = bridge.subscribe(listener);
        stops.add(stop);
        return () => {
          stops.delete(stop);
          stop();
        };
      },
      requestKeyFrame: () => bridge.requestKeyFrame(),
      release: () => {
        if (!held) return;
        held = false;
        for (const stop of stops) stop();
        if (--entry.leases === 0) entry.lingerTimer = this.#deps.clock.after(BRIDGE_LINGER_MS, () => this.#close(stream, want, entry));
      },
    };
  }

  /** What runs for this stream now. */
  running(stream: LiveStream): readonly RunningBridge[] {
    const running: RunningBridge[] = [];
    for (const { bridge } of this.#entries.get(stream)?.values() ?? []) {
      const { source, want, failed } = bridge;
      if (!source) continue;
      running.push({ kind: want.kind, from: source.codec, to: want.codec, reason: source.codec === want.codec ? 'B_FRAMES' : 'CODEC', failed });
    }
    return running;
  }

  get counters(): Readonly<BridgeCounters> & { readonly running: number } {
    let { droppedUnits, restarts } = this.#past;
    let running = 0;
    for (const entries of this.#entries.values()) {
      for (const { bridge } of entries.values()) {
        running++;
        droppedUnits += bridge.counters.droppedUnits;
        restarts += bridge.counters.restarts;
      }
    }
    return { droppedUnits, restarts, running };
  }

  close(): void {
    for (const entries of this.#entries.values()) for (const { bridge } of entries.values()) bridge.close();
    this.#entries.clear();
  }

  #entryFor(stream: LiveStream, want: BridgeWant): Entry {
    const entries = this.#entries.get(stream) ?? new Map<string, Entry>();
    this.#entries.set(stream, entries);
    const key = `${want.kind} ${want.codec}`;
    const existing = entries.get(key);
    if (existing) return existing;
    const entry: Entry = { bridge: new Bridge({ ...this.#deps, stream, want }), leases: 0, lingerTimer: undefined };
    entries.set(key, entry);
    const { streamId } = stream.broadcast;
    this.#deps.log.info({ streamId, want, from: sourceOf(want, stream.currentTracks)?.codec }, 'a bridge starts');
    return entry;
  }

  #close(stream: LiveStream, want: BridgeWant, entry: Entry): void {
    const entries = this.#entries.get(stream);
    entries?.delete(`${want.kind} ${want.codec}`);
    if (entries?.size === 0) this.#entries.delete(stream);
    const { droppedUnits, restarts } = entry.bridge.counters;
    entry.bridge.close();
    this.#past.droppedUnits += droppedUnits;
    this.#past.restarts += restarts;
    this.#deps.log.info({ streamId: stream.broadcast.streamId, want }, 'a bridge stops');
  }
}
