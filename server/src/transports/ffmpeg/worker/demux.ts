/** Reads from an address and takes apart what comes; each read waits for the network, in a thread of libuv's. */
import { setTimeout as wait } from 'node:timers/promises';
import { AV_NOPTS_VALUE, AVDISCARD_ALL, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { avGetCodecName, Dictionary, FFmpegError, FormatContext, Packet, type Stream } from 'node-av/lib';
import { AV_CODEC_IDS } from '../../../lib/av-codec-ids.ts';
import type { DemuxedStream, DemuxTask, FromMediaProcess } from '../messages.ts';
import { Pacer } from './pacer.ts';

type Tell = (message: FromMediaProcess) => Promise<void>;

/** A source is looked at for so long before it is said what it holds. */
const ANALYSE_MICROS = 3_000_000n;

/** Resolves at the end of what there is. */
export async function demux(task: DemuxTask, tell: Tell): Promise<void> {
  const pacer = task.isPaced ? new Pacer({ now: () => performance.now(), wait: (ms) => wait(ms) }) : undefined;
  let offset = 0;
  for (;;) {
    const seconds = await demuxOnce({ task, tell, pacer, offset });
    if (!task.isLooped) return;
    // A file of nothing would be read again and again.
    if (seconds <= 0) throw new Error('there is nothing in it');
    offset += seconds;
  }
}

/** Resolves with the seconds that the longest of its streams takes. */
async function demuxOnce({ task, tell, pacer, offset }: { task: DemuxTask; tell: Tell; pacer: Pacer | undefined; offset: number }): Promise<number> {
  const context = new FormatContext();
  context.allocContext();
  context.maxAnalyzeDuration = ANALYSE_MICROS;
  check(await context.openInput(task.url, null, Dictionary.fromObject(task.options)));
  try {
    check(await context.findStreamInfo(null));
    const streams = chosenStreams(context);
    await tell({ type: 'streams', streams: streams.map(describe) });
    return await readPackets({ context, streams, tell, pacer, offset });
  } finally {
    await context.closeInput();
  }
}

interface TimeBase {
  readonly num: number;
  readonly den: number;
  /** Where the first packet lay. */
  begin: number | undefined;
  /** Where the next packet lies, should it not say so itself. */
  next: number | undefined;
}

interface ReadRequest {
  readonly context: FormatContext;
  readonly streams: readonly Stream[];
  readonly tell: Tell;
  readonly pacer: Pacer | undefined;
  /** Seconds. */
  readonly offset: number;
}

async function readPackets({ context, streams, tell, pacer, offset }: ReadRequest): Promise<number> {
  const byIndex = new Map(streams.map(({ index, timeBase }): [number, TimeBase] => [index, { num: timeBase.num, den: timeBase.den, begin: undefined, next: undefined }]));
  const packet = new Packet();
  packet.alloc();
  for (;;) {
    const result = await context.readFrame(packet);
    if (result < 0) {
      packet.free();
      if (FFmpegError.fromCode(result)?.isEOF) return Math.max(...[...byIndex.values()].map(({ begin = 0, next = 0, den }) => (next - begin) / den));
      throw new Error(FFmpegError.strerror(result));
    }
    const base = byIndex.get(packet.streamIndex);
    const { data } = packet;
    const stamp = packet.dts === AV_NOPTS_VALUE ? packet.pts : packet.dts;
    const dts = stamp === AV_NOPTS_VALUE ? base?.next : Number(stamp) * (base?.num ?? 1);
    if (base && data && dts !== undefined) {
      const duration = Number(packet.duration) * base.num;
      const shift = Math.round(offset * base.den);
      const pts = packet.pts === AV_NOPTS_VALUE ? dts : Number(packet.pts) * base.num;
      base.begin ??= dts;
      base.next = dts + duration;
      await pacer?.until((dts + shift) / base.den);
      await tell({ type: 'packet', stream: packet.streamIndex, dts: dts + shift, pts: Math.max(dts, pts) + shift, key: packet.isKeyframe, data });
    }
    packet.unref();
  }
}

/** The best picture and the sound that goes with it; nothing else is fetched where that can be helped. */
function chosenStreams(context: FormatContext): Stream[] {
  const video = context.findBestStream(AVMEDIA_TYPE_VIDEO);
  const audio = context.findBestStream(AVMEDIA_TYPE_AUDIO, -1, video);
  const { streams } = context;
  const chosen = streams.filter(({ index }) => index === video || index === audio);
  for (const stream of streams) if (!chosen.includes(stream)) stream.discard = AVDISCARD_ALL;
  if (chosen.length === 0) throw new Error('there is neither picture nor sound in it');
  return chosen;
}

function describe({ index, codecpar, timeBase }: Stream): DemuxedStream {
  const kind = codecpar.codecType === AVMEDIA_TYPE_VIDEO ? 'video' : 'audio';
  const known = keysOf(AV_CODEC_IDS).find((codec) => AV_CODEC_IDS[codec] === codecpar.codecId);
  return {
    index,
    kind,
    codec: known ?? { unsupported: avGetCodecName(codecpar.codecId) ?? 'unknown' },
    timescale: timeBase.den,
    extraData: codecpar.extradata ?? new Uint8Array(0),
    width: Math.max(0, codecpar.width),
    height: Math.max(0, codecpar.height),
    sampleRate: Math.max(0, codecpar.sampleRate),
    channels: Math.max(0, codecpar.channels),
  };
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(record).filter((key): key is Key => Object.hasOwn(record, key));
}

function check(result: number): void {
  if (result < 0) throw new Error(FFmpegError.strerror(result));
}
