/** Which codecs to offer first. */

/** The part of a codec capability that decides. */
export interface CodecCapability {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** H.264 first: every phone encodes it in hardware, and every player shows it without a detour through a transcoder. */
export const VIDEO_CODECS = ['video/H264', 'video/VP8', 'video/VP9', 'video/AV1', 'video/H265'] as const;

/** Sorted by `preferred`; among H.264 the packetization that everybody reads first. What is not named keeps its place behind. */
export function orderCodecs<Codec extends CodecCapability>(codecs: readonly Codec[], preferred: readonly string[] = VIDEO_CODECS): Codec[] {
  const names = preferred.map((name) => name.toLowerCase());
  const rank = ({ mimeType, sdpFmtpLine = '' }: Codec) => {
    const place = names.indexOf(mimeType.toLowerCase());
    if (place < 0) return names.length * 2;
    const plain = mimeType.toLowerCase() !== 'video/h264' || /packetization-mode=1/.test(sdpFmtpLine);
    return place * 2 + (plain ? 0 : 1);
  };
  return codecs
    .map((codec, index) => ({ codec, index, rank: rank(codec) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ codec }) => codec);
}
