/** What a real-time connection brings, from its statistics: progress, delay and figures for "details". */
import { numberIn, type StatsRecord, selectedPair, textIn } from '../webrtc/stats-record.ts';

/** Seconds from 1900, where NTP counts from, to 1970. */
const NTP_EPOCH_MS = 2_208_988_800_000;

/** No clock of this century in milliseconds since 1970 is as large; one since 1900 is. */
const MAX_UNIX_MS = 3_000_000_000_000;

export interface ReceiveStats {
  /** Decoded so far; undefined without video. */
  readonly frames: number | undefined;
  /** Of media, so far. */
  readonly bytes: number;
  /** Of everything that came from the server, its reports too; undefined where the browser does not tell. */
  readonly pathBytes: number | undefined;
  /** When what plays now was sent, on the server's clock, ms since the Unix epoch. */
  readonly playsFromMs: number | undefined;
  /** What the way and the buffers cost, for browsers that do not tell `playsFromMs`. */
  readonly delayMs: number | undefined;
  readonly codecs: readonly string[];
}

export function receiveStats(records: readonly StatsRecord[]): ReceiveStats {
  const inbound = records.filter(({ type }) => type === 'inbound-rtp');
  const video = inbound.find(({ kind }) => kind === 'video');
  const audio = inbound.find(({ kind }) => kind === 'audio');
  const playout = numberIn(video, 'estimatedPlayoutTimestamp') ?? numberIn(audio, 'estimatedPlayoutTimestamp');
  return {
    frames: video ? (numberIn(video, 'framesDecoded') ?? 0) : undefined,
    pathBytes: numberIn(selectedPair(records), 'bytesReceived'),
    bytes: inbound.reduce((sum, record) => sum + (numberIn(record, 'bytesReceived') ?? 0), 0),
    playsFromMs: playout === undefined || playout <= 0 ? undefined : playout > MAX_UNIX_MS ? playout - NTP_EPOCH_MS : playout,
    delayMs: delayOf(video ?? audio, selectedPair(records)),
    codecs: records.filter(({ type }) => type === 'codec').flatMap((codec) => textIn(codec, 'mimeType') ?? []),
  };
}

/** True when something new is shown or heard. */
export function hasProgressed(before: Pick<ReceiveStats, 'frames' | 'bytes'>, now: Pick<ReceiveStats, 'frames' | 'bytes'>): boolean {
  return now.frames === undefined ? now.bytes > before.bytes : now.frames > (before.frames ?? 0);
}

/** True when the server was heard but had no media to send: the publisher is silent, and the way from the server works. */
export function hasOnlyReports(before: Pick<ReceiveStats, 'bytes' | 'pathBytes'>, now: Pick<ReceiveStats, 'bytes' | 'pathBytes'>): boolean {
  return now.bytes === before.bytes && now.pathBytes !== undefined && before.pathBytes !== undefined && now.pathBytes > before.pathBytes;
}

/** True when nothing came of the server at all; never where the browser does not tell. */
export function wasSilent(before: Pick<ReceiveStats, 'pathBytes'>, now: Pick<ReceiveStats, 'pathBytes'>): boolean {
  return now.pathBytes !== undefined && now.pathBytes === before.pathBytes;
}

function delayOf(media: StatsRecord | undefined, pair: StatsRecord | undefined): number | undefined {
  const roundTrip = numberIn(pair, 'currentRoundTripTime');
  const buffered = numberIn(media, 'jitterBufferDelay');
  const emitted = numberIn(media, 'jitterBufferEmittedCount');
  if (roundTrip === undefined && (buffered === undefined || !emitted)) return undefined;
  return (1000 * (roundTrip ?? 0)) / 2 + (buffered === undefined || !emitted ? 0 : (1000 * buffered) / emitted);
}
