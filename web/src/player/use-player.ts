/** A player on a video element, as state of a page. */
import type { Latency } from '@millrace/client/player/engine-switch';
import { type BroadcastFacts, type Player, play } from '@millrace/client/player/player';
import type { PlayerSnapshot } from '@millrace/client/player/snapshot';
import { type RefCallback, useCallback, useEffect, useRef, useState } from 'react';
import { useServices } from '../parts/services.tsx';

const BEFORE: PlayerSnapshot = {
  state: 'waiting',
  unplayable: undefined,
  latencyMs: undefined,
  atLive: true,
  mutedByBrowser: false,
  stalls: 0,
  qualities: [],
  quality: undefined,
  latency: 'real-time',
  protocol: undefined,
  fallBack: undefined,
};

export interface UsePlayerOptions {
  /** Address of the multivariant playlist. */
  readonly hls: string | undefined;
  /** Address of real time; without it there is none. */
  readonly whep?: string | undefined;
  /** To begin with. */
  readonly latency?: Latency;
  readonly broadcast: BroadcastFacts;
  /** A recording, from so many seconds on. */
  readonly recording?: { readonly startAt: number };
  /** The owner's preview: muted, and before viewers may see it. */
  readonly preview?: boolean;
}

export interface LivePlayer {
  readonly snapshot: PlayerSnapshot;
  readonly player: Player | undefined;
  readonly video: HTMLVideoElement | null;
  readonly attach: RefCallback<HTMLVideoElement>;
}

export function usePlayer({ hls, whep, latency = 'low', broadcast, recording, preview = false }: UsePlayerOptions): LivePlayer {
  const { clock, guest } = useServices();
  const [video, attach] = useState<HTMLVideoElement | null>(null);
  const [player, setPlayer] = useState<Player>();
  const [snapshot, setSnapshot] = useState(BEFORE);
  const { status, epoch } = broadcast;
  // Playlist addresses of private streams carry a new token at each asking; that is no reason to begin again.
  const address = useRef(hls);
  address.current ??= hls;
  const first = useRef({ whep, latency, recording });
  const ready = hls !== undefined;

  useEffect(() => {
    if (!video || !ready || address.current === undefined) return;
    const made = play({
      video,
      playback: { hls: address.current, ...(first.current.whep === undefined ? {} : { whep: first.current.whep }) },
      latency: first.current.latency,
      viewer: guest.deviceId,
      clock,
      loadHls: () => import('hls.js'),
      ...(first.current.recording ? { recording: first.current.recording } : {}),
      ...(preview ? { preview: { token: guest.token } } : {}),
      onChange: setSnapshot,
    });
    setPlayer(made);
    return () => {
      made.close();
      setPlayer(undefined);
    };
  }, [video, ready, preview, clock, guest]);

  useEffect(() => player?.broadcast({ status, epoch }), [player, status, epoch]);

  return { snapshot, player, video, attach: useCallback((element) => attach(element), []) };
}
