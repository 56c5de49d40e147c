/** How long a frame of a track usually lasts, before any was seen. */
import type { AudioTrack, Track } from '@millrace/media/track';

const SAMPLES: Readonly<Record<AudioTrack['codec'], number>> = { aac: 1024, opus: 960, mp3: 1152, flac: 4096, ac3: 1536, eac3: 1536 };

/** Opus always counts at 48 kHz. */
const OPUS_RATE = 48_000;

/** Seconds. Of video, 30 frames a second is as good a guess as any. */
export function usualFrameSeconds(track: Track): number {
  if (track.kind === 'video') return 1 / 30;
  const rate = track.codec === 'opus' ? OPUS_RATE : track.sampleRate;
  return SAMPLES[track.codec] / (rate > 0 ? rate : OPUS_RATE);
}
