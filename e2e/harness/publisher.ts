/** Real encoders that send the clock picture and a tone, each with its own command line. */
import { join } from 'node:path';
import { Child } from './child.ts';
import { ROOT } from './folder.ts';

const CLOCK_ENCODER = join(ROOT, 'e2e/publishers/clock-encoder.ts');

const SIZE = '320x180';

export interface Picture {
  /** Default 320x180: every player on the machine decodes it without help. The width is a multiple of 64. */
  readonly size?: string;
  /** Default 30. */
  readonly fps?: string;
  readonly pace?: 'even' | 'uneven';
}

/** What x264 is told besides its defaults. */
export const ENCODER_DEFAULTS: readonly string[] = [];

/** Key frames each second, no look-ahead, no B-frames: what Millrace asks of encoders for low latency. */
export const LOW_LATENCY: readonly string[] = ['-preset', 'veryfast', '-tune', 'zerolatency', '-g', '30'];

/** Cheap to encode, key frames each second: for tests that are not about the encoder. */
export const LIGHT: readonly string[] = ['-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-b:v', '600k'];

export interface FfmpegOptions extends Picture {
  /** Arguments for libx264 after `-c:v libx264`. */
  readonly video?: readonly string[];
  /**
   * Default: a tone in AAC at ffmpeg's own bit rate, on a clock of ffmpeg's own that begins when it has connected: its muxer holds each picture until
   * the tone has caught up. `in-step`: as a microphone beside the camera, without that delay.
   */
  readonly sound?: boolean | 'in-step';
}

/** Debian's ffmpeg over its own RTMP: H.264 and AAC. `target` ends with the key. */
export function publishWithFfmpeg(target: string, options: FfmpegOptions = {}): Child {
  const { size = SIZE, fps = '30', pace = 'even', video = ENCODER_DEFAULTS, sound = true } = options;
  const clock = pace === 'even' ? ['-framerate', fps] : ['-use_wallclock_as_timestamps', '1', '-framerate', fps];
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', size, ...clock, '-i', '-'];
  const heard =
    sound === 'in-step'
      ? ['-probesize', '32', '-analyzeduration', '0', '-f', 's16le', '-ar', '48000', '-ac', '1', '-i', 'pipe:3']
      : ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const tone = sound ? [...heard, '-c:a', 'aac'] : [];
  const timing = pace === 'even' ? [] : ['-fps_mode', 'vfr'];
  const args = [
    '-hide_banner',
    '-loglevel',
    'warning',
    '-nostdin',
    '-probesize',
    '32',
    '-analyzeduration',
    '0',
    ...input,
    ...tone,
    '-c:v',
    'libx264',
    ...video,
    ...timing,
    '-f',
    'flv',
    target,
  ];
  return withClock({ size, fps, pace }, ['ffmpeg', ...args], sound === 'in-step' ? ['--tone'] : []);
}

/** A tone alone. */
export function publishSoundWithFfmpeg(target: string): Child {
  const args = ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-c:a', 'aac', '-f', 'flv', target];
  return new Child('ffmpeg', args);
}

/** A picture that is white and a sound that beeps for the first tenth of each second, exact to the sample, and nothing else: H.264 and AAC. */
export function flashWithFfmpeg(target: string): Child {
  const picture = "color=color=black:size=320x180:rate=30,drawbox=color=white:thickness=fill:enable='lt(mod(t,1),0.1)'[out0]";
  const sound = "aevalsrc=exprs='lt(mod(t,1),0.1)*sin(2*PI*1000*t)/2':sample_rate=48000[out1]";
  const video = ['-c:v', 'libx264', ...LIGHT, '-pix_fmt', 'yuv420p'];
  return new Child('ffmpeg', ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', '-f', 'lavfi', '-i', `${picture};${sound}`, ...video, '-c:a', 'aac', '-f', 'flv', target]);
}

/** GStreamer: `rtmp2sink` is its own RTMP, `rtmpsink` is librtmp. */
export function publishWithGstreamer(target: string, sink: 'rtmp2sink' | 'rtmpsink', picture: Picture = {}): Child {
  const { size = SIZE, fps = '30' } = picture;
  const [width, height] = size.split('x');
  const framerate = fps.includes('/') ? fps : `${fps}/1`;
  const pipeline = [
    // Times come from counting frames: with the source's own, flvmux of 1.22 sometimes begins a thousand hours late and never sends.
    ['fdsrc', 'fd=0'],
    ['rawvideoparse', 'format=i420', `width=${width}`, `height=${height}`, `framerate=${framerate}`],
    ['queue'],
    ['x264enc', 'tune=zerolatency', 'speed-preset=veryfast', 'key-int-max=30', 'bitrate=1000'],
    ['h264parse'],
    ['queue'],
    ['mux.'],
  ];
  const sound = [
    ['audiotestsrc', 'is-live=true', 'freq=440', 'volume=0.5'],
    ['audio/x-raw,rate=48000,channels=2'],
    ['audioconvert'],
    ['avenc_aac'],
    ['aacparse'],
    ['queue'],
    ['mux.'],
  ];
  // librtmp takes the key in its own option syntax only when it has spaces; a plain URL goes through.
  const end = [['flvmux', 'name=mux', 'streamable=true'], ['queue'], [sink, `location=${target}`]];
  const words = [pipeline, sound, end].flatMap((chain) => chain.flatMap((element, i) => (i === 0 ? element : ['!', ...element])));
  return withClock({ size, fps, pace: 'even' }, ['gst-launch-1.0', '-q', ...words]);
}

export interface EnhancedOptions {
  readonly video: 'hevc' | 'av1' | 'vp9' | 'h264';
  readonly audio: 'opus' | 'aac' | 'none';
  readonly seconds: number;
  /** Default 30. */
  readonly fps?: number;
  /** Default 320x180. */
  readonly size?: string;
  /** Where the codec has them; on unless told otherwise. */
  readonly bFrames?: boolean;
}

/** HEVC, AV1, VP9 and Opus by Enhanced RTMP, which Debian's ffmpeg does not speak. */
export function publishEnhanced(target: string, options: EnhancedOptions): Child {
  const { video, audio, seconds, fps = 30, size = SIZE, bFrames = true } = options;
  const script = join(ROOT, 'e2e/publishers/enhanced-rtmp.ts');
  const settings = ['--video', video, '--audio', audio, '--seconds', String(seconds), '--fps', String(fps), '--size', size, ...(bFrames ? [] : ['--no-b-frames'])];
  return new Child(process.execPath, [script, target, ...settings]);
}

function withClock(picture: Required<Picture>, command: readonly string[], tone: readonly string[] = []): Child {
  return new Child(process.execPath, [CLOCK_ENCODER, '--size', picture.size, '--fps', picture.fps, '--pace', picture.pace, ...tone, '--', ...command], { group: true });
}
