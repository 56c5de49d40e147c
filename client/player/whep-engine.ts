/** The engine in real time: a connection's tracks on the element. What connects and how it does is in `whep-source.ts`. */
import type { ServerClock } from '../server-clock.ts';
import type { Engine, EngineListener } from './engine.ts';
import type { RealTimeSource } from './engine-switch.ts';

/** Further off than this, the clocks do not mean the same and the estimate from buffers is nearer. */
const MAX_PLAUSIBLE_MS = 10_000;

export interface WhepEngineDeps {
  readonly video: HTMLVideoElement;
  readonly source: RealTimeSource;
  readonly clock: ServerClock;
  readonly listener: EngineListener;
}

export function whepEngine({ video, source, clock, listener }: WhepEngineDeps): Engine {
  video.srcObject = source.stream;
  listener.ready();
  const latencyMs = () => {
    const { playsFromMs, delayMs } = source.stats;
    const byClock = playsFromMs === undefined || !clock.known ? undefined : clock.now() - playsFromMs;
    return byClock !== undefined && byClock > 0 && byClock < MAX_PLAUSIBLE_MS ? byClock : delayMs;
  };
  return {
    protocol: 'whep',
    // The least first, as playlists have them.
    get qualities() {
      return source.layers.toReversed().map(({ width, height, targetBitrate = 0 }, index) => ({ index, height: Math.min(width, height), bitsPerSecond: targetBitrate }));
    },
    get quality() {
      const index = source.layers.toReversed().findIndex(({ rid }) => rid === source.layer);
      return index === -1 ? undefined : index;
    },
    get details() {
      return { codecs: source.stats.codecs, bandwidth: undefined, targetLatencyMs: undefined };
    },
    get idleMs() {
      return source.stillMs;
    },
    shownAt: () => {
      const latency = latencyMs();
      return latency === undefined ? undefined : clock.now() - latency;
    },
    chooseQuality: (index) => source.chooseLayer(index === undefined ? undefined : source.layers.toReversed()[index]?.rid),
    chooseDelay: () => false,
    goLive: () => {},
    goBack: () => false,
    behind: () => undefined,
    dateBehind: (seconds) => (clock.known ? clock.now() - seconds * 1000 : undefined),
    stay: () => {},
    retryNow: () => {},
    close: () => {
      source.close();
      // The next source may be on the element already.
      if (video.srcObject === source.stream) video.srcObject = null;
    },
  };
}
