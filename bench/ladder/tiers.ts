/** The tiers that Millrace and ffmpeg both make of the bench's source, with the same settings. */

export interface BenchTier {
  readonly width: number;
  readonly height: number;
  readonly kilobits: number;
}

/** Below what a tier may use of a source of 2.5 Mbit/s, so that the setting is the ceiling for both. */
export const TIERS: readonly BenchTier[] = [
  { width: 854, height: 480, kilobits: 1200 },
  { width: 640, height: 360, kilobits: 700 },
  { width: 426, height: 240, kilobits: 350 },
];

/** `LADDER`. */
export const LADDER = TIERS.map(({ height, kilobits }) => `${height}p@${kilobits}k`).join(',');

/**
 * One decoder, each tier scaled from the one above; x264 veryfast for low latency, quality 23 under the ceiling, key frames where the source has
 * them, one thread each. What comes out is thrown away.
 */
export function ffmpegLadder(file: string): string[] {
  const chains = TIERS.map(({ width, height }, i) => {
    const isLast = i === TIERS.length - 1;
    const from = i === 0 ? '0:v' : `next${i - 1}`;
    const scaled = `[${from}]scale=${width}:${height}:flags=bicubic,format=yuv420p`;
    return isLast ? `${scaled}[tier${i}]` : `${scaled},split[tier${i}][next${i}]`;
  });
  const outputs = TIERS.flatMap(({ kilobits }, i) => [
    ...['-map', `[tier${i}]`, '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'main', '-crf', '23'],
    ...['-maxrate', `${kilobits}k`, '-bufsize', `${kilobits}k`, '-g', '100000', '-sc_threshold', '0', '-forced-idr', '1', '-force_key_frames', 'source'],
    ...['-threads', '1', '-f', 'null', '-'],
  ]);
  const input = ['-threads', '1', '-re', '-stream_loop', '-1', '-i', file];
  return [
    '-loglevel',
    'error',
    '-nostdin',
    '-progress',
    'pipe:1',
    '-filter_threads',
    '1',
    '-filter_complex_threads',
    '1',
    ...input,
    '-filter_complex',
    chains.join(';'),
    ...outputs,
  ];
}
