/** What a publisher's connection does, in figures, from two looks at its statistics. */
import { numberIn, type StatsRecord, selectedPair, textIn } from '../webrtc/stats-record.ts';

/** bandwidth: the network takes no more · cpu: the device encodes no more. */
export type EncoderLimit = 'none' | 'cpu' | 'bandwidth' | 'other';

export interface PublishStats {
  readonly bitsPerSecond: number;
  /** To the server and back. */
  readonly roundTripMs: number | undefined;
  /** Share of packets that the server missed lately, 0 to 1. */
  readonly loss: number | undefined;
  readonly framesPerSecond: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly limitedBy: EncoderLimit;
  /** As the browser names it, e.g. `video/H264`. */
  readonly videoCodec: string | undefined;
}

/** One word for it. */
export type ConnectionGrade = 'good' | 'fair' | 'poor';

const POOR = { roundTripMs: 500, loss: 0.08 };
const FAIR = { roundTripMs: 250, loss: 0.02 };

/** Lines of the shorter side. */
const SMALL_PICTURE = 360;

/** @param before the records of a second ago; without them there is no rate yet. */
export function publishStats(before: readonly StatsRecord[], now: readonly StatsRecord[]): PublishStats {
  const video = outboundOf(now, 'video');
  const remotes = now.filter(({ type }) => type === 'remote-inbound-rtp');
  const remoteVideo = remotes.find(({ kind }) => kind === 'video') ?? remotes[0];
  const roundTrip = numberIn(remoteVideo, 'roundTripTime') ?? numberIn(selectedPair(now), 'currentRoundTripTime');
  const codecId = textIn(video, 'codecId');
  return {
    bitsPerSecond: Math.max(0, Math.round((8000 * (sentOf(now) - sentOf(before))) / Math.max(1, millisecondsBetween(before, now)))),
    roundTripMs: roundTrip === undefined ? undefined : Math.round(roundTrip * 1000),
    loss: numberIn(remoteVideo, 'fractionLost'),
    framesPerSecond: numberIn(video, 'framesPerSecond'),
    width: numberIn(video, 'frameWidth'),
    height: numberIn(video, 'frameHeight'),
    limitedBy: limitOf(textIn(video, 'qualityLimitationReason')),
    videoCodec: textIn(
      now.find(({ type, id }) => type === 'codec' && id === codecId),
      'mimeType',
    ),
  };
}

export function gradeOf({ roundTripMs = 0, loss = 0, limitedBy, width, height }: Omit<PublishStats, 'bitsPerSecond' | 'framesPerSecond' | 'videoCodec'>): ConnectionGrade {
  if (roundTripMs >= POOR.roundTripMs || loss >= POOR.loss) return 'poor';
  // Every connection is limited while it finds out what the network carries; it hurts once the picture is small.
  const starved = limitedBy === 'bandwidth' && Math.min(width ?? Number.POSITIVE_INFINITY, height ?? Number.POSITIVE_INFINITY) < SMALL_PICTURE;
  return roundTripMs >= FAIR.roundTripMs || loss >= FAIR.loss || starved ? 'fair' : 'good';
}

/** With simulcast there are several: the one with the largest picture speaks for all. */
function outboundOf(records: readonly StatsRecord[], kind: 'audio' | 'video'): StatsRecord | undefined {
  return records
    .filter((record) => record['type'] === 'outbound-rtp' && record['kind'] === kind)
    .reduce<StatsRecord | undefined>((best, next) => (best && (numberIn(best, 'frameWidth') ?? 0) >= (numberIn(next, 'frameWidth') ?? 0) ? best : next), undefined);
}

function sentOf(records: readonly StatsRecord[]): number {
  return records.filter(({ type }) => type === 'outbound-rtp').reduce((sum, record) => sum + (numberIn(record, 'bytesSent') ?? 0), 0);
}

function millisecondsBetween(before: readonly StatsRecord[], now: readonly StatsRecord[]): number {
  const at = (records: readonly StatsRecord[]) =>
    numberIn(
      records.find(({ type }) => type === 'outbound-rtp'),
      'timestamp',
    );
  const [earlier, later] = [at(before), at(now)];
  return earlier === undefined || later === undefined ? Number.POSITIVE_INFINITY : later - earlier;
}

function limitOf(reason: string | undefined): EncoderLimit {
  return reason === 'cpu' || reason === 'bandwidth' || reason === 'other' ? reason : 'none';
}
