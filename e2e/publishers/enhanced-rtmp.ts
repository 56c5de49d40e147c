/**
 * Publishes a test picture with sound over (Enhanced) RTMP, in step with the wall clock unless told otherwise:
 * node enhanced-rtmp.ts <rtmp-url-with-key> [--video hevc|av1|vp9|h264|none] [--audio opus|aac|none] [--seconds N] [--fps N] [--size WxH] [--fast] [--no-b-frames]
 */
import { parseArgs } from 'node:util';
import { Decoder, Demuxer, Encoder, type EncoderOptions, Muxer } from 'node-av/api';
import { FF_ENCODER_AAC, FF_ENCODER_LIBOPUS, FF_ENCODER_LIBSVTAV1, FF_ENCODER_LIBVPX_VP9, FF_ENCODER_LIBX264, FF_ENCODER_LIBX265 } from 'node-av/constants';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    video: { type: 'string', default: 'hevc' },
    audio: { type: 'string', default: 'aac' },
    seconds: { type: 'string', default: '10' },
    fps: { type: 'string', default: '30' },
    size: { type: 'string', default: '320x180' },
    fast: { type: 'boolean', default: false },
    'no-b-frames': { type: 'boolean', default: false },
  },
});
const [url] = positionals;
if (url === undefined) throw new Error('the address to publish to is missing');

const fps = Number(values.fps);
const pace = (filter: string) => (values.fast ? '' : `,${filter}`);

const VIDEO_ENCODERS = { hevc: FF_ENCODER_LIBX265, av1: FF_ENCODER_LIBSVTAV1, vp9: FF_ENCODER_LIBVPX_VP9, h264: FF_ENCODER_LIBX264 };
const VIDEO_OPTIONS = {
  hevc: { preset: 'ultrafast', 'x265-params': `log-level=error${values['no-b-frames'] ? ':bframes=0' : ''}` },
  av1: { preset: '12' },
  vp9: { deadline: 'realtime', 'cpu-used': '8' },
  h264: { preset: 'ultrafast' },
};
const AUDIO_ENCODERS = { opus: FF_ENCODER_LIBOPUS, aac: FF_ENCODER_AAC };

type Source = { readonly packets: AsyncIterable<import('node-av/lib').Packet | null>; readonly encoder: Encoder };

const output = await Muxer.open(url, { format: 'flv' });
const sources: Source[] = [];
if (isKeyOf(VIDEO_ENCODERS, values.video)) {
  const picture = `testsrc2=size=${values.size}:rate=${fps}:duration=${values.seconds},format=yuv420p${pace('realtime')}`;
  const options: EncoderOptions = { bitrate: '800k', gopSize: fps, options: VIDEO_OPTIONS[values.video] };
  sources.push(await encode(picture, VIDEO_ENCODERS[values.video], options));
}
if (isKeyOf(AUDIO_ENCODERS, values.audio)) {
  const sound = `sine=frequency=440:sample_rate=48000:duration=${values.seconds}${pace('arealtime')}`;
  sources.push(await encode(sound, AUDIO_ENCODERS[values.audio], { bitrate: '96k', autoResample: true }));
}
const indexes = sources.map(({ encoder }) => output.addStream(encoder));
await Promise.all(sources.map(({ packets }, i) => send(packets, indexes[i] ?? 0)));
await output.close();

async function encode(graph: string, codec: Parameters<typeof Encoder.create>[0], options: EncoderOptions): Promise<Source> {
  const input = await Demuxer.open(graph, { format: 'lavfi' });
  const stream = input.streams[0];
  if (!stream) throw new Error(`no stream comes of ${graph}`);
  const decoder = await Decoder.create(stream);
  const encoder = await Encoder.create(codec, { ...options, decoder });
  return { encoder, packets: encoder.packets(decoder.frames(input.packets(stream.index))) };
}

async function send(packets: Source['packets'], index: number): Promise<void> {
  for await (using packet of packets) if (packet) await output.writePacket(packet, index);
}

function isKeyOf<Keys extends object>(keys: Keys, value: string): value is Extract<keyof Keys, string> {
  return Object.hasOwn(keys, value);
}
