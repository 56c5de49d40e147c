/** What brings pictures to a media element: hls.js where there is MSE, the element itself elsewhere, WHEP in real time. */
import type { Absence } from './playlist-times.ts';
import type { UnplayableReason } from './state.ts';

export interface Quality {
  readonly index: number;
  /** Pixels of the shorter side: 720 also of 720×1280. */
  readonly height: number;
  readonly bitsPerSecond: number;
}

/** What the engine is doing, for those who open "details". */
export interface EngineDetails {
  /** RFC 6381 strings of what plays, when known. */
  readonly codecs: readonly string[];
  /** Estimated throughput, bits a second; undefined when the engine does not measure. */
  readonly bandwidth: number | undefined;
  /** What the player aims at, in ms behind live. */
  readonly targetLatencyMs: number | undefined;
}

/** Lowest: as near to live as the playlists allow. Steady: some seconds behind, for networks that falter. */
export type Delay = 'lowest' | 'steady';

export interface EngineListener {
  /** The element has something to play. */
  ready(): void;
  /** Nothing will make this source play here. */
  unplayable(reason: UnplayableReason): void;
  /** The qualities to choose from changed. */
  qualities(): void;
}

export interface Engine {
  readonly protocol: 'll-hls' | 'hls' | 'whep';
  readonly qualities: readonly Quality[];
  /** Chosen by the viewer; undefined is automatic. */
  readonly quality: number | undefined;
  readonly details: EngineDetails;
  /** How long nothing new was shown, from engines on which the element's clock goes on without pictures. */
  readonly idleMs?: number;
  /** Where in a recording its publisher was away, as far as this engine knows. */
  readonly absences?: readonly Absence[];
  /** Wall clock of the shown picture by the playlist, ms since the Unix epoch. */
  shownAt(): number | undefined;
  chooseQuality(index: number | undefined): void;
  /** False when this engine cannot choose. */
  chooseDelay(delay: Delay): boolean;
  /** Moves the element to the live edge. */
  goLive(): void;
  /** Moves it so many seconds before the live edge, or as far as there is something. False: not yet, or never in this engine. */
  goBack(seconds: number): boolean;
  /** How far the element is behind the live edge, in seconds; undefined where it cannot go back. */
  behind(): number | undefined;
  /** Wall clock of the picture so many seconds before the live edge, ms since the Unix epoch; undefined while it is not known. */
  dateBehind(seconds: number): number | undefined;
  /** The viewer paused: where they are is where they go on, however long that takes. */
  stay(): void;
  /** Asks again at once for what failed: the network or the publisher is back. */
  retryNow(): void;
  close(): void;
}
