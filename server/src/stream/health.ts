/** What about a stream hurts its viewers, told from one reading of its meter a second. A value in, warnings out; no clock. */
import { StreamWarning } from '@millrace/contract/entities/measurement';
import type { MeterReading } from './meter.ts';

/** What is seen of a stream in one second. */
export interface HealthObservation {
  readonly reading: MeterReading;
  /** Timestamps repaired and clocks re-anchored since the broadcast began. */
  readonly repaired: number;
  readonly refusedTracks: number;
}

/** Players cut and seek at key frames; beyond this the playlists must cut segments without one. Half a frame of tolerance at 5 fps. */
const MAX_KEY_FRAME_INTERVAL_SECONDS = 4.1;

/** Below this a stream is a still picture, whose rate says nothing. */
const LEAST_JUDGED_BITS_PER_SECOND = 200_000;
const COLLAPSE_RATIO = 0.3;
const MEDIAN_WINDOW = 30;
/** Fewer readings than this make no median. */
const LEAST_MEDIAN_READINGS = 8;
/** A rate that has been low for so long is what the encoder means to send. */
const NEW_NORMAL_SECONDS = 60;

/** Seconds of evidence before a warning is raised, and seconds without before it is taken back. */
const PATIENCE = {
  KEY_FRAMES_FAR_APART: { raise: 1, clear: 10 },
  B_FRAMES: { raise: 1, clear: 3 },
  VIDEO_CODEC_NOT_EVERYWHERE: { raise: 1, clear: 1 },
  AUDIO_CODEC_NOT_EVERYWHERE: { raise: 1, clear: 1 },
  BITRATE_COLLAPSED: { raise: 3, clear: 5 },
  TIMESTAMPS_REPAIRED: { raise: 1, clear: 15 },
  TRACK_NOT_SUPPORTED: { raise: 1, clear: 3 },
  NO_AUDIO: { raise: 5, clear: 2 },
} as const satisfies Record<StreamWarning, { readonly raise: number; readonly clear: number }>;

/** A warning with how long its evidence has been there (positive) or away (negative). */
interface Standing {
  raised: boolean;
  seconds: number;
}

export class Health {
  readonly #standings = new Map<StreamWarning, Standing>();
  /** The usual rate: readings that were not collapsed. */
  #rates: number[] = [];
  #collapsedSeconds = 0;
  #secondsWithoutKeyFrame = 0;
  #repaired: number | undefined;

  /** Takes the reading of one second; returns what is wrong, in a fixed order. */
  observe(observation: HealthObservation): StreamWarning[] {
    const evidence = this.#evidence(observation);
    return StreamWarning.options.filter((warning) => this.#settle(warning, evidence[warning]));
  }

  #evidence({ reading, repaired, refusedTracks }: HealthObservation): Record<StreamWarning, boolean> {
    const { video, audio } = reading;
    const newlyRepaired = repaired - (this.#repaired ?? repaired);
    this.#repaired = repaired;
    return {
      KEY_FRAMES_FAR_APART: video !== null && this.#areKeyFramesFarApart(video),
      B_FRAMES: video?.bFrames === true,
      VIDEO_CODEC_NOT_EVERYWHERE: video !== null && !playsEverywhere(video.codec),
      AUDIO_CODEC_NOT_EVERYWHERE: audio !== null && !soundsEverywhere(audio.codec),
      BITRATE_COLLAPSED: this.#isCollapsed(video?.bitsPerSecond ?? audio?.bitsPerSecond ?? 0),
      TIMESTAMPS_REPAIRED: newlyRepaired > 0,
      TRACK_NOT_SUPPORTED: refusedTracks > 0,
      NO_AUDIO: audio === null || audio.bitsPerSecond === 0,
    };
  }

  #areKeyFramesFarApart(video: NonNullable<MeterReading['video']>): boolean {
    this.#secondsWithoutKeyFrame = video.sinceKeyFrameSeconds === null ? this.#secondsWithoutKeyFrame + 1 : 0;
    const since = video.sinceKeyFrameSeconds ?? this.#secondsWithoutKeyFrame;
    return Math.max(since, video.keyFrameIntervalSeconds ?? 0) > MAX_KEY_FRAME_INTERVAL_SECONDS;
  }

  #isCollapsed(bitsPerSecond: number): boolean {
    const usual = this.#rates.length < LEAST_MEDIAN_READINGS ? 0 : median(this.#rates);
    const isLow = usual >= LEAST_JUDGED_BITS_PER_SECOND && bitsPerSecond < usual * COLLAPSE_RATIO;
    this.#collapsedSeconds = isLow ? this.#collapsedSeconds + 1 : 0;
    if (this.#collapsedSeconds >= NEW_NORMAL_SECONDS) {
      this.#rates = [];
      this.#collapsedSeconds = 0;
    }
    // What is low does not count as usual, or the warning would argue itself away.
    if (!isLow) this.#rates = [...this.#rates.slice(1 - MEDIAN_WINDOW), bitsPerSecond];
    return isLow;
  }

  #settle(warning: StreamWarning, evidence: boolean): boolean {
    const standing = this.#standings.get(warning) ?? { raised: false, seconds: 0 };
    this.#standings.set(warning, standing);
    standing.seconds = evidence === standing.raised ? 0 : standing.seconds + 1;
    const { raise, clear } = PATIENCE[warning];
    if (standing.seconds < (standing.raised ? clear : raise)) return standing.raised;
    standing.raised = !standing.raised;
    standing.seconds = 0;
    return standing.raised;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** H.264 in 4:2:0 with eight bits: Baseline, Main, Extended and High (profile_idc 66, 77, 88, 100); VP8, which is converted. The rest some browsers lack. */
function playsEverywhere(codec: string): boolean {
  return /^(avc[13]\.(42|4d|58|64)|vp8$)/i.test(codec);
}

/** AAC LC and both HE profiles, and MP3 under the names it goes by; Opus, which is converted. */
function soundsEverywhere(codec: string): boolean {
  return /^(mp4a\.40\.(2|02|5|05|29|34)|mp4a\.6b|mp4a\.69|\.?mp3|opus)$/i.test(codec);
}
